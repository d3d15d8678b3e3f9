/* Reads the tables of the judges: lines of text, `#` starts a comment. */
#ifndef PM_JUDGE_TABLE_H
#define PM_JUDGE_TABLE_H

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"

/** Calls take for each line, which it may change; -1: the file cannot be read, which is said. */
static inline int table_read(const char *path, void (*take)(void *arg, char *line), void *arg)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	char *line, *rest;
	struct pm_error err;

	if (pm_file_read(AT_FDCWD, path, (size_t)1 << 20, &text, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return -1;
	}
	for (line = strtok_r(text.p, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (*line != '#')
			take(arg, line);
	return 0;
}

#endif
