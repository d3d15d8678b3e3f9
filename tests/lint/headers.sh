#!/bin/sh
# Every header compiles alone, with gcc and clang, as C11: headers.sh FILE...
set -u
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
echo 'extern int nothing;' >"$tmp/nothing.c"
flags="-std=c11 -D_GNU_SOURCE -Isrc -Iinclude -I$O/gen -Itests/unit $(pkg-config --cflags libcurl yaml-0.1 json-c libssl libevent)"

# alone NAME SOURCE HEADER COMPILER...: says so when it does not compile.
alone() {
	as=$1
	source=$2
	header=$3
	shift 3
	if ! "$@" -Wall -Wextra -Werror -fsyntax-only -include "$header" "$source" 2>"$tmp/said.$as"; then
		echo "$header:1: does not compile alone ($*)" | cut -c1-200
		head -n 5 "$tmp/said.$as"
	fi
}

with() {
	cc=$1
	shift
	for header; do
		# shellcheck disable=SC2086 # a list of flags
		alone "$cc" /dev/null "$header" "$cc" $flags -x c
	done
}

# Those that are installed also as strict C99 and as C++.
installed() {
	for header in include/podmox/*.h "$O"/gen/podmox/*.h; do
		for as in 'gcc -std=c99 -pedantic -x c' 'clang -std=c99 -pedantic -x c' 'clang -std=c++11 -x c++'; do
			# shellcheck disable=SC2086 # a list of words
			alone installed "$tmp/nothing.c" "$header" $as -Iinclude "-I$O/gen"
		done
	done
}

with gcc "$@" >"$tmp/gcc" &
with "${CLANG:-clang}" "$@" >"$tmp/clang"
installed >"$tmp/installed"
wait
cat "$tmp/gcc" "$tmp/clang" "$tmp/installed"
! cat "$tmp/gcc" "$tmp/clang" "$tmp/installed" | grep -q .
