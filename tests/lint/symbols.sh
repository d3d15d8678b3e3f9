#!/bin/sh
# What has linkage is named pm_ or cmd_, or is main, and somebody else uses it, or it ought to be static; or
# it is podmox_ and a public header declares it. Every name that a public header declares exists, and
# tests/lib/symbols.txt lists just these.
#   symbols.sh FOLDER    (a build of gcc without sanitizers)
set -u
objects=$(find "$1" -name '*.o' ! -path "$1/tests/*" | LC_ALL=C sort)
# An object whose source is gone stays in the folder.
objects=$(for o in $objects; do
	c=${o#"$1"/}
	[ ! -e "src/${c%.o}.c" ] || echo "$o"
done)
public() {
	cat include/podmox/*.h include/podmox/*.in | tr '\n' ' ' | grep -o 'PODMOX_API [^;(]*(' | grep -o 'podmox_[a-z0-9_]*(' |
		tr -d '('
}
public | sort -u | diff - tests/lib/symbols.txt >/dev/null || {
	echo "tests/lib/symbols.txt:1: is not what the public headers declare; see make test-lib"
	exit 1
}
words=$(mktemp)
trap 'rm -f "$words"' EXIT
{ cat tests/unit/*.c tests/unit/*/*.c tests/fuzz/*.c tests/judges/*.c | grep -o 'pm_[a-z0-9_]*'
	public; } | sort -u >"$words"
# shellcheck disable=SC2086 # no name of ours holds a space
nm -A -g $objects | sed 's/:[0-9a-f]* */ /; s/: */ /' | awk -v out="$1/" '
	FILENAME != "-" { used[$1] = 1; next }
	$2 == "U" { used[$3] = 1; next }
	{
		file = $1
		sub(out, "src/", file)
		sub(/\.o$/, ".c", file)
		home[$3] = file
	}
	END {
		for (name in home) {
			if (name !~ /^(pm_|cmd_|main$)/ && !(name ~ /^podmox_/ && name in used))
				what = "is exported without a prefix"
			else if (!(name in used) && name != "main")
				what = "is used by this file only: make it static, or remove it"
			else
				continue
			print home[name] ":1: " name " " what
			bad = 1
		}
		exit bad
	}' "$words" -
