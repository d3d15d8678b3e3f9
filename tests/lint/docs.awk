# docs/architecture.md must name every room of src/ROOMS with just the rooms it may include.
#   awk -f docs.awk src/ROOMS docs/architecture.md
# A room there is a table row: | `name` | what it owns | what it may include |
FNR == NR {
	if ($0 ~ /^[a-z]/) {
		name = $1
		sub(/:$/, "", name)
		$1 = ""
		gsub(/^ +| +$/, "")
		want[name] = $0
	}
	next
}

/^\| `[a-z]+` \|/ {
	split($0, cell, /[ \t]*\|[ \t]*/)
	name = cell[2]
	gsub(/`/, "", name)
	have = cell[4]
	gsub(/,/, "", have)
	if (!(name in want)) {
		printf "%s:%d: src/ROOMS has no room %s\n", FILENAME, FNR, name
		bad = 1
	} else if (have != want[name]) {
		printf "%s:%d: %s may include \"%s\", not \"%s\"\n", FILENAME, FNR, name, want[name], have
		bad = 1
	}
	seen[name] = 1
}

END {
	for (name in want)
		if (!(name in seen)) {
			printf "%s:1: the room %s is not in the table\n", FILENAME, name
			bad = 1
		}
	exit bad
}
