/* Tests of model/kinds.c: the tables are sound, and rows, groups and reasons are found. */
#include "base/map.h"
#include "base/text.h"
#include "model/model_priv.h"
#include "pm_test.h"

#include <string.h>

static const struct pm_field *slot_key(const char *key, unsigned *slot)
{
	return pm_field_by_slot_key(&pm_kind_pod, key, strlen(key), slot);
}

PM_TEST(kinds_are_found_by_name)
{
	assert_ptr_equal(pm_kind_find("Pod"), &pm_kind_pod);
	assert_null(pm_kind_find("pod"));
	assert_ptr_equal(pm_kind_named("pods"), &pm_kind_pod);
	assert_ptr_equal(pm_kind_named("config"), &pm_kind_config);
	assert_null(pm_kind_named("pot"));
}

PM_TEST(rows_are_found_by_name_key_and_slot)
{
	unsigned slot = 9;

	assert_ptr_equal(pm_field_find(&pm_kind_pod, "resources.memory"),
		&pm_kind_pod.fields[PM_POD_MEMORY]);
	assert_null(pm_field_find(&pm_kind_pod, "memory"));
	assert_null(pm_field_find(&pm_kind_pod, "resources"));
	assert_ptr_equal(
		pm_field_by_key(&pm_kind_pod, "memoryx", 6), &pm_kind_pod.fields[PM_POD_MEMORY]);
	assert_ptr_equal(slot_key("memory", &slot), &pm_kind_pod.fields[PM_POD_MEMORY]);
	assert_int_equal(slot, 0);
	assert_ptr_equal(slot_key("net12", &slot), &pm_kind_pod.fields[PM_POD_INTERFACES]);
	assert_int_equal(slot, 12);
	assert_ptr_equal(slot_key("mp255", &slot), &pm_kind_pod.fields[PM_POD_VOLUMES]);
	assert_int_equal(slot, 255);
	assert_null(slot_key("net32", &slot));
	assert_null(slot_key("net", &slot));
	assert_null(slot_key("net01", &slot));
	assert_null(slot_key("net99999999999", &slot));
	assert_null(slot_key("unused0", &slot));
	assert_null(slot_key("12", &slot));
	assert_null(slot_key("", &slot));
}

PM_TEST(every_row_is_found_again)
{
	for (unsigned k = 0; pm_all_kinds[k]; k++) {
		const struct pm_kind *kind = pm_all_kinds[k];

		for (unsigned i = 0; i < kind->nfields; i++) {
			const struct pm_field *f = &kind->fields[i];

			assert_int_equal(pm_field_index(kind, f), i);
			if (!(f->flags & PM_F_INNER))
				assert_ptr_equal(pm_field_find(kind, f->name), f);
			else
				assert_null(pm_field_find(kind, f->name));
			if (f->key)
				assert_ptr_equal(pm_field_by_key(kind, f->key, strlen(f->key)), f);
		}
	}
}

PM_TEST(rows_are_sound)
{
	for (unsigned k = 0; pm_all_kinds[k]; k++) {
		const struct pm_kind *kind = pm_all_kinds[k];

		for (unsigned i = 0; i < kind->nfields; i++) {
			const struct pm_field *f = &kind->fields[i];
			size_t n = f->doc ? strlen(f->doc) : 0;
			bool choice = f->type == PM_T_ENUM;

			if (n < 10 || f->doc[n - 1] != '.')
				fail_msg("%s.%s has no sentence", kind->name, f->name);
			if (choice != (f->choices != NULL) && f->type != PM_T_LIST)
				fail_msg("%s.%s: choices", kind->name, f->name);
			if (f->format && !pm_format_find(f->format))
				fail_msg("%s.%s: format %s", kind->name, f->name, f->format);
			if ((f->type == PM_T_PROPS) != (f->sub != NULL))
				fail_msg("%s.%s: sub", kind->name, f->name);
			if (f->key && f->type == PM_T_LIST && !f->sep)
				fail_msg("%s.%s: separator", kind->name, f->name);
		}
	}
}

PM_TEST(every_group_has_a_sentence)
{
	for (unsigned k = 0; pm_all_kinds[k]; k++) {
		const struct pm_kind *kind = pm_all_kinds[k];

		for (unsigned i = 0; i < kind->nfields; i++) {
			char name[64];

			(void)snprintf(name, sizeof(name), "%s", kind->fields[i].name);
			for (char *dot; (dot = strrchr(name, '.'));) {
				*dot = '\0';
				assert_true(pm_field_is_group(kind, name));
				assert_non_null(pm_group_doc(kind, name));
			}
		}
	}
	assert_false(pm_field_is_group(&pm_kind_pod, "resources.memory"));
	assert_false(pm_field_is_group(&pm_kind_pod, "resource"));
	assert_null(pm_group_doc(&pm_kind_pod, "rootfs"));
}

PM_TEST(refused_keys_name_the_reason)
{
	assert_string_equal(pm_refused_why(&pm_kind_pod, "options.memory"), "use resources.memory");
	assert_string_equal(
		pm_refused_why(&pm_kind_pod, "options.protection"), "use lifecycle.protect");
	assert_string_equal(pm_refused_why(&pm_kind_pod, "options.storage"), "use rootfs.storage");
	assert_string_equal(pm_refused_why(&pm_kind_pod, "options.net3"), "use network.interfaces");
	assert_string_equal(pm_refused_why(&pm_kind_pod, "options.rootfs"), "use rootfs");
	assert_string_equal(pm_refused_why(&pm_kind_pod, "options.vmid"), "use vmid");
	assert_string_equal(pm_refused_why(&pm_kind_pod, "cores"), "use resources.cores");
	assert_string_equal(pm_refused_why(&pm_kind_pod, "tty"), "use options.tty");
	assert_string_equal(pm_refused_why(&pm_kind_volume, "mp"), "use path");
	assert_has(pm_refused_why(&pm_kind_pod, "options.unused7"), "volumes");
	assert_has(pm_refused_why(&pm_kind_pod, "lock"), "PVE");
	assert_has(pm_refused_why(&pm_kind_pod, "network.ports"), "port forwards");
	assert_has(pm_refused_why(&pm_kind_pod, "network.firewall"), "firewall");
	assert_has(pm_refused_why(&pm_kind_pod, "network.dns.options"), "no such setting");
	assert_has(pm_refused_why(&pm_kind_rootfs, "volume"), "storage and size");
	assert_null(pm_refused_why(&pm_kind_pod, "options.tty"));
	assert_null(pm_refused_why(&pm_kind_pod, "resources.memory"));
	assert_null(pm_refused_why(&pm_kind_pod, "options.nonsense"));
	assert_null(pm_refused_why(&pm_kind_pod, "hostname"));
}

PM_TEST(refused_keys_can_be_listed)
{
	unsigned n = 0;

	while (pm_refused_at(&pm_kind_pod, n))
		n++;
	assert_true(n >= 11);
	assert_null(pm_refused_at(&pm_kind_net, 0));
}
