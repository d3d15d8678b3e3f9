/* Every case below tests/manifest: NAME.yaml (or the folder NAME) gives exactly the findings of NAME.err,
 * and what is read without error survives being written and read again. UPDATE=1 rewrites the .err. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "manifest_test.h"

#define FOLDER "tests/manifest"

static bool is_case(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	if (e->d_name[0] == '.')
		return false;
	return e->d_type == DT_DIR || (n > 5 && strcmp(e->d_name + n - 5, ".yaml") == 0);
}

static int filter(const struct dirent *e)
{
	return is_case(e);
}

static const char *expected_of(const char *name, struct pm_buf *out, const char *actual)
{
	cleanup_buf struct pm_buf path = PM_BUF(0);
	struct pm_error err;
	const char *dot = strchr(name, '.');
	int n = dot ? (int)(dot - name) : (int)strlen(name);

	(void)pm_buf_addf(&path, FOLDER "/%.*s.err", n, name);
	if (getenv("UPDATE"))
		assert_ok(
			pm_file_write(pm_buf_str(&path), actual, strlen(actual), 0644, &err), &err);
	assert_ok(pm_file_read(AT_FDCWD, pm_buf_str(&path), 1 << 20, out, &err), &err);
	return pm_buf_str(out);
}

static void run_case(const char *name)
{
	cleanup_buf struct pm_buf path = PM_BUF(0), expected = PM_BUF(0);
	struct loaded l;

	(void)pm_buf_addf(&path, FOLDER "/%s", name);
	load_path(&l, pm_buf_str(&path));
	assert_ok(l.r, &l.err);
	assert_string_equal(l.text, expected_of(name, &expected, l.text));
	assert_int_equal(l.load.whole, l.diags.nerrors == 0);
	if (l.diags.nerrors == 0)
		assert_round_trip(&l.set);
	loaded_done(&l);
}

PM_TEST(golden_findings)
{
	struct dirent **v;
	int n = scandir(FOLDER, &v, filter, alphasort);

	assert_true(n > 60);
	for (int i = 0; i < n; i++) {
		run_case(v[i]->d_name);
		free(v[i]);
	}
	free(v);
}

/* The examples are read by everybody first: no finding but the note on their configuration. */
PM_TEST(golden_examples)
{
	struct loaded l;

	load_path(&l, "manifests");
	assert_ok(l.r, &l.err);
	assert_int_equal(l.diags.nerrors, 0);
	assert_int_equal(l.diags.nwarnings, 0);
	assert_int_equal(l.diags.nnotes, 1);
	assert_has(l.text, "a configuration among manifests is passed over");
	assert_true(l.set.n >= 14);
	assert_true(l.load.whole);
	assert_false(l.load.single_file);
	assert_round_trip(&l.set);
	loaded_done(&l);
}

/* The page is copied from: each block is a manifest without a finding. */
PM_TEST(golden_howto_of_machines)
{
	cleanup_buf struct pm_buf page = PM_BUF(0);
	struct pm_error err;
	unsigned blocks = 0;

	assert_ok(pm_file_read(AT_FDCWD, "docs/howto/virtual-machines.md", 1 << 20, &page, &err),
		&err);
	for (char *s = page.p, *end; (s = strstr(s, "```yaml\n")); s = end + 3) {
		struct loaded l;

		s += strlen("```yaml\n");
		end = strstr(s, "```");
		assert_non_null(end);
		parse_text(&l, s, (size_t)(end - s));
		if (l.diags.first)
			fail_msg("%s", l.text);
		assert_int_equal(l.set.n, 1);
		loaded_done(&l);
		blocks++;
	}
	assert_int_equal(blocks, 3);
}
