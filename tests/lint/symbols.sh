#!/bin/sh
# What has linkage is named pm_ or cmd_, or is main: symbols.sh FOLDER (a build without sanitizers).
set -u
find "$1" -name '*.o' ! -path "$1/tests/*" | LC_ALL=C sort | while read -r object; do
	nm -g --defined-only "$object" | awk -v file="$object" '
		$2 ~ /^[A-Z]$/ && $3 !~ /^(pm_|cmd_|main$)/ { print file ":1: exports " $3; bad = 1 }
		END { exit bad }' || echo >"$1/symbols.bad"
done
if [ -e "$1/symbols.bad" ]; then
	rm -f "$1/symbols.bad"
	exit 1
fi
