#!/usr/bin/env bash
# The main job: a directory of manifests becomes a converged cluster.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

sim_start sim --nodes 3
cp -r "$top/manifests" "$dir/manifests"
rm -f "$dir/manifests/podmox.yaml"
m=$dir/manifests
p() { "$PODMOX" -c "$dir/sim.yaml" "$@"; }
objects=$(grep -rhE '^kind: (Pod|VirtualMachine)$' "$m" | wc -l)
# guests: all that podmox owns, a name a line.
guests() {
	p get pods -o name
	p get vms -o name
}

run 0 "$PODMOX" validate "$m"
ok "validate counts the objects" out_has "$objects objects"
run 2 p plan "$m" --detailed-exitcode
ok "a plan creates all" out_has "Plan: $objects to create, 0 to update, 0 to replace, 0 to delete"
run 0 p plan "$m"
run 64 p apply "$m"
ok "without a terminal --yes is needed" err_has "--yes"
run 2 p apply "$m" --dry-run --detailed-exitcode
ok "a dry run created nothing" test "$(guests | wc -l)" = 0
run 0 p apply "$m" --yes
ok "all were made" out_has "$objects done, 0 failed, 0 skipped"
run 0 p plan "$m" --detailed-exitcode
ok "the second plan is empty" out_has "0 to create, 0 to update, 0 to replace, 0 to delete, 0 kept; $objects unchanged"
run 0 p apply "$m" --yes
ok "each guest exists once" test "$(guests | sort | uniq -d | wc -l)" = 0
ok "as many guests as objects" test "$(guests | wc -l)" = "$objects"

# one memory value
file=$(grep -rl 'memory: 1Gi' "$m" | head -n 1)
line=$(grep -n 'memory: 1Gi' "$file" | head -n 1 | cut -d: -f1)
sed -i 's/memory: 1Gi/memory: 1536Mi/' "$file"
run 2 p plan "$m" --detailed-exitcode
ok "shows the one change" out_like 'memory +1G -> 1536M +live'
ok "names file and line" out_like "$(basename "$file"):[0-9]+"
ok "one to update" out_has "0 to create, 1 to update"
run 2 p plan "$m" -o json --detailed-exitcode
ok "JSON has the path" out_like '"path": ?"resources.memory"'
ok "JSON has the line of the value" out_like "\"line\": ?$line"
run 0 p apply "$m" --yes
run 0 p plan "$m" --detailed-exitcode

# a removed file
gone=$(grep -rL 'dependsOn\|protect' "$m"/*/*.yaml | head -n 1)
for f in "$m"/*/*.yaml; do
	name=$(sed -n 's/^  name: *//p' "$f" | head -n 1)
	grep -q 'protect: true' "$f" && continue
	grep -rq "dependsOn:.*\b$name\b" "$m" || gone=$f
done
mv "$gone" "$dir/gone.yaml"
run 0 p plan "$m" --detailed-exitcode
ok "without --prune it is kept" out_has "1 kept"
ok "and says why" out_has "--prune"
run 2 p plan "$m" --prune --detailed-exitcode
ok "with --prune one is deleted" out_has "1 to delete"

# a broken file holds every delete back
broken=$(find "$m" -name '*.yaml' | sort | head -n 1)
cp "$broken" "$dir/good.yaml"
printf 'spec: [\n' >>"$broken"
run 65 p apply "$m" --prune --yes
ok "with the position" err_like "$(basename "$broken"):[0-9]+:[0-9]+: error"
cp "$dir/good.yaml" "$broken"
ok "nothing was deleted" test "$(guests | wc -l)" = "$objects"
run 0 p apply "$m" --prune --yes
ok "now it is gone" test "$(guests | wc -l)" = $((objects - 1))
run 0 p plan "$m" --prune --detailed-exitcode

# somebody else's change is drift
vmid=$(p get pods -o json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["vmid"])')
ok "change behind our back" ctl sim set "$vmid" cores=7
run 2 p plan "$m" --detailed-exitcode
ok "drift is seen" out_like 'cores +7 ->'
run 0 p apply "$m" --yes
run 0 p plan "$m" --detailed-exitcode

# all of it away again
run 0 p delete "$m" --yes --max-deletes 100%
ok "protected ones stay" test "$(guests | wc -l)" = "$(grep -rl 'protect: true' "$m" | wc -l)"
ok "no secret in any output" test -z "$(grep -rl "$(sed -n 's/.*"password": *"\([^"]*\)".*/\1/p' <<<"$sim_ready")" "$dir/state" "$dir/out" "$dir/err" 2>/dev/null)"
done_testing
