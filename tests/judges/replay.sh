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
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$dir"' EXIT

# run NAME NODES FILE... : one simulator, some recordings; what is said of them is in NAME.out
run() {
	local name=$1 nodes=$2 url status pid ctl=unix:$dir/$1.ctl files=()
	shift 2
	for file in "$@"; do files+=(--file "$file"); done
	"$sim" --listen 127.0.0.1:0 --nodes "$nodes" --seed 1 --schema "$facts/pve-api/schema.json" \
		--control "$ctl" --task-time 100ms --no-401-delay >"$dir/$name.ready" 2>"$dir/$name.err" &
	pid=$!
	# shellcheck disable=SC2064 # this very one
	trap "kill $pid; wait $pid" EXIT
	for _ in $(seq 100); do
		[ -s "$dir/$name.ready" ] && break
		sleep 0.1
	done
	url=$(sed -n 's/^{"urls":\["\([^"]*\)".*/\1/p' "$dir/$name.ready")
	if [ -z "$url" ]; then
		cat "$dir/$name.err"
		echo "replay: the simulator did not start"
		return 1
	fi
	PVE_PASSWORD=podmox-sim "$python" "$facts/tools/pve-replay" --url "$url" --insecure \
		--fresh "$sim ctl $ctl reset" --event "$sim ctl $ctl" \
		--settle 3 --json "$dir/report-$name.json" "${files[@]}" >"$dir/$name.said" 2>&1
	status=$?
	if [ $status = 2 ]; then
		cat "$dir/$name.said"
		return 1
	fi
	sed -n '/^class/,$p' "$dir/$name.said"
}

# Mostly waiting for tasks: three simulators at once.
odd=() even=() three=()
n=0
for path in "$facts"/pve-api/recordings/*.json; do
	file=$(basename "$path")
	n=$((n + 1))
	case $file in
	2[0-9]-*) three+=("$file") ;;
	*) if [ $((n % 2)) = 1 ]; then odd+=("$file"); else even+=("$file"); fi ;;
	esac
done
runs=()
for name in odd even three; do
	declare -n list=$name
	nodes=1
	[ $name != three ] || nodes=3
	(run $name $nodes "${list[@]}") >"$dir/$name.out" 2>&1 &
	runs+=($!)
done
bad=0
for pid in "${runs[@]}"; do wait "$pid" || bad=1; done
cat "$dir"/*.out
[ $bad = 0 ] || exit 1
"$python" tests/judges/replay.py tests/judges/replay.allow "$dir"/report-*.json
