#!/usr/bin/env bash
# The main job in a minute: a simulated cluster of three nodes, a plan, an apply, an empty second plan.
set -eu
cd "$(dirname "$0")/.."
dir=$(mktemp -d)
pid=
finish() {
	[ -z "$pid" ] || kill "$pid" 2>/dev/null || :
	rm -rf "$dir"
}
trap finish EXIT

say() { printf '\n$ %s\n' "$*"; }

mkfifo "$dir/ready"
say 'podmox-sim --nodes 3 --config-out sim.yaml &'
"$PODMOX_SIM" --listen 127.0.0.1:0 --nodes 3 --task-time 200ms --config-out "$dir/sim.yaml" >"$dir/ready" &
pid=$!
read -r _ <"$dir/ready"
printf 'journal: {dir: %s}\naudit: {file: %s/audit.jsonl}\n' "$dir" "$dir" >>"$dir/sim.yaml"
podmox() { "$PODMOX" -c "$dir/sim.yaml" "$@"; }

say 'podmox -c sim.yaml plan manifests/'
podmox plan manifests/
say 'podmox -c sim.yaml apply manifests/ --yes'
podmox apply manifests/ --yes
say 'podmox -c sim.yaml plan manifests/'
podmox plan manifests/ --detailed-exitcode
say 'podmox -c sim.yaml get pods'
podmox get pods
