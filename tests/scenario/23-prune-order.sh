#!/usr/bin/env bash
# Guests whose manifests are gone go in the order of what they needed, which their markers remember: the database last,
# whatever its name, in one run or in two.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

sim_start sim --nodes 3
podmox() {
	"$PODMOX" -c "$dir/sim.yaml" "$@"
}
done_order() {
	grep -o '[a-z0-9-]*: done' "$dir/err" | sed 's/:.*//' | tr '\n' ' '
}
mkdir "$dir/repo"
pod keep 201 256Mi >"$dir/repo/keep.yaml"
pod a-db 202 256Mi >"$dir/repo/db.yaml"
pod app 203 256Mi 'dependsOn: [a-db]' >"$dir/repo/app.yaml"
pod web 204 256Mi 'dependsOn: [app, Pod/shop/a-db]' >"$dir/repo/web.yaml"
run 0 podmox apply --yes "$dir/repo"
ok "the marker notes what it needs" sh -c "'$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 204 description | grep -qF '\"needs\":\"app Pod/shop/a-db\"'"
ok "and nothing where there is nothing" sh -c "! '$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 202 description | grep -qF needs"

# A marker of before does not know it; that alone is nothing to write.
old=$(ctl sim get 203 description | sed 's/%22/"/g; s/"needs":"a-db",//')
ctl sim set 203 "description=$old" >/dev/null
ok "there is a marker of before" sh -c "! '$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 203 description | grep -qF needs"
run 0 podmox plan --detailed-exitcode "$dir/repo"
# It goes along with the next write.
sed -i 's/256Mi/300Mi/' "$dir/repo/app.yaml"
run 0 podmox apply --yes "$dir/repo"
ok "the next write notes it" sh -c "'$PODMOX_SIM' ctl 'unix:$dir/sim.ctl' get 203 description | grep -qF '\"needs\":\"a-db\"'"

rm "$dir/repo/db.yaml" "$dir/repo/app.yaml" "$dir/repo/web.yaml"
run 0 podmox plan --prune "$dir/repo"
ok "the plan shows the order" sh -c "tr -s ' \n' '  ' <'$dir/out' | grep -q 'shop/web .*shop/app .*after pod shop/web.*shop/a-db .*after pod shop/'"
run 0 podmox apply --yes --prune "$dir/repo"
ok "dependents go first" [ "$(done_order)" = "web app a-db " ]
run 0 podmox plan --prune --detailed-exitcode "$dir/repo"
done_testing
