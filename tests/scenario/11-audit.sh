#!/usr/bin/env bash
# The audit log as people see it: the last records, the chain over its files, and what was done to it.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
m=$top/manifests
log=$dir/state/audit.jsonl

# A log without a configuration, and none at all.
cd "$dir" || exit 1
run 1 env -u HOME XDG_STATE_HOME="$dir/nowhere" "$PODMOX" -c "$dir/none.yaml" audit
ok "names the missing configuration" err_has "$dir/none.yaml"
sim_start sim
p() { "$PODMOX" -c "$dir/sim.yaml" "$@"; }
run 1 p audit
ok "says that there is no log" err_has "there is no audit log $log"
run 1 p audit verify
ok "says so to whoever wants it checked" err_has "there is no audit log $log"
run 64 p audit verfy
run 64 p audit --limit none

sed -i "s|^audit: .*|audit: {file: $log, rotate: 1Mi}|" "$dir/sim.yaml"
run 0 p apply "$m" --yes
run 0 p audit --limit 5
ok "five records and a headline" test "$(wc -l <"$dir/out")" = 6
ok "in eighty columns" test "$(wc -L <"$dir/out")" -le 80
ok "tells operations" out_like '(create|start) .* ok$'
run 0 p audit -o json --limit 1000
ok "JSON is JSON" python3 -m json.tool "$dir/out"
records=$(python3 -c 'import json,sys; print(len(json.load(open(sys.argv[1]))))' "$dir/out")
run 0 p audit verify
ok "counts the records" out_has ": $records records in 1 file are good"

# Long ago the file has become too large: the chain goes on in another.
python3 - "$log" <<'P'
import hashlib, json, sys
last = json.loads(open(sys.argv[1]).readlines()[-1])
seq, prev = last["seq"], last["hash"]
with open(sys.argv[1], "a") as f:
    for i in range(3000):
        seq += 1
        r = {"seq": seq, "time": last["time"], "prev": prev, "operation": "update",
             "object": "Pod/shop/web", "details": "x" * 200, "result": "ok"}
        body = json.dumps(r, separators=(",", ":"))[:-1]
        prev = hashlib.sha256(body.encode()).hexdigest()
        f.write('%s,"hash":"%s"}\n' % (body, prev))
P
run 0 p delete "$m" --yes --max-deletes 100%
run 0 p audit verify
ok "goes on in a second file" out_like ' records in 2 files are good'
ok "keeps the old one beside it" test -f "$log.$((records + 3000))"
ok "owner only" test "$(stat -c %a "$log" "$log".* | sort -u)" = 600

# Tampering is named by file and line.
old=$log.$((records + 3000))
cp "$log" "$dir/good"
cp "$old" "$dir/good.old"
sed -i '3s/"result":"ok"/"result":"no"/' "$log"
run 1 p audit verify
ok "names the changed line" err_has "$log:3: this line was changed"
run 1 p audit verify -o json
ok "in JSON, too" out_has '"badLine":3'
run 0 p audit --limit 1000
ok "shows it" out_has CHANGED
ok "and says what to do" err_has "audit verify"
sed 3d "$dir/good" >"$log"
run 1 p audit verify
ok "names the line after a removed one" err_like "$log:3: .*was removed"
sed '3{h;d};4G' "$dir/good" >"$log"
run 1 p audit verify
ok "names the line that was moved" err_has "$log:3: record"
cp "$dir/good" "$log"
sed -i '$d' "$old"
run 1 p audit verify
ok "misses the end of an older file" err_like "$log:1: .*was removed"
mv "$old" "$dir/away"
run 1 p audit verify
ok "misses an older file" err_has "$log:1: the older file $(basename "$old")"
cp "$dir/good.old" "$old"
run 0 p audit verify
head -c -20 "$dir/good" >"$log"
run 1 p audit verify
ok "tells an unfinished record" err_has "the last record is unfinished"
done_testing
