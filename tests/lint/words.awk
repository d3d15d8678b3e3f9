# Small rules about text: no notes to come back to, a comment at the head of every file, cleanup
# variables initialised where they are declared.
#   awk -f words.awk FILE...
function complain(what) {
	printf "%s:%d: %s\n", FILENAME, FNR, what
	bad = 1
}

FNR == 1 && !/^\/\*/ { complain("a file starts with a comment that says what it owns") }

/TODO|FIXME/ { complain("unfinished: " $0) }

# The variable may follow on the next lines; its declaration ends at the semicolon.
/(^|[ \t(])cleanup_[a-z]+[ \t]/ && !/^[ \t]*(#|\/?\*)/ {
	declaration = $0
	while (declaration !~ /;/ && (getline more) > 0)
		declaration = declaration more
	if (declaration !~ /=/)
		complain("a cleanup variable without an initialiser")
}

END { exit bad }
