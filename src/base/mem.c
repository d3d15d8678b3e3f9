/* Memory that must be there, and the destructors behind the cleanup_* attributes. */
#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static PM_NORETURN void out_of_memory(void)
{
	static const char msg[] = "podmox: out of memory\n";

	(void)!write(STDERR_FILENO, msg, sizeof(msg) - 1);
	abort();
}

void *pm_xcalloc(size_t n, size_t size)
{
	void *p = calloc(n > 0 ? n : 1, size > 0 ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *pm_xrealloc(void *p, size_t size)
{
	void *grown = realloc(p, size > 0 ? size : 1);

	if (!grown)
		out_of_memory();
	return grown;
}

char *pm_xstrdup(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		out_of_memory();
	return copy;
}

void pm_freep(void *pp)
{
	void *p;

	/* The variable may be of any pointer type: its bytes are read, not a void pointer. */
	memcpy(&p, pp, sizeof(p));
	free(p);
}

int pm_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

void pm_closep(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

void pm_fclosep(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

void pm_wipe(void *p, size_t n)
{
	if (n > 0)
		explicit_bzero(p, n);
}

void pm_assert_failed(const char *what, const char *file, int line)
{
	(void)fprintf(stderr, "podmox: %s:%d: this should always hold: %s\n", file, line, what);
	abort();
}
