#!/usr/bin/env bash
# Saved plans do just what they showed, or nothing; and plans against a snapshot say the same without a
# cluster.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

sim_start sim --nodes 3
podmox() {
	"$PODMOX" -c "$dir/sim.yaml" "$@"
}
pod() {
	cat >"$dir/repo/$1.yaml" <<-END
		apiVersion: podmox/v1
		kind: Pod
		metadata: {name: $1}
		spec:
		  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst
		  vmid: $2
		  resources: {memory: $3}
		  rootfs: {storage: local-lvm, size: 2Gi}
	END
}
mkdir "$dir/repo"
pod one 210 256Mi
pod two 211 256Mi

# ---- saved ----

run 0 podmox plan "$dir/repo" --out "$dir/plan"
ok "only its owner may read it" sh -c "[ \$(stat -c %a '$dir/plan') = 600 ]"
run 64 podmox apply "$dir/plan" --prune
ok "its options are its own" grep -q 'made with its own options' "$dir/err"
run 0 podmox apply "$dir/plan" --dry-run
ok "a dry run changes nothing" sh -c "[ -z \"\$('$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' guests | grep 210)\" ]"
run 0 podmox apply "$dir/plan"
run 0 podmox plan --detailed-exitcode "$dir/repo"
run 5 podmox apply "$dir/plan"
ok "it is good for once" grep -q 'stale: Pod default/one would be treated' "$dir/err"

pod one 210 300Mi
run 0 podmox plan "$dir/repo" --out "$dir/plan"
ctl sim set 210 onboot=1 >/dev/null
run 5 podmox apply "$dir/plan"
ok "a guest that was changed is named" grep -q 'stale: guest 210 (one) was changed' "$dir/err"

run 0 podmox plan "$dir/repo" --out "$dir/plan"
ctl sim set 211 onboot=1 >/dev/null
run 0 podmox apply "$dir/plan"
ok "a guest that has no part in it may change" sh -c "'$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 210 memory | grep -q 300"

pod one 210 301Mi
run 0 podmox plan "$dir/repo" --out "$dir/plan"
pod two 211 302Mi
run 5 podmox apply "$dir/plan"
ok "a manifest that changed is named" grep -q 'stale: .*/repo/two.yaml has changed' "$dir/err"
pod two 211 256Mi
pod three 212 256Mi
run 5 podmox apply "$dir/plan"
ok "a manifest that is new is named" grep -q 'stale: .*/repo/three.yaml is new' "$dir/err"
run 0 podmox plan "$dir/repo" --out "$dir/plan"
rm "$dir/repo/three.yaml"
run 5 podmox apply "$dir/plan"
ok "a manifest that is gone is named" grep -q 'stale: .*/repo/three.yaml is gone' "$dir/err"

pod three 212 256Mi
run 0 podmox plan "$dir/repo" --out "$dir/plan"
run 0 podmox api post /nodes/pve1/lxc vmid=212 ostemplate=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst rootfs=local-lvm:1 unprivileged=1
run 5 podmox apply "$dir/plan"
ok "a number that was taken is named" grep -q 'stale: Pod default/three' "$dir/err"
rm "$dir/repo/three.yaml"

echo '{"podmox":"plan",' >"$dir/broken"
run 65 podmox apply "$dir/broken"
ok "a broken file is told" grep -q 'is no saved plan' "$dir/err"
sed 's/"set":"sim"/"set":"other"/' "$dir/plan" >"$dir/other"
run 5 podmox apply "$dir/other"
ok "the plan of another set is told" grep -q 'is of set other' "$dir/err"

# ---- offline ----

run 0 podmox snapshot "$dir/snap"
ok "only its owner may read it" sh -c "[ \$(stat -c %a '$dir/snap') = 600 ]"
ok "no secret is in it" sh -c "! grep -iE 'password|ticket|CSRF' '$dir/snap' | grep -v masked"
# Something that only root@pam may do: who we are counts without a login, too.
pod bind 213 256Mi
printf '  volumes: [{path: /srv, source: /srv}]\n' >>"$dir/repo/bind.yaml"
run 0 podmox plan "$dir/repo"
sed 's/ in [0-9.]* s$//' "$dir/out" >"$dir/online"
kill "$sim_pid"
wait "$sim_pid" 2>/dev/null
run 1 podmox plan "$dir/repo"
# CI has no secret.
sed 's/password:.*/password: {fromFile: nowhere}/' "$dir/sim.yaml" >"$dir/ci.yaml"
run 0 "$PODMOX" -c "$dir/ci.yaml" plan "$dir/repo" --live "$dir/snap"
sed 's/ in [0-9.]* s$//' "$dir/out" >"$dir/offline"
ok "the plan says the same without a cluster" diff "$dir/online" "$dir/offline"
ok "and says what it was made from" grep -q 'against the snapshot of 20' "$dir/err"
run 4 "$PODMOX" -c "$dir/ci.yaml" plan "$dir/repo" --live "$dir/snap" --out "$dir/no"
ok "it is not saved" sh -c "[ ! -e '$dir/no' ]"
pod one 210 1Gi
run 2 "$PODMOX" -c "$dir/ci.yaml" plan "$dir/repo" --live "$dir/snap" --detailed-exitcode
ok "a change shows" grep -q 'memory .*-> 1G' "$dir/out"
echo '{}' >"$dir/empty"
run 65 "$PODMOX" -c "$dir/ci.yaml" plan "$dir/repo" --live "$dir/empty"
ok "a file that is no snapshot is told" grep -q 'is no snapshot' "$dir/err"
done_testing
