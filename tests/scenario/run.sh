#!/usr/bin/env bash
# Runs the scenario scripts (T=pattern narrows) and sums up their TAP.
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
for script in [0-9]*.sh; do
	case $script in *${T:-}*) ;; *) continue ;; esac
	start=$SECONDS
	out=$(timeout 300 bash "./$script" 2>&1)
	status=$?
	good=$(grep -c '^ok ' <<<"$out")
	bad=$(grep -c '^not ok ' <<<"$out")
	if [ $status != 0 ] && [ "$bad" = 0 ]; then
		bad=1
	fi
	if grep -qaFf ../secrets.list <<<"$out"; then
		echo "$script: a secret stands in its output"
		bad=$((bad + 1))
		out=
	fi
	if [ "$bad" != 0 ] || ! grep -q '^1\.\.' <<<"$out"; then
		[ "$bad" != 0 ] || bad=1
		echo "$script: exit $status"
		grep -vE '^ok ' <<<"$out"
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
	echo "scenario $script: $good passed, $bad failed ($((SECONDS - start)) s)"
done
echo "scenarios: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
