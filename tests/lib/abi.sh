#!/bin/sh
# What a program that is linked with the library depends on, as text: prototypes, layouts of structures,
# numbers of enumerations. abi.sh FOLDER prints it for the headers below FOLDER.
set -eu
export LC_ALL=C
headers=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
printf '#include <podmox/podmox.h>\n' >"$tmp/all.c"

cat "$headers"/podmox/*.h | sed -e 's,/\*.*\*/,,' | tr '\n\t' '  ' | grep -o 'PODMOX_API [^;]*;' |
	sed -e 's/PODMOX_API //' -e 's/  */ /g' -e 's/( /(/' | sort
clang -I"$headers" -fsyntax-only -Xclang -fdump-record-layouts-complete "$tmp/all.c" |
	awk '/^\*\*\*/ { next } / \| / { line = line $0 "\n" }
		/sizeof=/ { if (line ~ /podmox_/) printf "%s%s\n", line, $0; line = "" }'
cat "$headers"/podmox/*.h | grep -o 'PODMOX_[A-Z0-9_]* = [0-9]*' | sort
