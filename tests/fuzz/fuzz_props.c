/* Property strings of every kind of record: what was read and printed is read as the same again, and a
 * merge of what is there changes nothing. The first byte chooses the kind. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "model/model_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct pm_kind *const kinds[] = { &pm_kind_net, &pm_kind_rootfs, &pm_kind_volume,
	&pm_kind_device, &pm_kind_features, &pm_kind_startup, &pm_kind_disk, &pm_kind_vmnet,
	&pm_kind_efidisk, &pm_kind_cpu, &pm_kind_agent, &pm_kind_boot, &pm_kind_usb,
	&pm_kind_hostpci, &pm_kind_numa, &pm_kind_smbios };

static struct pm_rec *read_rec(struct pm_arena *a, const struct pm_kind *k, const char *s, size_t n)
{
	struct pm_rec *r = NULL;
	struct pm_error err = { 0 };

	if (pm_rec_parse(a, k, s, n, &r, &err) < 0) {
		pm_assert(err.code == PM_E_INPUT && err.msg[0]);
		return NULL;
	}
	return r;
}

/* Prints, reads and prints again. */
static void check_print(struct pm_arena *a, const struct pm_rec *r)
{
	cleanup_buf struct pm_buf once = PM_BUF(0);
	cleanup_buf struct pm_buf twice = PM_BUF(0);
	struct pm_rec *back;

	pm_rec_format(r, &once);
	back = read_rec(a, r->kind, pm_buf_str(&once), once.len);
	pm_assert(back && pm_rec_equal(r, back) && pm_rec_equal(back, r));
	pm_rec_format(back, &twice);
	pm_assert(!strcmp(pm_buf_str(&once), pm_buf_str(&twice)));
}

static void check_merge(struct pm_arena *a, const struct pm_rec *want, const struct pm_rec *have)
{
	cleanup_buf struct pm_buf once = PM_BUF(0);
	cleanup_buf struct pm_buf twice = PM_BUF(0);
	struct pm_rec *back;

	pm_rec_merge(want, have, NULL, &once);
	back = read_rec(a, have->kind, pm_buf_str(&once), once.len);
	pm_assert(back && pm_rec_equal(want, back));
	pm_rec_merge(want, back, NULL, &twice);
	pm_assert(!strcmp(pm_buf_str(&once), pm_buf_str(&twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const char *text = (const char *)data + 1;
	const struct pm_kind *k;
	struct pm_rec *r;

	if (size < 1)
		return 0;
	k = kinds[data[0] % PM_COUNT(kinds)];
	r = read_rec(a, k, text, size - 1);
	if (!r)
		return 0;
	check_print(a, r);
	check_merge(a, r, r);
	check_merge(a, pm_rec_new(a, k), r);
	return 0;
}
