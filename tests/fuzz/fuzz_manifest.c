/* Manifests and configurations: whatever comes in gives findings or objects; what is read without error
 * is written, and read again as the same. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "manifest/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
	struct pm_arena *arena;
	struct pm_set set;
	struct pm_diags diags;
};

static void read_text(struct reading *r, const char *text, size_t n)
{
	memset(r, 0, sizeof(*r));
	r->arena = pm_arena_new(0);
	r->set.arena = r->arena;
	pm_diags_init(&r->diags, r->arena);
	pm_manifest_parse(r->arena, "fuzz.yaml", text, n, &r->set, &r->diags);
	pm_manifest_link(&r->set, &r->diags);
	pm_diags_sort(&r->diags);
}

static void done(struct reading *r)
{
	pm_set_done(&r->set);
	pm_arena_free(r->arena);
}

static void print(const struct pm_diags *d)
{
	FILE *null = fopen("/dev/null", "we");

	pm_assert(null);
	pm_diags_print(d, null, 0);
	(void)fclose(null);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_buf struct pm_buf once = PM_BUF(0), twice = PM_BUF(0);
	struct reading first, second;

	read_text(&first, (const char *)data, size);
	if (first.diags.nerrors > 0) {
		print(&first.diags);
		done(&first);
		return 0;
	}
	pm_manifest_write(&first.set, &once);
	read_text(&second, pm_buf_str(&once), once.len);
	/* Nothing written is an empty text, which is an error of its own. */
	pm_assert(first.set.n == 0 || second.diags.nerrors == 0);
	pm_assert(first.set.n == second.set.n);
	pm_manifest_write(&second.set, &twice);
	pm_assert(once.len == twice.len && strcmp(pm_buf_str(&once), pm_buf_str(&twice)) == 0);
	done(&first);
	done(&second);
	return 0;
}
