#!/usr/bin/env bash
# SIGKILL at random instants: during applies, checkouts, restarts. After every few the daemon is left in
# peace; then the cluster is what the tree says, each object once, and the journal can be read.
#
#   KILLS=100 SEED=7 kill.sh        NIGHTLY=1: 2000
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/../scenario/lib.sh"
kills=${KILLS:-$([ -n "${NIGHTLY-}" ] && echo 2000 || echo 100)}
seed=${SEED:-$$}
RANDOM=$seed
round=20 # kills before the daemon is left in peace

sim_start sim --nodes 3 --task-time 30ms
echo 'sync: {interval: 1h, debounce: 10ms, prune: true, restart: allow, maxDeletes: 100}' >>"$dir/sim.yaml"
m=$dir/m
mkdir -p "$m"
git_() { git -C "$m" -c user.name=t -c user.email=t@test.invalid -c init.defaultBranch=main "$@" >>"$dir/git.out" 2>&1; }

# tree N: the manifests of revision N. Of ten Pods some are there, each with a size of its own.
tree() {
	rm -f "$m"/*.yaml
	for i in 0 1 2 3 4 5 6 7 8 9; do
		[ $(((i * 7 + $1) % 4)) != 0 ] || continue
		cat >"$m/p$i.yaml" <<END
apiVersion: podmox/v1
kind: Pod
metadata: {name: p$i, namespace: kill}
spec:
  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst
  rootfs: {storage: local-lvm, size: 1Gi}
  resources: {memory: $((128 + 16 * ((i + $1) % 5)))Mi, cores: $((1 + $1 % 4))}
  tags: [r$1]
  lifecycle: {restart: allow}
END
	done
}
git_ init
for r in 0 1 2 3 4; do
	tree $r
	git_ add -A
	git_ commit -m "$r"
	git_ branch "r$r"
done

daemon() {
	"$PODMOX" -c "$dir/sim.yaml" watch "$m" >>"$dir/out.watch" 2>>"$dir/log" </dev/null &
	pid=$!
}
# After thousands of processes their numbers come again, and bash may wait for the wrong one.
over() { ! kill -0 "$1" 2>/dev/null; }
nap() { read -rt "0.$(printf %03d "$1")" <> <(:) || :; }
peace() { [ "$("$PODMOX" -c "$dir/sim.yaml" plan "$m" --prune --detailed-exitcode >"$dir/plan" 2>&1 </dev/null; echo $?)" = 0 ]; }
once_each() {
	"$PODMOX" -c "$dir/sim.yaml" get pods -o name >"$dir/names" &&
		[ -z "$(grep -v '//' "$dir/names" | sort | uniq -d)" ] &&
		[ "$(grep -c kill/ "$dir/names")" = "$(find "$m" -name '*.yaml' | wc -l)" ] &&
		[ "$(ctl sim guests | grep -owE '2[0-9][0-9]' | sort -u | wc -l)" = "$(find "$m" -name '*.yaml' | wc -l)" ]
}
# Every line but a torn last one is a JSON object. Half a record of the audit log stays, and the next one vouches for it.
journal_reads() {
	local f
	"$PODMOX" -c "$dir/sim.yaml" audit verify || return 1
	for f in "$dir"/state/*.journal "$dir"/state/*.history.jsonl; do
		[ -e "$f" ] || continue
		python3 -c '
import json, sys
lines = open(sys.argv[1], "rb").read().split(b"\n")
for line in lines[:-1]:
    if line: json.loads(line)' "$f" || return 1
	done
}

done_kills=0
at=0
while [ "$done_kills" -lt "$kills" ]; do
	for _ in $(seq $round); do
		daemon
		nap $((RANDOM % 500))
		git_ checkout -f "r$((RANDOM % 5))" &
		checkout=$!
		nap $((RANDOM % 400))
		# The checkout is killed as well, now and then.
		[ $((RANDOM % 4)) != 0 ] || kill -KILL $checkout 2>/dev/null
		kill -KILL $pid
		until_true over $pid && until_true over $checkout
		rm -f "$m/.git/index.lock" "$m/.git/HEAD.lock"
		done_kills=$((done_kills + 1))
	done
	at=$((at + 1))
	git_ checkout -f "r$((at % 5))"
	daemon
	ok "seed $seed, after $done_kills kills: the cluster is what the tree says" until_true peace
	ok "each object once, and nobody else" until_true once_each
	ok "journal and audit log can be read" journal_reads
	kill -TERM $pid
	until_true over $pid
done
echo "# $done_kills kills, seed $seed"
done_testing
