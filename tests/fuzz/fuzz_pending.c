/* Answers of a server about guests: whatever comes, reading ends; what is read is whole or nothing, and
 * an update can be made of it. The same bytes are read as an inventory and as a ticket's task too. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/vec.h"
#include "pve/pve_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *copy(struct pm_arena *a, const uint8_t *data, size_t size)
{
	char *s = pm_arena_alloc(a, size + 1, 1);

	if (size > 0)
		memcpy(s, data, size);
	return s;
}

/* A manifest that says something of every kind of setting. */
static struct pm_obj *wanted(struct pm_arena *a)
{
	static const struct {
		unsigned field;
		const char *text;
	} values[] = {
		{ PM_POD_CORES, "2" },
		{ PM_POD_MEMORY, "512" },
		{ PM_POD_FEATURES, "nesting=1" },
		{ PM_G_TAGS, "a;b" },
		{ PM_POD_ENV, "A=1" },
		{ PM_POD_DNS_SERVERS, "1.1.1.1" },
		{ PM_POD_ROOTFS, "size=2G" },
	};
	struct pm_obj *o = pm_obj_new(a, &pm_kind_pod);
	struct pm_error err;

	o->ns = "shop";
	o->name = "web";
	o->spec = pm_rec_new(a, o->kind);
	for (size_t i = 0; i < PM_COUNT(values); i++)
		pm_assert(
			pm_value_decode(a, &o->kind->fields[values[i].field], values[i].text,
				strlen(values[i].text), &o->spec->val[values[i].field], &err) == 0);
	o->spec->val[PM_POD_INTERFACES].state = PM_NULL;
	return o;
}

static void try_update(struct pm_arena *a, const struct pm_obj *have)
{
	struct pm_marker mark = { .set = "home",
		.kind = "Pod",
		.ns = "shop",
		.name = "web",
		.vmid = 100,
		.uid = "0123456789abcdef0123456789abcdef",
		.done = true };
	struct pm_update u = { .want = wanted(a), .have = have, .marker = &mark, .set = "home" };
	cleanup_buf struct pm_buf form = PM_BUF(0);

	pm_pve_encode_update(a, &u, &form);
	pm_assert(form.len == 0 || strstr(pm_buf_str(&form), "digest="));
	pm_assert(strlen(pm_buf_str(&form)) == form.len);
	u.after_create = true;
	pm_buf_clear(&form);
	pm_pve_encode_update(a, &u, &form);
	pm_assert(!strstr(pm_buf_str(&form), "cores="));
}

static void try_inventory(struct pm_arena *a, char *text, size_t n)
{
	struct pm_inventory inv = { .arena = a };
	struct pm_error err;

	if (pm_inventory_parse(&inv, 0, text, n, &err) == 0) {
		for (size_t i = 0; i < inv.n; i++)
			pm_assert(inv.v[i]->live->vmid > 0 && inv.v[i]->live->node &&
				  inv.v[i]->live->status);
	}
	pm_vec_done(&inv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_live live = { .vmid = 100, .node = "pve1", .type = "lxc", .status = "stopped" };
	struct pm_obj o = { .kind = &pm_kind_pod, .ns = "", .name = "", .live = &live };
	struct pm_error err;
	struct pm_task task;

	if (pm_pve_decode_pending(a, o.kind, copy(a, data, size), size, &o, &err) == 0) {
		pm_assert(o.spec && live.digest && live.keys);
		try_update(a, &o);
	} else {
		pm_assert(!o.spec && !live.digest && err.msg[0]);
	}
	try_inventory(a, copy(a, data, size), size);
	(void)pm_task_parse(copy(a, data, size), &task);
	return 0;
}
