#!/usr/bin/env bash
# Export, adopt, move, forget: who a guest belongs to, while the guest stays as it is.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

sim_start sim --nodes 3
podmox() {
	"$PODMOX" -c "$dir/sim.yaml" "$@"
}
config() {
	podmox ct config "$1" -o json 2>/dev/null
}
template=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst
run 0 podmox ct create 250 --node pve2 hostname=web.lan ostemplate=$template rootfs=local-lvm:1 unprivileged=1 \
	memory=300 tags=mine 'description=hello' 'net0=name=eth0,bridge=vmbr0,ip=dhcp' -q
run 0 podmox ct create 1251 --node pve1 hostname=db ostemplate=$template rootfs=local-lvm:1 unprivileged=1 \
	'mp0=local-lvm:2,mp=/data' 'features=nesting=1' -q
config 250 >"$dir/before-250"
config 1251 >"$dir/before-1251"

# ---- export ----

mkdir "$dir/repo"
run 0 podmox export
cp "$dir/out" "$dir/repo/all.yaml"
run 0 podmox validate "$dir/repo"
ok "all are there" sh -c "[ \$(grep -c '^kind: Pod' '$dir/repo/all.yaml') = 2 ]"
run 0 podmox export 1251
ok "one by its number" sh -c "grep -q 'path: /data' '$dir/out' && ! grep -q '# 250' '$dir/out'"
run 0 podmox export --node pve2
ok "those of a node" sh -c "grep -q '# 250' '$dir/out' && ! grep -q '# 1251' '$dir/out'"
run 1 podmox export 999
ok "a number that is not there is told" grep -q 'no guest 999' "$dir/err"

# ---- adopt ----

run 0 podmox plan "$dir/repo" --detailed-exitcode
ok "nothing is done with what podmox did not make" grep -q '2 kept' "$dir/out"
ok "and nothing differs" sh -c "[ \$(tr '\n' ' ' <'$dir/out' | grep -o 'it is as the *manifest says' | wc -l) = 2 ]"
run 64 podmox adopt "$dir/repo"
run 0 podmox adopt "$dir/repo" --dry-run
ok "a dry run changes nothing" sh -c "'$PODMOX' -c '$dir/sim.yaml' ct config 250 -o json 2>/dev/null | cmp - '$dir/before-250'"
run 0 podmox adopt "$dir/repo" --yes
run 0 podmox plan "$dir/repo" --detailed-exitcode
ok "they are ours, and nothing is to be done" grep -q '2 unchanged' "$dir/out"
ok "own tags and text stay" sh -c "'$PODMOX' -c '$dir/sim.yaml' ct config 250 -o json 2>/dev/null | grep -q '\"description\":\"hello.n<!-- podmox.*\"tags\":\"mine;podmox;'"
run 0 podmox adopt "$dir/repo" --yes
ok "twice does nothing" grep -q 'Nothing to do' "$dir/out"

# ---- move ----

sed -i 's/name: db/name: database/; s/^spec:/&/' "$dir/repo/all.yaml"
sed -i 's/  name: database/&\n  namespace: shop/; 0,/namespace: shop/!b' "$dir/repo/all.yaml"
awk '/namespace: shop/ { print; getline; next } { print }' "$dir/repo/all.yaml" >"$dir/all" && mv "$dir/all" "$dir/repo/all.yaml"
run 64 podmox move Pod/default/db nonsense --yes
run 1 podmox move Pod/default/nobody Pod/shop/database --yes
run 1 podmox move Pod/default/db Pod/default/web-lan --yes
ok "a name that is taken is told" grep -q 'has a Pod/default/web-lan already' "$dir/err"
run 0 podmox move Pod/default/db Pod/shop/database --yes
run 0 podmox plan "$dir/repo" --detailed-exitcode
ok "the new name is the same guest" grep -q '2 unchanged' "$dir/out"

# ---- forget ----

run 0 podmox forget Pod/default/web-lan Pod/shop/database --yes
ok "nothing of podmox is left" sh -c "'$PODMOX' -c '$dir/sim.yaml' ct config 250 -o json 2>/dev/null | cmp - '$dir/before-250'"
ok "nor on the other" sh -c "'$PODMOX' -c '$dir/sim.yaml' ct config 1251 -o json 2>/dev/null | cmp - '$dir/before-1251'"
run 1 podmox forget Pod/default/web-lan --yes

# ---- what must not be adopted ----

sed 's/^set: sim/set: other/' "$dir/sim.yaml" >"$dir/other.yaml"
run 1 "$PODMOX" -c "$dir/other.yaml" adopt "$dir/repo/all.yaml" --yes
run 1 podmox adopt "$dir/repo" --yes
ok "the guest of another set stays its" grep -q 'belongs to the set other' "$dir/err"
done_testing
