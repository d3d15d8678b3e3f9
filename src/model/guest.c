/* The kinds of guest: what PVE calls each, and what people do. */
#include <string.h>

#include "base/mem.h"
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
