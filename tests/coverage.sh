#!/bin/sh
# Line coverage by room, from the counters of a cov build: coverage.sh FOLDER. Names what is below its
# gate (base, model, plan, manifest 95 %; all 85 %) and fails then.
set -u
out=$1
find "$out" -name '*.gcno' -path "$out/*" ! -path "$out/tests/*" ! -path "$out/unit/*" | LC_ALL=C sort |
	while read -r notes; do
		gcov -n -o "${notes%/*}" "$notes" 2>/dev/null
	done | awk '
	/^File / {
		file = $2
		gsub(/\047/, "", file)
	}
	/^Lines executed:/ && file ~ /^src\/.*\.c$/ {
		split(substr($2, 10), share, "%")
		split(file, part, "/")
		n = $4
		hit = int(n * share[1] / 100 + 0.5)
		lines[part[2]] += n
		hits[part[2]] += hit
		printf "  %-32s %6.2f %% of %d\n", file, 100 * hit / n, n
		file = ""
	}
	/^No executable lines/ { file = "" }
	END {
		for (room in lines) {
			all += lines[room]
			all_hits += hits[room]
			share_of = 100 * hits[room] / lines[room]
			gate = room ~ /^(base|model|plan|manifest)$/ ? 95 : 0
			low = share_of < gate
			bad += low
			printf "%-10s %6.2f %% of %d lines%s\n", room, share_of, lines[room],
				low ? "  <- below " gate " %" : ""
		}
		if (!all)
			exit 1
		printf "all        %6.2f %% of %d lines%s\n", 100 * all_hits / all, all,
			100 * all_hits / all < 85 ? "  <- below 85 %" : ""
		exit bad || 100 * all_hits / all < 85
	}'
