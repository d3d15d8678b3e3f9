# Lengths: functions 80 lines, .c files 800, .h files 300.
#   awk -f sizes.awk FILE...
function complain(line, what) {
	printf "%s:%d: %s\n", file, line, what
	bad = 1
}

function end_of_file() {
	most = file ~ /\.h$/ ? 300 : 800
	if (file && lines > most)
		complain(lines, "the file has " lines " lines; at most " most " are allowed")
}

FNR == 1 {
	end_of_file()
	file = FILENAME
	start = 0
	previous = ""
}

{ lines = FNR }

/^\{/ { start = FNR }

/^\}/ {
	if (start && FNR - start + 1 > 80)
		complain(start, "the function has " FNR - start + 1 " lines; at most 80 are allowed")
	start = 0
}

END {
	end_of_file()
	exit bad
}
