#!/usr/bin/env bash
# What people complain about in other tools, one by one. The numbers are those of the list of pains that podmox
# was made against: P1 needless replacement, P2 diffs that never go away, P5 state files, P11 addresses and
# readiness, P12 restarts, P13 missing settings.
# shellcheck source=tests/scenario/lib.sh disable=SC2119,SC2120 # functions that may be given more
. "$(dirname "$0")/lib.sh"

sim_start sim --nodes 3
podmox() {
	"$PODMOX" -c "$dir/sim.yaml" "$@"
}
mkdir -p "$dir/repo"

# pod: the manifest of one Pod, with what stands on stdin at the end of its spec.
pod() {
	{
		printf 'apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: db, namespace: shop}\nspec:\n'
		printf '  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n  vmid: 210\n'
		sed 's/^/  /'
	} >"$dir/repo/pod.yaml"
}
apply() {
	run 0 podmox apply --yes "$@" "$dir/repo"
}
synced() {
	count=$((count + 1))
	if podmox plan --detailed-exitcode "$dir/repo" >"$dir/out" 2>"$dir/err" && grep -q 'Nothing' "$dir/out"; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		tell "$dir/out"
		bad=$((bad + 1))
	fi
}
value() {
	ctl sim get 210 "$1"
}
same_guest() {
	[ "$(podmox describe 210 2>/dev/null | sed -n 's/^Uid: *//p')" = "$uid" ]
}

# ---- P1 ----

pod <<-END
	rootfs: {storage: local-lvm, size: 4Gi}
	volumes:
	  - {path: /data, storage: local-lvm, size: 8Gi}
END
apply
uid=$(podmox describe 210 2>/dev/null | sed -n 's/^Uid: *//p')
disk=$(value mp0 | sed 's/,.*//')
pod <<-END
	rootfs: {storage: local-lvm, size: 6Gi}
	volumes:
	  - {path: /data, storage: local-lvm, size: 10Gi}
END
apply
ok "P1 a larger mount point grows in place" sh -c "'$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 210 mp0 | grep -q '^$disk,.*size=10G'"
ok "P1 a larger root grows in place" sh -c "'$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 210 rootfs | grep -q 'size=6G'"
ok "P1 it is the same guest" same_guest
pod <<-END
	rootfs: {storage: local-lvm, size: 6Gi}
	volumes:
	  - {path: /data, storage: local-lvm, size: 8Gi}
END
run 3 podmox apply --yes "$dir/repo"
ok "P1 the last line says that not all was applied" sh -c "tail -n 1 '$dir/out' | grep -q '^Not all is as the manifests say: 1 setting cannot be applied'"
run 0 podmox plan "$dir/repo"
run 2 podmox plan --detailed-exitcode "$dir/repo"
ok "P1 what cannot be done is no success for ever" grep -q 'cannot become what the manifest says' "$dir/out"
ok "P1 nothing shrinks, and the reason is told" grep -qi 'shrink\|smaller\|only grow' "$dir/out" "$dir/err"
ok "P1 the volume is as it was" sh -c "'$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 210 mp0 | grep -q '^$disk,.*size=10G'"
pod <<-END
	rootfs: {storage: local-lvm, size: 6Gi}
	volumes:
	  - {path: /srv, source: /srv, shared: true}
	  - {path: /data, storage: local-lvm, size: 10Gi, backup: true}
	  - {path: /more, storage: local-lvm, size: 1Gi}
END
apply --allow-restart
ok "P1 a share and a volume more leave the first one alone" sh -c "'$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 210 mp0 | grep -q '^$disk,.*backup=1'"
ok "P1 a mount option is changed in place" same_guest
sed -i 's/path: \/data, storage: local-lvm/path: \/data, storage: local/' "$dir/repo/pod.yaml"
run 0 podmox apply --yes "$dir/repo"
ok "P1 another storage takes nobody down without consent" grep -q 'would stop and start it' "$dir/out"
ok "P1 the volume is where it was" sh -c "'$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 210 mp0 | grep -q '^$disk,'"
apply --allow-restart
ok "P1 another storage is a move" sh -c "'$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 210 mp0 | grep -q '^local:.*size=10G'"
ok "P1 nothing is left behind" sh -c "! '$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 210 unused0 | grep -q ."
ok "P1 the guest runs again" sh -c "'$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 210 | grep -q running"
ok "P1 a move is no new guest" same_guest
synced "P1 after the move the plan is empty"
sed -i 's/path: \/data, storage: local,/path: \/data, storage: local-lvm,/' "$dir/repo/pod.yaml"
apply --allow-restart
run 0 podmox cluster version
podmox pool create shop >/dev/null 2>&1
printf '  pool: shop\n' >>"$dir/repo/pod.yaml"
apply
ok "P1 a pool is joined in place" same_guest
sed -i 's/debian-12-standard_12.7-1_amd64/debian-13-standard_13.1-2_amd64/' "$dir/repo/pod.yaml"
run 0 podmox plan "$dir/repo"
ok "P1 another image replaces nothing by itself" same_guest
run 0 podmox apply --yes --allow-replace "$dir/repo"
ok "P1 nor with the flag alone" same_guest
sed -i 's/debian-13-standard_13.1-2_amd64/debian-12-standard_12.7-1_amd64/' "$dir/repo/pod.yaml"

pod <<-END
	rootfs: {storage: local-lvm, size: 6Gi}
	volumes:
	  - {path: /data, storage: local-lvm, size: 8Gi, backup: true}
	unprivileged: false
	lifecycle: {replace: allow}
END
run 0 podmox plan --allow-replace "$dir/repo"
ok "P1 a replacement names what dies" grep -q 'destroys local-lvm:vm-210-disk-' "$dir/out"
ok "P1 and what lives on" grep -q 'keeps local' "$dir/out"
run 3 podmox apply --yes --allow-replace "$dir/repo" # the volume lives on, and is larger than the manifest says
ok "P1 it is a new guest" sh -c "! '$PODMOX' -c '$dir/sim.yaml' describe 210 2>/dev/null | grep -q '^Uid: *$uid'"
ok "P1 with the volume of the old one" sh -c "'$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 210 mp0 | grep -q 'mp=/data,backup=1,size=10G' || '$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 210 mp1 | grep -q 'mp=/data,backup=1,size=10G'"
ok "P1 and nobody holds anything any more" sh -c "! '$PODMOX' -c '$dir/sim.yaml' ct list -o json | grep -q holder"
run 0 podmox plan "$dir/repo"
ok "P1 after the replacement nothing is left to do" grep -q 'Nothing' "$dir/out"
sed -i 's/unprivileged: false/unprivileged: true/' "$dir/repo/pod.yaml"
run 3 podmox apply --yes --allow-replace "$dir/repo"
uid=$(podmox describe 210 2>/dev/null | sed -n 's/^Uid: *//p')

sed -i '/path: \/data/d' "$dir/repo/pod.yaml"
sed -i 's/volumes:/volumes: []/' "$dir/repo/pod.yaml"
apply --allow-restart
ok "P1 a volume that leaves the manifest is kept" sh -c "'$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 210 unused0 | grep -q ."
pod <<-END
	rootfs: {storage: local-lvm, size: 6Gi}
	volumes:
	  - {path: /data, storage: local-lvm, size: 8Gi, backup: true}
END
run 0 podmox plan "$dir/repo"
ok "P1 and comes back" grep -q 're-attached unused' "$dir/out"
apply --allow-restart
ok "P1 with its data" sh -c "'$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 210 mp0 | grep -q 'mp=/data,backup=1,size=10G'"
uid=$(podmox describe 210 2>/dev/null | sed -n 's/^Uid: *//p')

# ---- P2 ----

pod <<-'END'
	rootfs: {storage: local-lvm, size: 6Gi}
	volumes:
	  - {path: /more, storage: local-lvm, size: 1024Mi}
	  - {path: /data, storage: local-lvm, size: 10G, backup: true}
	tags: [Prod, beta, alpha]
	description: "two lines\n\nand: an % & ü <b>\n"
	resources: {memory: 1Gi, swap: 0, cpulimit: 1.5, cpuunits: 200}
	network:
	  interfaces:
	    - {name: eth1, bridge: vmbr1, ip: dhcp, hwaddr: "bc:24:11:aa:BB:cc"}
	    - {name: eth0, bridge: vmbr0, ip: 10.0.0.5/24, gw: 10.0.0.1, firewall: true}
	  dns: {servers: [9.9.9.9, "2620:fe::fe"], search: [shop.example, example]}
	features: {nesting: true, fuse: false}
	startup: {order: 2, up: 10s}
	onboot: true
END
apply --allow-restart
synced "P2 applied twice, nothing is left to do"
ctl sim set 210 'tags=prod;beta;podmox;alpha;podmox-dea4218d' >/dev/null
synced "P2 tags in another order are the same"
before=$(value net0)
sed -i 's/memory: 1Gi/memory: 1024M/; s/size: 1024Mi/size: 1G/' "$dir/repo/pod.yaml"
synced "P2 sizes in another unit are the same"
ok "P2 a MAC that PVE made stays" [ "$before" = "$(value net0)" ]
ctl sim set 210 debug=1 >/dev/null
synced "P2 a key that the manifest does not mention is not podmox's business"
printf '  lifecycle: {ignore: [resources.cpuunits, network.interfaces.eth0.rate]}\n' >>"$dir/repo/pod.yaml"
ctl sim set 210 cpuunits=300 >/dev/null
synced "P2 a key that the manifest leaves to others is nobody's difference"
sed -i '/lifecycle: {ignore/d' "$dir/repo/pod.yaml"
apply

# ---- P5 ----

rm -rf "$dir/state"
synced "P5 there is no state that could be lost"
ctl sim move 210 pve3 >/dev/null
synced "P5 a guest that was moved is found, and left where it is"
ctl sim delete 210 >/dev/null
run 2 podmox plan --detailed-exitcode "$dir/repo"
ok "P5 a guest that was deleted by hand is made again" grep -q '1 to create' "$dir/out"
apply
synced "P5 and is as it was"

uid=$(podmox describe 210 2>/dev/null | sed -n 's/^Uid: *//p')
sed -i 's/name: db,/name: store,/' "$dir/repo/pod.yaml"
run 1 podmox plan "$dir/repo"
ok "P5 a rename in Git that nobody declared is told, with the remedy" grep -q 'movedFrom: \[Pod/shop/db\]' "$dir/err"
printf '  movedFrom: [db]\n' >>"$dir/repo/pod.yaml"
apply
ok "P5 and with it the guest lives on" same_guest
synced "P5 under its new name"
sed -i 's/name: store,/name: db,/; /movedFrom/d' "$dir/repo/pod.yaml"
run 0 podmox move --yes Pod/shop/store Pod/shop/db
synced "P5 podmox move does the same by hand"

# ---- P11 ----

printf '  ready: {ip: true, timeout: 20s}\n' >>"$dir/repo/pod.yaml"
sed -i 's/onboot: true/onboot: false/' "$dir/repo/pod.yaml"
apply
run 0 podmox plan "$dir/repo"
ok "P11 readiness is no part of a plan" grep -q 'Nothing to do' "$dir/out"

# ---- P12 ----

sed -i 's/nesting: true/nesting: false/' "$dir/repo/pod.yaml"
run 0 podmox plan "$dir/repo"
ok "P12 the plan says what needs a restart" grep -q 'needs a restart' "$dir/out"
up=$(podmox ct status 210 -o json 2>/dev/null | grep -o '"pid":[0-9]*')
apply
ok "P12 nobody is restarted without consent" [ "$up" = "$(podmox ct status 210 -o json 2>/dev/null | grep -o '"pid":[0-9]*')" ]
run 0 podmox plan "$dir/repo"
ok "P12 what waits is told until it is in force" grep -q 'restart' "$dir/out"
printf '  lifecycle: {restart: allow}\n' >>"$dir/repo/pod.yaml"
apply
ok "P12 with consent it is restarted once" sh -c "grep -c restarting '$dir/err' | grep -qx 1"
apply
ok "P12 and not again" sh -c "! grep -q restarting '$dir/err'"

# ---- P13 ----

pod <<-'END'
	rootfs: {storage: local-lvm, size: 6Gi}
	options: {timezone: host, tty: 1, cmode: console, hookscript: "local:snippets/hook.sh"}
	env: {TZ: Europe/Vienna}
	entrypoint: /sbin/init --log
	devices: [{path: /dev/net/tun, mode: "0660"}]
	startup: {order: 3, up: 5s, down: 60s}
END
apply --allow-restart
synced "P13 settings of every kind are made and read back"
printf '  options: {lxc.mount.entry: x}\n' >>"$dir/repo/pod.yaml"
sed -i '/options: {timezone/d' "$dir/repo/pod.yaml"
run 65 podmox plan "$dir/repo"
ok "P13 what the API cannot do is told as such" grep -q "PVE's API takes raw lxc keys from nobody" "$dir/err"
done_testing
