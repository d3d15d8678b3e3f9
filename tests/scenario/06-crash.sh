#!/usr/bin/env bash
# kill -9 in the middle of an apply, again and again: the next run finishes the work, no guest twice.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

sim_start sim --nodes 3
cp -r "$top/manifests" "$dir/m"
rm -f "$dir/m/podmox.yaml"
m=$dir/m
p() { "$PODMOX" -c "$dir/sim.yaml" "$@"; }
objects=$(grep -rh '^kind: Pod' "$m" | wc -l)

# At least N steps were told on stderr.
steps() { [ "$(grep -c 'creating CT\|starting' "$dir/err")" -ge "$1" ]; }

for round in 1 2 3 4 5 6; do
	: >"$dir/err"
	"$PODMOX" -c "$dir/sim.yaml" apply "$m" --yes >"$dir/out" 2>"$dir/err" &
	pid=$!
	until_true steps $round
	kill -9 $pid 2>/dev/null
	wait $pid 2>/dev/null
	p get pods -o name >"$dir/names" 2>/dev/null
	ok "round $round: nothing exists twice" test -z "$(sort "$dir/names" | grep -v '//' | uniq -d)"
done
run 0 p apply "$m" --yes
run 0 p plan "$m" --detailed-exitcode
p get pods -o name >"$dir/names"
ok "each object once" test "$(sort -u "$dir/names" | wc -l)" = "$objects"
ok "and nothing else" test "$(wc -l <"$dir/names")" = "$objects"

# two at once: one of them waits outside
sed -i 's/^  rootfs:/  onboot: false\n&/' "$(grep -rL '^  onboot:' "$m" | head -n 1)"
: >"$dir/err1"
"$PODMOX" -c "$dir/sim.yaml" delete "$m" --yes --max-deletes 100% >"$dir/out1" 2>"$dir/err1" &
pid=$!
until_true grep -q started "$dir/err1"
run 6 p apply "$m" --yes
ok "names the holder" err_like "pid $pid|process $pid|\\b$pid\\b"
wait $pid
done_testing
