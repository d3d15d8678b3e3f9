#!/usr/bin/env bash
# Manifests from a Git repository: what is followed, what is held and by what name, and what stays in force.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

sim_start sim --nodes 3 --task-time 50ms
export GIT_CONFIG_GLOBAL=$dir/gitconfig GIT_CONFIG_NOSYSTEM=1 HOME=$dir/home
mkdir -p "$dir/secret" "$HOME"
git_token=hush-5c1f-git-token
umask 077
echo "$git_token" >"$dir/secret/git-token"
ssh-keygen -q -t ed25519 -N '' -C alice -f "$dir/secret/alice"
ssh-keygen -q -t ed25519 -N '' -C mallory -f "$dir/secret/mallory"
cat >"$GIT_CONFIG_GLOBAL" <<END
[user]
	name = Tester
	email = tester@test.invalid
	signingkey = $dir/secret/alice
[gpg]
	format = ssh
[commit]
	gpgsign = true
[init]
	defaultBranch = main
[protocol "file"]
	allow = always
[safe]
	directory = *
END
mkdir "$dir/srv"
git init -q --bare "$dir/srv/infra.git"
git clone -q "$dir/srv/infra.git" "$dir/work" 2>"$dir/err"
g() { git -C "$dir/work" "$@"; }
m=$dir/work/live
mkdir -p "$m/shop"

# push MESSAGE: all that is in the work tree, as the last commit of the branch, which is $rev.
push() {
	g add -A && g commit -q --allow-empty -m "$1" && publish
}
publish() {
	g push -q -f origin HEAD:main && rev=$(g rev-parse HEAD)
}
lines() { grep -cF -- "$1" "$dir/log"; }
more_lines() { [ "$(lines "$1")" -gt "$2" ]; }
# Requests that were written to the server of the repository.
asked() { grep -c "$1" "$dir/http.log"; }
asked_more() { [ "$(asked "$1")" -gt "$2" ]; }

# ---- the server ----

serve() {
	mkfifo "$dir/http.ready"
	python3 "$top/tests/scenario/git_http.py" "$dir/srv" --log "$dir/http.log" "$@" >"$dir/http.ready" 2>>"$dir/http.err" &
	http_pid=$!
	pids+=("$http_pid")
	read -r port <"$dir/http.ready"
	rm "$dir/http.ready"
}
serve_no_more() {
	kill "$http_pid"
	wait "$http_pid" 2>/dev/null
}

# ---- the daemon ----

# config URL MORE: what stands below source.git
config() {
	sed '/^source:/,$d; /^agent:/d' "$dir/sim.yaml" >"$dir/sim.new" && mv "$dir/sim.new" "$dir/sim.yaml"
	cat >>"$dir/sim.yaml" <<END
source:
  git:
    url: $1
    path: live
$2
sync: {interval: 2s, debounce: 50ms, prune: true}
agent: {listen: 127.0.0.1:$hook_port, socket: $dir/daemon.sock}
END
	chmod 600 "$dir/sim.yaml"
}
p() { "$PODMOX" -c "$dir/sim.yaml" "$@"; }
watch_start() {
	"$PODMOX" -c "$dir/sim.yaml" watch >"$dir/out.watch" 2>>"$dir/log" </dev/null &
	watch_pid=$!
	pids+=("$watch_pid")
}
watch_end() {
	kill "-$1" "$watch_pid"
	wait "$watch_pid"
}
wake() { kill -USR1 "$watch_pid"; }
applied() { p status -o json 2>/dev/null | grep -q "\"applied\":{[^}]*\"$1"; }
# held WHY: the last commit of the branch is held, by name, and nothing of it was done.
held() {
	ok "held: $1" until_true logged "commit held revision=$rev"
	ok "told why: $2" until_true grep -qE "commit held revision=$rev .*$2" "$dir/log"
	ok "the last good one stays in force" memory 201 "$3"
}
# A free port for the daemon's own address.
hook_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

serve --token-file "$dir/secret/git-token"
url=http://127.0.0.1:$port/infra.git
secured="    auth: {token: {fromFile: $dir/secret/git-token}}
    verify: {keys: [\"$(cat "$dir/secret/alice.pub")\"]}"
: >"$dir/log"

# ---- by hand ----

config "$url" "    interval: 10m
$secured"
run 1 p plan
ok "an empty repository has no branch" err_has "there is no branch main"
pod web 201 256Mi >"$m/shop/web.yaml"
push first
run 0 p plan
ok "plans what the branch holds" out_has "+ pod shop/web"
ok "accepts nothing" test ! -e "$dir/state/sim.git/current"
run 0 p watch --observe --once
ok "to observe changes nothing" test ! -e "$dir/state/sim.git/current" -a -z "$(ctl sim guests | grep -w 201)"
echo wrong >"$dir/secret/wrong"
config "$url" "    auth: {token: {fromFile: $dir/secret/wrong}}"
run 77 p watch --once
ok "a wrong token is told" err_has "token is not accepted"
config "$url" ""
run 77 p plan
ok "so is none, and what is used instead" err_has "set source.git.auth.token"

# ---- follows the branch ----

config "$url" "    interval: 10m
$secured"
watch_start
ok "makes what the first commit holds" until_true there 201
ok "names the commit" until_true logged "commit taken revision=$rev"
pod web 201 320Mi >"$m/shop/web.yaml"
push second
wake
ok "SIGUSR1 wakes it" until_true memory 201 320
pod web 201 352Mi >"$m/shop/web.yaml"
push third
ok "/hook is taken" python3 -c "import urllib.request as u; u.urlopen(u.Request('http://127.0.0.1:$hook_port/hook', method='POST', data=b''))"
ok "and wakes it" until_true memory 201 352
ok "status shows the commit" until_true applied "$rev"
fetched=$(asked 'POST /infra.git/git-upload-pack')
listed=$(asked 'GET /infra.git/info/refs')
wake
ok "a branch that did not move is asked for" until_true asked_more 'GET /infra.git/info/refs' "$listed"
ok "and not fetched" test "$(asked 'POST /infra.git/git-upload-pack')" = "$fetched"
run 0 watch_end TERM

config "$url" "    interval: 1s
    limits: {fileSize: 1Mi}
$secured"
watch_start
pod web 201 384Mi >"$m/shop/web.yaml"
push polled
ok "asks every interval" until_true memory 201 384
writes=$(grep -c '"method":"\(PUT\|POST\|DELETE\)"' "$dir/sim.requests")
push nothing
ok "an empty commit is taken" until_true applied "$rev"
ok "and changes nothing" test "$(grep -c '"method":"\(PUT\|POST\|DELETE\)"' "$dir/sim.requests")" = "$writes"

# ---- what is held ----

good=$rev
pod web 201 512Mi >"$m/shop/web.yaml"
g add -A
g commit -q --no-gpg-sign -m unsigned && publish
held unsigned "not signed" 384
ctl sim set 201 memory=999 >/dev/null
ok "which is healed meanwhile" until_true memory 201 384
g reset -q --hard "$good"
pod web 201 512Mi >"$m/shop/web.yaml"
g add -A
g -c "user.signingkey=$dir/secret/mallory" commit -q -m mallory && publish
held "another key" "by none of the keys" 384
g reset -q --hard "$good"
pod web 201 512Mi >"$m/shop/web.yaml"
g add -A
g commit -q -m genuine
forged=$(g cat-file commit HEAD | sed 's/^genuine/forged!/' | g hash-object -t commit -w --stdin)
g reset -q --hard "$forged" && publish
held "a tampered signature" "changed since" 384
run 1 p approve "$rev"
ok "which nobody can approve" err_has "waits for an approval"
g reset -q --hard "$good" && publish

pod web 201 576Mi >"$m/shop/web.yaml"
push "to be rewritten"
ok "goes on behind what was held" until_true memory 201 576
g reset -q --hard "$good"
pod web 201 640Mi >"$m/shop/web.yaml"
push rewritten
held "a rewritten history" "does not follow" 576
run 0 p approve "${rev:0:10}"
ok "approve lets it pass" until_true memory 201 640
good=$rev
g reset -q --hard HEAD~1 && publish
held "a rollback" "does not follow" 640
g reset -q --hard "$good" && publish

head -c 3000000 /dev/urandom >"$m/big.bin"
push "a huge file"
held "a huge file" "limits.fileSize" 640
g reset -q --hard "$good" && publish
g submodule --quiet add "$dir/srv/infra.git" live/sub
push "a submodule"
held "a submodule" "live/sub is a submodule" 640
g reset -q --hard "$good" 2>/dev/null && publish
rm -rf "$m/sub"
ln -s /etc/passwd "$m/out.yaml"
push "a link"
held "a link that leads out" "live/out.yaml is a symbolic link that leads out" 640
g reset -q --hard "$good" && publish
g mv live elsewhere
push "moved"
held "a path that is gone" "no folder live" 640
g reset -q --hard "$good" && publish

# Nothing of a repository is run.
for hook in post-checkout post-merge reference-transaction fsmonitor-watchman; do
	printf '#!/bin/sh\ntouch %s/hooked\n' "$dir" >"$dir/srv/infra.git/hooks/$hook"
	mkdir -p "$m/hooks"
	cp "$dir/srv/infra.git/hooks/$hook" "$m/hooks/$hook"
	chmod 755 "$dir/srv/infra.git/hooks/$hook" "$m/hooks/$hook"
done
rm "$dir/srv/infra.git/hooks/reference-transaction"
echo '* filter=evil' >"$m/.gitattributes"
pod web 201 704Mi >"$m/shop/web.yaml"
push hooks
ok "a repository with hooks is followed" until_true memory 201 704
ok "none of them is run" test ! -e "$dir/hooked"

# ---- the remote is away ----

git -C "$dir/srv/infra.git" update-ref -d refs/heads/main
ok "a branch that is gone is told" until_true logged 'there is no branch main'
ctl sim set 201 memory=999 >/dev/null
ok "what was good is healed meanwhile" until_true memory 201 704
ok "nothing is pruned" there 201
pod web 201 736Mi >"$m/shop/web.yaml"
push back
ok "and followed when it is back" until_true memory 201 736

told=$(lines 'the repository cannot be read')
taken=$(lines 'commit taken')
serve_no_more
ok "a server that is away is told" until_true more_lines 'the repository cannot be read' "$told"
ctl sim set 201 memory=999 >/dev/null
ok "what was good is healed meanwhile" until_true memory 201 736
run 0 p status -o json
ok "the status says since when" out_like "$url: Failed to connect.*it was last read at 20"
run 0 watch_end TERM
watch_start
ok "a start without the server goes on from there" until_true more_lines 'commit taken' "$taken"
ctl sim set 201 memory=999 >/dev/null
ok "and heals" until_true memory 201 736
pod web 201 768Mi >"$m/shop/web.yaml"
push "while away"
serve --port "$port" --token-file "$dir/secret/git-token"
wake
ok "and follows when it is back" until_true memory 201 768
ok "and says so" until_true logged 'can be read again'

# ---- a prune, only when the commit says so ----

pod cache 202 256Mi >"$m/shop/cache.yaml"
push cache
ok "makes another" until_true there 202
g rm -q "$m/shop/cache.yaml"
push "no cache"
ok "removes what left the branch" until_true logged 'deleted object=Pod/shop/cache'
ok "and that alone" there 201

# ---- kill -9 at any instant ----

for i in 1 2 3 4 5 6 7 8; do
	pod web 201 $((800 + i * 16))Mi >"$m/shop/web.yaml"
	push "kill $i"
	wake
	read -rt "0.0$i" <> <(:) || :
	kill -KILL "$watch_pid"
	wait "$watch_pid" 2>/dev/null
	watch_start
done
ok "follows after being killed eight times" until_true memory 201 928
ok "and status agrees" until_true applied "$rev"
ok "no half of a tree is left" test ! -e "$dir/state/sim.git/trees/.new"
run 0 watch_end INT
ok "no secret and no address in the mirror" test -z "$(grep -rlE 'hush|127.0.0.1' "$dir/state/sim.git/mirror/config" "$dir/state/sim.git/state.json")"
run 0 p plan --detailed-exitcode
run 0 p apply --yes
run 0 p watch --once

# ---- https ----

serve_no_more
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$dir/secret/tls.key" -out "$dir/tls.crt" -days 2 \
	-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 2>/dev/null
serve --token-file "$dir/secret/git-token" --cert "$dir/tls.crt" --key "$dir/secret/tls.key"
config "https://127.0.0.1:$port/infra.git" "    tls: {ca: $dir/tls.crt}
$secured"
run 0 p plan
config "https://127.0.0.1:$port/infra.git" "$secured"
run 0 p plan
ok "a server that cannot prove itself is not asked" err_has "cannot prove who it is"
ok "what was good is used, with its age" err_has "as it was read at"
serve_no_more

# ---- a folder, and ssh ----

config "$dir/srv/infra.git" "    verify: {keys: [$dir/secret/alice.pub]}"
run 0 p plan
if [ -x /usr/sbin/sshd ] && { [ "$(id -u)" != 0 ] || mkdir -p /run/sshd; }; then
	ssh-keygen -q -t ed25519 -N '' -f "$dir/secret/host"
	ssh-keygen -q -t ed25519 -N '' -f "$dir/secret/client"
	cp "$dir/secret/client.pub" "$dir/authorized"
	ssh_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	cat >"$dir/sshd.conf" <<END
ListenAddress 127.0.0.1:$ssh_port
HostKey $dir/secret/host
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile $dir/authorized
SetEnv GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=*
END
	/usr/sbin/sshd -D -e -f "$dir/sshd.conf" 2>"$dir/sshd.log" &
	pids+=($!)
	until_true grep -q listening "$dir/sshd.log"
	over=ssh://$(id -un)@127.0.0.1:$ssh_port$dir/srv/infra.git
	known="[127.0.0.1]:$ssh_port $(cut -d' ' -f1,2 "$dir/secret/host.pub")"
	pod web 201 960Mi >"$m/shop/web.yaml"
	push "over ssh"
	config "$over" "    auth: {sshKey: {fromFile: $dir/secret/client}, knownHosts: [\"$known\"]}"
	run 0 p plan
	ok "reads over ssh" out_has "-> 960M"
	config "$over" "    auth: {sshKey: {fromFile: $dir/secret/client}, knownHosts: [\"[127.0.0.1]:1 ssh-ed25519 AAAA\"]}"
	run 0 p plan
	ok "a host that is not known is refused" err_has "host key of 127.0.0.1 is not known"
	config "$over" "    auth: {sshKey: {fromFile: $dir/secret/mallory}, knownHosts: [\"$known\"]}"
	run 0 p plan
	ok "so are we with another key" err_has "does not let us in"
fi
done_testing
