/* Descriptions of guests: whatever stands there, splitting ends, and what was split and joined is split
 * into the same again. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "model/marker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct pm_marker *a, const struct pm_marker *b)
{
	pm_assert(b && pm_str_eq(a->set, b->set) && pm_str_eq(a->kind, b->kind));
	pm_assert(pm_str_eq(a->ns, b->ns) && pm_str_eq(a->name, b->name));
	pm_assert(pm_str_eq(a->uid, b->uid) && a->vmid == b->vmid && a->done == b->done);
	pm_assert(pm_str_eq(a->root, b->root) && pm_str_eq(a->image, b->image));
	pm_assert(pm_str_eq(a->hash, b->hash) && pm_str_eq(a->fields, b->fields));
	pm_assert(pm_str_eq(a->on_remove, b->on_remove));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const char *text, *fault, *again, *joined;
	const struct pm_marker *m, *back;
	char *s = pm_arena_alloc(a, size + 1, 1);

	if (size > 0)
		memcpy(s, data, size);
	pm_marker_split(a, s, &text, &m, &fault);
	pm_assert(!(m && fault));
	if (!m)
		return 0;
	joined = pm_marker_join(a, text, m);
	pm_marker_split(a, joined, &again, &back, &fault);
	pm_assert(!fault && !strcmp(text, again));
	same(m, back);
	pm_assert(!strcmp(pm_marker_join(a, again, back), joined));
	(void)pm_marker_has(m, "net0", "bridge");
	(void)pm_tags_have(s, PM_TAG);
	pm_assert(pm_tags_have(pm_tags_join(a, NULL, s, m->set), PM_TAG));
	return 0;
}
