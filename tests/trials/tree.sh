#!/usr/bin/env bash
# What may happen to a folder of manifests while it is watched: one trial a paragraph. Each starts with
# three Pods in sync and a daemon that prunes; `do_it` changes the tree, and the trial names what the cluster has to
# be in the end. Whatever else: nobody is deleted whom the final tree still asks for.
#
#   [T=part of a name] tree.sh [I/N]      only every N-th trial, from the I-th on
# shellcheck source=tests/scenario/lib.sh disable=SC2317,SC2034 # trial calls do_it and setup, and reads tells
. "$(dirname "$0")/../scenario/lib.sh"
shard=${1:-0/1}
at=0

sim_start sim --task-time 5ms
cat >>"$dir/sim.yaml" <<END
sync: {interval: 1h, debounce: 20ms, prune: true}
END
w=$dir/w
ctl_file=$dir/sim.requests

count_of() { grep -cF -- "$1" "$dir/log"; }
more() { [ "$(count_of "$1")" -gt "$2" ]; }
told() { grep -qF -- "$1" "$dir/log"; }

# The cluster in one line: "201=256 202=256".
cluster() {
	local line=
	for vmid in $(ctl sim guests | grep -owE '2[0-9][0-9]' | sort -u); do
		line="$line $vmid=$(ctl sim get "$vmid" memory | tr -dc 0-9)"
	done
	echo "${line# }"
}
cluster_is() { [ "$(cluster)" = "$1" ]; }

daemon_start() {
	: >"$dir/log"
	: >"$ctl_file"
	"$PODMOX" -v -c "$dir/sim.yaml" watch "${root:-$w/m}" >"$dir/out.watch" 2>>"$dir/log" </dev/null &
	daemon=$!
	pids+=("$daemon")
}
daemon_end() {
	kill -TERM "$daemon" 2>/dev/null
	wait "$daemon" 2>/dev/null
	unset 'pids[-1]'
	cat "$dir/log" >>"$dir/seen.out"
}

# Three whole cycles from now on, so that what has to be gone twice was looked at twice.
settle() {
	local n
	for _ in 1 2 3; do
		n=$(count_of 'cluster read')
		kill -HUP "$daemon" || return 1
		until_true more 'cluster read' "$n" || return 1
	done
}

# Requests that delete, as VMIDs.
deleted() {
	grep -F '"DELETE"' "$ctl_file" | grep -oE '/lxc/[0-9]+"' | tr -dc '0-9\n' | sort -u | tr '\n' ' '
}

# Does the change of $1 lead to the cluster $2, and is nobody but $3 deleted on the way?
try() {
	(cd "$w" && do_it) || return 1
	settle || return 1
	until_true cluster_is "$2" || { echo "the cluster is: $(cluster)"; echo "it should be: $2"; return 1; }
	[ "$(deleted)" = "${3:+$3 }" ] || { echo "deleted: $(deleted)"; echo "should be: $3"; return 1; }
	[ -z "${tells-}" ] || told "$tells" || { echo "not told: $tells"; tail -n 20 "$dir/log"; return 1; }
	kill -0 "$daemon"
}

all='201=256 202=256 203=256'

# trial NAME CLUSTER [DELETED]: tries do_it; `setup` comes first, before the daemon starts.
trial() {
	at=$((at + 1))
	if [ $((at % ${shard#*/})) = "${shard%/*}" ] && [[ $1 == *${T-}* ]]; then
		rm -rf "$w"
		mkdir -p "$w/m/sub"
		pod a 201 >"$w/m/a.yaml"
		pod b 202 >"$w/m/b.yaml"
		pod c 203 >"$w/m/sub/c.yaml"
		for vmid in $(ctl sim guests | grep -owE "2[0-9][0-9]"); do ctl sim delete "$vmid" >/dev/null; done
		rm -rf "$dir/state"
		(cd "$w" && setup) || echo "# setup of $1 failed"
		daemon_start
		until_true cluster_is "$all" || echo "# $1 does not start: $(cluster)"
		ok "$1" try "$1" "$2" "${3-}"
		[ -z "${TRIAL_KEEP-}" ] || cp "$dir/log" "$TRIAL_KEEP"
		daemon_end
	fi
	setup() { :; }
	unset tells root
}
setup() { :; }

# ---- files that are edited ----

do_it() { pod a 201 512Mi >m/a.yaml; }
trial "an edit in place" '201=512 202=256 203=256'

do_it() { pod a 201 512Mi >m/a.new && mv m/a.new m/a.yaml; }
trial "an edit by renaming over" '201=512 202=256 203=256'

do_it() { pod a 201 512Mi >a.yaml && mv a.yaml m/a.yaml; }
trial "an edit that comes from outside of the folder" '201=512 202=256 203=256'

do_it() { mv m/a.yaml m/a.yaml~ && pod a 201 512Mi >m/a.yaml && rm m/a.yaml~; }
trial "an editor that keeps the old file as a backup for a moment" '201=512 202=256 203=256'

do_it() { sed -i 's/256Mi/512Mi/' m/a.yaml; }
trial "sed -i" '201=512 202=256 203=256'

do_it() { : >m/4913 && rm m/4913 && : >m/.a.yaml.swp && pod a 201 512Mi >m/a.yaml && rm m/.a.yaml.swp; }
trial "an editor that leaves droppings" '201=512 202=256 203=256'

do_it() { : >m/.#a.yaml && : >'m/#a.yaml#' && cp m/a.yaml m/a.yaml~ && cp m/a.yaml m/a.yaml.orig; }
trial "droppings alone change nothing" "$all"

do_it() { echo --- >>m/a.yaml && pod d 204 >>m/a.yaml; }
trial "a second document in a file" "$all 204=256"

do_it() { touch m/a.yaml m/sub; }
trial "touch changes nothing" "$all"

do_it() { chmod 600 m/a.yaml && chown 12345 m/b.yaml && chmod 700 m/sub; }
trial "rights and owners change nothing" "$all"

do_it() { touch -d '2030-01-01' m/a.yaml && touch -d '1980-01-01' m/b.yaml; }
trial "times far off change nothing" "$all"

do_it() {
	local when
	when=$(stat -c %y m/a.yaml)
	sed 's/256Mi/512Mi/' m/a.yaml >a.new && cat a.new >m/a.yaml && touch -d "$when" m/a.yaml
}
trial "same size, same time, other content" '201=512 202=256 203=256'

do_it() { pod a 201 512Mi >m/a.yaml && pod a 201 256Mi >m/a.yaml; }
trial "an edit that is taken back at once" "$all"

do_it() { for i in $(seq 300 349); do pod a 201 "${i}Mi" >m/a.yaml; done; pod a 201 512Mi >m/a.yaml; }
trial "fifty edits: the last one counts" '201=512 202=256 203=256'

do_it() { sed 's/$/\r/' m/a.yaml | sed 's/256Mi/512Mi/' >m/a.new && mv m/a.new m/a.yaml; }
trial "line ends of Windows" '201=512 202=256 203=256'

do_it() { { printf '\357\273\277'; pod a 201 512Mi; } >m/a.yaml; }
trial "a byte order mark" '201=512 202=256 203=256'

do_it() { rm m/a.yaml && pod a 201 512Mi >other && ln other m/a.yaml; }
trial "a hard link in place of the file" '201=512 202=256 203=256'

# ---- files that are written slowly, or halfway ----

do_it() {
	local text
	text=$(pod a 201 512Mi)
	: >m/a.yaml
	for part in 0 40 80 120 160 200 240; do
		printf '%s' "${text:part:40}" >>m/a.yaml
		read -rt 0.05 <> <(:) || :
	done
	printf '%s\n' "${text:280}" >>m/a.yaml
}
trial "a slow writer: never read in halves" '201=512 202=256 203=256'

do_it() { : >m/a.yaml; }
tells='m/a.yaml'
trial "a file that is emptied keeps what it said" "$all"

do_it() { echo '# nothing yet' >m/a.yaml; }
trial "a file that is commented out asks for nothing" '202=256 203=256' 201

do_it() { head -c 60 m/a.yaml >t && cat t >m/a.yaml; }
tells='m/a.yaml:'
trial "half a file" "$all"

do_it() { head -c 60 m/a.yaml >t && cat t >m/a.yaml && rm m/b.yaml; }
tells='files are broken'
trial "half a file keeps the prune of another one back" "$all"

do_it() {
	head -c 60 m/a.yaml >t && cat t >m/a.yaml && rm m/b.yaml
	(cd "$dir" && settle) && pod a 201 512Mi >m/a.yaml
}
trial "once it is whole, the prune follows" '201=512 203=256' 202

do_it() { printf 'apiVersion: podmox/v1\nkind: Pod\nspec: [\n' >m/a.yaml && pod b 202 512Mi >m/b.yaml; }
trial "a broken file does not hold the others" '201=256 202=512 203=256'

do_it() { printf '\377\376\000' >m/a.yaml; }
tells='m/a.yaml'
trial "a file that is no text" "$all"

do_it() { head -c 1200000 /dev/zero | tr '\0' '#' >m/a.yaml; }
tells='m/a.yaml'
trial "a file that is too large" "$all"

do_it() { cp m/a.yaml m/a2.yaml; }
tells='defined twice'
trial "an object that stands in two files" "$all"

do_it() { cp m/a.yaml m/a2.yaml && (cd "$dir" && settle) && rm m/a.yaml; }
trial "and in one again" "$all"

do_it() { sed -i 's/^spec:/&\n  dependsOn: [b]/' m/a.yaml && (cd "$dir" && settle) && rm m/b.yaml; }
tells='shop/b'
trial "what others depend on is not pruned before they let go" "$all"

do_it() { printf '<<<<<<< ours\n' >t && cat m/a.yaml >>t && printf '=======\n>>>>>>> theirs\n' >>t && cat t >m/a.yaml; }
tells='m/a.yaml:1'
trial "marks of a conflict" "$all"

# ---- files that come, go and move ----

do_it() { pod d 204 >m/d.yaml; }
trial "a new file" "$all 204=256"

do_it() { pod d 204 >m/d.yml; }
trial "a new file with the short ending" "$all 204=256"

do_it() { pod d 204 >m/d.YAML && pod e 205 >m/e.json && pod f 206 >m/f.yaml.txt; }
trial "other endings are no manifests" "$all"

do_it() { pod d 204 >m/.d.yaml; }
trial "hidden files are no manifests" "$all"

do_it() { pod d 204 >'m/with blank.yaml' && pod e 205 >"m/línea.yaml" && pod f 206 >m/-rf.yaml; }
trial "odd names" "$all 204=256 205=256 206=256"

do_it() { pod d 204 >$'m/new\nline.yaml'; }
trial "a line end in a name" "$all 204=256"

do_it() { mv m/a.yaml m/z.yaml; }
trial "a file that is renamed is the same" "$all"

do_it() { mv m/a.yaml m/sub/a.yaml; }
trial "a file that moves to another folder" "$all"

do_it() { mv m/a.yaml t && mv m/b.yaml m/a.yaml && mv t m/b.yaml; }
trial "two files that change places" "$all"

do_it() { rm m/a.yaml; }
trial "a file that is deleted" '202=256 203=256' 201

do_it() { mv m/a.yaml t && mv t m/a.yaml; }
trial "a file that is away for a moment" "$all"

do_it() {
	mv m/a.yaml t
	local n
	n=$(count_of 'cluster read')
	until_true more 'cluster read' "$n"
	mv t m/a.yaml
}
trial "a file that is away for one cycle" "$all"

do_it() { mv m/a.yaml m/a.txt; }
trial "a file that is no manifest any more" '202=256 203=256' 201

do_it() { pod d 204 >m/d.yaml && rm m/d.yaml; }
trial "a file that comes and goes" "$all"

do_it() { rm m/a.yaml m/b.yaml && pod ab 201 >m/ab.yaml && sed -i 's/name: ab/name: a/' m/ab.yaml && pod b 202 >>m/t && { echo ---; cat m/t; } >>m/ab.yaml && rm m/t; }
trial "two files that become one" "$all"

do_it() { rm m/a.yaml m/b.yaml m/sub/c.yaml; }
trial "an empty set deletes nobody" "$all"

# ---- what is no file ----

do_it() { mkfifo m/x.yaml && pod b 202 512Mi >m/b.yaml; }
tells='x.yaml'
trial "a pipe with the name of a manifest does not hang it" '201=256 202=512 203=256'

do_it() { mkfifo m/x.yaml && rm m/a.yaml; }
trial "a pipe keeps the prune back" "$all"

do_it() { python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("m/x.yaml")' && rm m/a.yaml; }
tells='x.yaml'
trial "so does a socket" "$all"

do_it() { ln -s /dev/null m/x.yaml && rm m/a.yaml; }
tells='x.yaml'
trial "so does a device" "$all"

do_it() { mkdir m/x.yaml && pod d 204 >m/x.yaml/d.yaml; }
trial "a folder with the name of a manifest is a folder" "$all 204=256"

do_it() { rm m/a.yaml && ln -s nowhere m/a.yaml; }
tells='m/a.yaml'
trial "a link to nowhere keeps what the file said" "$all"

do_it() { rm m/a.yaml && ln -s a.yaml m/a.yaml; }
trial "a link to itself" "$all"

do_it() { ln -s .. m/sub/up; }
trial "a link that makes a circle of folders" "$all"

do_it() { pod a 201 512Mi >outside.yaml && ln -sf ../outside.yaml m/a.yaml; }
tells='m/a.yaml'
trial "a link out of the folder is not followed" "$all"

do_it() { mkdir m/files && pod a 201 512Mi >m/files/a.txt && ln -sf files/a.txt m/a.yaml; }
trial "a link within the folder is" '201=512 202=256 203=256'

do_it() { rm -r m/sub && ln -s /proc m/sub; }
trial "a folder that becomes a link out of the tree" "$all"

# ---- folders ----

do_it() { mkdir m/new && pod d 204 >m/new/d.yaml; }
trial "a new folder" "$all 204=256"

do_it() { mkdir -p m/1/2/3/4 && pod d 204 >m/1/2/3/4/d.yaml && pod e 205 >m/1/2/e.yaml; }
trial "folders in folders at once" "$all 204=256 205=256"

do_it() { mkdir new && pod d 204 >new/d.yaml && mv new m/new; }
trial "a folder that moves in" "$all 204=256"

do_it() { mv m/sub sub; }
trial "a folder that moves out" '201=256 202=256' 203

do_it() { mv m/sub m/bus && pod c 203 512Mi >m/bus/c.yaml; }
trial "a folder that is renamed, and edited then" '201=256 202=256 203=512'

do_it() { rm -r m/sub; }
trial "a folder that is deleted" '201=256 202=256' 203

do_it() { cp -r m/sub t && rm -r m/sub && mv t m/sub && pod c 203 512Mi >m/sub/c.yaml; }
trial "a folder that is replaced" '201=256 202=256 203=512'

do_it() { local d=m; for i in $(seq 30); do d=$d/deep$i; done; mkdir -p "$d" && pod d 204 >"$d/d.yaml"; }
trial "thirty folders deep" "$all 204=256"

do_it() { mkdir m/many && (cd m/many && seq 5000 | xargs touch) && pod a 201 512Mi >m/a.yaml; }
trial "thousands of files that are no manifests" '201=512 202=256 203=256'

do_it() {
	(cd m && for _ in 1 2 3 4 5 6 7 8; do seq 4000 | xargs touch && seq 4000 | xargs rm; done)
	pod a 201 512Mi >m/a.yaml
}
trial "more events than the system keeps" '201=512 202=256 203=256'

# ---- the root ----

do_it() { mv m away; }
trial "the root is away" "$all"

do_it() { mv m away && (cd "$dir" && settle) && mv away m && pod a 201 512Mi >m/a.yaml; }
trial "and comes back" '201=512 202=256 203=256'

do_it() { rm -r m; }
trial "the root is deleted" "$all"

do_it() { rm -r m && mkdir m; }
trial "the root is empty and new" "$all"

do_it() { cp -r m n && pod a 201 512Mi >n/a.yaml && mv m old && mv n m; }
trial "the root is another folder" '201=512 202=256 203=256'

do_it() { cp -r m n && rm n/a.yaml && mv m old && mv n m; }
trial "the root is another folder without a file" '202=256 203=256' 201

do_it() { rm -r m && : >m; }
trial "the root is a file" "$all"

# ---- links on the way ----

setup() { mv m r1 && ln -s r1 m; }
do_it() { cp -r r1 r2 && pod a 201 512Mi >r2/a.yaml && ln -s r2 t && mv -T t m; }
trial "a release that is switched by a link" '201=512 202=256 203=256'

setup() { mv m r1 && ln -s r1 m; }
do_it() { cp -r r1 r2 && rm r2/b.yaml && ln -s r2 t && mv -T t m; }
trial "a release without a file" '201=256 203=256' 202

setup() { mv m r1 && ln -s r1 m; }
do_it() { ln -s nowhere t && mv -T t m; }
trial "a link that leads nowhere" "$all"

setup() { mkdir r1 && mv m r1/m && ln -s r1 cur; }
root=$w/cur/m
do_it() { cp -r r1 r2 && pod a 201 512Mi >r2/m/a.yaml && ln -s r2 t && mv -T t cur; }
trial "a link above the root" '201=512 202=256 203=256'

setup() { mv m/a.yaml m/b.yaml m/sub . && mkdir m/..one && mv a.yaml b.yaml sub m/..one && ln -s ..one m/..data && for f in a.yaml b.yaml sub; do ln -s ..data/$f m/$f; done; }
do_it() { cp -r m/..one m/..two && pod a 201 512Mi >m/..two/a.yaml && ln -s ..two m/t && mv -T m/t m/..data && rm -r m/..one; }
trial "a volume of Kubernetes" '201=512 202=256 203=256'

# ---- Git in place ----

git_() { git -C m -c user.name=t -c user.email=t@test.invalid -c init.defaultBranch=main "$@" >/dev/null 2>&1; }
repository() { git_ init && git_ add . && git_ commit -m one && git_ branch small && pod a 201 512Mi >m/a.yaml && git_ commit -am two && git_ checkout small; }

setup() { repository; }
do_it() { git_ checkout main; }
trial "git checkout" '201=512 202=256 203=256'

setup() { repository; }
do_it() { git_ rm b.yaml && git_ commit -m less; }
trial "git rm" '201=256 203=256' 202

setup() { repository; }
do_it() { rm m/b.yaml && git_ stash && git_ stash pop && git_ checkout b.yaml; }
trial "git stash and back" "$all"

setup() { repository; }
do_it() { git_ checkout -b other && git_ mv sub bus && git_ commit -m moved && git_ checkout small && git_ merge other; }
trial "git merge of a rename" "$all"

setup() { repository; }
do_it() { for _ in 1 2 3 4 5 6; do git_ checkout main && git_ checkout small; done; }
trial "branches back and forth" "$all"

setup() { repository; }
do_it() { : >m/.git/index.lock && rm m/a.yaml && (cd "$dir" && settle) && git_ cat-file -p HEAD:a.yaml && git -C m cat-file -p HEAD:a.yaml >m/a.yaml && rm m/.git/index.lock; }
trial "a checkout that takes long deletes nobody in its middle" "$all"

setup() { repository; }
do_it() { git_ gc && : >m/.git/FETCH_HEAD && git_ tag x; }
trial "what Git does to itself changes nothing" "$all"

# ---- ways to bring files ----

do_it() { pod a 201 512Mi >a.yaml && tar -cf t.tar a.yaml && tar -xf t.tar -C m; }
trial "tar" '201=512 202=256 203=256'

do_it() { pod a 201 512Mi >m/.a.yaml.Xq3b && mv m/.a.yaml.Xq3b m/a.yaml; }
trial "rsync" '201=512 202=256 203=256'

do_it() { cp -r m n && rm -r m/* && cp -r n/* m; }
trial "all away and all back" "$all"

do_it() { cp "$dir/sim.yaml" m/podmox.yaml && pod a 201 512Mi >m/a.yaml; }
trial "a configuration among the manifests is passed over" '201=512 202=256 203=256'

do_it() { pod a 201 512Mi >m/a.yaml && rm m/b.yaml && pod d 204 >m/d.yaml; }
trial "an edit, a new file and a deletion at once" '201=512 203=256 204=256' 202

echo "# $at trials in the table"
done_testing
