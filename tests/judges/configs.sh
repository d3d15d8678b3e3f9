#!/usr/bin/env bash
# Configurations that PVE returned (recordings below PVE_FACTS), and those of its own test suites where they are
# at hand: PVE_SOURCES names a folder with check-outs of pve-container and qemu-server.
set -u
cd "$(dirname "$0")/../.." || exit 1
facts=${PVE_FACTS:-../shared}
if [ ! -d "$facts/pve-api/recordings" ]; then
	echo "configs: no $facts/pve-api/recordings: nothing is judged (set PVE_FACTS)"
	exit 0
fi
files=()
if [ -n "${PVE_SOURCES:-}" ]; then
	mapfile -t files < <(find "$PVE_SOURCES"/pve-container/src/test "$PVE_SOURCES"/qemu-server/src/test \
		-type f \( -name '[0-9]*.conf' -o -name '*.conf' -o -name config \) -not -path '*/etc/*' | LC_ALL=C sort)
	echo "configs: ${#files[@]} files of PVE's own tests"
else
	echo "configs: 0 files of PVE's own tests (PVE_SOURCES is not set)"
fi
exec "${O:-build/release}/judge/configs" tests/judges/configs.expect "$facts"/pve-api/recordings/*.json \
	${files[@]+"${files[@]}"}
