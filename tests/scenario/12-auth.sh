#!/usr/bin/env bash
# Who we are and whom we trust: each refusal says what to do, ends with 77, and shows no secret; and what
# the policy does not allow leads to no request.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

sim_start sim --nodes 2
mkdir -m 700 "$dir/secret"
echo "$password" >"$dir/secret/password"
echo "$token" >"$dir/secret/token"
chmod 600 "$dir/secret/"*
sed "s|password: .*|password: {fromFile: $dir/secret/password}|" "$dir/sim.yaml" >"$dir/password.yaml"
sed "s|username: root|tokenId: root@pam!full|; /realm:/d
	s|password: .*|tokenSecret: {fromFile: $dir/secret/token}|" "$dir/sim.yaml" >"$dir/token.yaml"
sed 's/realm: pam/realm: ldpa/' "$dir/password.yaml" >"$dir/realm.yaml"
sed '/^    tls:/,/^    vmids/{/^    vmids/!d}' "$dir/password.yaml" >"$dir/untrusted.yaml"
w() { "$PODMOX" -c "$dir/password.yaml" "$@"; }
t() { "$PODMOX" -c "$dir/token.yaml" "$@"; }
requests() { grep -c "\"method\":\"$1\",\"path\":\"$2\"" "$dir/sim.requests"; }

run 0 w node list
run 0 t node list

# A wrong password, a wrong realm, a wrong user.
echo hush-wrong >"$dir/secret/password"
run 77 w node list
ok "wrong password: what to check" err_has "authentication failure; user name, realm or password is wrong; check auth.username, auth.realm and auth.password: this was root@pam"
echo "$password" >"$dir/secret/password"
run 77 "$PODMOX" -c "$dir/realm.yaml" node list
ok "wrong realm: what to check" err_has "check auth.username, auth.realm and auth.password: this was root@ldpa"
ctl sim user-off root@pam >/dev/null
run 77 w node list
ok "disabled account: what to check" err_has "auth.username, auth.realm and auth.password: this was root@pam"
ctl sim user-on root@pam >/dev/null

# A ticket that is over is replaced; one that is not taken though it is fresh speaks of clocks.
ctl sim fail 'GET /nodes:401:1' >/dev/null
before=$(requests POST /api2/json/access/ticket)
run 0 w node list
ok "expired ticket: one login more" test "$(requests POST /api2/json/access/ticket)" = $((before + 2))
ctl sim fail 'GET /nodes:401' >/dev/null
run 77 w node list
ok "refused ticket: what to look at" err_has "with a fresh ticket, so see whether the clocks of the nodes agree"
ctl sim fail-clear >/dev/null
"$PODMOX" -c "$dir/password.yaml" watch "$top/manifests" --observe >"$dir/watch.out" 2>"$dir/watch.err" </dev/null &
pids+=($!)
watch=$!
ok "the daemon reads the cluster" until_true grep -q '"path":"/api2/json/cluster/resources"' "$dir/sim.requests"
note_arguments "$PODMOX" watch
ctl sim tickets-expire >/dev/null
kill "$watch" && wait "$watch"
ok "the daemon ended on request" test $? = 0

# A token that is wrong, may too little, is over, is revoked.
echo hush-wrong >"$dir/secret/token"
run 77 t node list
ok "wrong token: what to do" err_has "look at the token root@pam!full at PVE"
ok "and which settings" err_has "set auth.tokenId and auth.tokenSecret"
echo "$token" >"$dir/secret/token"
ctl sim token-role root@pam!full PVEAuditor >/dev/null
run 0 t node list
run 77 t pool create p1
ok "too few rights: which, where, and what to do" err_has "the account lacks the privilege Pool.Allocate on /pool/p1; grant it at PVE (Datacenter, Permissions)"
run 77 t apply "$top/manifests" --yes
ok "too few rights to apply" out_has "grant the account, or its token, what it lacks (Datacenter, Permissions); podmox doctor names it"
ok "the failed writes are in the log" grep -q '"result":"permission"' "$dir/state/audit.jsonl"
ctl sim token-expire root@pam!full >/dev/null
run 77 t node list
ok "expired token: what to do" err_has "when it is gone, expired or renewed, make one and set auth.tokenId and auth.tokenSecret"
ctl sim token-revoke root@pam!full >/dev/null
run 77 t node list
ok "revoked token: what to do" err_has "when it is gone, expired or renewed, make one and set auth.tokenId and auth.tokenSecret"

# Certificates: nothing is said to a host that cannot be trusted; the others go on.
ctl sim cert-wrong pve1 >/dev/null
run 0 w node list
ok "changed certificate: which host is left out" err_like "warning .*certificate is not trusted.*host=127.0.0.1:"
ok "and how to compare it" err_has "compare it with"
ctl sim cert-wrong pve2 renewed >/dev/null
asked=$(wc -l <"$dir/sim.requests")
run 77 w node list
ok "changed certificates: what to do" err_like "error: .*fingerprint.*is not trusted: it is not one of the pinned ones; compare it .*put it under fingerprints"
run 77 t node list
ok "no request went to either" test "$(wc -l <"$dir/sim.requests")" = "$asked"
ctl sim heal >/dev/null
run 77 "$PODMOX" -c "$dir/untrusted.yaml" node list
ok "untrusted authority: what to do" err_like "error: .*is not trusted: .*name the CA that signed it .* as ca, or put the fingerprint under fingerprints"

# A secret that is not there, or that everybody may read.
mv "$dir/secret/password" "$dir/secret/away"
run 1 w node list
ok "names the missing file" err_has "auth.password: reading a secret: cannot read $dir/secret/password: No such file"
mv "$dir/secret/away" "$dir/secret/password"
chmod 644 "$dir/secret/password"
run 0 w node list
ok "warns of a secret that others may read" err_has "chmod 600 $dir/secret/password"
chmod 600 "$dir/secret/password"
sed 's|password: .*|password: {fromCredential: pve}|' "$dir/sim.yaml" >"$dir/credential.yaml"
run 65 "$PODMOX" -c "$dir/credential.yaml" node list
ok "names the credential" err_has "LoadCredential="
cp "$dir/secret/password" "$dir/secret/pve"
CREDENTIALS_DIRECTORY=$dir/secret run 0 "$PODMOX" -c "$dir/credential.yaml" node list
sed 's|password: .*|password: {fromEnv: PODMOX_TEST_PASSWORD}|' "$dir/sim.yaml" >"$dir/env.yaml"
run 65 "$PODMOX" -c "$dir/env.yaml" node list
ok "names the variable" err_has "PODMOX_TEST_PASSWORD is not set"
PODMOX_TEST_PASSWORD=$password run 0 "$PODMOX" -c "$dir/env.yaml" node list -v

# What the policy does not allow.
{
	cat "$dir/password.yaml"
	echo 'policy: {allow: [start, stop]}'
} >"$dir/policy.yaml"
asked=$(wc -l <"$dir/sim.requests")
run 4 "$PODMOX" -c "$dir/policy.yaml" pool create p1
ok "what is allowed, and how to allow it" err_has "the policy does not allow pool (only start, stop); to allow it add it to policy.allow of the configuration"
ok "no request left" test "$(wc -l <"$dir/sim.requests")" = "$asked"
sed -i 's/\[start, stop\]/[start, stpo]/' "$dir/policy.yaml"
run 65 "$PODMOX" -c "$dir/policy.yaml" node list
ok "an unknown word, its place, and what was meant" err_like "policy.yaml:[0-9]+:25: error: policy.allow.* not 'stpo'; did you mean 'stop'"
ok "with a caret" err_like '\^\^\^\^'
done_testing
