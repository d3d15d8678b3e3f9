#!/usr/bin/env bash
# Independent judges, found through PVE_FACTS (a folder that holds pve-api/ and tools/): PVE's own schema over
# every request the scenarios sent, the field table against that schema, and the recordings against the
# simulator. Without PVE_FACTS nothing is judged, and this says so.
set -u
cd "$(dirname "$0")/../.." || exit 1
if [ -z "${PVE_FACTS:-}" ]; then
	echo "judges: PVE_FACTS is not set: nothing is judged"
	echo "judges: 0 passed, 0 failed"
	exit 0
fi
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
judges=0

# One judge beside the others, as many at once as there are processors; its words wait for their turn.
judge() {
	local name=$1 n=$judges
	shift
	while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
		wait -n
	done
	{
		if "$@"; then
			echo "judge $name: agrees"
		else
			echo "judge $name: DISAGREES"
		fi
	} >"$out/$n" 2>&1 </dev/null &
	judges=$((judges + 1))
}

# What a test sent wrong on purpose is in a log whose name says so.
check_requests() {
	local logs=()
	for log in "$O"/requests/*.requests; do
		case $log in *wrong-on-purpose*) continue ;; esac
		[ -s "$log" ] && logs+=("$log")
	done
	if [ ${#logs[@]} = 0 ]; then
		echo "no request log below $O/requests: run make test-scenario first"
		return 1
	fi
	python3 "$PVE_FACTS/tools/pve-schema-check" --schema "$PVE_FACTS/pve-api/schema.json" "${logs[@]}" |
		tail -n 20
	return "${PIPESTATUS[0]}"
}

judge "requests by PVE's schema" check_requests
for script in tests/judges/fields.sh tests/judges/schema.sh tests/judges/ops.sh tests/judges/decode.sh tests/judges/configs.sh tests/judges/impact.sh tests/judges/replay.sh; do
	[ -x $script ] && judge "$(basename $script .sh)" ./$script
done
wait
for ((n = 0; n < judges; n++)); do
	cat "$out/$n"
done
passed=$(cat "$out"/* | grep -c '^judge .*: agrees$')
echo "judges: $passed passed, $((judges - passed)) failed"
[ "$passed" = "$judges" ]
