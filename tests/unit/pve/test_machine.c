/* What is sent for virtual machines: their own paths, words and ways. */
#include <string.h>

#include "base/text.h"
#include "client.h"
#include "model/guest.h"

#define UPID(type) "UPID:pve1:00000361:0003D69F:6B020DF7:" type ":250:ci@pve!gitops:"
#define TASK(type) "{\"data\":\"" UPID(type) "\"}"
#define STATUS     "/nodes/pve1/tasks/*/status"
#define MACHINE    "/nodes/pve1/qemu/250"

struct machine {
	struct client c;
	struct pm_obj *have;
};

static struct pm_obj *machine_new(struct client *c, unsigned vmid, const char *rows)
{
	char *text = pm_arena_printf(
		c->arena, "{\"data\":[%s{\"key\":\"digest\",\"value\":\"d1\"}]}", rows);
	struct pm_obj *o = pm_obj_new(c->arena, &pm_kind_vm);

	o->ns = "ci";
	o->name = "build";
	o->live = pm_new(c->arena, struct pm_live);
	*o->live = (struct pm_live){
		.vmid = vmid, .node = "pve1", .type = "qemu", .status = "running"
	};
	assert_ok(
		pm_pve_decode_pending(c->arena, o->kind, text, strlen(text), o, &c->err), &c->err);
	return o;
}

static void begin(struct machine *m, const char *rows)
{
	client_start_token(&m->c, "10.0.0.1");
	client_answer(
		&m->c, "GET", STATUS, "{\"data\":{\"status\":\"stopped\",\"exitstatus\":\"OK\"}}");
	m->have = machine_new(&m->c, 250, rows);
}

PM_TEST(a_machine_moves_while_it_runs)
{
	struct machine m;

	begin(&m, "");
	client_answer(&m.c, "POST", MACHINE "/move_disk", TASK("qmmove"));
	client_answer(&m.c, "POST", MACHINE "/migrate", TASK("qmigrate"));
	assert_ok(pm_pve_move(m.c.pve, &m.c.job, m.have, "scsi0", "nfs", &m.c.err), &m.c.err);
	assert_string_equal(client_body(&m.c, 0, "POST", MACHINE "/move_disk"),
		"disk=scsi0&storage=nfs&delete=1&digest=d1");
	assert_ok(pm_pve_migrate(m.c.pve, &m.c.job, m.have, "pve2", true, &m.c.err), &m.c.err);
	assert_string_equal(client_body(&m.c, 0, "POST", MACHINE "/migrate"),
		"target=pve2&online=1&with-local-disks=1");
	assert_ok(pm_pve_migrate(m.c.pve, &m.c.job, m.have, "pve2", false, &m.c.err), &m.c.err);
	assert_string_equal(client_body(&m.c, 1, "POST", MACHINE "/migrate"), "target=pve2");
	client_stop(&m.c);
}

PM_TEST(a_copy_is_asked_of_its_source)
{
	const struct pm_marker marker = { .set = "home",
		.kind = "VirtualMachine",
		.ns = "ci",
		.name = "copy",
		.uid = "0123456789abcdef0123456789abcdef",
		.vmid = 260 };
	struct pm_create c = { .vmid = 260, .node = "pve2", .marker = &marker };
	struct pm_obj *want;
	struct pm_task task;
	struct machine m;
	const char *body;

	begin(&m, "");
	want = pm_obj_new(m.c.arena, &pm_kind_vm);
	want->ns = "ci";
	want->name = "copy";
	want->file = "a.yaml";
	want->spec = pm_rec_new(m.c.arena, &pm_kind_vm);
	want->spec->val[PM_VM_CLONE_FULL] =
		(struct pm_value){ .state = PM_SET, .u = { .b = true } };
	c.want = want;
	c.source = m.have;
	client_answer(&m.c, "POST", MACHINE "/clone", TASK("qmclone"));
	assert_ok(pm_pve_create(m.c.pve, &m.c.job, &c, &task, &m.c.err), &m.c.err);
	body = client_body(&m.c, 0, "POST", MACHINE "/clone");
	assert_true(pm_str_starts(body, "newid=260&name=copy&description="));
	assert_non_null(strstr(body, "%22vmid%22%3A260"));
	assert_non_null(strstr(body, "&full=1&target=pve2"));
	client_stop(&m.c);
}

PM_TEST(a_write_that_touches_drives_is_a_task)
{
	struct pm_update u = { .set = "home" };
	struct pm_obj *want;
	struct machine m;
	const char *body;

	begin(&m, "{\"key\":\"boot\",\"value\":\"order=scsi0\"},");
	want = machine_new(&m.c, 250,
		"{\"key\":\"boot\",\"value\":\"order=scsi0\"},{\"key\":\"cores\",\"value\":4},");
	u.want = want;
	u.have = m.have;
	client_answer(&m.c, "PUT", MACHINE "/config", "{\"data\":null}");
	client_answer(&m.c, "POST", MACHINE "/config", TASK("qmconfig"));
	assert_ok(pm_pve_update(m.c.pve, &m.c.job, &u, &m.c.err), &m.c.err);
	body = client_body(&m.c, 0, "PUT", MACHINE "/config");
	assert_non_null(strstr(body, "cores=4"));
	assert_null(strstr(body, "boot="));
	/* PVE leaves the boot order alone where it is told what it is. */
	u.want = machine_new(&m.c, 250,
		"{\"key\":\"boot\",\"value\":\"order=scsi0\"},{\"key\":\"ide2\",\"value\":\"none,media=cdrom\"},");
	assert_ok(pm_pve_update(m.c.pve, &m.c.job, &u, &m.c.err), &m.c.err);
	body = client_body(&m.c, 0, "POST", MACHINE "/config");
	assert_non_null(strstr(body, "ide2=none%2Cmedia%3Dcdrom"));
	assert_non_null(strstr(body, "boot=order%3Dscsi0"));
	client_stop(&m.c);
}

PM_TEST(addresses_of_a_machine_are_its_agents)
{
	const struct pm_list *l;
	struct machine m;

	/* As recorded (16), with an address that the configuration fixes. */
	begin(&m, "{\"key\":\"ipconfig0\",\"value\":\"ip=192.0.2.5/24,gw=192.0.2.1\"},");
	client_answer(&m.c, "GET", MACHINE "/agent/network-get-interfaces",
		"{\"data\":{\"result\":[{\"name\":\"lo\",\"ip-addresses\":[{\"ip-address\":\"127.0.0.1\"}]},"
		"{\"name\":\"eth0\",\"ip-addresses\":[{\"ip-address\":\"192.0.2.9\",\"prefix\":24}]}]}}");
	assert_ok(pm_pve_addresses(m.c.pve, &m.c.job, m.have, &l, &m.c.err), &m.c.err);
	assert_int_equal(l->n, 2);
	assert_string_equal(l->v[0], "192.0.2.5");
	assert_string_equal(l->v[1], "192.0.2.9");
	client_stop(&m.c);

	begin(&m, "");
	client_status(&m.c, "GET", MACHINE "/agent/network-get-interfaces", 500,
		"QEMU guest agent is not running", "");
	assert_ok(pm_pve_addresses(m.c.pve, &m.c.job, m.have, &l, &m.c.err), &m.c.err);
	assert_int_equal(l->n, 0);
	client_stop(&m.c);

	begin(&m, "");
	client_status(&m.c, "GET", MACHINE "/agent/network-get-interfaces", 500,
		"No QEMU guest agent configured", "");
	assert_err(pm_pve_addresses(m.c.pve, &m.c.job, m.have, &l, &m.c.err), PM_E_UNSUPPORTED,
		&m.c.err, "agent.enabled");
	client_stop(&m.c);
}
