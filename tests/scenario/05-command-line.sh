#!/usr/bin/env bash
# Typing mistakes and forms of output.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
m=$top/manifests

run 64 "$PODMOX"
ok "names the help" err_has "--help"
run 64 "$PODMOX" aply "$m"
ok "guesses the command" err_has "did you mean apply?"
run 64 "$PODMOX" plan "$m" --prun
ok "guesses the option" err_has "did you mean --prune?"
run 64 "$PODMOX" plan -o xml "$m"
run 64 "$PODMOX" apply "$m" --parallelism zero
run 64 "$PODMOX" validate
run 64 "$PODMOX" plan -o sarif "$m"
run 0 "$PODMOX" --help
ok "lists the exit status" out_has "65 invalid manifest"
run 0 "$PODMOX" plan --help
ok "help of a command" out_has "--detailed-exitcode"
run 0 "$PODMOX" help apply
run 64 "$PODMOX" help nothing
ok "no line of help is wider than 80" test "$("$PODMOX" --help | wc -L)" -le 80
run 0 "$PODMOX" version
run 1 "$PODMOX" -c /nonexistent/podmox.yaml plan "$m"
ok "names the missing configuration" err_has "/nonexistent/podmox.yaml"
run 0 "$PODMOX" validate "$m"
run 0 "$PODMOX" validate "$m" -o json
ok "JSON is JSON" python3 -m json.tool "$dir/out"
run 0 "$PODMOX" validate "$m" -o sarif
ok "SARIF is JSON" python3 -m json.tool "$dir/out"
run 1 "$PODMOX" validate "$dir/nowhere"
ok "names the missing directory" err_has "$dir/nowhere"
printf 'apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: a}\nspec: {imag: x}\n' >"$dir/bad.yaml"
run 65 "$PODMOX" validate "$dir/bad.yaml" -o github
ok "a workflow command" out_like '^::error file=.*bad.yaml,line=4,col='
run 65 "$PODMOX" validate "$dir/bad.yaml"
ok "guesses the key" err_has "image"
run 0 "$PODMOX" schema
ok "the schema is JSON" python3 -m json.tool "$dir/out"
run 0 "$PODMOX" schema Pod
run 64 "$PODMOX" schema Pot
run 0 "$PODMOX" explain Pod.spec.rootfs.size
ok "explains" out_has "never shrink"
run 64 "$PODMOX" explain Pod.spec.rootfs.siz
ok "guesses the field" err_has "size"
# what the help says stands in the manual, and the other way round
mapfile -t commands < <("$PODMOX" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\).*/\1/p')
for command in "${commands[@]}"; do
	ok "the manual names $command" grep -qE "^\*([a-z]+\*, \*)*$command\*" "$top/docs/man/podmox.1.scd"
	mapfile -t options < <("$PODMOX" "$command" --help | grep -oE '^ +(-[a-z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+')
	for option in "${options[@]}"; do
		ok "the manual names $option of $command" grep -qE -- "\*(-[a-z], )?$option\*" "$top/docs/man/podmox.1.scd"
	done
done
mapfile -t options < <(grep -oE -- '\*(-[a-z], )?--[a-z-]+\*' "$top/docs/man/podmox.1.scd" | grep -oE -- '--[a-z-]+' | sort -u)
for command in "${commands[@]}" "ct stop" "ct clone" "ct set" "ct delete" "vm migrate"; do
	# shellcheck disable=SC2086 # words they are
	"$PODMOX" $command --help
done >"$dir/help"
for option in "${options[@]}"; do
	ok "the program knows $option" grep -qE -- "$option( |\$)" "$dir/help"
done
for shell in bash zsh fish; do
	run 0 "$PODMOX" completion $shell
done
run 64 "$PODMOX" completion tcsh
ok "bash takes the completion" bash -n <("$PODMOX" completion bash)
done_testing
