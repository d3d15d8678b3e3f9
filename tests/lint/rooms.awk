# Layering: every include in src/ must be allowed by src/ROOMS.
#   awk -f rooms.awk src/ROOMS FILE...
function complain(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what
	bad = 1
}

BEGIN {
	# Headers of libraries, and the name each has in src/ROOMS.
	library["curl/"] = "curl"
	library["yaml.h"] = "yaml"
	library["json-c/"] = "json-c"
	library["event2/"] = "event2"
	library["openssl/"] = "openssl"
	library["zlib.h"] = "zlib"
	library["git2.h"] = "git2"
	library["git2/"] = "git2"
	library["cmocka.h"] = "cmocka (tests only)"
}

FNR == NR {
	if ($0 ~ /^[a-z]/) {
		name = $1
		sub(/:$/, "", name)
		known[name] = 1
		allowed[name, name] = allowed[name, "base"] = 1
		for (i = 2; i <= NF; i++)
			allowed[name, $i] = 1
	}
	next
}

FNR == 1 {
	split(FILENAME, part, "/")
	room = part[2]
	if (!(room in known))
		complain("the room " room " has no line in src/ROOMS")
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
	split($0, quoted, "\"")
	other = quoted[2]
	if (other !~ /\//)
		next
	sub(/\/.*/, "", other)
	if (!((room, other) in allowed))
		complain("src/ROOMS does not let " room " include " quoted[2])
	else if (quoted[2] ~ /_priv\.h$/ && other != room)
		complain(quoted[2] " is private to the room " other)
}

/^[ \t]*#[ \t]*include[ \t]*</ {
	header = $0
	sub(/^[^<]*</, "", header)
	for (prefix in library)
		if (index(header, prefix) == 1 && !((room, library[prefix]) in allowed))
			complain("src/ROOMS does not let " room " include <" header)
}

END { exit bad }
