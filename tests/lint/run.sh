#!/bin/sh
# The gates that need no analyser; every one runs, each finding is file:line: what. Needs $O, a build.
set -u
export LC_ALL=C
lint=tests/lint
sources=$(find src -name '*.[ch]' | sort)
tests=$(find tests -name '*.[ch]' | sort)
headers=$(find src tests/unit -name '*.h' ! -name banned.h | sort)
tables=$(find src -name '*.def' | sort)
passed=0
failed=0

check() {
	name=$1
	shift
	if "$@" >&2; then
		passed=$((passed + 1))
	else
		echo "lint: $name found something" >&2
		failed=$((failed + 1))
	fi
}

# shellcheck disable=SC2086 # no name of ours holds a space
{
	check rooms awk -f $lint/rooms.awk src/ROOMS $sources
	check sizes awk -f $lint/sizes.awk $sources $tests
	check words awk -f $lint/words.awk $sources $tests
	check defs awk -f $lint/defs.awk $tables
	check headers sh $lint/headers.sh $headers
	check symbols sh $lint/symbols.sh "$O"
	check docs awk -f $lint/docs.awk src/ROOMS docs/architecture.md
	check calls sh $lint/calls.sh "$O"
	check privacy sh $lint/privacy.sh
}
echo "gates: $passed passed, $failed failed"
[ "$failed" = 0 ]
