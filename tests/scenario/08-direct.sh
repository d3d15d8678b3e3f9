#!/usr/bin/env bash
# Direct calls: each noun and verb once ("call ct.start"), every form of output, mistakes, waiting.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
sim_start sim --nodes 3 --stats-lag 0s
image=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst

p() { "$PODMOX" -c "$dir/sim.yaml" "$@"; }

# call NAME WORD...: the command must succeed; the table of calls names these lines.
call() {
	local name=$1 got=0
	shift
	p "$@" >"$dir/out" 2>"$dir/err" </dev/null || got=$?
	cat "$dir/out" "$dir/err" >>"$dir/seen.out"
	ok "call $name: podmox $*" test "$got" = 0
}
# json CODE: Python over the answer, which is `d`.
json() { python3 -c "import json,sys; d=json.load(open('$dir/out')); sys.exit(not ($1))"; }
# is VMID KEY=VALUE: what the simulator holds.
is() { ctl sim get "$1" "${2%%=*}" | grep -qxF -- "${2#*=}"; }
state() { ctl sim get "$1" | grep -qF -- "$2"; }
# lacks TEXT FILE...: none of them holds it.
lacks() { ! grep -rqF -- "$@"; }
first_line() { p "$@" | head -n 1 >"$dir/out"; }
fits() { [ "$(wc -L <"$dir/out")" -le 80 ]; }

# ---- containers ----
call ct.create ct create 100 --node pve1 ostemplate=$image rootfs=local-lvm:4 hostname=web memory=256
ok "says what was done" out_like '^ct create 100: done in [0-9.]+ s$'
ok "the log of the task is on stderr" err_has "TASK OK"
call ct.create ct create --node pve2 ostemplate=$image rootfs=local-lvm:4 -o name
ok "a free number was found" test "$(cat "$dir/out")" = 101
call ct.list ct list
ok "a table" out_like '^VMID +NAME +STATUS +NODE'
ok "holds it" out_like '^ *100 +web +stopped +pve1'
call ct.list ct list --node pve2 -o name
ok "only of that node" test "$(cat "$dir/out")" = 101
call ct.start ct start 100
call ct.status ct status 100
ok "key and value" out_like '^status +running'
call ct.interfaces ct interfaces 100
call ct.config ct config 100 -o json
ok "data unchanged" json 'd["hostname"] == "web" and d["memory"] in (256, "256")'
echo 'by hand' >"$dir/note"
call ct.set ct set 100 memory=512 "description=@file:$dir/note"
ok "it is set" is 100 memory=512
call ct.set ct set 100 --delete description
call ct.pending ct pending 100
call ct.restart ct restart 100
call ct.resize ct resize 100 --disk rootfs --size +1G
ok "it grew" test -n "$(ctl sim get 100 rootfs | grep -F size=5G)"
call ct.stop ct stop 100
ok "in order" test -n "$(p node tasks pve1 --typefilter vzshutdown -o name)"
call ct.start ct start 100
call ct.stop ct stop 100 --force
ok "at once" test -n "$(p node tasks pve1 --typefilter vzstop -o name)"
call ct.start ct start 100
call ct.shutdown ct shutdown 100 --timeout 10 --force-stop
call ct.snapshot ct snapshot 100 before --description "before all"
call ct.snapshots ct snapshots 100
ok "names it" out_has "before"
call ct.rollback ct rollback 100 before --yes
call ct.delsnapshot ct delsnapshot 100 before --yes
call ct.clone ct clone 100 --newid 110 --name copy --full
ok "it is there" is 110 hostname=copy
run 0 p ct move 110 rootfs --storage local --dry-run
ok "shows the call" out_has "POST /nodes/{node}/lxc/110/move_volume"
call ct.move ct move 110 rootfs --storage local --delete
call ct.move ct move 110 rootfs --storage local-lvm --delete
call ct.migrate ct migrate 110 --target pve2
ok "it moved" test "$(p ct list --node pve2 -o name | tail -n 1)" = 110
call ct.template ct template 110 --yes
call ct.delete ct delete 110 --purge --yes
run 1 p ct status 110
ok "it is gone" err_has "110"

# ---- virtual machines ----
call vm.create vm create 200 --node pve1 name=db memory=512 agent=1 scsi0=local-lvm:4 net0=virtio,bridge=vmbr0
call vm.list vm list
ok "only machines" out_like '^ *200 +db +stopped +pve1'
ok "no containers" out_lacks web
call vm.start vm start 200
call vm.status vm status 200
ok "key and value" out_like '^qmpstatus +running'
call vm.suspend vm suspend 200
call vm.resume vm resume 200
call vm.config vm config 200 -o json
ok "data unchanged" json 'd["name"] == "db"'
call vm.set vm set 200 onboot=1
call vm.set vm set 200 --delete onboot
call vm.pending vm pending 200
call vm.resize vm resize 200 scsi0 +1G
call vm.restart vm restart 200
call vm.stop vm stop 200
call vm.start vm start 200
call vm.stop vm stop 200 --force
call vm.start vm start 200
call vm.shutdown vm shutdown 200 --timeout 10
call vm.snapshot vm snapshot 200 before
call vm.snapshots vm snapshots 200 -o name
ok "names it" out_like '^before$'
call vm.rollback vm rollback 200 before --yes
call vm.delsnapshot vm delsnapshot 200 before --yes
call vm.clone vm clone 200 --newid 201 --name copy --full
call vm.move vm move 201 scsi0 --storage local --delete
call vm.migrate vm migrate 201 --target pve2 --with-local-disks
call vm.template vm template 201 --yes
call vm.delete vm delete 201 --purge --yes
run 1 p vm status 201
run 64 p vm status 100
ok "it is a container" err_has "container"
run 64 p ct start 200
ok "it is a machine" err_has "virtual machine"
call vm.set vm set 200 --delete agent
call vm.start vm start 200
run 1 p vm stop 200 --timeout 1
ok "says what else there is" err_has "stop --force"
call vm.stop vm stop 200 --force
call vm.delete vm delete 200 --purge --yes

# ---- nodes ----
call node.list node list
ok "a table of nodes" out_like '^pve3 +online'
call node.status node status pve1
ok "sizes for people" out_like '^memory.total +[0-9.]+[GM]$'
call node.version node version pve1 -o yaml
ok "yaml" out_has "version:"
call node.network node network pve1
ok "bridges" out_has "vmbr0"
call node.services node services pve1
call node.service node service pve1 pveproxy
call node.tasks node tasks pve1 --limit 3
ok "in 80 columns" fits
ok "a task can be copied" out_like '^  UPID:pve1:.*:$'
upid=$(p node tasks pve1 --limit 1 -o name)

# ---- tasks ----
call task.status task status "$upid"
ok "it has ended" out_like '^exitstatus +OK'
call task.log task log "$upid" --limit 0
ok "lines" out_has "TASK OK"
call task.wait task wait "$upid"
ok "nothing to wait for" out_like '^task wait .*: done'
run 0 p ct start 100 --no-wait
upid=$(cat "$dir/out")
ok "a task to follow" test "${upid#UPID:pve1:}" != "$upid"
run 0 p task wait "$upid"
call task.stop task stop "$upid"

# ---- storages ----
call storage.list storage list
ok "in 80 columns" fits
call storage.list storage list --node pve1 -o name
ok "as other calls take it" out_like '^pve1/local-lvm$'
call storage.status storage status pve1/local
ok "sizes for people" out_like '^total +[0-9.]+[GT]$'
call storage.content storage content pve1/local --content vztmpl
ok "in 80 columns" fits
ok "volumes" out_has "$image"
head -c 4096 /dev/zero >"$dir/disk.iso"
call storage.upload storage upload pve1/local iso "$dir/disk.iso"
call storage.content storage content pve1/local --content iso -o name
ok "it is there" out_has local:iso/disk.iso
call storage.rm storage rm local:iso/disk.iso --node pve1 --yes
call storage.alloc storage alloc pve1/local-lvm 100 vm-100-disk-9 1G
ok "tells the volume" out_has local-lvm:vm-100-disk-9
call storage.download storage download pve1/local --content iso --url https://example.org/a.iso --filename a.iso
call storage.tags storage tags pve1 registry.example/library/nginx
call storage.pull storage pull pve1/local registry.example/library/nginx:1.29

# ---- pools, the cluster, oneself ----
call pool.create pool create shop --comment "for the shop"
call pool.set pool set shop --vms 100
call pool.list pool list
ok "a table of pools" out_like '^shop +for the shop'
run 0 p ct list
ok "a member" out_like '^ *100 .* shop'
run 0 p pool set shop --vms 100 --delete
call pool.delete pool delete shop --yes
call cluster.resources cluster resources
call cluster.status cluster status
call cluster.nextid cluster nextid
ok "a number alone" out_like '^[0-9]+$'
call cluster.version cluster version
call cluster.permissions cluster permissions --path /vms/100
ok "privileges" out_has VM.Allocate

# ---- any path ----
call api.get api get /nodes/pve1/lxc/100/config -o json
ok "data" json 'd["hostname"] == "web"'
call api.get api get /api2/json/cluster/status
ok "people get yaml" out_like '^- id: cluster'
call api.put api put /nodes/pve1/lxc/100/config memory=384 'description=a & b = c; 100%'
ok "encoded well" test "$(p api get /nodes/pve1/lxc/100/config -o json | python3 -c 'import json,sys; print(json.load(sys.stdin)["description"].strip())')" = 'a & b = c; 100%'
call api.post api post /nodes/pve1/lxc/100/status/stop
ok "its task was followed" err_has "TASK OK"
call api.delete api delete /nodes/pve2/lxc/101 --yes
ok "audited" grep -q '"operation":"api"' "$dir/state/audit.jsonl"
run 64 p api fetch /nodes
ok "lists the methods" err_has "get, post, put, delete"
run 64 p api get '/nodes?x=y'
run 64 p api get /nodes verbose
run 1 p api get /nodes/pve1/lxc/999/config

# ---- forms ----
for words in "ct list" "node list" "ct config 100" "storage content pve1/local" "cluster status"; do
	# shellcheck disable=SC2086 # words they are
	for form in json yaml name human; do
		run 0 p $words -o $form
	done
done
ok "no colour, no control characters" test -z "$(p ct list | tr -d '\n -~')"
p ct set 100 hostname=esc 2>"$dir/err"
ctl sim set 100 "tags=$(printf 'a\033[31mb')" >/dev/null
run 0 p ct config 100
ok "what others wrote is made harmless" test -z "$(tr -d '\n -~' <"$dir/out")"
first_line node tasks pve1
ok "a pipe that ends early" out_has STARTTIME
run 0 p -v ct config 100
ok "statistics" err_like 'podmox: [0-9]+ requests, 0 failed'
ok "of the cache" err_like 'cache: [0-9]+ hits'
run 0 p --no-cache ct config 100

# ---- mistakes ----
run 64 p ct
ok "lists the verbs" err_has "list, status, start"
run 64 p ct strat 100
ok "guesses the verb" err_has "did you mean start?"
run 64 p ct frobnicate
ok "lists the verbs" err_has "list, status, start"
run 64 p ct clone 100 --nwid 5
ok "guesses the option" err_has "did you mean --newid?"
run 64 p ct clone 100 nwid=5
ok "guesses the parameter" err_has "did you mean newid?"
run 64 p ct create 102 --node pve1 --memory 512
ok "keys are no options" err_has "memory=VALUE"
run 64 p ct start
ok "names what is missing" err_has "vmid"
run 64 p ct start 100 pve1
run 64 p ct start seven
ok "says what a number is" err_has "seven"
run 64 p ct clone 100 --newid
run 64 p node status pve1/local
run 64 p storage rm nonsense --node pve1 --yes
run 64 p task wait nonsense
run 1 p ct start 999
ok "names the guest" err_has "999"
run 1 p ct start 100 --node pve3
run 1 p node status pve9
run 64 p ct create 102 --node pve1 ostemplate=$image password=geheimnis
ok "names the way out" err_has "password=@env:NAME"
ok "without the secret" lacks geheimnis "$dir/out" "$dir/err"
run 65 env -u NOTHING "$PODMOX" -c "$dir/sim.yaml" ct create 102 --node pve1 ostemplate=$image password=@env:NOTHING
SECRET=geheimnis run 0 p ct create 102 --node pve1 ostemplate=$image rootfs=local-lvm:1 password=@env:SECRET --dry-run
ok "the dry run shows where from" out_has "password: @env:SECRET"
SECRET=geheimnis run 0 p ct create 102 --node pve1 ostemplate=$image rootfs=local-lvm:1 password=@env:SECRET
ok "nowhere in a log" lacks geheimnis "$dir/state" "$dir/sim.requests" "$dir/out" "$dir/err"
run 64 p ct delete 102
ok "asks for --yes" err_has -- "--yes"
run 64 p ct rollback 102 before
run 64 p ct set 102 --delete unused0
run 64 p api delete /nodes/pve1/lxc/102
ok "still there" is 102 memory=512
before=$(wc -l <"$dir/sim.requests")
run 0 p ct delete 102 --purge --dry-run -o json
ok "a dry run asks nothing" json 'd["method"] == "DELETE" and d["parameters"]["purge"] == "1"'
ok "and sends nothing" test "$before" = "$(wc -l <"$dir/sim.requests")"

# ---- guests that move, tasks that fail ----
run 0 p ct start 102
ctl sim move 102 pve3 >/dev/null
run 0 p ct stop 102
ok "followed to its node" test "$(p ct list --node pve3 -o name)" = 102
run 0 p ct set 102 mp0=/srv/data,mp=/srv
run 1 p ct migrate 102 --target pve1
ok "a failed task tells its last lines" err_like "error: .*cannot migrate local bind mount"
run 1 p ct start 100 --config /nonexistent.yaml

# ---- the policy ----
sed 's/^journal:/policy: {allow: [start]}\n&/' "$dir/sim.yaml" >"$dir/only.yaml"
before=$(wc -l <"$dir/sim.requests")
run 4 "$PODMOX" -c "$dir/only.yaml" ct stop 102
ok "names the operation" err_has "stop"
run 4 "$PODMOX" -c "$dir/only.yaml" api post /nodes/pve3/lxc/102/status/start
ok "nothing was sent" test "$before" = "$(wc -l <"$dir/sim.requests")"

# ---- Ctrl-C while waiting ----
sim_start slow --task-time 20s
"$PODMOX" -c "$dir/slow.yaml" ct create 100 --node pve1 ostemplate=$image rootfs=local-lvm:1 \
	-o json >"$dir/out" 2>"$dir/err" &
pid=$!
ok "the task is known before it ends" until_true grep -q UPID "$dir/out"
kill -INT $pid
wait $pid
ok "interrupted: exit 130" test $? = 130
ok "the task goes on" err_like 'the task goes on; "podmox task wait UPID:'

# ---- on a terminal ----
# typed ANSWER WORD...: runs it on a terminal, answers its question; what was seen is $dir/out.
typed() {
	python3 - "$@" >"$dir/out" <<-'END'
		import os, pty, sys

		pid, fd = pty.fork()
		if pid == 0:
		    os.environ["TERM"] = "xterm"
		    os.execv(sys.argv[2], sys.argv[2:])
		seen = b""
		asked = False
		while True:
		    try:
		        more = os.read(fd, 4096)
		    except OSError:
		        break
		    if not more:
		        break
		    seen += more
		    if b"[y/N]" in seen and not asked:
		        asked = True
		        os.write(fd, sys.argv[1].encode() + b"\n")
		sys.stdout.buffer.write(seen)
		sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
	END
}
on_terminal() { # STATUS ANSWER WORD...
	local want=$1 got=0
	typed "$2" "$PODMOX" -c "$dir/sim.yaml" "${@:3}" || got=$?
	ok "on a terminal, \"$2\": exit $want: ${*:3}" test $got = "$want"
}
on_terminal 130 "" ct delete 100
ok "the default is No" out_has "Nothing was changed."
on_terminal 130 n ct delete 100
on_terminal 0 "" ct start 100
ok "one line, drawn again" out_like $'\r\033\\[K.*TASK OK\r\033\\[K'
on_terminal 0 "" ct stop 100 -q
ok "quiet" out_lacks "TASK OK"
on_terminal 0 y ct delete 100

# ---- help ----
for noun in ct vm node storage task pool cluster; do
	run 0 p $noun --help
	mapfile -t verbs < <(sed -n '/^Verbs:/,/^$/s/^  \([a-z]\+\).*/\1/p' "$dir/out")
	for verb in "${verbs[@]}"; do
		"$PODMOX" $noun "$verb" --help >"$dir/out" || echo bad >>"$dir/out"
		ok "help of $noun $verb" out_like "^usage: podmox $noun $verb"
		ok "the manual has $noun $verb" grep -qE "^[^ ]*( [^ ]*)?\*$noun\*.* \*$verb\*( |$)" "$top/docs/man/podmox.1.scd"
	done
done
ok "no line of help is wider than 80" test "$(p ct clone --help | wc -L)" -le 80
run 0 p help ct clone
ok "defaults" out_has -- "--full"

# ---- completion ----
run 0 p complete -- ct sta
ok "verbs" test "$(cut -f1 "$dir/out" | tr '\n' ' ')" = "status start "
run 0 p complete -- -c "$dir/sim.yaml" ct status 10
ok "numbers" out_like '^102'
run 0 p complete -- storage content pve1/l
ok "storages" out_like '^pve1/local-lvm'
run 0 p complete -- ct clone 100 --n
ok "options" out_like '^--newid'
run 0 "$PODMOX" -c "$dir/nothing.yaml" complete -- ct start ''
ok "silence when there is no answer" test ! -s "$dir/out" -a ! -s "$dir/err"
# bash hands its line over; what it gets back is the rest of the word
completes() {
	PATH=$dir/bin:$PATH PODMOX_CONFIG=$dir/sim.yaml bash -c '
		source <(podmox completion bash)
		COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
		_podmox
		printf "%s\n" "${COMPREPLY[@]}"' bash "$1" >"$dir/out" 2>&1
}
mkdir "$dir/bin"
ln -s "$PODMOX" "$dir/bin/podmox"
completes "podmox ct sto"
ok "bash: a verb" out_like '^stop$'
completes "podmox ct set 102 --dele"
ok "bash: an option" out_like '^--delete$'
completes "podmox node status "
ok "bash: a node" out_like '^pve2$'
completes "podmox storage upload pve1/local i"
ok "bash: a choice" out_like '^iso$'
completes "podmox explain Pod.spec.rootfs.si"
ok "bash: a field" out_like '^Pod.spec.rootfs.size$'
completes "podmox apply "
ok "bash: files are the shell's" test -z "$(tr -d '\n' <"$dir/out")"
done_testing
