/* Findings and their printed form. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/mem.h"
#include "pm_test.h"

/* What pm_diags_print() prints; owner: the caller. */
static char *printed(const struct pm_diags *d, unsigned most)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	assert_non_null(f);
	pm_diags_print(d, f, most);
	assert_int_equal(fclose(f), 0);
	return text;
}

static void expect(const struct pm_diags *d, unsigned most, const char *want)
{
	cleanup_free char *text = printed(d, most);

	assert_string_equal(text, want);
}

PM_TEST(diag_prints_place_line_caret_and_help)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_diags d;
	struct pm_diag *f;

	pm_diags_init(&d, a);
	f = pm_diag_add(&d, PM_ERROR, (struct pm_pos){ "web.yaml", 12, 11 }, "%s is below %d",
		"memory", 4096);
	f->source = "  memory: 2048\n";
	f->length = 4;
	pm_diag_hint(&d, f, "raise it to at least %d", 4096);
	expect(&d, 0,
		"web.yaml:12:11: error: memory is below 4096\n"
		"   |\n"
		"12 |   memory: 2048\n"
		"   |           ^^^^\n"
		"   help: raise it to at least 4096\n");
	assert_int_equal(d.nerrors, 1);
}

PM_TEST(diag_leaves_out_what_is_unknown)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_diags d;

	pm_diags_init(&d, a);
	(void)pm_diag_add(&d, PM_WARNING, (struct pm_pos){ 0 }, "no place");
	(void)pm_diag_add(&d, PM_NOTE, (struct pm_pos){ .file = "a.yaml" }, "a file");
	pm_diag_add(&d, PM_ERROR, (struct pm_pos){ "a.yaml", 3, 0 }, "a line")->source = "x";
	pm_diag_add(&d, PM_ERROR, (struct pm_pos){ "a.yaml", 0, 5 }, "no line")->source = "x";
	expect(&d, 0,
		"warning: no place\n"
		"a.yaml: note: a file\n"
		"a.yaml:3: error: a line\n"
		"  |\n"
		"3 | x\n"
		"a.yaml: error: no line\n");
	assert_int_equal(d.nerrors, 2);
	assert_int_equal(d.nwarnings, 1);
	assert_int_equal(d.nnotes, 1);
}

PM_TEST(diag_caret_stands_under_what_is_shown)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_diags d;
	struct pm_diag *f;

	pm_diags_init(&d, a);
	/* An ideograph is two columns wide, a tab is shown as two characters. */
	f = pm_diag_add(&d, PM_ERROR, (struct pm_pos){ "a", 1, 4 }, "m");
	f->source = "\xe6\xbc\xa2\t:\xe5\xad\x97"
		    "x";
	f->length = 2;
	/* Behind the end of the line. */
	f = pm_diag_add(&d, PM_ERROR, (struct pm_pos){ "a", 2, 9 }, "m");
	f->source = "abc";
	f->length = 50;
	expect(&d, 0,
		"a:1:4: error: m\n"
		"  |\n"
		"1 | \xe6\xbc\xa2\\t:\xe5\xad\x97"
		"x\n"
		"  |      ^^^\n"
		"a:2:9: error: m\n"
		"  |\n"
		"2 | abc\n"
		"  |    ^\n");
}

PM_TEST(diag_hides_no_control_characters)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_diags d;
	struct pm_diag *f;

	pm_diags_init(&d, a);
	f = pm_diag_add(&d, PM_ERROR, (struct pm_pos){ "e\x1b.yaml", 1, 2 }, "m\x07");
	f->source = "a\x1b[2Jb";
	pm_diag_hint(&d, f, "h\r");
	expect(&d, 0,
		"e\\x1b.yaml:1:2: error: m\\x07\n"
		"  |\n"
		"1 | a\\x1b[2Jb\n"
		"  |  ^^^^\n"
		"  help: h\\r\n");
}

PM_TEST(diag_shows_long_lines_in_part)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	cleanup_free char *text = NULL;
	struct pm_diags d;
	struct pm_diag *f;
	const char *x, *caret;
	char line[1001];

	memset(line, '.', 1000);
	line[500] = 'X';
	line[1000] = '\0';
	pm_diags_init(&d, a);
	f = pm_diag_add(&d, PM_ERROR, (struct pm_pos){ "a", 1, 501 }, "m");
	f->source = line;
	text = printed(&d, 0);
	assert_true(strlen(text) < 400);
	assert_has(text, "1 | ....");
	assert_has(text, "...\n");
	/* The caret stands under the X: as far from the bar of its own line. */
	x = strchr(text, 'X');
	caret = strchr(text, '^');
	assert_int_equal(x - strstr(text, "1 |"), caret - (strrchr(text, '|') - 2));
}

PM_TEST(diag_sorts_by_place_and_keeps_the_order_of_equals)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_diags d;
	static const struct pm_pos places[] = {
		{ "b", 2, 1 },
		{ "b", 1, 9 },
		{ "a", 7, 7 },
		{ "b", 1, 2 },
		{ "a", 7, 7 },
		{ NULL, 0, 0 },
		{ "b", 1, 9 },
	};
	static const unsigned order[] = { 5, 2, 4, 3, 1, 6, 0 };
	unsigned n = 0;

	pm_diags_init(&d, a);
	pm_diags_sort(&d);
	for (unsigned i = 0; i < PM_COUNT(places); i++)
		(void)pm_diag_add(&d, PM_NOTE, places[i], "%u", i);
	pm_diags_sort(&d);
	for (struct pm_diag *f = d.first; f; f = f->next, n++) {
		assert_int_equal(f->msg[0], '0' + (int)order[n]);
	}
	assert_int_equal(n, PM_COUNT(places));
	(void)pm_diag_add(&d, PM_NOTE, places[0], "last");
	for (n = 1; d.first->next; d.first = d.first->next)
		n++;
	assert_string_equal(d.first->msg, "last");
	assert_int_equal(n, PM_COUNT(places) + 1);
}

PM_TEST(diag_joins_two_lists_in_order)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_arena *b = pm_arena_new(0);
	struct pm_diags all, more;

	pm_diags_init(&all, a);
	pm_diags_init(&more, b);
	pm_diags_join(&all, &more);
	expect(&all, 0, "");
	(void)pm_diag_add(&more, PM_WARNING, (struct pm_pos){ 0 }, "one");
	(void)pm_diag_add(&more, PM_NOTE, (struct pm_pos){ 0 }, "two");
	pm_diags_join(&all, &more);
	assert_null(more.first);
	assert_int_equal(more.nwarnings, 0);
	(void)pm_diag_add(&all, PM_ERROR, (struct pm_pos){ 0 }, "three");
	(void)pm_diag_add(&more, PM_ERROR, (struct pm_pos){ 0 }, "four");
	pm_diags_join(&all, &more);
	pm_diags_join(&all, &more);
	pm_arena_join(a, b);
	expect(&all, 0, "warning: one\nnote: two\nerror: three\nerror: four\n");
	assert_int_equal(all.nerrors, 2);
	assert_int_equal(all.nwarnings, 1);
	assert_int_equal(all.nnotes, 1);
}

PM_TEST(diag_counts_what_it_does_not_print)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_diags d;

	pm_diags_init(&d, a);
	for (int i = 0; i < 3; i++)
		(void)pm_diag_add(&d, PM_ERROR, (struct pm_pos){ 0 }, "e%d", i);
	(void)pm_diag_add(&d, PM_WARNING, (struct pm_pos){ 0 }, "w");
	expect(&d, 1, "error: e0\nand 2 more errors, 1 more warning or note\n");
	expect(&d, 4, "error: e0\nerror: e1\nerror: e2\nwarning: w\n");
	expect(&d, 3,
		"error: e0\nerror: e1\nerror: e2\nand 0 more errors, 1 more warning or note\n");
	assert_string_equal(pm_severity_name(PM_NOTE), "note");
}
