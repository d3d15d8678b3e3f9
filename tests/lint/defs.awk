# Tables: every row of a .def file that has a doc ends it with a full stop, and every row has one.
#   awk -f defs.awk FILE...
function complain(what) {
	printf "%s:%d: %s\n", file, line, what
	bad = 1
}

function end_of_row(   doc) {
	if (row ~ /^PM_ROW\(/) {
		if (!match(row, /\.doc = "([^"\\]|\\.)*"/))
			complain("the row has no doc")
		doc = substr(row, RSTART, RLENGTH)
	} else if (row ~ /^PM_CODE\(/) {
		doc = row
		sub(/\)[ \t]*$/, "", doc)
	}
	if (doc && doc !~ /\."$/)
		complain("the doc of the row does not end with a full stop")
	row = ""
}

FNR == 1 { end_of_row() }

/^[A-Z_]+\(/ {
	end_of_row()
	file = FILENAME
	line = FNR
}

!/^\/\*|^ \*/ { row = row $0 }

END {
	end_of_row()
	exit bad
}
