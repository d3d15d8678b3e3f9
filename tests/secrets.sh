#!/bin/sh
# No output of any test holds a secret that a test used (tests/secrets.list), or a ticket.
#   secrets.sh FILE|FOLDER...    one test each; a finding names the file, never the secret
set -u
list=$(dirname "$0")/secrets.list
ticket='PVE:[^:[:space:]"]+@[a-z]+:[0-9A-F]{8}::|PVE%3A[^[:space:]"]+%3A%3A|CSRFPreventionToken: [0-9A-F]{8}:'
passed=0
failed=0
for place in "$@"; do
	found=$(
		{
			grep -raFlf "$list" "$place"
			grep -raEle "$ticket" "$place"
		} 2>/dev/null | sort -u
	)
	if [ -z "$found" ]; then
		passed=$((passed + 1))
	else
		echo "a secret stands in: $found"
		failed=$((failed + 1))
	fi
done
echo "secrets: $passed passed, $failed failed"
[ "$failed" = 0 ]
