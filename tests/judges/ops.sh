#!/usr/bin/env bash
# The table of calls against PVE's schema, and every request that it can make through pve-schema-check.
set -u
cd "$(dirname "$0")/../.." || exit 1
facts=${PVE_FACTS:-../shared}
schema=$facts/pve-api/schema.json
ops=${O:-build/release}/judge/ops
if [ ! -r "$schema" ]; then
	echo "ops: no $schema: nothing is judged (set PVE_FACTS)"
	exit 0
fi
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
"$ops" table >"$dir/table.json" && "$ops" requests >"$dir/ops.requests" || exit 1
status=0
python3 tests/judges/ops.py "$schema" "$dir/table.json" || status=1
python3 "$facts/tools/pve-schema-check" --schema "$schema" "$dir/ops.requests" || status=1
exit $status
