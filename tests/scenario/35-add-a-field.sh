#!/usr/bin/env bash
# docs/howto/add-a-field.md as it stands: its row, put into a copy of the tree, is all that a new key of PVE costs.
# The copy is built in a folder below the build's own, where a compiler cache finds it again.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
# The requests name a key that PVE does not have today: its schema cannot judge them.
logs=

howto=$top/docs/howto/add-a-field.md
copy=${O:+$(realpath "$top/$O" 2>/dev/null || realpath "$O")/tomorrow}
copy=${copy:-$dir/tomorrow}
mkdir -p "$copy"
rm -rf "$copy/src" "$copy/include"
cp -a "$top/Makefile" "$top/src" "$top/include" "$copy/"

# ---- the row ----

awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' "$howto" >"$dir/row"
ok "the how-to holds one row" test "$(grep -c '^PM_ROW(' "$dir/row")" = 1
ok "podmox of today does not know the key" sh -c "! grep -rq ioweight '$top/src'"
awk 'FNR == NR { row = row $0 "\n"; next } /^PM_ROW\(ROOTFS,/ { printf "%s", row } { print }' \
	"$dir/row" "$top/src/model/pod.def" >"$copy/src/model/pod.def"
ok "one file differs" test "$(diff -rq "$top/src" "$copy/src" | wc -l)" = 1
ok "it builds" env -u MAKEFLAGS -u MAKELEVEL make -C "$copy" WERROR=1 -j2 O=build build/podmox
ok "what is generated has it" env -C "$copy" build/podmox generate "$dir/generated"
ok "the schema has it" grep -q '"x-podmox-key": "ioweight"' "$dir/generated/schemas/pod.schema.json"
# shellcheck disable=SC2016 # the quotes of Markdown
ok "the reference page has it" grep -qF '| `ioweight` |' "$dir/generated/docs/reference/pod.md"
# shellcheck disable=SC2016
ok "the page of impacts has it" grep -qF '| `resources.ioweight` | waits for a restart | at once | 9.9 |' \
	"$dir/generated/docs/reference/impact.md"

# ---- validate, schema, explain ----

# pod FIELDS: a manifest with these further fields of resources.
pod() {
	mkdir -p "$dir/manifests"
	cat >"$dir/manifests/web.yaml" <<-YAML
		apiVersion: podmox/v1
		kind: Pod
		metadata: {name: web}
		spec:
		  vmid: 210
		  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst
		  rootfs: {storage: local-lvm, size: 1Gi}
		  resources: {cores: 1$1}
		  lifecycle: {restart: allow}
	YAML
}

today=$PODMOX
pod ', ioweight: 200'
run 65 "$today" validate "$dir/manifests"
PODMOX=$copy/build/podmox
run 0 "$PODMOX" validate "$dir/manifests"
pod ', ioweight: 10001'
run 65 "$PODMOX" validate "$dir/manifests"
ok "it says what is allowed" err_has "resources.ioweight must be an integer from 1 to 10000, not '10001'"
pod ', ioweigt: 200'
run 65 "$PODMOX" validate "$dir/manifests"
ok "it says what was meant" err_has 'did you mean "ioweight"?'
run 0 "$PODMOX" schema Pod
ok "the schema is printed" out_has '"x-podmox-key": "ioweight"'
run 0 "$PODMOX" explain Pod.spec.resources.ioweight
ok "it is explained" out_has "Weight of its disk traffic against other guests."
ok "with its default" out_like 'default +100'
ok "with its version" out_like 'since +PVE 9.9'

# ---- plan, apply, export: against a PVE of tomorrow ----

cat >"$dir/schema.json" <<'JSON'
[{"path": "/nodes/{node}/lxc/{vmid}/config", "leaf": 1, "text": "config", "info": {"PUT": {"method": "PUT",
  "parameters": {"additionalProperties": 1, "properties": {
    "ioweight": {"type": "integer", "minimum": 1, "maximum": 10000, "default": 100, "optional": 1}}}}}}]
JSON
sim_start sim --schema "$dir/schema.json"
p() { "$PODMOX" -c "$dir/sim.yaml" "$@"; }

pod ', ioweight: 200'
run 0 p apply --yes "$dir/manifests"
run 0 p ct config 210 -o json
ok "PVE has it" out_like '"ioweight": ?"?200'
run 0 p plan --detailed-exitcode "$dir/manifests"
pod ', ioweight: 300'
run 2 p plan --detailed-exitcode "$dir/manifests"
ok "the change is planned" out_like 'ioweight +200 -> 300'
ok "as one that waits" out_like 'ioweight .*pending: it is restarted'
run 0 p apply --yes "$dir/manifests"
run 0 p plan --detailed-exitcode "$dir/manifests"
run 0 p export
ok "it is exported" out_has 'ioweight: 300'
pod ''
run 2 p plan --detailed-exitcode "$dir/manifests"
ok "what left the manifest goes" out_like 'ioweight +300 -> absent'
run 0 p apply --yes "$dir/manifests"
run 0 p plan --detailed-exitcode "$dir/manifests"
done_testing
