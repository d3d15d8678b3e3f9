#!/usr/bin/env bash
# Faults between podmox and the cluster: each message names object or host, cause and remedy; a second run
# repairs what the first could not do.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

m=$dir/m
mkdir "$m"
pod() { # NAME [LINE...]: a small pod
	local name=$1
	shift
	{
		printf 'apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: %s}\nspec:\n' "$name"
		printf '  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n'
		printf '  rootfs: {storage: local-lvm, size: 1Gi}\n'
		[ $# = 0 ] || printf '  %s\n' "$@"
	} >"$m/$name.yaml"
}
pod a
pod b 'dependsOn: [a]'
sim_start sim --nodes 3
p() { "$PODMOX" -c "$dir/sim.yaml" "$@"; }
guests() { p get pods -o name | wc -l; }

# nobody there
sed 's/127\.0\.0\.\([123]\):[0-9]*/127.0.0.\1:1/' "$dir/sim.yaml" >"$dir/nobody.yaml"
run 1 "$PODMOX" -c "$dir/nobody.yaml" plan "$m"
ok "names the host" err_has "127.0.0."
# one host of three is not there: the others serve
sed '0,/127\.0\.0\.1:[0-9]*/s//127.0.0.1:1/' "$dir/sim.yaml" >"$dir/one.yaml"
run 0 "$PODMOX" -c "$dir/one.yaml" plan "$m"

# who are you
sed 's/password: .*/password: "wrong-secret-1"/' "$dir/sim.yaml" >"$dir/wrong.yaml"
chmod 600 "$dir/wrong.yaml"
run 77 "$PODMOX" -c "$dir/wrong.yaml" plan "$m"
ok "says that the login failed" err_like "password|login|authentication"
ok "never shows the secret" test -z "$(grep -h wrong-secret-1 "$dir/out" "$dir/err")"
sed 's/realm: pam/realm: nowhere/' "$dir/sim.yaml" >"$dir/realm.yaml"
run 77 "$PODMOX" -c "$dir/realm.yaml" plan "$m"
sed "s/\"[0-9A-F][0-9A-F]:[0-9A-F:]*\"/\"$(printf 'AA:%.0s' {1..31})AA\"/" "$dir/sim.yaml" >"$dir/cert.yaml"
before=$(ctl sim counters)
run 77 "$PODMOX" -c "$dir/cert.yaml" plan "$m"
ok "names certificate and remedy" err_like "fingerprint"
ok "not one request was sent" test "${before#*requests}" = "$(ctl sim counters | sed 's/.*requests//')"

# a token that may nothing
cat >"$dir/token.yaml" <<EOF
$(sed '/auth:/,/password:/d' "$dir/sim.yaml" | sed '/^    tls:/,$d')
    auth: {tokenId: "root@pam!nobody", tokenSecret: 00000000-0000-0000-0000-000000000000}
$(sed -n '/^    tls:/,$p' "$dir/sim.yaml")
EOF
chmod 600 "$dir/token.yaml"
run 77 "$PODMOX" -c "$dir/token.yaml" plan "$m"
ok "the secret is not shown" test -z "$(grep -h 00000000-0000-0000-0000 "$dir/out" "$dir/err")"

# answers that go wrong while reading: repeated, and nobody notices
for kind in 500 502 503 596 cut lost refused; do
	ok "inject $kind" ctl sim fail "GET /cluster/resources:$kind:1"
	case $kind in
	500) run 1 p plan "$m" ;;
	*) run 0 p plan "$m" ;;
	esac
	ctl sim fail-clear >/dev/null
done

# a create that fails: the dependant is skipped, exit 3 or 1, the object is named, the next run repairs
pod c
ok "inject a refusal" ctl sim fail "POST /nodes/*/lxc:400:1"
run 3 p apply "$m" --yes --parallelism 1
ok "one failed" out_like "[12] done, 1 failed"
ctl sim fail-clear >/dev/null
run 0 p apply "$m" --yes
ok "three guests, no more" test "$(guests)" = 3
run 0 p plan "$m" --detailed-exitcode

# the answer of a create is lost: found again, not made twice
pod d
ok "lose the answer" ctl sim fail "POST /nodes/*/lxc:lost:1"
run 0 p apply "$m" --yes
ok "four guests" test "$(guests)" = 4
ctl sim fail-clear >/dev/null
run 0 p plan "$m" --detailed-exitcode

# a lock that goes away is waited for
id=$(p get pods a -o json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["vmid"])')
sed -i 's/^  rootfs:/  resources: {memory: 768Mi}\n&/' "$m/a.yaml"
ok "hold the lock" ctl sim hold-lock "$id" 3
run 0 p apply "$m" --yes
run 0 p plan "$m" --detailed-exitcode

# a dead node: its guests are unknown, neither made again nor pruned; the others go on
node=$(p get pods a -o json | python3 -c 'import json,sys; print(json.load(sys.stdin)[0]["node"])')
ok "node $node dies" ctl sim node-off "$node"
run 0 p plan "$m"
ok "nothing is made again" out_has "0 to create"
ok "it is unknown" out_like "cannot be read .node $node is offline.: left as it is"
ok "node $node is back" ctl sim node-on "$node"
run 0 p plan "$m" --detailed-exitcode

# no quorum: nothing is written
ok "quorum is lost" ctl sim quorum-off
pod e
run 0 p plan "$m"
ok "says why" test -n "$(grep -hi quor "$dir/out" "$dir/err")"
ok "quorum is back" ctl sim quorum-on

# Ctrl-C in the middle; then the rest
pod f
pod g
"$PODMOX" -c "$dir/sim.yaml" apply "$m" --yes >"$dir/out" 2>"$dir/err" &
pid=$!
until_true grep -q started "$dir/err"
kill -INT $pid
wait $pid
status=$?
ok "interrupted: exit 130 (or done before)" test $status = 130 -o $status = 0
run 0 p apply "$m" --yes
run 0 p plan "$m" --detailed-exitcode
ok "each once" test "$(guests)" = "$(find "$m" -name '*.yaml' | wc -l)"
done_testing
