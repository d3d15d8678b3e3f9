#!/usr/bin/env bash
# The trials of the daemon, several at once, and the sum of their TAP. NIGHTLY=1: many more kills, and a
# soak of half an hour instead of five minutes.
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0
failed=0
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
for i in 0 1 2; do
	timeout 500 bash tests/trials/tree.sh "$i/3" >"$out/tree-$i" 2>&1 &
done
if [ -z "${T-}" ]; then
	timeout "${KILL_SECONDS:-900}" bash tests/trials/kill.sh >"$out/kill" 2>&1 &
	python3 tests/trials/soak.py "${SOAK_SECONDS:-$([ -n "${NIGHTLY-}" ] && echo 1800 || echo 300)}" >"$out/soak" 2>&1 &
fi
wait
for f in "$out"/*; do
	good=$(grep -c '^ok ' "$f")
	bad=$(grep -c '^not ok ' "$f")
	grep -q '^1\.\.' "$f" || bad=$((bad + 1))
	if [ "$bad" != 0 ]; then
		echo "$(basename "$f"):"
		grep -v '^ok ' "$f"
	fi
	grep '^# .* \(trials\|kills\|events\)' "$f" | sed "s/^#/$(basename "$f"):/"
	passed=$((passed + good))
	failed=$((failed + bad))
done
echo "trials: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
