#!/bin/sh
# Nothing of the machine it was made on: no absolute paths of home folders, no e-mail addresses of people,
# no names of registries. Addresses and hosts of examples (.example, .invalid, .lan, .local) are fine.
set -u
if [ -e .git ] && command -v git >/dev/null; then
	files=$(git ls-files)
else
	files=$(find . -type f ! -path './build/*' ! -path './.git/*')
fi
# shellcheck disable=SC2086 # no name of ours holds a space
found=$(for f in $files; do [ ! -f "$f" ] || echo "$f"; done | grep -v '^\(\./\)\?tests/lint/privacy\.sh$' |
	tr '\n' '\0' | xargs -0 grep -InE \
	'(^|[^A-Za-z0-9_./])/(work|home|Users)/|[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.(com|org|net|io|dev|de|at|ch|eu)([^A-Za-z0-9.-]|$)|(docker|ghcr|quay|gcr)\.io|registry\.(hub|npmjs|gitlab)')
[ -z "$found" ] || {
	echo "$found"
	exit 1
}
