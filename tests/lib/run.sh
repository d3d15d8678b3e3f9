#!/usr/bin/env bash
# The library as its users meet it: installed to a folder, then nothing but that folder. Symbols and ABI
# against the lists in tests/lib (rewritten with UPDATE=1), a consumer in C99 and C++, shared and static,
# and the examples against the simulator, under valgrind.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${O:=build/release}"
here=tests/lib
tmp=$(mktemp -d)
sim=
finish() {
	[ -z "$sim" ] || { kill "$sim" && wait "$sim"; } 2>/dev/null
	rm -rf "$tmp"
}
trap finish EXIT
passed=0
failed=0

check() {
	local name=$1
	shift
	local status=0
	"$@" >"$tmp/now" 2>&1 || status=$?
	mv "$tmp/now" "$tmp/out"
	if [ $status = 0 ]; then
		echo "ok   $name"
		passed=$((passed + 1))
	else
		echo "FAIL $name"
		sed 's/^/     /' "$tmp/out" | tail -n 30
		failed=$((failed + 1))
	fi
}

# A list that is part of the contract: compared, or written anew.
same() {
	if [ -n "${UPDATE:-}" ]; then
		cp "$2" "$1"
	else
		diff -u "$1" "$2"
	fi
}

prefix=$tmp/usr
"${MAKE:-make}" --no-print-directory -s O="$O" install PREFIX="$prefix" >"$tmp/install" 2>&1 || {
	tail -n 20 "$tmp/install"
	echo "lib: 0 passed, 1 failed"
	exit 1
}
export PKG_CONFIG_PATH=$prefix/lib/pkgconfig LD_LIBRARY_PATH=$prefix/lib LC_ALL=C
so=$prefix/lib/libpodmox.so.0
read -ra shared <<<"$(pkg-config --cflags --libs podmox)"
# Only the library itself is static: what it needs is there as shared libraries.
mapfile -t needs < <(pkg-config --print-requires-private podmox)
read -ra static <<<"$(pkg-config --cflags podmox) $prefix/lib/libpodmox.a -pthread $(pkg-config --libs "${needs[@]}")"

# ---- names and layouts ----

nm -D --defined-only "$so" | awk '$2 != "A" { print $3 }' | sed 's/@.*//' | sort >"$tmp/symbols"
check "symbols are those of tests/lib/symbols.txt" same $here/symbols.txt "$tmp/symbols"
check "nothing else is exported" sh -c "! grep -v '^podmox_' '$tmp/symbols'"
nm -g --defined-only "$prefix/lib/libpodmox.a" | awk 'NF == 3 { print $3 }' | sort >"$tmp/static"
check "the static library exports the same" diff -u "$tmp/symbols" "$tmp/static"
sh $here/abi.sh "$prefix/include" >"$tmp/abi"
check "the ABI is that of tests/lib/abi.txt" same $here/abi.txt "$tmp/abi"
check "the soname" sh -c "readelf -d '$so' | grep -q 'SONAME.*libpodmox.so.0]'"

# ---- a consumer ----

sed 's/.*/(any_function *)&,/' "$tmp/symbols" >"$tmp/names.h"
strict=(-Wall -Wextra -Werror -Wno-cast-function-type -I"$tmp")
run_with=()
if command -v valgrind >/dev/null; then
	run_with=(valgrind -q --error-exitcode=9 --leak-check=full "--errors-for-leak-kinds=definite,indirect")
else
	echo "skipped: valgrind is not installed; the programs run without it"
fi
check "C99 with the shared library compiles" gcc -std=c99 -pedantic "${strict[@]}" -o "$tmp/c99" $here/consumer.c "${shared[@]}"
check "C99 with the shared library runs" "${run_with[@]}" "$tmp/c99"
check "C99 with the static library compiles" gcc -std=c99 -pedantic "${strict[@]}" -o "$tmp/static99" $here/consumer.c "${static[@]}"
check "C99 with the static library runs" "${run_with[@]}" "$tmp/static99"
check "C++ compiles" clang -std=c++11 -x c++ "${strict[@]}" -c -o "$tmp/cxx.o" $here/consumer.c "-I$prefix/include"
check "C++ links and runs" sh -c "gcc -o '$tmp/cxx' '$tmp/cxx.o' $(pkg-config --libs podmox) && '$tmp/cxx'"

# ---- the examples ----

for example in list-guests life-of-a-container reconcile; do
	check "$example compiles" gcc -std=c99 -pedantic "${strict[@]}" -D_POSIX_C_SOURCE=200809L -o "$tmp/$example" \
		"$prefix/share/doc/podmox/examples/$example.c" "${shared[@]}"
done
schema=()
[ -z "${PVE_FACTS:-}" ] || schema=(--schema "$PVE_FACTS/pve-api/schema.json")
mkfifo "$tmp/pipe"
"$O/podmox-sim" --listen 127.0.0.1:0 --seed 1 --task-time 20ms --config-out "$tmp/sim.yaml" \
	--log "$tmp/lib.requests" "${schema[@]}" >"$tmp/pipe" 2>"$tmp/sim.err" &
sim=$!
head -n 1 "$tmp/pipe" >"$tmp/ready"
ready() {
	python3 -c 'import json, sys; v = json.load(open(sys.argv[1]))[sys.argv[2]]; print(v[0] if isinstance(v, list) else v)' "$tmp/ready" "$1"
}
printf 'audit: {file: %s}\njournal: {dir: %s}\n' "$tmp/audit.jsonl" "$tmp/journal" >>"$tmp/sim.yaml"
mkdir -p "$tmp/journal" "$tmp/manifests"
cat >"$tmp/manifests/one.yaml" <<'END'
apiVersion: podmox/v1
kind: Pod
metadata: {name: one}
spec:
  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst
  rootfs: {storage: local-lvm, size: 1Gi}
END
ready ca >"$tmp/ca.pem"
url=$(ready urls)
export PVE_PASSWORD
PVE_PASSWORD=$(ready password)
check "list-guests runs" "${run_with[@]}" "$tmp/list-guests" "${url#https://}" "$(ready user)" "$tmp/ca.pem"
check "life-of-a-container runs" "${run_with[@]}" "$tmp/life-of-a-container" "$tmp/sim.yaml" pve1 \
	local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst local-lvm
cp "$tmp/out" "$tmp/life"
[ -z "${V:-}" ] || cat "$tmp/life"
check "it showed the log of the task" grep -q 'create: TASK OK' "$tmp/life"
# Only with PVE's schema does the simulator check bounds.
[ ${#schema[@]} = 0 ] || check "it named the refused parameter" grep -q '^  memory: ' "$tmp/life"
check "reconcile runs" "${run_with[@]}" "$tmp/reconcile" "$tmp/sim.yaml" "$tmp/manifests"
check "its second plan is empty" grep -q '0 to create, 0 to update' "$tmp/out"
# The same with the sanitizers' builds: addresses, undefined behaviour, races.
fixed=()
! setarch -R true 2>/dev/null || fixed=(setarch -R)
for folder in ${SANITIZED:-}; do
	name=$(basename "$(dirname "$folder")")
	check "list-guests is clean ($name)" "${fixed[@]}" "$folder/list-guests" "${url#https://}" "$(ready user)" "$tmp/ca.pem"
	check "life-of-a-container is clean ($name)" "${fixed[@]}" "$folder/life-of-a-container" "$tmp/sim.yaml" pve1 \
		local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst local-lvm
	check "reconcile is clean ($name)" "${fixed[@]}" "$folder/reconcile" "$tmp/sim.yaml" "$tmp/manifests"
done
check "the secret is nowhere" sh -c "! grep -rF '$PVE_PASSWORD' '$tmp/audit.jsonl' '$tmp/out' '$tmp/journal'"
unset PVE_PASSWORD
mkdir -p "$O/requests"
cp "$tmp/lib.requests" "$O/requests/lib-wrong-on-purpose.requests"

echo "lib: $passed passed, $failed failed"
[ $failed = 0 ]
