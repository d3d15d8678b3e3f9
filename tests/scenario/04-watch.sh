#!/usr/bin/env bash
# podmox watch: the cluster follows the folder.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

sim_start sim --nodes 3 --task-time 150ms
echo 'sync: {interval: 2s, prune: true}' >>"$dir/sim.yaml"
m=$dir/m
mkdir -p "$m/shop"
p() { "$PODMOX" -c "$dir/sim.yaml" "$@"; }

# gone VMID: the cluster does not have it.
gone() { ! there "$1"; }
# How often a line stands in the log.
lines() { grep -cF -- "$1" "$dir/log"; }
more_lines() { [ "$(lines "$1")" -gt "$2" ]; }

watch_start() {
	"$PODMOX" -c "$dir/sim.yaml" watch "$m" >"$dir/out.watch" 2>>"$dir/log" </dev/null &
	watch_pid=$!
	pids+=("$watch_pid")
}
# watch_end SIGNAL: the status of the daemon.
watch_end() {
	kill "-$1" "$watch_pid"
	wait "$watch_pid"
}

pod web 201 256Mi >"$m/shop/web.yaml"
pod db 202 256Mi >"$m/shop/db.yaml"
: >"$dir/log"

run 0 p watch "$m" --observe --once
ok "to observe changes nothing" gone 201
run 1 p watch "$dir/nowhere"
run 64 p watch "$m/shop/web.yaml"

watch_start
ok "makes what is missing" until_true there 201
ok "all of it" until_true there 202
ok "and says so" until_true logged 'created object=Pod/shop/db'
run 6 p watch "$m" --once
ok "a second one is refused" err_has "can be watched once only"

pod web 201 512Mi >"$m/shop/web.yaml"
ok "follows an edited file" until_true memory 201 512
ok "and names the change" until_true logged 'resources.memory 256M -> 512M'
pod web 201 384Mi >"$m/shop/.web.yaml.new"
mv "$m/shop/.web.yaml.new" "$m/shop/web.yaml"
ok "follows an editor that renames" until_true memory 201 384
pod cache 203 256Mi >"$m/shop/cache.yaml"
ok "follows a new file" until_true there 203
mkdir -p "$m/office/wiki"
pod wiki 204 256Mi >"$m/office/wiki/wiki.yaml"
ok "follows a new folder" until_true there 204
mv "$m/shop/cache.yaml" "$m/office/cache.yaml"
mv "$m/office" "$m/bureau"
pod wiki 204 320Mi >"$m/bureau/wiki/wiki.yaml"
ok "follows renamed files and folders" until_true memory 204 320
ok "which are still what they were" there 203

ctl sim set 202 memory=999 >/dev/null
ok "heals what was changed behind its back" until_true memory 202 256

# A broken file: named, in force as it was, and nothing is pruned.
printf 'apiVersion: podmox/v1\nkind: Pod\nspec: [\n' >"$m/shop/web.yaml"
rm "$m/bureau/cache.yaml"
ok "names a broken file" until_true logged "$m/shop/web.yaml:3:7"
ctl sim set 201 memory=999 >/dev/null
ok "its last good object is healed" until_true memory 201 384
pod db 202 448Mi >"$m/shop/db.yaml"
ok "the others are followed" until_true memory 202 448
broken=$(lines 'files are broken')
ok "for several cycles" until_true more_lines 'files are broken' $((broken + 1))
ok "nothing is pruned" there 203
pod web 201 384Mi >"$m/shop/web.yaml"
ok "once it is mended the prune follows" until_true gone 203
ok "and is told" until_true logged 'deleted object=Pod/shop/cache'
ok "only what is gone was deleted" test "$(lines 'deleted object')" = 1

# A cluster that does not answer is asked again; a change of files does not wait for that.
ctl sim fail 'GET /cluster/resources:500:3' >/dev/null
pod web 201 640Mi >"$m/shop/web.yaml"
ok "a cycle fails" until_true logged 'cycle failed'
ok "and another succeeds" until_true memory 201 640

run 0 watch_end TERM
ok "says that it ends" logged 'ending signal=SIGTERM'
watch_start
ok "starts again" until_true more_lines 'watching folder' 1
run 0 watch_end INT

# An apply that is killed in the middle: the next cycle finishes it, and there is no second guest.
for i in 1 2 3 4 5 6; do
	pod "kill$i" $((210 + i)) 256Mi >"$m/shop/kill$i.yaml"
done
"$PODMOX" -c "$dir/sim.yaml" apply "$m" --yes >"$dir/out" 2>"$dir/err" </dev/null &
apply_pid=$!
until_true there 211
kill -KILL "$apply_pid"
wait "$apply_pid" 2>/dev/null
run 0 p watch "$m" --once
run 0 p plan "$m" --detailed-exitcode
ok "nothing is left to be done" out_has "0 to create, 0 to update, 0 to replace, 0 to delete"
ok "each guest exists once" test -z "$(p get pods -o name | sort | uniq -d)"
ok "as many as there are objects" test "$(ctl sim guests | grep -owE '2[0-9][0-9]' | sort -u | wc -l)" = 9

run 0 p watch "$m" --once
printf 'nothing: here\n' >"$m/shop/kill1.yaml"
run 65 p watch "$m" --once
ok "a wrong manifest is named" err_has "kill1.yaml"
ok "no password in the log" test -z "$(grep -F "$(sed -n 's/.*"password": *"\([^"]*\)".*/\1/p' <<<"$sim_ready")" "$dir/log")"
done_testing
