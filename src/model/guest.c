/* The kinds of guest: what PVE calls each, and what people do; what a guest runs with, and what can be plugged
 * into it. */
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

/* ---- as it runs ---- */

const char *pm_guest_in_force(const struct pm_obj *have, unsigned row, struct pm_buf *out)
{
	const struct pm_field *f = &have->kind->fields[row];
	const struct pm_live *l = have->live;

	for (unsigned i = 0; i < l->npending; i++) {
		if (l->pending[i].field == f)
			return l->pending[i].in_force ? l->pending[i].in_force : "";
	}
	if (have->spec && have->spec->val[row].state == PM_SET)
		pm_value_format(f, PM_PVE, &have->spec->val[row], out);
	return pm_buf_str(out);
}

bool pm_vm_hotplugs(const struct pm_obj *have, const char *feature)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	const char *is = pm_guest_in_force(have, PM_VM_HOTPLUG, &text);
	size_t n = strlen(feature);

	/* Network, disk and usb are, when nothing is said. */
	if (!*is || strcmp(is, "1") == 0)
		is = "network,disk,usb";
	while (*is) {
		size_t m = strcspn(is, ",; ");

		if (m == n && strncmp(is, feature, n) == 0)
			return true;
		is += m;
		is += *is != '\0';
	}
	return false;
}

bool pm_vm_is_in_modules(int64_t bytes)
{
	int64_t size = PM_GIB, module = PM_GIB / 2;

	for (unsigned i = 0; size < bytes; i++) {
		if (i > 0 && i % 32 == 0)
			module *= 2;
		size += module;
	}
	return size == bytes;
}

bool pm_vm_rounds_memory(const struct pm_obj *want, const struct pm_obj *have)
{
	const struct pm_value *v;

	if (want->kind != &pm_kind_vm || !want->spec || !have->spec ||
		(have->live->status && strcmp(have->live->status, "stopped") == 0))
		return false;
	v = &want->spec->val[PM_VM_MEMORY];
	return v->state == PM_SET && v->u.i > PM_GIB && !pm_vm_is_in_modules(v->u.i) &&
	       pm_vm_hotplugs(have, "memory");
}

unsigned pm_copied_vmid(const struct pm_obj *want)
{
	const char *from = want->kind == &pm_kind_vm && want->spec
				   ? pm_rec_str(want->spec, PM_G_IMAGE, NULL)
				   : NULL;
	int64_t vmid = 0;

	return from && pm_parse_int(from, 1, INT32_MAX, &vmid) == 0 ? (unsigned)vmid : 0;
}
