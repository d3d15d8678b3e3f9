#!/usr/bin/env bash
# Three simulated hosts under many threads while they are harmed; CHAOS_SECONDS (10; NIGHTLY=1: 120),
# CHAOS_SEED and CHAOS_THREADS (32) may be set. Needs $O with the programs and $CHAOS, the test's own.
set -u
cd "$(dirname "$0")/../.." || exit 1
PODMOX=${PODMOX:?} PODMOX_SIM=${PODMOX_SIM:?} CHAOS=${CHAOS:?}
# shellcheck source=tests/scenario/lib.sh
. tests/scenario/lib.sh
read -ra wrap <<<"${WRAP:-env}"
seconds=${CHAOS_SECONDS:-${NIGHTLY:+120}}
seed=${CHAOS_SEED:-$((RANDOM + 1))}
echo "# seed $seed, ${seconds:=10} s"
sim_start sim --nodes 3 --task-time 20ms
sed -i 's/^\( *\)vmids:.*/\1vmids: 1000-1999\n\1timeout: 2s/' "$dir/sim.yaml"
count=0
ok "no write is lost or done twice, nobody hangs" \
	"${wrap[@]}" "$CHAOS" "$dir/sim.yaml" "$dir/sim.ctl" "$seconds" "$seed" "${CHAOS_THREADS:-32}"
cat "$dir/out.ok"
# The simulator says under which certificate a request came in.
ok "no request went to a host that is not trusted" sh -c "! grep -q '\"certificate\":\"wrong\"' '$dir/sim.requests'"
ok "the audit log is whole" "$PODMOX" -c "$dir/sim.yaml" audit verify
echo "chaos: $((count - bad)) passed, $bad failed"
[ $bad = 0 ]
