#!/bin/sh
# Runs fuzz targets: run.sh FOLDER SECONDS NAME... Seeds come from tests/fuzz/corpus/NAME; what is new
# stays in FOLDER/corpus/NAME, a finding in FOLDER/crash-NAME-*. FUZZ_SEED repeats a run.
set -u
out=$1
seconds=$2
shift 2
if [ $# = 0 ]; then
	echo 'no fuzz targets found under tests/fuzz' >&2
	exit 1
fi
if [ "$1" = --one ]; then
	name=$2
	mkdir -p "$out/corpus/$name"
	seeds=
	[ ! -d "tests/fuzz/corpus/$name" ] || seeds=tests/fuzz/corpus/$name
	dict=
	[ ! -f "tests/fuzz/$name.dict" ] || dict=-dict=tests/fuzz/$name.dict
	# shellcheck disable=SC2086 # either may be empty
	if "$out/fuzz/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 \
		-print_final_stats=1 ${FUZZ_SEED:+-seed=$FUZZ_SEED} -artifact_prefix="$out/crash-$name-" $dict \
		"$out/corpus/$name" $seeds >"$out/fuzz-$name.log" 2>&1; then
		sed -n "s/^stat::number_of_executed_units: */$name: executions /p" "$out/fuzz-$name.log"
	else
		tail -n 60 "$out/fuzz-$name.log"
		echo "fuzzing $name found something: see $out/fuzz-$name.log"
		: >"$out/found-$name"
	fi
	exit 0
fi
# As many at once as there are processors.
rm -f "$out"/found-*
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} sh tests/fuzz/run.sh "$out" "$seconds" --one {}
failed=$(find "$out" -maxdepth 1 -name 'found-*' | wc -l)
echo "fuzz: $(($# - failed)) passed, $failed failed"
[ "$failed" = 0 ]
