#!/usr/bin/env bash
# The recipes for previews of pull requests (docs/howto/pull-request-previews.md), as they stand: the commands of each
# job are taken out of its file and run in a clone, with stand-ins for the code host.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"

howto=$top/docs/howto
sim_start sim --nodes 3
mkdir -p "$dir/bin" "$dir/posts"
ln -s "$PODMOX" "$dir/bin/podmox"
PATH=$dir/bin:$PATH
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null GIT_AUTHOR_NAME=me GIT_AUTHOR_EMAIL=me@localhost \
	GIT_COMMITTER_NAME=me GIT_COMMITTER_EMAIL=me@localhost POSTS=$dir/posts

# GitHub's program: keeps what is posted. --edit-last fails when there is nothing to edit.
cat >"$dir/bin/gh" <<'END'
#!/bin/sh
[ "$1 $2" = "pr comment" ] && [ "$4" = --body-file ] || exit 9
if [ "${6-}" = --edit-last ]; then
	[ -e "$POSTS/github-$3" ] || exit 1
fi
cp "$5" "$POSTS/github-$3"
END
chmod +x "$dir/bin/gh"
# The others' API: one server that keeps address, token and body of each post.
cat >"$dir/host.py" <<'END'
import http.server, os, sys
class Host(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(os.path.join(os.environ["POSTS"], "api"), "wb") as f:
            token = self.headers.get("PRIVATE-TOKEN") or self.headers.get("Authorization")
            f.write(("%s\n%s\n" % (self.path, token)).encode() + body)
        self.send_response(201)
        self.end_headers()
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Host)
print(server.server_port, flush=True)
server.serve_forever()
END
mkfifo "$dir/port"
python3 "$dir/host.py" >"$dir/port" &
pids+=($!)
read -r port <"$dir/port"

# A repository whose branch main is in place; the pull request changes the memory.
web() { pod web 201 "$1"; }
git init -q --bare "$dir/origin.git"
git init -q -b main "$dir/work"
mkdir -p "$dir/work/manifests" "$dir/work/.podmox"
cp "$howto/preview/preview.sh" "$dir/work/.podmox/"
web 256Mi >"$dir/work/manifests/web.yaml"
# The configuration without the secrets: a plan against a snapshot needs none.
sed 's/^\( *password:\).*/\1 {fromEnv: NOT_HERE}/' "$dir/sim.yaml" >"$dir/work/podmox.yaml"
git -C "$dir/work" add .
git -C "$dir/work" commit -q -m "The shop"
git -C "$dir/work" push -q "$dir/origin.git" main
PODMOX_CONFIG=$dir/sim.yaml run 0 podmox apply --yes "$dir/work/manifests"

blocks() { awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on' "$1"; }
# The commands of a workflow's `run: |` blocks, or of a job's script and after_script: a file for each step. The last
# one of each recipe, which tells the result, is meant to run whatever was before.
steps() {
	awk -v out="$2" '
		function indent(s) { match(s, /^ */); return RLENGTH }
		/^ *(- )?run: \|$/ || /^ *- \|$/ { n++; base = indent($0); file = sprintf("%s/%02d.sh", out, n); next }
		file && ($0 ~ /^ *$/ || indent($0) > base + ($0 ~ /^ *- /)) { print >file; next }
		{ file = "" }
		/^ +script:$/ { list = 1; n++; script = sprintf("%s/%02d.sh", out, n); next }
		list && /^ +- / { sub(/^ +- /, ""); print >script; next }
		{ list = 0 }
	' "$1"
}

# The snapshot, by the how-to's own commands.
blocks "$howto/pull-request-previews.md" >"$dir/snapshot.sh"
ok "the how-to has its commands" test "$(wc -l <"$dir/snapshot.sh")" -ge 5
cd "$dir" || exit 1
PODMOX_CONFIG=$dir/sim.yaml REPOSITORY=$dir/origin.git run 0 sh -eu "$dir/snapshot.sh"
ok "the snapshot is on its branch" git -C "$dir/origin.git" cat-file -e podmox-live:live.snapshot

# job RECIPE NAME=VALUE...: runs a recipe in a fresh clone as its runner does. A step ends at the first command that
# fails; the first status that is not 0 is in $status.
job() {
	local recipe=$1 step last got
	shift
	rm -rf "$dir/clone" "$dir/steps"
	mkdir "$dir/steps"
	steps "$howto/preview/$recipe" "$dir/steps"
	git clone -q "file://$dir/origin.git" "$dir/clone" -b change 2>>"$dir/seen.out"
	status=0
	for step in "$dir"/steps/*.sh; do
		last=$(find "$dir/steps" -name '*.sh' | sort | tail -n 1)
		[ "$status" = 0 ] || [ "$step" = "$last" ] || continue
		got=0
		(cd "$dir/clone" && env -u PODMOX_CONFIG "$@" bash -eo pipefail "$step") >>"$dir/job.out" 2>&1 || got=$?
		[ "$status" != 0 ] || status=$got
	done
	cat "$dir/job.out" >>"$dir/seen.out"
}
change() {
	git -C "$dir/work" checkout -q -B change main
	cat >"$dir/work/manifests/web.yaml"
	git -C "$dir/work" commit -qam "A change"
	git -C "$dir/work" push -qf "$dir/origin.git" change
}
ended() { [ "$status" = "$1" ]; }
holds() { grep -qF -- "$2" "$1"; }

web 512Mi | change
: >"$dir/job.out"
github=(GITHUB_STEP_SUMMARY="$dir/summary" PULL_REQUEST=7 GH_TOKEN=x)
job github.yml "${github[@]}"
ok "github: has three steps" test "$(find "$dir/steps" -name '*.sh' | wc -l)" = 3
ok "github: the job succeeds" ended 0
ok "github: the comment has the plan" holds "$dir/posts/github-7" "256M -> 512M"
ok "github: it is quoted" grep -q '^    ~ pod shop/web' "$dir/posts/github-7"
ok "github: so has the summary" holds "$dir/summary" "256M -> 512M"

gitlab=(CI_API_V4_URL="http://127.0.0.1:$port/api/v4" CI_PROJECT_ID=12 CI_MERGE_REQUEST_IID=3
	PODMOX_COMMENT_TOKEN=glpat-1)
job gitlab.yml "${gitlab[@]}"
ok "gitlab: the job succeeds" ended 0
ok "gitlab: posts to the merge request" holds "$dir/posts/api" "/api/v4/projects/12/merge_requests/3/notes"
ok "gitlab: with its token" holds "$dir/posts/api" "glpat-1"
ok "gitlab: the note has the plan" holds "$dir/posts/api" "256M -> 512M"
rm "$dir/posts/api"
job gitlab.yml "${gitlab[@]:0:3}"
ok "gitlab: without a token the job succeeds" ended 0
ok "gitlab: and posts nothing" test ! -e "$dir/posts/api"

forgejo=(GITHUB_API_URL="http://127.0.0.1:$port/api/v1" GITHUB_REPOSITORY=me/shop PULL_REQUEST=5 TOKEN=t0k)
job forgejo.yml "${forgejo[@]}"
ok "forgejo: the job succeeds" ended 0
ok "forgejo: posts to the pull request" holds "$dir/posts/api" "/api/v1/repos/me/shop/issues/5/comments"
ok "forgejo: with its token" holds "$dir/posts/api" "token t0k"
ok "forgejo: the comment is JSON with the plan" python3 -c '
import json, sys
body = json.loads(open(sys.argv[1]).read().split("\n", 2)[2])["body"]
assert "256M -> 512M" in body and body.startswith("<!-- podmox preview -->"), body' "$dir/posts/api"

# Manifests that are wrong: the job fails, the comment says why, the annotation names the line.
web 12 | sed 's/memory/memroy/' | change
: >"$dir/job.out"
job github.yml "${github[@]}"
ok "github: the job fails" ended 65
ok "github: with an annotation" holds "$dir/job.out" "::error file=manifests/web.yaml,line=9,"
ok "github: the comment is put right" holds "$dir/posts/github-7" "not valid"
ok "github: and says what was meant" holds "$dir/posts/github-7" "memory"
job gitlab.yml "${gitlab[@]}"
ok "gitlab: the job fails" ended 65

# No secret of the cluster was there to be used.
ok "no job knew a password" test -z "$(grep -rF "$password" "$dir/clone" "$dir/posts" "$dir/job.out")"
done_testing
