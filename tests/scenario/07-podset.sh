#!/usr/bin/env bash
# A PodSet: made, rolled one by one, grown, shrunk from the top.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

sim_start sim --nodes 3
podmox() {
	"$PODMOX" -c "$dir/sim.yaml" "$@"
}
manifest() {
	mkdir -p "$dir/repo"
	cat >"$dir/repo/web.yaml" <<-END
		apiVersion: podmox/v1
		kind: PodSet
		metadata: {name: web, namespace: shop}
		spec:
		  replicas: $1
		  nodes: [pve1, pve2, pve3]
		  template:
		    image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst
		    vmid: 210
		    rootfs: {storage: local-lvm, size: 4Gi}
		    features: {nesting: $2}
		    network:
		      interfaces:
		        - {name: eth0, bridge: vmbr0, ip: 10.0.0.10/24, gw: 10.0.0.1}
		    lifecycle: {restart: allow}
	END
}
manifest 3 true
run 0 podmox apply --yes "$dir/repo"
ok "each has its own address" sh -c "for i in 0 1 2; do '$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 21\$i net0 | grep -qF ip=10.0.0.1\$i/24 || exit 1; done"
run 0 podmox get pods -o json
ok "and its own node" sh -c "[ \$(grep -o '\"node\":\"pve[123]\"' '$dir/out' | sort -u | wc -l) = 3 ]"
run 0 podmox plan --detailed-exitcode "$dir/repo"

manifest 3 false
run 0 podmox apply --yes "$dir/repo"
ok "restarts go from the highest down" sh -c "grep -o 'web-[0-9]: restarting' '$dir/err' | tr '\n' ' ' | grep -q 'web-2: restarting web-1: restarting web-0: restarting'"
ok "one by one" sh -c "grep -o 'web-[0-9]: \(restarting\|done\)' '$dir/err' | sed 's/ in .*//' | tr '\n' ' ' | grep -q 'web-2: restarting web-2: done web-1: restarting web-1: done web-0: restarting'"

manifest 4 false
run 2 podmox plan --detailed-exitcode "$dir/repo"
ok "a larger set makes only what is missing" grep -q 'Plan: 1 to create, 0 to update, 0 to replace, 0 to delete' "$dir/out"
run 0 podmox apply --yes "$dir/repo"

manifest 2 false
run 0 podmox apply --yes "$dir/repo"
ok "a smaller one keeps them without --prune" grep -q '2 kept' "$dir/out"
run 0 podmox apply --yes --prune "$dir/repo"
ok "the highest goes first" sh -c "grep -o 'web-[0-9]: done' '$dir/err' | tr '\n' ' ' | grep -q 'web-3: done web-2: done'"
run 0 podmox plan --prune --detailed-exitcode "$dir/repo"
done_testing
