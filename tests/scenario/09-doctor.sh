#!/usr/bin/env bash
# podmox doctor: a sound cluster, and each fault with its remedy. Also the shell blocks of the how-to.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
sim_start sim --nodes 3
m=$dir/m
mkdir "$m"
# pod NAME LINE...: a manifest with further lines of the spec.
pod() {
	local name=$1
	shift
	{
		printf 'apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: %s}\nspec:\n' "$name"
		printf '  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n'
		printf '  rootfs: {storage: local-lvm, size: 4Gi}\n'
		printf '  %s\n' "$@"
	} >"$m/$name.yaml"
}
pod web 'pool: shop' 'network: {interfaces: [{name: eth0, bridge: vmbr0, ip: dhcp}]}'
p() { "$PODMOX" -c "$dir/sim.yaml" "$@"; }
lacks() { ! grep -qF -- "$@"; }
api() { p api "$@" >/dev/null; }

run 0 p doctor "$m"
ok "each host" test "$(grep -c '^ok  *host 127' "$dir/out")" = 3
ok "by which rule, and until when" out_like 'pinned under tls.fingerprints, good'
ok "who" out_has "account: root@pam, with a ticket"
ok "quorum" out_has "quorum:"
ok "versions" out_like 'node pve2: PVE [0-9]'
ok "numbers" out_like 'numbers: [0-9]+ of 200-299 are free'
ok "rights" out_has "rights: nothing is missing for 1 object"
ok "in 80 columns" test "$(wc -L <"$dir/out")" -le 80
run 0 p doctor "$m" -o json
ok "json" python3 -c 'import json,sys; d=json.load(open(sys.argv[1])); sys.exit(d["problems"] != 0 or d["version"] != "1" or len(d["checks"]) < 8)' "$dir/out"

# one host is configured, the others are learnt
awk '/^      - "127/ && n++ { next } { print }' "$dir/sim.yaml" >"$dir/one.yaml"
run 0 "$PODMOX" -c "$dir/one.yaml" doctor "$m"
ok "learnt hosts are looked at, too" test "$(grep -c '^ok  *host ' "$dir/out")" = 3

# a token with too few privileges
api post /access/users userid=few@pve
api post /access/users/few@pve/token/tt privsep=0
secret=$(p api post /access/users/few@pve/token/uu privsep=0 -o json | python3 -c 'import json,sys; print(json.load(sys.stdin)["value"])')
api post /access/roles roleid=Few "privs=VM.Audit,VM.Allocate,Sys.Audit,Datastore.AllocateSpace"
api put /access/acl path=/ users=few@pve roles=Few
mkdir "$dir/secret"
printf '%s' "$secret" >"$dir/secret/token"
token() {
	sed -e "s/username: root/tokenId: few@pve!uu/; /realm:/d; s#password: .*#tokenSecret: {fromFile: $dir/secret/token}#" \
		"$dir/sim.yaml" >"$dir/token.yaml"
	chmod 600 "$dir/token.yaml"
}
token
pod bind 'vmid: 250' 'volumes: [{path: /srv, source: /srv/data}]'
run 1 "$PODMOX" -c "$dir/token.yaml" doctor "$m"
ok "a token" out_has "few@pve!uu, a token"
ok "what is missing where, for whom" out_like 'misses VM.Config.Network on /vms(/250)?'
ok "or by the pool" out_has '/vms|/pool/shop'
ok "the bridge" out_has "SDN.Use"
ok "not what it has" lacks "misses VM.Audit" "$dir/out"
ok "the remedy" out_has "pveum acl modify"
ok "what only root may" out_has "only for root@pam"
printf 'wrong-%s' "$secret" >"$dir/secret/token"
run 1 "$PODMOX" -c "$dir/token.yaml" doctor "$m"
ok "the account is the problem" out_like '^problem +account'
ok "the hosts are fine" out_like '^ok +host'
ok "no secret is told" lacks "$secret" "$dir/out" "$dir/err"

# a certificate that nobody pinned, a host that is away
sed 's/\(- "\)[0-9A-F][0-9A-F]:/\100:/' "$dir/sim.yaml" >"$dir/other.yaml"
run 1 "$PODMOX" -c "$dir/other.yaml" doctor "$m"
ok "shows the fingerprint" out_has "fingerprint"
rm "$m/bind.yaml"
ok "a node goes away" ctl sim node-off pve3
run 1 p doctor "$m"
ok "names it" out_like '^problem +(host|node).*'
ok "it is back" ctl sim node-on pve3
ok "quorum is lost" ctl sim quorum-off
run 1 p doctor "$m"
ok "quorum is the problem" out_like '^problem +quorum'
ok "quorum is back" ctl sim quorum-on

# manifests with errors, numbers that are used up, a log that cannot be written
printf 'kind: Nothing\n' >"$m/bad.yaml"
run 1 p doctor "$m"
ok "sends on to validate" out_has "podmox validate"
rm "$m/bad.yaml"
sed 's/vmids: .*/vmids: 200-200/' "$dir/sim.yaml" >"$dir/full.yaml"
p ct create 200 --node pve1 ostemplate=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst rootfs=local-lvm:1 >"$dir/out" 2>&1
run 1 "$PODMOX" -c "$dir/full.yaml" doctor "$m"
ok "numbers are used up" out_has "none of 200-200 is free"
sed "s#^audit: .*#audit: {file: $dir/secret/token/audit.jsonl}#" "$dir/sim.yaml" >"$dir/log.yaml"
run 1 "$PODMOX" -c "$dir/log.yaml" doctor "$m"
ok "the log" out_like '^problem +audit log'
run 0 p ct delete 200 --yes

# the shell blocks of the how-to run as they stand
mkdir "$dir/bin"
ln -s "$PODMOX" "$dir/bin/podmox"
awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$top/docs/howto/direct-calls.md" >"$dir/howto.sh"
ok "the how-to has blocks" test "$(wc -l <"$dir/howto.sh")" -gt 20
PATH=$dir/bin:$PATH PODMOX_CONFIG=$dir/sim.yaml run 0 bash -eu "$dir/howto.sh"
done_testing
