#!/usr/bin/env bash
# When a change takes effect, by what PVE's recordings show, and by PVE's own source where PVE_SOURCES names a
# folder with check-outs of pve-container and qemu-server. Needs PVE_FACTS and PODMOX.
set -u
cd "$(dirname "$0")/../.." || exit 1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
schemas=()
for kind in Pod VirtualMachine; do
	"${PODMOX:-build/podmox}" schema "$kind" >"$folder/$kind.json" 2>/dev/null && schemas+=("$folder/$kind.json")
done
python3 tests/judges/impact.py "$PVE_FACTS/pve-api/recordings" "${PVE_SOURCES:-}" "${schemas[@]}"
