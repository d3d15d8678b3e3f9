#!/usr/bin/env bash
# Rules of the configuration that leave settings to others, also in a daemon that is told of them later.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

sim_start sim --nodes 3
podmox() {
	"$PODMOX" -c "$dir/sim.yaml" "$@"
}
mkdir "$dir/repo"
echo "source: {path: $dir/repo}" >>"$dir/sim.yaml"
pod db 201 256Mi >"$dir/repo/db.yaml"
pod web 202 256Mi >"$dir/repo/web.yaml"
run 0 podmox apply --yes "$dir/repo"
ctl sim set 201 memory=300 >/dev/null
ctl sim set 202 memory=300 >/dev/null
cp "$dir/sim.yaml" "$dir/plain.yaml"

# ---- a rule that cannot fit ----

printf 'ignore:\n  - {kind: Pod, name: "d*", fields: [resources.memroy]}\n' >>"$dir/sim.yaml"
run 65 podmox plan "$dir/repo"
ok "what was meant is told, with its place" sh -c "tr -d '\n' <'$dir/err' | grep -q 'sim.yaml:[0-9]*:[0-9]*: error: ignore: of a Pod there is no setting resources.memroy; did you mean \"resources.memory\"'"

# ---- one that fits ----

cp "$dir/plain.yaml" "$dir/sim.yaml"
run 2 podmox plan --detailed-exitcode "$dir/repo"
ok "without a rule both differ" out_has '2 to update'
printf 'ignore:\n  - {kind: Pod, name: "d*", fields: [resources.memory]}\n' >>"$dir/sim.yaml"
run 2 podmox plan --detailed-exitcode "$dir/repo"
ok "the rule is for one of them" out_has '1 to update'
run 0 podmox apply --yes "$dir/repo"
ok "the other one is as the manifest says" memory 202 256
ok "and this one as somebody wanted it" memory 201 300
run 0 podmox describe Pod/shop/db
ok "it is told what is left to others" out_like '^Ignored: *resources.memory$'
echo '  onboot: true' >>"$dir/repo/db.yaml"
run 0 podmox apply --yes "$dir/repo"
ok "the plan says so" out_has 'ignores by the configuration resources.memory'
ok "another write leaves it alone" memory 201 300

# ---- the daemon ----

"$PODMOX" -c "$dir/sim.yaml" watch "$dir/repo" >"$dir/watch.out" 2>"$dir/watch.err" &
watch_pid=$!
pids+=("$watch_pid")
ok "the daemon is ready" until_true podmox status
ok "it leaves it alone" memory 201 300
cp "$dir/plain.yaml" "$dir/sim.yaml"
kill -HUP "$watch_pid"
ok "without the rule it is set again" until_true memory 201 256
done_testing
