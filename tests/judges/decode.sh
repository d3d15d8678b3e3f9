#!/usr/bin/env bash
# All recordings that concern the calls of the table, replayed through the client's decoder.
set -u
cd "$(dirname "$0")/../.." || exit 1
facts=${PVE_FACTS:-../shared}
if [ ! -d "$facts/pve-api/recordings" ]; then
	echo "decode: no $facts/pve-api/recordings: nothing is judged (set PVE_FACTS)"
	exit 0
fi
exec "${O:-build/release}/judge/decode" tests/judges/decode.expect "$facts"/pve-api/recordings/*.json
