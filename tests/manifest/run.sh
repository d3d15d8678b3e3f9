#!/bin/sh
# The cases of this folder through the program: `podmox validate CASE` prints NAME.err and ends with 65
# when there is an error in it, else with 0. UPDATE=1 rewrites NAME.err. (The unit tests of the room
# manifest read the same cases.)
set -u
: "${PODMOX:=build/podmox}" "${UPDATE:=}" "${T:=}"
passed=0
failed=0
actual=$(mktemp)
trap 'rm -f "$actual"' EXIT

for case in tests/manifest/*"$T"*; do
	case $case in
	*.err | *.sh) continue ;;
	esac
	expected=${case%.yaml}.err
	"$PODMOX" validate "$case" 2>"$actual" >/dev/null
	status=$?
	sed -i '/^podmox: [0-9]* error/d' "$actual"
	[ -z "$UPDATE" ] || cp "$actual" "$expected"
	want=0
	! grep -q ': error: ' "$expected" || want=65
	if [ "$status" = "$want" ] && cmp -s "$actual" "$expected"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "$case: ended with $status, wanted $want"
		diff -u "$expected" "$actual"
	fi
done
echo "manifest: $passed passed, $failed failed"
[ "$failed" = 0 ]
