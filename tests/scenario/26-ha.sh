#!/usr/bin/env bash
# The HA manager: a guest is handed to it, what it strives for is changed, and it is taken away from it, by what the
# manifest says; what others handed to it stays theirs.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

sim_start sim --nodes 3 --stats-lag 200ms
podmox() {
	"$PODMOX" -c "$dir/sim.yaml" "$@"
}
resource() {
	podmox api get "/cluster/ha/resources/$1" -o json 2>/dev/null | tr -d ' \n'
}
has() { resource "$1" | grep -qF -- "$2"; }
lacks() { ! resource "$1" | grep -qF -- "$2"; }
asked() { grep -c '"path":"[^"]*/cluster/ha/resources' "$dir/sim.requests"; }
state() { ctl sim get "$1" | grep -qw "$2"; }
mkdir "$dir/repo"

# ---- nobody speaks of it: nobody asks ----

pod web 201 256Mi >"$dir/repo/web.yaml"
run 0 podmox apply --yes "$dir/repo"
run 0 podmox plan --detailed-exitcode "$dir/repo"
ok "no request is made for it" [ "$(asked)" = 0 ]

# ---- an existing guest is handed to it ----

pod web 201 256Mi 'ha: {state: started, max_restart: 3, comment: the shop}' >"$dir/repo/web.yaml"
run 2 podmox plan --detailed-exitcode "$dir/repo"
ok "the plan shows it" out_like 'ha.state +absent -> started +live'
ok "with one request" [ "$(asked)" = 1 ]
run 0 podmox apply --yes "$dir/repo"
ok "it is there" has ct:201 '"max_restart":3'
ok "with its comment" has ct:201 '"comment":"theshop"'
run 0 podmox plan --detailed-exitcode "$dir/repo"

# ---- what it strives for ----

pod web 201 256Mi 'ha: {state: started, max_relocate: 2}' >"$dir/repo/web.yaml"
run 0 podmox apply --yes "$dir/repo"
ok "a key is changed" has ct:201 '"max_relocate":2'
ok "what left the manifest goes" lacks ct:201 max_restart
ok "all of it" lacks ct:201 comment
run 0 podmox plan --detailed-exitcode "$dir/repo"
ctl sim set 201 memory=300 >/dev/null
podmox api put /cluster/ha/resources/ct:201 failback=0 >/dev/null 2>&1
run 0 podmox apply --yes "$dir/repo"
ok "what nobody mentions stays" has ct:201 '"failback":0'

pod web 201 256Mi 'ha: {state: stopped}' >"$dir/repo/web.yaml"
run 65 podmox apply --yes "$dir/repo"
ok "two wishes that contradict are refused" sh -c "tr '\n' ' ' <'$dir/err' | grep -q 'ha.state is stopped, and state is running when it is not given'"
ok "with a remedy" err_has 'say state: stopped, or state: ignored'
{ pod web 201 256Mi 'ha: {state: stopped}'; echo '  state: stopped'; } >"$dir/repo/web.yaml"
run 0 podmox apply --yes "$dir/repo"
ok "it stops the guest" state 201 stopped
ok "and strives for that" has ct:201 '"state":"stopped"'
run 0 podmox plan --detailed-exitcode "$dir/repo"
pod web 201 256Mi 'ha: {state: started}' >"$dir/repo/web.yaml"
run 0 podmox apply --yes "$dir/repo"
ok "it starts the guest" state 201 running
run 0 podmox plan --detailed-exitcode "$dir/repo"
podmox api put /cluster/ha/resources/ct:201 state=disabled >/dev/null 2>&1
run 2 podmox plan --detailed-exitcode "$dir/repo"
ok "drift is seen" out_like 'ha.state +disabled -> started'
run 0 podmox apply --yes "$dir/repo"

# ---- away from it, and made with it ----

pod web 201 256Mi >"$dir/repo/web.yaml"
run 0 podmox apply --yes "$dir/repo"
ok "what left the manifest is taken away" lacks ct:201 state
run 0 podmox plan --detailed-exitcode "$dir/repo"
pod db 202 256Mi 'ha: {state: started}' >"$dir/repo/db.yaml"
run 0 podmox apply --yes "$dir/repo"
ok "a new guest is handed over" has ct:202 '"state":"started"'
run 0 podmox plan --detailed-exitcode "$dir/repo"
pod db 202 256Mi 'ha: null' >"$dir/repo/db.yaml"
run 0 podmox apply --yes "$dir/repo"
ok "null takes it away" lacks ct:202 state
pod db 202 256Mi 'ha: {state: started}' >"$dir/repo/db.yaml"
run 0 podmox apply --yes "$dir/repo"

# ---- it goes with its guest ----

run 0 podmox snapshot "$dir/snap.json"
run 0 podmox plan --live "$dir/snap.json" --detailed-exitcode "$dir/repo"
run 0 podmox export 202
ok "export has it" sh -c "tr -d '\n ' <'$dir/out' | grep -q ha:state:started"
podmox api post /cluster/ha/resources sid=ct:201 state=started >/dev/null 2>&1
rm "$dir/repo/db.yaml"
run 0 podmox apply --yes --prune "$dir/repo"
ok "the plan says so" sh -c "tr -s '\n ' '  ' <'$dir/out' | grep -q 'its HA resource goes first'"
ok "the guest is gone" sh -c "! '$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' guests | grep -qw 202"
ok "its resource too" lacks ct:202 state
run 0 podmox plan --detailed-exitcode "$dir/repo"
ok "what others handed to it is theirs" has ct:201 '"state":"started"'
pod keep 203 256Mi >"$dir/repo/keep.yaml"
run 0 podmox apply --yes "$dir/repo"
rm "$dir/repo/web.yaml"
until_true sh -c "'$PODMOX' -c '$dir/sim.yaml' api get /cluster/resources -o json 2>/dev/null | grep -q hastate"
run 0 podmox apply --yes --prune "$dir/repo"
ok "and their guest is kept" out_has 'it is managed by HA'
done_testing
