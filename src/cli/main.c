/* Entry of podmox: reads the command line, runs one command. */
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "security/security.h"

/* A reader that went away (podmox plan | head) is no reason to die without an exit status. */
static void ignore_sigpipe(void)
{
	struct sigaction sa = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGPIPE, &sa, NULL);
}

/* The result counts only if it was written: a full disk or closed pipe is an error. */
static int close_output(int status)
{
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0) {
		(void)fputs("podmox: error: the output could not be written\n", stderr);
		return 1;
	}
	return status;
}

int main(int argc, char **argv)
{
	struct pm_args args = { 0 };
	struct pm_error err = { 0 };
	int status;

	ignore_sigpipe();
	pm_security_harden();
	if (pm_args_parse(argc, argv, &args, &err)) {
		status = args.command->run(&args);
	} else if (args.help) {
		pm_help_print(&args, stdout);
		status = 0;
	} else {
		status = pm_cli_fail(&err);
	}
	pm_args_done(&args);
	return close_output(status);
}
