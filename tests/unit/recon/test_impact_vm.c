/* When a change of a virtual machine's setting takes effect, row by row, on the simulator: a value is written to a
 * running machine, and its /pending says whether it is in force or waits. The rule is that of qemu-server which the
 * row names as its source; on a stopped machine everything is in force at once. */
#include <json-c/json.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "world.h"

#define CONFIG "/nodes/pve1/qemu/300/config"

/* Values of rows whose type alone says too little. */
static const struct {
	const char *key, *value;
} by_key[] = {
	{ "name", "other" },
	{ "tags", "a" },
	{ "description", "text" },
	{ "startup", "order%3D3" },
	{ "memory", "1024" },
	{ "balloon", "256" },
	{ "ciuser", "joe" },
	{ "nameserver", "192.0.2.1" },
	{ "searchdomain", "a.example" },
	{ "ipconfig", "ip%3Ddhcp" },
	{ "cpu", "host" },
	{ "efidisk0", "local-lvm%3A1" },
	{ "tpmstate0", "local-lvm%3A1" },
	{ "boot", "order%3Dnet0" },
	{ "machine", "q35" },
	{ "vga", "virtio" },
	{ "serial", "socket" },
	{ "rng0", "source%3D/dev/urandom" },
	{ "audio0", "device%3Dich9-intel-hda" },
	{ "smbios1", "uuid%3D6a1c6a3e-0000-4000-8000-000000000001" },
	{ "watchdog", "model%3Di6300esb" },
	{ "vmstatestorage", "local-lvm" },
	{ "startdate", "now" },
};

/* What the row's source says of a running machine; -1: it hangs on more than the key. */
static int waits_by_rule(const struct pm_field *f)
{
	if (f->source == NULL || f->hot != NULL || strstr(f->source, ": "))
		return -1;
	if (strstr(f->source, "fast_plug_option"))
		return 0;
	if (strstr(f->source, "vmconfig_hotplug_pending, which skips it"))
		return 1;
	return pm_str_eq(f->source, "PVE::QemuServer::vmconfig_hotplug_pending") ? 0 : -1;
}

static const char *value_of(struct world *w, const struct pm_field *f)
{
	for (size_t i = 0; i < PM_COUNT(by_key); i++)
		if (pm_str_eq(by_key[i].key, f->key))
			return by_key[i].value;
	switch (f->type) {
	case PM_T_BOOL:
		return pm_str_eq(f->def, "1") ? "0" : "1";
	case PM_T_INT:
	case PM_T_MILLI:
		return pm_arena_printf(w->arena, "%lld", (long long)(f->min > 1 ? f->min : 2));
	case PM_T_ENUM:
		return pm_str_eq(f->choices[0], f->def) ? f->choices[1] : f->choices[0];
	default:
		return NULL;
	}
}

static bool waits_at_pve(struct world *w, const char *key)
{
	struct pm_buf body cleanup_buf = PM_BUF(0);
	struct json_object *all = NULL, *rows;
	struct pm_error err;
	bool waits = false, found = false;

	assert_int_equal(world_ask(w, "GET", "/nodes/pve1/qemu/300/pending", NULL, &body), 200);
	assert_ok(pm_json_parse(pm_buf_str(&body), body.len, &all, &err), &err);
	rows = pm_json_get(all, "data");
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (!pm_str_eq(pm_json_str(row, "key"), key))
			continue;
		found = true;
		waits = pm_json_get(row, "pending") != NULL;
	}
	json_object_put(all);
	if (!found)
		fail_msg("%s was not taken", key);
	return waits;
}

static void new_machine(struct world *w, bool running)
{
	world_new(w, 1);
	assert_int_equal(world_call(w, "POST", "/nodes/pve1/qemu",
				 "vmid=300&name=vm&memory=512&agent=1&scsi0=local-lvm%3A1"
				 "&net0=virtio%2Cbridge%3Dvmbr0"),
		200);
	world_wait(w, 5);
	if (running)
		assert_int_equal(
			world_call(w, "POST", "/nodes/pve1/qemu/300/status/start", NULL), 200);
	world_wait(w, 5);
}

/* true: it was tried. What only root@pam with a password may set is not: the caller has a token. */
static bool try_row(const struct pm_field *f, bool running)
{
	const char *key, *value;
	struct world w;
	int waits = waits_by_rule(f);
	char out[16];

	if (!f->key || waits < 0 ||
		f->flags & (PM_F_OWN | PM_F_WRITEONLY | PM_F_INNER | PM_F_ROOT | PM_F_APART))
		return false;
	new_machine(&w, running);
	value = value_of(&w, f);
	key = f->count > 0 ? pm_slot_key(f, 0, out) : f->key;
	if (value) {
		const char *form = pm_arena_printf(w.arena, "%s=%s", key, value);

		if (world_call(&w, "PUT", CONFIG, form) != 200)
			fail_msg("%s is refused", form);
		if (waits_at_pve(&w, key) != (running && waits))
			fail_msg("%s on a %s machine: %s", key, running ? "running" : "stopped",
				running && waits ? "is in force" : "waits");
	}
	world_done(&w);
	return value != NULL;
}

static unsigned try_all(bool running)
{
	unsigned tried = 0;

	for (unsigned i = 0; i < pm_kind_vm.nfields; i++)
		tried += try_row(&pm_kind_vm.fields[i], running);
	return tried;
}

PM_TEST(impact_on_a_running_machine)
{
	assert_true(try_all(true) > 40);
}

PM_TEST(impact_on_a_stopped_machine)
{
	assert_true(try_all(false) > 40);
}
