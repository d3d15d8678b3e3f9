#!/bin/sh
# Every row of docs/reference/calls.md names a header, a command and a test, and all of them exist: the symbol
# in the public header, the command (and its option) in the program's own help, the test in the tree.
#   calls.sh FOLDER    (a build; without its program commands are not looked at)
set -u
page=docs/reference/calls.md
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cat src/pve/op.def tests/unit/*/*.c >"$dir/tests"

# Lines "kind TAB where TAB what TAB file", one for each thing that a row names.
awk -v page=$page -F' [|] ' '
	function link(cell, kind,   text, file) {
		text = cell; sub(/^[|]? *\[/, "", text); sub(/\].*/, "", text)
		file = cell; sub(/^[^(]*\(\.\.\/\.\.\//, "", file); sub(/\).*/, "", file)
		print kind "\t" page ":" FNR "\t" text "\t" file
	}
	/^\|/ && !/^\|---/ && / Test \|$/ { header = 1; next }
	/^\|---/ { next }
	/^\|/ {
		rows++
		sub(/ \|$/, "")
		n = NF
		if ($(n) !~ /^\[[A-Za-z0-9_]+\]\(/ || $(n - 1) !~ /^`podmox / || $(n - 2) !~ /^\[[A-Za-z0-9_.]+\]\(/) {
			print "bad\t" page ":" FNR "\t" $0 "\t-"
			next
		}
		link($(n), "test"); link($(n - 2), "header")
		k = split($(n - 1), commands, ", ")
		for (i = 1; i <= k; i++) {
			gsub(/`/, "", commands[i])
			print "command\t" page ":" FNR "\t" commands[i] "\t-"
		}
	}
	END { print "rows\t" page "\t" rows "\t-" }
' $page >"$dir/named"

# The help of a command, asked for once.
help_of() {
	file=$dir/help.$(echo "$1" | tr ' ' '_')
	if [ ! -e "$file" ]; then
		# shellcheck disable=SC2086 # words of a command
		"$podmox" $1 --help >"$file" 2>&1 || : >"$file"
	fi
	cat "$file"
}

podmox=$1/podmox
tab=$(printf '\t')
while IFS=$tab read -r kind where what file; do
	case $kind in
	bad) echo "$where: a row without a header, a command and a test: $what" ;;
	header)
		name=${what##*.}
		grep -qw "$name" "$file" 2>/dev/null || echo "$where: $file declares no $what"
		;;
	test)
		case $what in
		call_*) pattern="PM_OP(${what#call_}," ;;
		*) pattern="PM_TEST($what)" ;;
		esac
		if [ ! -e "$file" ] || ! grep -qF "$pattern" "$dir/tests"; then
			echo "$where: there is no test $what in $file"
		fi
		;;
	esac
done <"$dir/named" >"$dir/found"

if [ -x "$podmox" ]; then
	grep "^command" "$dir/named" | cut -f2,3 | sort -t"$tab" -k2 -u >"$dir/commands"
	while IFS=$tab read -r where command; do
		words=${command#podmox }
		option=
		case $words in
		*\ --*)
			option=--${words##* --}
			words=${words%% --*}
			;;
		esac
		text=$(help_of "$words")
		case $text in
		"usage: podmox ${words%% *}"*) ;;
		*) echo "$where: there is no command $command" ;;
		esac
		[ -n "$option" ] || continue
		bare=$(echo "${option#--}" | tr '[:lower:]' '[:upper:]')
		case $text in
		*"$option"* | *" $bare"* | *"[$bare"*) ;;
		*) echo "$where: podmox $words has no option $option" ;;
		esac
	done <"$dir/commands" >>"$dir/found"
fi
# The page of versions and its tests name the same differences.
sed -n 's/.*\(VERSION\|PM_TEST\)(\(version_\)\{0,1\}\([a-z0-9_]*\).*/version_\3/p' \
	tests/unit/pve/test_versions.c | grep -v '^version_##\|^version_$\|^version_id$' | sort >"$dir/tested"
grep -o 'version_[a-z0-9_]* |$' docs/reference/versions.md | cut -d' ' -f1 | sort >"$dir/told"
diff "$dir/tested" "$dir/told" | sed -n 's/^</docs\/reference\/versions.md: lacks/p; s/^>/docs\/reference\/versions.md: no test/p' >>"$dir/found"

cat "$dir/found"
echo "calls: $(grep '^rows' "$dir/named" | cut -f3) rows, $(wc -l <"$dir/found") faults"
[ ! -s "$dir/found" ]
