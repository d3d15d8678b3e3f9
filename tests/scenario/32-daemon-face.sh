#!/usr/bin/env bash
# The daemon's face against the simulator: every command that asks it, every endpoint, systemd's protocol, the unit,
# and what monitoring gets.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

sim_start sim --nodes 3 --task-time 150ms
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
sed -i "s|^agent: .*|agent: {socket: $dir/run/podmox.sock, listen: \"127.0.0.1:$port\", hosts: [watcher.lan]}|" "$dir/sim.yaml"
echo 'sync: {interval: 1h}' >>"$dir/sim.yaml"
m=$dir/m
mkdir -p "$m"
p() { "$PODMOX" -c "$dir/sim.yaml" "$@"; }

# http METHOD PATH [HEADER]...: head and body of the answer in $dir/out.
http() {
	local method=$1 path=$2
	shift 2
	case " $*" in *" Host: "*) ;; *) set -- "$@" 'Host: localhost' ;; esac
	exec 8<>"/dev/tcp/127.0.0.1/$port" || return 1
	{
		printf '%s %s HTTP/1.1\r\n' "$method" "$path"
		printf '%s\r\n' "$@"
		printf '\r\n'
	} >&8
	tr -d '\r' <&8 >"$dir/out"
	exec 8<&-
	cat "$dir/out" >>"$dir/seen.out"
}
# answers CODE METHOD PATH [HEADER]...
answers() {
	local code=$1
	shift
	http "$@" && head -n 1 "$dir/out" | grep -q " $code "
}
body() { sed '1,/^$/d' "$dir/out"; }
# What a member of the JSON in $dir/out says: json 'd["set"]' home
json() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); got = eval(sys.argv[2]); assert str(got) == sys.argv[3], got' "$dir/out" "$1" "$2"; }
# Asks until the status says so: status_says 'd["inPlace"]' True
status_says() { p status -o json >"$dir/out" 2>/dev/null && json "$1" "$2"; }
# The same of what people see, which may change while the daemon works.
shows() { p status >"$dir/out" 2>/dev/null && out_like "$1"; }
metric() { http GET /metrics && body | grep -qxF -- "$1"; }

# ---- nobody is there ----
run 1 p status
ok "says where it looked and what to do" err_like "no podmox daemon listens at $dir/run/podmox.sock; start one with podmox watch"
run 1 p reconcile --socket "$dir/nowhere.sock"
run 64 p suspend pod/shop
run 64 p suspend --for tomorrow
run 64 p history --limit 0

# ---- a daemon that systemd has started ----
cat >"$dir/systemd.py" <<'END'
# Stands in for systemd: keeps what it is told, a line each.
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("ready", flush=True)
with open(sys.argv[2], "w", buffering=1) as f:
    while True:
        f.write(s.recv(65536).decode() + "\n")
END
mkfifo "$dir/ready"
python3 "$dir/systemd.py" "$dir/notify" "$dir/told" >"$dir/ready" &
pids+=($!)
read -r _ <"$dir/ready"
told() { grep -q -- "$1" "$dir/told"; }

pod web 201 256Mi >"$m/web.yaml"
pod db 202 256Mi >"$m/db.yaml"
: >"$dir/log"
watch_start() {
	NOTIFY_SOCKET=$dir/notify WATCHDOG_USEC=2000000 "$PODMOX" -c "$dir/sim.yaml" watch "$m" \
		>"$dir/out.watch" 2>>"$dir/log" </dev/null &
	watch_pid=$!
	pids+=("$watch_pid")
}
watch_start
ok "tells systemd that it is ready" until_true told '^READY=1$'
ok "and what it does" until_true told '^STATUS=.*2 of 2 objects in sync'
ok "the watchdog is fed" until_true told '^WATCHDOG=1$'
ok "the socket is for its user only" test "$(stat -c %a "$dir/run/podmox.sock")" = 600
ok "what is wanted comes into place" until_true status_says 'd["inPlace"]' True

# ---- status ----
run 0 p status
ok "which set" out_like '^set +sim from '
ok "what is wanted" out_like '^wanted +tree:[0-9a-f]{16}, seen '
ok "what is applied" out_like '^applied +all of it'
ok "what happens next" out_like '^next +a look for drift in '
ok "the cluster" out_like '^cluster +quorate, 3 of 3 nodes online'
ok "the sum" out_like '^objects +2 in sync$'
ok "on 80 columns" test "$(wc -L <"$dir/out")" -le 80
ok "without a colour" out_lacks $'\033'
run 0 p status --color always
run 0 p status --detailed-exitcode
run 0 p status -o json
ok "as JSON" json 'd["summary"]["in-sync"]' 2
run 0 p status -o yaml
ok "as YAML" out_has 'inPlace: true'
run 0 p status -o name
ok "no name when all is well" test ! -s "$dir/out"
run 0 p status --all -o name
ok "every name when asked" out_has Pod/shop/db
ok "from a socket that is named" run 0 "$PODMOX" status --socket "$dir/run/podmox.sock"

# ---- suspend, resume, reconcile ----
run 0 p suspend pod/shop/web --for 2h --reason 'the disk is swapped'
ok "until when" out_like '^Pod/shop/web is left alone until 2[0-9-]+T'
ctl sim set 201 memory=999 >/dev/null
ctl sim set 202 memory=999 >/dev/null
run 0 p reconcile
ok "tells of the cycle" out_like '^cycle [0-9]+ \(.*asked.*\), .* [01] done, 0 failed'
ok "healed what is not suspended" memory 202 256
ok "left what is suspended alone" memory 201 999
run 0 p status
ok "suspended, by whom and why" out_like '^suspended +Pod/shop/web, ends in [12]h [0-9]+m, by uid [0-9]+ \(.*$'
ok "the reason is told" out_has 'the disk is swapped'
ok "and what differs" out_has 'memory 999M -> 256M'
run 2 p status --detailed-exitcode
run 0 p status -o name
ok "its name" out_has Pod/shop/web
run 1 p resume pod/shop/db
run 0 p resume pod/shop/web -o name
ok "says whose" out_has Pod/shop/web
ok "it is healed at once" until_true memory 201 256
run 0 p suspend -o json
ok "everything" json 'd["object"]' None
pod web 201 512Mi >"$m/web.yaml"
ok "a change is held back" until_true status_says 'd["inPlace"]' False
run 0 p reconcile
ok "also when it is asked" memory 201 256
run 0 p resume
ok "then it goes ahead" until_true memory 201 512
run 0 p reconcile --no-wait
ok "or is only asked" out_has 'has been asked'
run 1 p approve
ok "nothing waits for approval" err_has 'no revision waits'

run 0 p complete suspend 'Pod/shop/w'
ok "names are completed" test "$(cut -f1 "$dir/out")" = Pod/shop/web

# ---- what is held back, what is broken, what fails ----
pod db 202 256Mi 'features: {nesting: true}' >"$m/db.yaml"
ok "a change that needs a restart" until_true status_says 'd["summary"]["held"]' 1
run 0 p status
ok "is held, and says why" out_like 'waits for a restart'
pod db 202 256Mi >"$m/db.yaml"
ok "and is taken back" until_true status_says 'd["summary"]["held"]' 0
echo 'kind: [' >"$m/web.yaml"
ok "a broken file" until_true status_says 'len(d["brokenFiles"])' 1
run 0 p status
ok "is named with its place" out_like '^broken +.*m/web.yaml:[0-9]+:[0-9]+: '
ok "what that means" out_has 'nothing is pruned'
pod web 201 512Mi >"$m/web.yaml"
ok "and is well again" until_true status_says 'len(d["brokenFiles"])' 0
ctl sim fail 'PUT /nodes/*/lxc/201/config:500:20' >/dev/null
pod web 201 640Mi >"$m/web.yaml"
ok "an object that fails" until_true status_says 'd["summary"]["failing"]' 1
ok "is named with its tries" until_true shows '^failing +Pod/shop/web \(201 on pve1\).*tried [0-9]+ time'
run 1 p reconcile
ctl sim fail-clear >/dev/null
ok "and gets through in the end" until_true p reconcile
ok "as wanted" memory 201 640

# ---- history ----
run 0 p history
ok "what was done" out_like '^20[0-9-]+ [0-9:]+  applied +Pod/shop/web: update, '
ok "at most 20" test "$(grep -c '^20' "$dir/out")" -le 20
run 0 p history --limit 1000
ok "who asked" out_like ' suspended +Pod/shop/web: by uid [0-9]+ '
ok "what failed" out_like ' failed +Pod/shop/web'
run 0 p history pod/shop/db --limit 1000 -o name
ok "of one object" test "$(sort -u "$dir/out")" = Pod/shop/db
run 0 p history -o json --limit 1
ok "as JSON" json 'len(d["entries"])' 1

# ---- HTTP ----
ok "is well" answers 200 GET /healthz
ok "is ready" answers 200 GET /readyz
ok "status" answers 200 GET /status
body >"$dir/out.json" && mv "$dir/out.json" "$dir/out"
ok "the same as the command's" json 'd["set"]' sim
ok "head only" answers 200 HEAD /status
ok "has no body" test -z "$(body)"
ok "other methods are refused" answers 405 PUT /status
ok "and told which there are" out_has 'Allow: GET, HEAD'
ok "also of the hook" answers 405 GET /hook
ok "no other page" answers 404 GET /etc/passwd
ok "a name that points here" answers 421 GET /status 'Host: evil.example'
ok "a name of the configuration" answers 200 GET /status 'Host: watcher.lan:80'
ok "a post of another page" answers 403 POST /hook 'Origin: http://evil.example'
ok "a body that is too long" answers 413 POST /hook 'Content-Length: 99999999'
ok "a bad request" answers 400 GET 'http://localhost/'
ok "the hook" answers 202 POST /hook 'Content-Length: 0'

# ---- metrics ----
ok "metrics" answers 200 GET /metrics
body >"$dir/metrics"
ok "are as Prometheus wants them" promtool check metrics <"$dir/metrics"
ok "objects by state" metric 'podmox_objects{state="in-sync"} 2'
ok "what is in place" metric 'podmox_revision_in_place 1'
ok "actions" sh -c "grep -q '^podmox_actions_total{verb=\"create\",outcome=\"done\"} 2' '$dir/metrics'"
ok "requests" sh -c "grep -q '^podmox_pve_requests_total{host=\"[a-z0-9.:]*\",class=\"2xx\"} [1-9]' '$dir/metrics'"
ok "requests over HTTP" metric 'podmox_http_requests_total{path="/hook",code="403"} 1'
ok "no more than some hundred lines" test "$(wc -l <"$dir/metrics")" -lt 500
# What is documented is what there is, and rules and dashboard use nothing else.
grep -o '^# TYPE [a-z_]*' "$dir/metrics" | cut -d' ' -f3 | sort >"$dir/names"
# shellcheck disable=SC2016 # these are no commands
sed -n 's/^| `\([a-z_]*\)`.*/\1/p' "$top/docs/reference/metrics.md" | sort >"$dir/documented"
ok "every metric is documented, and nothing else" diff "$dir/names" "$dir/documented"
grep -oh '\(podmox\|process\)_[a-z_]*' "$top"/docs/monitoring/podmox.{rules.yml,dashboard.json} |
	sed 's/_bucket$//' | sort -u | comm -23 - "$dir/names" >"$dir/unknown"
ok "rules and dashboard know what there is" test ! -s "$dir/unknown"
ok "the dashboard is JSON" python3 -m json.tool "$top/docs/monitoring/podmox.dashboard.json"
ok "the rules are rules" promtool check rules "$top/docs/monitoring/podmox.rules.yml"
cp "$top/docs/monitoring/podmox.rules.yml" "$top/tests/monitoring/rules_test.yml" "$dir"
ok "and fire when they should" promtool test rules "$dir/rules_test.yml"

# ---- reload and end ----
ok "the watchdog is fed all the time" test "$(grep -c '^WATCHDOG=1' "$dir/told")" -gt 2
# A task that runs while the configuration is read anew goes on to its end.
pod cache 203 256Mi >"$m/cache.yaml"
until_true logged 'object=Pod/shop/cache' || :
kill -HUP "$watch_pid"
ok "tells systemd of a reload" until_true told '^RELOADING=1$'
ok "with its time" told '^MONOTONIC_USEC=[0-9]*$'
ok "and of its end" until_true sh -c "[ \$(grep -c '^READY=1' '$dir/told') -ge 2 ]"
ok "what was under way is done" until_true there 203
ok "all is in place afterwards" until_true status_says 'd["inPlace"]' True
kill -TERM "$watch_pid"
wait "$watch_pid"
ok "ends well" test $? = 0
ok "tells that it ends" told '^STOPPING=1$'
ok "removes its socket" test ! -e "$dir/run/podmox.sock"

# ---- killed: the next one takes its place, and knows what was asked ----
watch_start
until_true status_says 'd["inPlace"]' True
run 0 p suspend pod/shop/db --reason 'for good'
kill -KILL "$watch_pid"
wait "$watch_pid" 2>/dev/null
run 1 p status
watch_start
ok "a socket that was left behind is taken" until_true status_says 'd["suspensions"][0]["reason"]' 'for good'
run 0 p resume
mkfifo "$dir/frames"
"$PODMOX" -c "$dir/sim.yaml" status --watch >"$dir/frames" 2>/dev/null &
show_pid=$!
pids+=("$show_pid")
exec 7<"$dir/frames"
read -r first <&7
ok "status --watch begins at once" grep -q '^set ' <<<"$first"
pod web 201 704Mi >"$m/web.yaml"
ok "and shows what changes" grep -qm1 'cycle .*files' <&7
kill -INT "$show_pid"
wait "$show_pid"
ok "until Ctrl-C" test $? = 130
exec 7<&-

# ---- the unit ----
unit=$(dirname "$PODMOX")/podmox.service
sed "s|^ExecStart=[^ ]*|ExecStart=$PODMOX|" "$unit" >"$dir/podmox.service"
ok "systemd takes the unit" sh -c "out=\$(systemd-analyze verify --man=no '$dir/podmox.service' 2>&1) && [ -z \"\$out\" ] || { echo \"\$out\"; false; }"
ok "it is exposed less than 2.5" systemd-analyze security --offline=true --threshold=25 "$dir/podmox.service"
done_testing
