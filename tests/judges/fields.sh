#!/bin/sh
# The field table against PVE's own description of its API: every parameter of the calls that create and
# change a guest is a row or a refused key, and type, bounds, choices and defaults agree.
# Needs PVE_FACTS (a folder that holds pve-api/schema.json) and PODMOX (the program).
set -eu
cd "$(dirname "$0")/../.."
status=0
for kind in Pod:lxc VirtualMachine:qemu; do
	"${PODMOX:-build/podmox}" schema "${kind%:*}" |
		python3 tests/judges/fields.py "$PVE_FACTS/pve-api/schema.json" "${kind#*:}" || status=1
done
exit $status
