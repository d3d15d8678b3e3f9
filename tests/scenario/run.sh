#!/usr/bin/env bash
# Runs the scenario scripts (T=pattern narrows), as many at once as there are processors, and sums up their TAP.
set -u
cd "$(dirname "$0")" || exit 1
passed=0
failed=0
export SCENARIO_LOGS=${SCENARIO_LOGS:-}
if [ -z "$SCENARIO_LOGS" ] && [ -n "${O:-}" ]; then
	SCENARIO_LOGS=$(cd ../.. && mkdir -p "$O/requests" && cd "$O/requests" && pwd)
fi
PODMOX=$(cd ../.. && realpath "$PODMOX") || exit 1
PODMOX_SIM=$(cd ../.. && realpath "$PODMOX_SIM") || exit 1
export PODMOX PODMOX_SIM
if [ "${1-}" = one ]; then
	# Called for one script: its output, and a last line with status and seconds, go to a file.
	start=$SECONDS
	timeout 300 bash "./$2" >"$3/$2" 2>&1
	echo "status $? $((SECONDS - start))" >>"$3/$2"
	exit 0
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
printf '%s\n' [0-9]*.sh | grep -F -- "${T:-}" |
	xargs -P "$(nproc)" -I{} bash ./run.sh one {} "$out"
for f in "$out"/*; do
	script=$(basename "$f")
	read -r _ status seconds < <(tail -n 1 "$f")
	good=$(grep -c '^ok ' "$f")
	bad=$(grep -c '^not ok ' "$f")
	if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
		bad=1
	fi
	if grep -qaFf ../secrets.list "$f"; then
		echo "$script: a secret stands in its output"
		bad=$((bad + 1))
		: >"$f"
	fi
	if [ "$bad" != 0 ] || ! grep -q '^1\.\.' "$f"; then
		[ "$bad" != 0 ] || bad=1
		echo "$script: exit $status"
		grep -vE '^ok ' "$f"
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
	echo "scenario $script: $good passed, $bad failed ($seconds s)"
done
echo "scenarios: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
