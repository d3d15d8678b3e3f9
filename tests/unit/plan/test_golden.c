/* Every tests/plan/NAME.test: a scene and the plan that must come of it. UPDATE=1 writes what comes out
 * into the files instead. With each file go the properties that hold for every plan: built twice it is
 * the same, printed twice it is the same, colour changes nothing but colour, the JSON is JSON. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "pm_test.h"
#include "scene.h"

#define FOLDER "tests/plan"

enum { MANIFEST, LIVE, OPTIONS, EXPECT, JSON, SECTIONS };
static const char *const names[SECTIONS] = { "@manifest", "@live", "@options", "@expect", "@json" };

struct golden {
	struct pm_arena *arena;
	const char *path;
	const char *head; /* comments before the first section */
	const char *part[SECTIONS];
};

static int section_at(const char *line, size_t n)
{
	for (int i = 0; i < SECTIONS; i++)
		if (strlen(names[i]) == n && strncmp(line, names[i], n) == 0)
			return i;
	return -1;
}

static void split(struct golden *g, const char *text)
{
	const char *start = text, *at = text;
	int current = -1;

	for (;;) {
		size_t n = strcspn(at, "\n");
		int next = *at ? section_at(at, n) : -1;

		if (next >= 0 || *at == '\0') {
			const char *body = pm_arena_strndup(g->arena, start, (size_t)(at - start));

			if (current >= 0)
				g->part[current] = body;
			else
				g->head = body;
			current = next;
			start = at + n + (at[n] == '\n');
		}
		if (*at == '\0')
			return;
		at += n + (at[n] == '\n');
	}
}

static void run(const struct golden *g, struct pm_buf *text, struct pm_buf *json)
{
	struct scene s;

	scene_open(&s, g->part[MANIFEST] ? g->part[MANIFEST] : "",
		g->part[LIVE] ? g->part[LIVE] : "", g->part[OPTIONS] ? g->part[OPTIONS] : "");
	scene_plan(&s);
	scene_text(&s, text);
	pm_plan_print_json(&s.plan, json);
	scene_done(&s);
}

static void write_back(const struct golden *g, const struct pm_buf *text, const struct pm_buf *json)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	struct pm_error err;

	(void)pm_buf_adds(&out, g->head ? g->head : "");
	for (int i = 0; i < SECTIONS; i++) {
		if (g->part[i] == NULL && i != EXPECT)
			continue;
		(void)pm_buf_addf(&out, "%s\n%s", names[i],
			i == EXPECT ? pm_buf_str(text)
			: i == JSON ? pm_buf_str(json)
				    : g->part[i]);
	}
	assert_ok(pm_file_write(g->path, pm_buf_str(&out), out.len, 0644, &err), &err);
}

static bool compare(const struct golden *g, int part, const struct pm_buf *is)
{
	const char *want = g->part[part] ? g->part[part] : "";

	if (strcmp(want, pm_buf_str(is)) == 0)
		return true;
	print_error("%s: %s differs; expected:\n%s\ngot:\n%s\n", g->path, names[part], want,
		pm_buf_str(is));
	return false;
}

static void strip_colour(const char *s, struct pm_buf *out)
{
	for (; *s != '\0'; s++) {
		if (*s == '\033')
			s += strcspn(s, "m");
		else
			(void)pm_buf_addc(out, *s);
	}
}

/* What holds for every plan. */
static void check_properties(const struct golden *g, const struct pm_buf *json)
{
	struct pm_buf first cleanup_buf = PM_BUF(0);
	struct pm_buf again cleanup_buf = PM_BUF(0);
	struct pm_buf tinted cleanup_buf = PM_BUF(0);
	struct pm_buf bare cleanup_buf = PM_BUF(0);
	struct json_object *o cleanup_json = NULL;
	struct pm_error err;
	struct scene s;

	scene_open(&s, g->part[MANIFEST] ? g->part[MANIFEST] : "",
		g->part[LIVE] ? g->part[LIVE] : "", g->part[OPTIONS] ? g->part[OPTIONS] : "");
	scene_plan(&s);
	pm_plan_print(&s.plan, false, &first);
	pm_plan_print(&s.plan, false, &again);
	pm_plan_print(&s.plan, true, &tinted);
	strip_colour(pm_buf_str(&tinted), &bare);
	assert_string_equal(pm_buf_str(&first), pm_buf_str(&again));
	assert_string_equal(pm_buf_str(&first), pm_buf_str(&bare));
	assert_ok(pm_json_parse(json->p, json->len, &o, &err), &err);
	for (size_t i = 0; i < s.plan.n; i++)
		for (size_t k = 0; k < s.plan.v[i].nafter; k++)
			assert_true(s.plan.v[i].after[k] < i);
	scene_done(&s);
}

static bool run_file(const char *name)
{
	struct golden g = { .arena = pm_arena_new(0) };
	struct pm_buf file cleanup_buf = PM_BUF(0);
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct pm_buf json cleanup_buf = PM_BUF(0);
	struct pm_buf again cleanup_buf = PM_BUF(0);
	struct pm_buf json_again cleanup_buf = PM_BUF(0);
	struct pm_error err;
	bool good = true;

	g.path = pm_arena_printf(g.arena, FOLDER "/%s", name);
	assert_ok(pm_file_read(-100, g.path, 1 << 20, &file, &err), &err);
	split(&g, pm_buf_str(&file));
	run(&g, &text, &json);
	run(&g, &again, &json_again);
	assert_string_equal(pm_buf_str(&text), pm_buf_str(&again));
	assert_string_equal(pm_buf_str(&json), pm_buf_str(&json_again));
	check_properties(&g, &json);
	if (getenv("UPDATE") != NULL) {
		write_back(&g, &text, &json);
	} else {
		good = compare(&g, EXPECT, &text);
		if (g.part[JSON] != NULL)
			good = compare(&g, JSON, &json) && good;
	}
	pm_arena_free(g.arena);
	return good;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

PM_TEST(golden_plans)
{
	struct pm_arena *arena cleanup_arena = pm_arena_new(0);
	const char *v[512];
	const char *only = getenv("GOLDEN");
	size_t n = 0, failed = 0;
	struct dirent *e;
	DIR *d = opendir(FOLDER);

	assert_non_null(d);
	while (n < PM_COUNT(v) && (e = readdir(d)) != NULL) {
		size_t len = strlen(e->d_name);

		if (len > 5 && strcmp(e->d_name + len - 5, ".test") == 0 &&
			(only == NULL || strstr(e->d_name, only) != NULL))
			v[n++] = pm_arena_strdup(arena, e->d_name);
	}
	(void)closedir(d);
	qsort(v, n, sizeof(*v), by_name);
	for (size_t i = 0; i < n; i++)
		failed += !run_file(v[i]);
	print_message("%zu golden plans\n", n);
	assert_true(only != NULL || n >= 60);
	assert_int_equal(failed, 0);
}
