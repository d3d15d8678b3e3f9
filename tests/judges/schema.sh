#!/bin/sh
# The JSON Schema that podmox prints, in the hands of somebody else's validator: it is draft-07, it takes
# every document below manifests/, and it refuses what is wrong. Needs python3 with jsonschema and yaml;
# where they are not installed, nothing is judged, and this says so.
set -eu
cd "$(dirname "$0")/../.."
if ! python3 -c 'import jsonschema, yaml' 2>/dev/null; then
	echo "schema: python3-jsonschema or python3-yaml is not installed: nothing is judged"
	exit 0
fi
PODMOX="${PODMOX:-build/podmox}" python3 tests/judges/schema.py
