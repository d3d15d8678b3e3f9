# Shared by the scenario scripts: TAP output, a folder of its own for each script, simulators that are
# ended by their process id. Sourced by bash; needs PODMOX and PODMOX_SIM.
# shellcheck shell=bash disable=SC2034
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
PODMOX=$(realpath "${PODMOX:?the programs come from make test-scenario}")
PODMOX_SIM=$(realpath "${PODMOX_SIM:?}")
dir=$(mktemp -d "${TMPDIR:-/tmp}/podmox-test.XXXXXX")
logs=${SCENARIO_LOGS:-}
count=0
bad=0
pids=()
# What no output may hold (tests/secrets.list): every simulator has these. Files that are meant to hold a
# secret are *.yaml, *.state and what lies in $dir/secret.
password=hush-5c1f-password
token=5c1f0a7e-hush-4000-8000-00000000beef
unset PODMOX_CONFIG CREDENTIALS_DIRECTORY
export XDG_STATE_HOME=$dir/state NO_COLOR=1

finish() {
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	if [ -n "$logs" ]; then
		for log in "$dir"/*.requests; do
			[ -s "$log" ] && cp "$log" "$logs/$(basename "$0" .sh)-$(basename "$log")"
		done
	fi
	rm -rf "$dir"
}
trap finish EXIT

# A fault is told with what was seen.
tell() {
	sed 's/^/# /' <"$1" | head -n 40
}

# ok NAME COMMAND...: the command must succeed. Its output is told when it does not.
ok() {
	local name=$1
	shift
	count=$((count + 1))
	if "$@" >"$dir/out.ok" 2>&1; then
		cat "$dir/out.ok" >>"$dir/seen.out"
		echo "ok $count - $name"
	else
		echo "not ok $count - $name"
		echo "# failed: $*"
		tell "$dir/out.ok"
		[ -f "$dir/out" ] && tell "$dir/out"
		[ -f "$dir/err" ] && tell "$dir/err"
		bad=$((bad + 1))
	fi
}

# The arguments of a command, and those that the system shows of our processes. A simulator is given its
# secrets there.
note_arguments() {
	local pid args
	printf '%s\n' "$@" >>"$dir/seen.args"
	for pid in "${pids[@]}"; do
		args=$(tr '\0' '\n' <"/proc/$pid/cmdline")
		case $args in "$PODMOX"$'\n'*) echo "$args" >>"$dir/seen.args" ;; esac
	done 2>/dev/null
}

# Nothing that was written anywhere holds a secret: output, logs, audit log, journal, arguments. The
# simulator's own record of requests is no output of ours.
no_secrets() {
	find "$dir" -type f ! -name '*.yaml' ! -name '*.requests' ! -name '*.state' ! -name out.ok \
		! -path "$dir/secret/*" -print0 | xargs -0 sh "$top/tests/secrets.sh"
}

# run STATUS COMMAND...: runs with stdout in $dir/out and stderr in $dir/err; the status must be that.
run() {
	local want=$1 got=0
	shift
	"$@" >"$dir/out" 2>"$dir/err" </dev/null || got=$?
	cat "$dir/out" "$dir/err" >>"$dir/seen.out"
	note_arguments "$@"
	count=$((count + 1))
	if [ "$got" = "$want" ]; then
		echo "ok $count - exit $want: $(basename "$1") ${*:2}"
	else
		echo "not ok $count - exit $want, not $got: $(basename "$1") ${*:2}"
		tell "$dir/out"
		tell "$dir/err"
		bad=$((bad + 1))
	fi
}

out_has() { grep -qF -- "$1" "$dir/out"; }
err_has() { grep -qF -- "$1" "$dir/err"; }
out_like() { grep -qE -- "$1" "$dir/out"; }
err_like() { grep -qE -- "$1" "$dir/err"; }
out_lacks() { ! grep -qF -- "$1" "$dir/out"; }

# sim_start NAME [OPTION...]: a simulator; its configuration is $dir/NAME.yaml, its control $dir/NAME.ctl.
# Returns when it answers.
sim_start() {
	local name=$1 line
	shift
	mkfifo "$dir/$name.ready"
	"$PODMOX_SIM" --listen 127.0.0.1:0 --password "$password" --token "$token" --seed 7 \
		--task-time 20ms --no-401-delay \
		--control "unix:$dir/$name.ctl" --log "$dir/$name.requests" \
		--config-out "$dir/$name.yaml" "$@" >"$dir/$name.ready" 2>"$dir/$name.err" &
	pids+=($!)
	sim_pid=$!
	if ! read -r line <"$dir/$name.ready"; then
		echo "Bail out! podmox-sim does not start"
		tell "$dir/$name.err"
		exit 1
	fi
	sim_ready=$line
	# Nothing of a test lies where the system keeps its own.
	printf 'journal: {dir: %s/state}\naudit: {file: %s/state/audit.jsonl}\nagent: {socket: %s/%s.sock}\n' \
		"$dir" "$dir" "$dir" "$name" >>"$dir/$name.yaml"
}

# ctl NAME COMMAND...: tells the simulator something while it runs.
ctl() {
	local name=$1
	shift
	"$PODMOX_SIM" ctl "unix:$dir/$name.ctl" "$@"
}

# What the cluster of the simulator "sim" has: memory VMID MiB, there VMID. What stands in $dir/log: logged TEXT.
memory() { [ "$(ctl sim get "$1" memory | tr -dc 0-9)" = "$2" ]; }
there() { ctl sim guests | grep -qw "$1"; }
logged() { grep -qF -- "$1" "$dir/log"; }

# until COMMAND: waits at most 20 s for it to succeed.
until_true() {
	local end=$((SECONDS + 20))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		read -rt 0.05 <> <(:) || :
	done
}

# pod NAME VMID [MEMORY [LINE]]: a manifest on stdout.
pod() {
	cat <<END
apiVersion: podmox/v1
kind: Pod
metadata: {name: $1, namespace: shop}
spec:
  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst
  node: pve1
  vmid: $2
  rootfs: {storage: local-lvm, size: 1Gi}
  resources: {memory: ${3:-256Mi}}
END
	[ $# -lt 4 ] || printf '  %s\n' "$4"
}

done_testing() {
	ok "no secret is in any output, log, audit log, journal or argument" no_secrets
	echo "1..$count"
	[ $bad = 0 ]
}
