/* podmox completion: small scripts for shells that ask the hidden command `complete` what could stand
 * where the cursor is. What it answers comes from the tables (cmd_complete.c). */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

/* Without an answer the shell offers files: most commands take paths. */
static const char bash[] =
	"# bash completion of podmox\n"
	"_podmox() {\n"
	"  local line=${COMP_LINE:0:COMP_POINT} words cur found i\n"
	"  COMPREPLY=()\n"
	"  read -ra words <<<\"$line\"\n"
	"  [[ $line == *' ' ]] && words+=(\"\")\n"
	"  cur=${words[${#words[@]}-1]}\n"
	"  while IFS=$'\\t' read -r found _; do\n"
	"    COMPREPLY+=(\"$found\")\n"
	"  done < <(\"${words[0]}\" complete -- \"${words[@]:1}\" 2>/dev/null)\n"
	"  # bash divides words at ':' and '=': what stands before is there already\n"
	"  for i in \"${!COMPREPLY[@]}\"; do\n"
	"    COMPREPLY[i]=${COMPREPLY[i]#\"${cur%\"${cur##*[:=]}\"}\"}\n"
	"  done\n"
	"}\n"
	"complete -o default -F _podmox podmox\n";

static const char zsh[] =
	"#compdef podmox\n"
	"_podmox() {\n"
	"  local -a found words_before\n"
	"  local value doc\n"
	"  words_before=(\"${(@)words[2,CURRENT]}\")\n"
	"  while IFS=$'\\t' read -r value doc; do\n"
	"    found+=(\"${value//:/\\\\:}:$doc\")\n"
	"  done < <(\"${words[1]}\" complete -- \"${words_before[@]}\" 2>/dev/null)\n"
	"  if (( ${#found} )); then _describe podmox found; else _files; fi\n"
	"}\n"
	"if [ \"$funcstack[1]\" = _podmox ]; then _podmox \"$@\"; else compdef _podmox podmox; fi\n";

static const char fish[] = "# fish completion of podmox\n"
			   "function __podmox_complete\n"
			   "  set -l words (commandline -opc) (commandline -ct)\n"
			   "  $words[1] complete -- $words[2..-1] 2>/dev/null\n"
			   "end\n"
			   "complete -c podmox -a '(__podmox_complete)'\n";

int cmd_completion(struct pm_args *a)
{
	const char *shell = a->rest.v[0];

	if (strcmp(shell, "bash") == 0) {
		(void)fputs(bash, stdout);
	} else if (strcmp(shell, "zsh") == 0) {
		(void)fputs(zsh, stdout);
	} else if (strcmp(shell, "fish") == 0) {
		(void)fputs(fish, stdout);
	} else {
		(void)fprintf(stderr,
			"podmox: error: completion knows bash, zsh and fish, not \"%s\"\n", shell);
		return 64;
	}
	return 0;
}
