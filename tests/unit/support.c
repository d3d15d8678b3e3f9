/* Helpers of the unit tests that every room shares; see pm_test.h. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pm_test.h"

/* Paths handed out; freed, and the folders removed, when the program ends. */
struct kept {
	struct kept *next;
	bool folder;
	char path[];
};

static struct kept *kept;

static int remove_one(const char *path, PM_UNUSED const struct stat *st, PM_UNUSED int type,
	PM_UNUSED struct FTW *ftw)
{
	return remove(path);
}

__attribute__((destructor)) static void tidy_up(void)
{
	while (kept) {
		struct kept *k = kept;

		kept = k->next;
		if (k->folder)
			(void)nftw(k->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
		free(k);
	}
}

static char *keep(const char *dir, const char *name, bool folder)
{
	size_t n = strlen(dir) + strlen(name) + 2;
	struct kept *k = calloc(1, sizeof(*k) + n);

	assert_non_null(k);
	(void)snprintf(k->path, n, "%s/%s", dir, name);
	k->folder = folder;
	k->next = kept;
	kept = k;
	return k->path;
}

const char *pm_test_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	char *path = keep(tmp ? tmp : "/tmp", "podmox-test-XXXXXX", true);

	assert_non_null(mkdtemp(path));
	return path;
}

const char *pm_test_file(const char *dir, const char *name, const char *text)
{
	char *path = keep(dir, name, false);
	FILE *f;

	for (char *p = path + strlen(dir) + 1; (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		(void)mkdir(path, 0755);
		*p = '/';
	}
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	return path;
}

void pm_test_ok(int r, const struct pm_error *err, const char *what, const char *file, int line)
{
	if (r >= 0)
		return;
	print_error("%s: %s (%s) %s\n", what, err->msg, pm_code_name(err->code), err->where);
	_fail(file, line);
}

void pm_test_err(int r, enum pm_code code, const struct pm_error *err, const char *part,
	const char *what, const char *file, int line)
{
	if (r == -(int)code && err->code == code && (!part || strstr(err->msg, part)))
		return;
	print_error("%s: returned %d (%s), wanted %s; says \"%s\", wanted \"%s\"\n", what, r,
		r < 0 ? pm_code_name((enum pm_code) - r) : "success", pm_code_name(code),
		r < 0 ? err->msg : "", part ? part : "");
	_fail(file, line);
}

void pm_test_has(const char *text, const char *part, const char *file, int line)
{
	if (text && strstr(text, part))
		return;
	print_error("not found: %s\nin: %s\n", part, text ? text : "(null)");
	_fail(file, line);
}

static uint64_t clock_mono(void *self)
{
	return atomic_load(&((struct pm_test_clock *)self)->ns);
}

static int64_t clock_wall(void *self)
{
	struct pm_test_clock *c = self;

	return c->wall_ms + (int64_t)(atomic_load(&c->ns) / PM_MS_NS);
}

static int clock_wait(void *self, uint64_t ns, struct pm_cancel *cancel)
{
	struct pm_test_clock *c = self;

	atomic_fetch_add(&c->waits, 1);
	if (pm_cancelled(cancel, &c->clock))
		return -PM_E_CANCELLED;
	atomic_fetch_add(&c->ns, ns);
	return pm_cancelled(cancel, &c->clock) ? -PM_E_CANCELLED : 0;
}

void pm_test_clock_init(struct pm_test_clock *c)
{
	memset(c, 0, sizeof(*c));
	c->clock = (struct pm_clock){
		.self = c, .mono_ns = clock_mono, .wall_ms = clock_wall, .wait = clock_wait
	};
	c->wall_ms = 1772366400000; /* 2026-03-01T12:00:00Z */
	atomic_store(&c->ns, PM_S_NS);
}
