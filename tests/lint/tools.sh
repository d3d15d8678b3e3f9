#!/bin/sh
# The analysers that need nothing built: shellcheck over every script, cppcheck over src.
set -u
bad=0
scripts=$(find tests src .ci -name '*.sh' | LC_ALL=C sort)
echo "shellcheck: .ci and every script below tests and src"
# shellcheck disable=SC2086 # no name of ours holds a space
shellcheck $scripts .ci/run .ci/deps || bad=1
echo "cppcheck: src"
cppcheck --quiet --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	--std=c11 --language=c -Isrc -D_GNU_SOURCE --suppress=missingIncludeSystem \
	--library=tests/lint/cppcheck.cfg -j "$(nproc)" src || bad=1
exit $bad
