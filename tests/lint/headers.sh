#!/bin/sh
# Every header compiles alone, with gcc and clang, as C11: headers.sh FILE...
set -u
bad=0
tmp=$(mktemp)
echo 'extern int nothing;' >"$tmp.c"
trap 'rm -f "$tmp" "$tmp.c"' EXIT
flags="-std=c11 -D_GNU_SOURCE -Isrc -Iinclude -I$O/gen -Itests/unit $(pkg-config --cflags libcurl yaml-0.1 json-c libssl libevent)"
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
# Those that are installed also as strict C99 and as C++.
for header in include/podmox/*.h "$O"/gen/podmox/*.h; do
	for as in 'gcc -std=c99 -pedantic -x c' 'clang -std=c99 -pedantic -x c' 'clang -std=c++11 -x c++'; do
		# shellcheck disable=SC2086 # a list of words
		if ! $as -Wall -Wextra -Werror -Iinclude "-I$O/gen" -fsyntax-only -include "$header" "$tmp.c" 2>"$tmp"; then
			echo "$header:1: does not compile alone ($as)"
			head -n 5 "$tmp"
			bad=1
		fi
	done
done
exit $bad
