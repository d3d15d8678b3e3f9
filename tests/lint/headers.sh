#!/bin/sh
# Every header compiles alone, with gcc and clang, as C11: headers.sh FILE...
set -u
bad=0
tmp=$(mktemp)
trap 'rm -f "$tmp"' EXIT
flags="-std=c11 -D_GNU_SOURCE -Isrc -Itests/unit $(pkg-config --cflags libcurl yaml-0.1 json-c libssl libevent)"
for cc in gcc "${CLANG:-clang}"; do
	for header; do
		# shellcheck disable=SC2086 # a list of flags
		if ! "$cc" $flags -Wall -Wextra -Werror -fsyntax-only -x c -include "$header" /dev/null 2>"$tmp"; then
			echo "$header:1: does not compile alone ($cc)"
			head -n 5 "$tmp"
			bad=1
		fi
	done
done
exit $bad
