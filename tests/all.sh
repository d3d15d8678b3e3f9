#!/bin/sh
# All tests, in the order of their price. Every step runs, whatever failed before it. The last line is
# the sum: "N passed, N failed".
#
# A step counts what its runner says on lines of the form "name: N passed, N failed"; a step without
# such a line counts as one test. The output of a step is shown when it fails; it stays in $O/log.
set -u
: "${MAKE:=make}" "${O:=build/release}"
case $O in
build/release) side=build/ ;;
*) side=$O- ;;
esac
jobs=$(nproc)
log=$O/log
mkdir -p "$log"
rm -f "$log"/*
passed=0
failed=0

# perform NAME SECONDS COMMAND...: output, status and duration go to files.
perform() {
	start=$(date +%s)
	timeout -k 10 "$2" sh -c 'shift 2; exec "$@"' - "$@" >"$log/$1" 2>&1 </dev/null
	status=$?
	[ "$status" != 124 ] || echo "$1: did not end within $2 s" >>"$log/$1"
	echo "$status $(($(date +%s) - start))" >"$log/$1.status"
}

# count NAME: what a step that has ended comes to.
count() {
	name=$1
	read -r status seconds <"$log/$name.status"
	good=$(awk '/^[^ ]+: [0-9]+ passed, [0-9]+ failed$/ { n += $2 } END { print n + 0 }' "$log/$name")
	bad=$(awk '/^[^ ]+: [0-9]+ passed, [0-9]+ failed$/ { n += $4 } END { print n + 0 }' "$log/$name")
	if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
		bad=1
	elif [ "$status" = 0 ] && ! grep -qE '^[^ ]+: [0-9]+ passed, [0-9]+ failed$' "$log/$name"; then
		good=1
	fi
	if [ "$bad" != 0 ]; then
		grep -v '^\[ *\(RUN\|OK\) *\]' "$log/$name" | tail -n 200
	elif [ "$good" = 0 ]; then
		cat "$log/$name"
	else
		grep '^skipped: ' "$log/$name"
	fi
	passed=$((passed + good))
	failed=$((failed + bad))
	printf '%-14s %5d passed, %d failed  (%d s)\n' "$name" "$good" "$bad" "$seconds"
}

# step NAME SECONDS COMMAND...
step() {
	perform "$@"
	count "$1"
}

run() {
	name=$1
	limit=$2
	shift 2
	step "$name" "$limit" "$MAKE" --no-print-directory -k -Otarget -j"$jobs" "$@"
}

# Mostly waiting: it goes on beside the steps that work, and is counted at the end.
beside() {
	name=$1
	limit=$2
	shift 2
	perform "$name" "$limit" "$MAKE" --no-print-directory -k "$@" &
}

run format 60 O="$O" format-check
run build-gcc 600 O="$O" WERROR=1 all
beside trials 900 O="$O" WERROR=1 test-trials
run gates 300 O="$O" WERROR=1 gates
run build-clang 600 O="${side}clang" CC="${CLANG:-clang}" WERROR=1 all
# The golden plans (make test-plan) are among the unit tests of the planner.
run unit 300 O="$O" WERROR=1 test-unit
run asan 600 O="$O" WERROR=1 asan
run tsan 600 O="$O" WERROR=1 tsan
run manifest 120 O="$O" WERROR=1 test-manifest
run generated 60 O="$O" WERROR=1 check-generated
run scenario 600 O="$O" WERROR=1 test-scenario
run property 900 O="$O" WERROR=1 test-property
run lib 300 O="$O" WERROR=1 test-lib
run chaos 300 O="$O" WERROR=1 test-chaos
run judges 300 O="$O" WERROR=1 judges
run fuzz-smoke 400 O="$O" WERROR=1 fuzz-smoke

wait
count trials
step secrets 60 sh tests/secrets.sh "$log"/*

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
