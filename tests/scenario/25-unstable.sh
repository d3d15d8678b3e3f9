#!/usr/bin/env bash
# What does not stay as it was written is named, and not fought: an agent, a hookscript or a colleague sets it again at
# once. Contract: product.md, promise 9.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

sim_start sim --nodes 3
podmox() {
	"$PODMOX" -c "$dir/sim.yaml" "$@"
}
puts() {
	grep -c '"method":"PUT"' "$dir/sim.requests"
}
mkdir "$dir/repo"
pod web 201 256Mi >"$dir/repo/web.yaml"
run 0 podmox apply --yes "$dir/repo"
ctl sim insist 201 memory=333 >/dev/null
pod web 201 512Mi >"$dir/repo/web.yaml"
before=$(puts)
run 3 podmox apply --yes "$dir/repo"
ok "the field is named" out_has 'pod shop/web: resources.memory came back different from what was written; it is not fought in this run'
ok "it was written once" [ "$(puts)" = $((before + 1)) ]
run 3 podmox apply --yes "$dir/repo" -o json
ok "programs are told, too" out_has '{"type":"unstable","object":"Pod/shop/web","field":"resources.memory"}'

# What leaves the manifest and is set again is named as well.
ctl sim insist-clear >/dev/null
pod web 201 512Mi 'onboot: true' >"$dir/repo/web.yaml"
run 0 podmox apply --yes "$dir/repo"
pod web 201 512Mi >"$dir/repo/web.yaml"
ctl sim insist 201 onboot=1 >/dev/null
run 3 podmox apply --yes "$dir/repo"
ok "by its name" out_has 'onboot came back different'

# Somebody has given up: it converges.
ctl sim insist-clear >/dev/null
run 0 podmox apply --yes "$dir/repo"
run 0 podmox plan --detailed-exitcode "$dir/repo"
done_testing
