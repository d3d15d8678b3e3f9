#!/usr/bin/env bash
# PVE's recordings against the simulator: starts it (one node for most files, three for those of a cluster),
# lets pve-replay ask what PVE was asked, prints its figures and fails when a core or wider exchange disagrees that
# tests/judges/replay.allow does not name. Usage: replay.sh [SIMULATOR]; PVE_FACTS names the folder that holds
# pve-api/ and tools/.
set -u
cd "$(dirname "$0")/../.." || exit 1
sim=${1:-${PODMOX_SIM:-build/podmox-sim}}
facts=${PVE_FACTS:-../shared}
python=$(command -v /usr/bin/python3 || command -v python3)
if [ ! -x "$facts/tools/pve-replay" ]; then
	echo "replay: no $facts/tools/pve-replay: nothing is judged (set PVE_FACTS)"
	exit 0
fi
dir=$(mktemp -d) || exit 1
pid=
finish() {
	[ -n "$pid" ] && kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	rm -rf "$dir"
}
trap finish EXIT

# run NODES FILE... : one simulator, some recordings
run() {
	local nodes=$1 url status files=()
	shift
	for file in "$@"; do files+=(--file "$file"); done
	"$sim" --listen 127.0.0.1:0 --nodes "$nodes" --seed 1 --schema "$facts/pve-api/schema.json" \
		--control "unix:$dir/ctl" --task-time 100ms --no-401-delay >"$dir/ready" 2>"$dir/err" &
	pid=$!
	for _ in $(seq 100); do
		[ -s "$dir/ready" ] && break
		sleep 0.1
	done
	url=$(sed -n 's/^{"urls":\["\([^"]*\)".*/\1/p' "$dir/ready")
	if [ -z "$url" ]; then
		cat "$dir/err"
		echo "replay: the simulator did not start"
		return 1
	fi
	PVE_PASSWORD=podmox-sim "$python" "$facts/tools/pve-replay" --url "$url" --insecure \
		--fresh "$sim ctl unix:$dir/ctl reset" --event "$sim ctl unix:$dir/ctl" \
		--settle 3 --json "$dir/report-$nodes.json" "${files[@]}" >"$dir/out-$nodes" 2>&1
	status=$?
	kill "$pid" && wait "$pid" 2>/dev/null
	pid=
	if [ $status = 2 ]; then
		cat "$dir/out-$nodes"
		return 1
	fi
	sed -n '/^class/,$p' "$dir/out-$nodes"
}

one=() three=()
for path in "$facts"/pve-api/recordings/*.json; do
	file=$(basename "$path")
	case $file in
	2[0-9]-*) three+=("$file") ;;
	*) one+=("$file") ;;
	esac
done
run 1 "${one[@]}" || exit 1
run 3 "${three[@]}" || exit 1
"$python" tests/judges/replay.py tests/judges/replay.allow "$dir"/report-*.json
