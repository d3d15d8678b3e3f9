#!/usr/bin/env bash
# The benchmark: everything as ratios in one run, on a simulator over loopback and TLS. Prints each figure
# with its goal; fails only when something could not be measured or a count (not a time) is wrong.
set -eu
cd "$(dirname "$0")/../.."
exec python3 tests/bench/bench.py "$PODMOX" "$PODMOX_SIM" "$O/bench/floor" "$O/bench/client"
