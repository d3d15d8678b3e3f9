#!/bin/sh
# The field table against PVE's own description of its API: every parameter of the calls that create and
# change a container is a row or a refused key, and type, bounds, choices and defaults agree.
# Needs PVE_FACTS (a folder that holds pve-api/schema.json) and PODMOX (the program).
set -eu
cd "$(dirname "$0")/../.."
"${PODMOX:-build/podmox}" schema Pod | python3 tests/judges/fields.py "$PVE_FACTS/pve-api/schema.json"
