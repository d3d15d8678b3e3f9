#!/usr/bin/env bash
# Virtual machines: made blank, from an image, and as copies of a template; changed while they run and by a
# restart; moved, deleted, exported and adopted.
# shellcheck source=tests/scenario/lib.sh disable=SC2119,SC2120 # functions that may be given more
. "$(dirname "$0")/lib.sh"

sim_start sim --nodes 3
podmox() {
	"$PODMOX" -c "$dir/sim.yaml" "$@"
}
config() {
	podmox vm config "$1" -o json 2>/dev/null
}
# has VMID TEXT: the configuration at PVE holds it.
has() {
	config "$1" | grep -qF -- "$2"
}
lacks() {
	! has "$@"
}
status() {
	podmox vm status "$1" -o json 2>/dev/null | grep -qF "\"status\":\"$2\""
}
# second_run: nothing is left to do.
second_run() {
	run 0 podmox plan "$dir/m" --detailed-exitcode "$@"
	ok "and nothing is left to do" grep -qE 'Nothing (else )?to do' "$dir/out"
}

mkdir "$dir/m" "$dir/secret"
printf '%s' hush-vm-password >"$dir/secret/pw"
run 0 podmox api post /storage storage=nfs type=nfs server=192.0.2.9 export=/x path=/mnt/pve/nfs content=images,iso,import
head -c 1048576 /dev/zero >"$dir/debian.iso"
head -c 3145728 /dev/zero >"$dir/debian.qcow2"
run 0 podmox storage upload pve1/nfs --file "$dir/debian.iso" --content iso -q
run 0 podmox storage upload pve1/nfs --file "$dir/debian.qcow2" --content import -q
run 0 podmox vm create 9000 --node pve1 name=template memory=1024 cores=1 scsi0=local-lvm:2 ide2=local-lvm:cloudinit \
	net0=virtio,bridge=vmbr0 ciuser=debian tags=base description=golden -q
run 0 podmox vm template 9000 --yes -q

# ---- create ----

cat >"$dir/m/build.yaml" <<'YAML'
apiVersion: podmox/v1
kind: VirtualMachine
metadata: {name: build, namespace: ci}
spec:
  node: pve1
  vmid: 250
  cpu: {type: host, cores: 2, sockets: 1, units: 100}
  memory: {size: 2Gi, balloon: 1Gi}
  scsihw: virtio-scsi-single
  ostype: l26
  bios: ovmf
  machine: {type: q35}
  efidisk: {storage: local-lvm, efitype: 4m, pre-enrolled-keys: true}
  tpmstate: {storage: local-lvm, version: v2.0}
  disks:
    - {slot: scsi0, storage: local-lvm, size: 4Gi, discard: "on", ssd: true, iothread: true}
    - {slot: virtio1, storage: local-lvm, size: 2Gi}
    - {slot: ide2, source: "nfs:iso/debian.iso", media: cdrom}
  network: {interfaces: [{slot: net0, model: virtio, bridge: vmbr0, tag: 20, firewall: true}]}
  agent: {enabled: true}
  cloudInit: {ipconfig: [{slot: ipconfig0, ip: 192.0.2.7/24}]}
  boot: {order: [scsi0, net0]}
  serial: [{slot: serial0, device: socket}]
  ready: {ip: true, timeout: 20s}
  tags: [prod]
  description: Builds things
YAML
cat >"$dir/m/image.yaml" <<'YAML'
apiVersion: podmox/v1
kind: VirtualMachine
metadata: {name: image, namespace: ci}
spec:
  node: pve1
  vmid: 251
  memory: {size: 1Gi}
  disks:
    - {slot: scsi0, storage: nfs, size: 1Gi, import: "nfs:import/debian.qcow2", format: qcow2}
    - {slot: ide0, storage: nfs, cloudinit: true}
  network: {interfaces: [{slot: net0, bridge: vmbr0}]}
  cloudInit:
    user: me
    password: {fromFile: ../secret/pw}
    sshKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHPLu0ZkBYpTPGUB0WrgMCkK5mIHHUaG2cIhTDSRVWEP me@x]
    ipconfig: [{slot: ipconfig0, ip: 192.0.2.5/24, gw: 192.0.2.1}]
YAML
cat >"$dir/m/copy.yaml" <<'YAML'
apiVersion: podmox/v1
kind: VirtualMachine
metadata: {name: copy, namespace: ci}
spec:
  vmid: 252
  clone: {from: "9000", full: true, storage: nfs}
  cpu: {cores: 2}
  memory: {size: 2Gi}
  disks:
    - {slot: scsi0, storage: nfs, size: 3Gi}
    - {slot: scsi1, storage: local-lvm, size: 1Gi}
  network: {interfaces: [{slot: net0, bridge: vmbr1}]}
  cloudInit: {user: me, password: {fromFile: ../secret/pw}}
  description: A copy
  tags: [copied]
---
apiVersion: podmox/v1
kind: VirtualMachine
metadata: {name: linked, namespace: ci}
spec:
  vmid: 253
  clone: {from: "9000"}
  state: stopped
YAML
run 0 podmox validate "$dir/m"
run 0 podmox plan "$dir/m"
ok "a plan says what they are made of" out_has 'as 252, a copy of 9000, 2 volumes'
ok "and what is imported" out_has 'as 251, 1 volume, 1 of them imported'
run 0 podmox apply "$dir/m" --dry-run
ok "a dry run makes nothing" sh -c "! '$PODMOX' -c '$dir/sim.yaml' vm list -o json | grep -q '\"vmid\":25'"
run 0 podmox apply "$dir/m" --yes
ok "all four are made" out_has 'Applied: 4 done, 0 failed'
second_run
run 0 podmox apply "$dir/m" --yes
ok "a second run writes nothing" grep -q 'Nothing to do' "$dir/out" "$dir/err"

ok "the blank one runs" status 250 running
ok "with its disks" has 250 '"scsi0":"local-lvm:vm-250-disk-'
ok "and its firmware's volume" has 250 'efitype=4m,pre-enrolled-keys=1'
ok "and its TPM" has 250 'version=v2.0'
ok "and the boot order it was given" has 250 '"boot":"order=scsi0;net0"'
ok "and the ISO image" has 250 '"ide2":"nfs:iso/debian.iso,media=cdrom'
ok "and its tags" has 250 ';prod"'
ok "the imported disk is as large as it is to be" has 251 'size=1G'
ok "cloud-init has its user" has 251 '"ciuser":"me"'
ok "and its keys, encoded" has 251 'ssh-ed25519%20AAAA'
ok "and a password nobody sees" has 251 '"cipassword":"**********"'
ok "the copy has what the manifest says" has 252 '"memory":"2048"'
ok "its disk has grown" has 252 'size=3G'
ok "it has a second one" has 252 '"scsi1":"local-lvm:vm-252-disk-'
ok "its interface is on the other bridge" has 252 'bridge=vmbr1'
ok "it was sent its password" has 252 '"cipassword":"**********"'
ok "what the manifest does not name is the template's" has 252 '"ide2":"nfs:252/vm-252-cloudinit'
ok "its text is its own" lacks 252 golden
ok "and so are its tags" has 252 '"tags":"copied;podmox;'
ok "the marker is of its own number" has 252 '\"vmid\":252'
ok "the linked copy is stopped" status 253 stopped

# ---- changes while it runs ----

sed -i 's/units: 100/units: 200/; s/virtio1, storage: local-lvm, size: 2Gi/virtio1, storage: local-lvm, size: 3Gi/
	s/tag: 20/tag: 30/; s/Builds things/Builds more/; s/tags: \[prod\]/tags: [prod, ci]/
	s/^    - {slot: ide2.*/&\n    - {slot: scsi1, storage: local-lvm, size: 1Gi}/
	s/^  ready:/  onboot: true\n&/' "$dir/m/build.yaml"
run 0 podmox plan "$dir/m"
ok "all of it is live" sh -c "! grep -q pending '$dir/out'"
ok "a disk grows" out_like 'virtio1.size +2G -> 3G +grows'
run 0 podmox apply "$dir/m" --yes
second_run
ok "the disk has grown" has 250 '"virtio1":"local-lvm:vm-250-disk-3,size=3G"'
ok "the new one is there" has 250 '"scsi1":"local-lvm:vm-250-disk-'
ok "the MAC address stayed" has 250 'virtio=BC:24:11:'
ok "the boot order stayed" has 250 '"boot":"order=scsi0;net0"'
ok "it was not stopped" status 250 running

sed -i 's/scsi0, storage: local-lvm/scsi0, storage: nfs/' "$dir/m/build.yaml"
run 0 podmox plan "$dir/m"
ok "a disk moves without a stop" out_like 'scsi0.storage +local-lvm -> nfs +moves$'
run 0 podmox apply "$dir/m" --yes
second_run
ok "it lies there" has 250 '"scsi0":"nfs:250/vm-250-disk-'
ok "nothing of it is left behind" lacks 250 unused
ok "nobody stopped it" sh -c "! grep -q '\"path\":\"[^\"]*/250/status/\(stop\|shutdown\|reboot\)' '$dir/sim.requests'"

sed -i 's/  node: pve1/  node: pve2\n  pinned: true/' "$dir/m/build.yaml"
run 0 podmox plan "$dir/m"
ok "it changes its node while it runs" out_like 'node +pve1 -> pve2 +migrates, goes on meanwhile'
run 0 podmox apply "$dir/m" --yes
second_run
ok "it runs there" sh -c "'$PODMOX' -c '$dir/sim.yaml' vm list -o json | grep -q '\"node\":\"pve2\"[^}]*\"vmid\":250\|\"vmid\":250[^}]*\"node\":\"pve2\"'"
ok "and was not stopped for it" sh -c "! grep -q '\"path\":\"[^\"]*/250/status/\(stop\|shutdown\|reboot\)' '$dir/sim.requests'"

# ---- what waits for a restart ----

sed -i 's/cores: 2, sockets/cores: 4, sockets/; s/size: 2Gi, balloon/size: 3Gi, balloon/' "$dir/m/build.yaml"
run 0 podmox plan "$dir/m"
ok "it is said before" out_like 'cores +2 -> 4 +pending: needs a restart, not allowed here'
run 0 podmox apply "$dir/m" --yes
ok "it is written" out_has 'written, waits for a restart'
second_run
ok "and said to wait" out_like 'cores +2 -> 4 +written, waits for a restart'
ok "nobody restarted it" sh -c "! grep -q '\"path\":\"[^\"]*/250/status/reboot' '$dir/sim.requests'"
sed -i 's/^  ready:/  lifecycle: {restart: allow}\n&/' "$dir/m/build.yaml"
run 0 podmox apply "$dir/m" --yes
ok "a restart that is allowed brings it into force" sh -c "'$PODMOX' -c '$dir/sim.yaml' api get /nodes/pve2/qemu/250/config current=1 -o json | grep -q '\"cores\":4'"
second_run
ok "it runs again" status 250 running

# ---- cloud-init ----

sed -i 's/user: me/user: you/; s/192.0.2.5/192.0.2.6/' "$dir/m/image.yaml"
run 0 podmox plan "$dir/m"
ok "a change of cloud-init says when it takes effect" out_has 'takes effect when the guest reads cloud-init anew'
run 0 podmox apply "$dir/m" --yes
second_run
ok "it is written" has 251 '"ciuser":"you"'

# ---- what left the manifest ----

sed -i '/slot: scsi1, storage: local-lvm, size: 1Gi/d; /^  onboot/d; /^  description/d' "$dir/m/build.yaml"
run 0 podmox plan "$dir/m"
ok "a disk is detached, not deleted" out_like 'scsi1 .*-> absent +live, detached, kept as unused0'
run 0 podmox apply "$dir/m" --yes
second_run
ok "it hangs there unused" has 250 '"unused0":"local-lvm:vm-250-disk-'
ok "what podmox set is gone" lacks 250 onboot

# ---- replace ----

sed -i 's/from: "9000"}/from: "250"}/' "$dir/m/copy.yaml"
run 0 podmox plan "$dir/m" --allow-replace
ok "another source needs a new guest, which is not allowed" out_has 'needs a new guest, which lifecycle.replace does not allow'
sed -i 's/from: "250"}/from: "9000"}/' "$dir/m/copy.yaml"

# What the template has comes anew; the other disk, which somebody has made larger, goes through a holder.
run 0 podmox vm create 9001 --node pve1 name=newer memory=1024 scsi0=local-lvm:2 net0=virtio,bridge=vmbr0 -q
run 0 podmox vm template 9001 --yes -q
run 0 podmox vm resize 252 disk=scsi1 size=5G -q
cp "$dir/m/copy.yaml" "$dir/copy.before"
sed -i 's/from: "9000", full/from: "9001", full/; s/^  description: A copy/  lifecycle: {replace: allow}\n&/' "$dir/m/copy.yaml"
run 0 podmox plan "$dir/m" --allow-replace
ok "a replacement names the disk that dies" out_like 'destroys nfs:252/vm-252-disk-'
ok "and the disk that lives on" out_like 'keeps local-lvm:vm-252-disk-.*'
ok "and who holds it" out_has 'over through a holder'
# The disk that somebody has made larger cannot be what the manifest says.
run 3 podmox apply "$dir/m" --yes --allow-replace
run 0 podmox plan "$dir/m"
ok "and nothing is left to do but what cannot be" out_has "Nothing else to do"
ok "the new machine has the disk of the old one" has 252 'size=5G'
ok "and what the template brought, as large as it is to be" has 252 'size=3G'
ok "and its user" has 252 '"ciuser":"me"'
ok "nobody holds anything any more" sh -c "! '$PODMOX' -c '$dir/sim.yaml' vm list -o json | grep -q holder"
ok "it runs" status 252 running

# ---- a disk that comes back ----

sed -i '/slot: scsi1, storage: local-lvm, size: 1Gi/d' "$dir/m/copy.yaml"
run 0 podmox apply "$dir/m" --yes
ok "a detached disk is unused" has 252 '"unused0":"local-lvm:vm-252-disk-'
sed -i 's/^    - {slot: scsi0, storage: nfs, size: 3Gi}/&\n    - {slot: scsi1, storage: local-lvm, size: 1Gi}/' "$dir/m/copy.yaml"
run 0 podmox plan "$dir/m"
ok "the plan says that it comes back" out_has 're-attached unused0'
run 0 podmox apply "$dir/m" --yes
run 0 podmox plan "$dir/m"
ok "and nothing is left to do but what cannot be" out_has "Nothing else to do"
ok "it is the same disk" has 252 'size=5G'
ok "and unused no more" lacks 252 unused0
cp "$dir/copy.before" "$dir/m/copy.yaml"

# ---- export and adopt ----

run 0 podmox forget VirtualMachine/ci/build VirtualMachine/ci/image --yes
ok "nothing of podmox is left" lacks 250 podmox
mkdir "$dir/e"
run 0 podmox export 250 251
cp "$dir/out" "$dir/e/all.yaml"
run 0 podmox validate "$dir/e"
ok "a machine is exported as one" sh -c "[ \$(grep -c '^kind: VirtualMachine' '$dir/e/all.yaml') = 2 ]"
run 0 podmox plan "$dir/e"
ok "nothing differs from what was exported" sh -c "[ \$(tr '\n' ' ' <'$dir/out' | grep -o 'it is as the *manifest says' | wc -l) = 2 ]"
config 250 >"$dir/before"
run 0 podmox adopt "$dir/e" --yes
run 0 podmox plan "$dir/e"
ok "they are ours, and nothing is to be done" out_has '2 unchanged'
run 0 podmox get vms
ok "get lists them" out_like '250 pve2 +running owned'
run 0 podmox describe VirtualMachine/default/build
ok "describe shows one" out_has 'Managed:'
run 0 podmox snapshot "$dir/live.json"
run 0 podmox plan "$dir/e" --live "$dir/live.json"
ok "a plan without the cluster says the same" out_has '2 unchanged'

# ---- delete ----

run 0 podmox vm set 250 protection=1 -q
run 0 podmox delete VirtualMachine/default/build --yes
ok "a protected one is kept" grep -q 'it is protected' "$dir/out" "$dir/err"
run 0 podmox vm set 250 protection=0 -q
run 0 podmox delete VirtualMachine/default/build --yes
ok "its volumes were named" out_has 'destroys nfs:250/vm-250-disk-'
ok "a running one is shut down and deleted" sh -c "! '$PODMOX' -c '$dir/sim.yaml' vm list -o json | grep -q '\"vmid\":250'"
awk '/^---/ { n = !n } n' "$dir/e/all.yaml" >"$dir/all" && mv "$dir/all" "$dir/e/all.yaml"
run 4 podmox plan "$dir/e" --prune
ok "what no manifest names is to go" out_has 'no longer in the manifests; it is shut down first'
run 0 podmox doctor "$dir/m"
done_testing
