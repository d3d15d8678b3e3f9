/* The kinds of guest: what PVE calls each, and what people do. */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "model/guest.h"

const struct pm_kind *pm_kind_of_type(const char *type)
{
	static const struct pm_kind *const kinds[] = { &pm_kind_pod, &pm_kind_vm };

	for (size_t i = 0; type && i < PM_COUNT(kinds); i++) {
		if (strcmp(kinds[i]->type, type) == 0)
			return kinds[i];
	}
	return NULL;
}

const char *pm_kind_word(const struct pm_kind *k)
{
	return k == &pm_kind_vm ? "VM" : "CT";
}

const char *pm_kind_noun(const struct pm_kind *k)
{
	return k == &pm_kind_vm ? "virtual machine" : "container";
}

unsigned pm_copied_vmid(const struct pm_obj *want)
{
	const char *from = want->kind == &pm_kind_vm && want->spec
				   ? pm_rec_str(want->spec, PM_G_IMAGE, NULL)
				   : NULL;
	int64_t vmid = 0;

	return from && pm_parse_int(from, 1, INT32_MAX, &vmid) == 0 ? (unsigned)vmid : 0;
}
