/* Calls by name: which there are, what they take, and what is sent for them. */
#include <json-c/json.h>
#include <pthread.h>

#include "base/json.h"
#include "base/mem.h"
#include "client.h"
#include "pve/pve_priv.h"

#define RESOURCES "/cluster/resources?type=vm"
#define ROWS                                                                             \
	"{\"data\":[{\"vmid\":105,\"type\":\"lxc\",\"node\":\"pve2\",\"name\":\"web\"}," \
	"{\"vmid\":\"106\",\"type\":\"qemu\",\"node\":\"pve1\",\"name\":\"db\"}]}"
#define UPID "UPID:pve2:00000361:0003D69F:6B020DF7:vzstart:105:root@pam:"

struct made {
	struct pm_buf path, form;
	struct pm_error err;
	int code;
};

static void encode(struct made *m, const struct pm_op_ask *ask)
{
	m->path = (struct pm_buf)PM_BUF(4096);
	m->form = (struct pm_buf)PM_BUF(4096);
	m->code = pm_op_encode(ask, &m->path, &m->form, &m->err);
}

static void made_done(struct made *m)
{
	pm_buf_done(&m->path);
	pm_buf_done(&m->form);
}

#define ARGS(...)                                       \
	.v = (const struct pm_op_arg[]){ __VA_ARGS__ }, \
	.n = sizeof((const struct pm_op_arg[]){ __VA_ARGS__ }) / sizeof(struct pm_op_arg)

#define assert_encodes(want_path, want_form, ...)                     \
	do {                                                          \
		struct made m;                                        \
		encode(&m, &(const struct pm_op_ask){ __VA_ARGS__ }); \
		assert_ok(m.code, &m.err);                            \
		assert_string_equal(pm_buf_str(&m.path), want_path);  \
		assert_string_equal(pm_buf_str(&m.form), want_form);  \
		made_done(&m);                                        \
	} while (0)

#define assert_refuses(part, ...)                                     \
	do {                                                          \
		struct made m;                                        \
		encode(&m, &(const struct pm_op_ask){ __VA_ARGS__ }); \
		assert_err(m.code, PM_E_USAGE, &m.err, part);         \
		made_done(&m);                                        \
	} while (0)

PM_TEST(op_words_find_rows)
{
	enum pm_guest_type guest;

	assert_int_equal(pm_op_find("ct", "start", &guest), PM_OP_GUEST_START);
	assert_int_equal(guest, PM_CT);
	assert_int_equal(pm_op_find("vm", "start", &guest), PM_OP_GUEST_START);
	assert_int_equal(guest, PM_VM);
	assert_int_equal(pm_op_find("ct", "set", &guest), PM_OP_CT_SET);
	assert_int_equal(pm_op_find("vm", "set", &guest), PM_OP_VM_SET);
	assert_int_equal(pm_op_find("vm", "interfaces", &guest), PM_OP_MAX);
	assert_int_equal(guest, PM_NO_GUEST);
	assert_int_equal(pm_op_find("node", "status", &guest), PM_OP_NODE_STATUS);
	assert_int_equal(pm_op_find("node", "nothing", &guest), PM_OP_MAX);
	assert_int_equal(pm_op_find(NULL, "start", &guest), PM_OP_MAX);
	assert_int_equal(pm_op_find("guest", "start", &guest), PM_OP_MAX);
}

PM_TEST(op_verbs_of_a_noun)
{
	const char *verbs[64];
	size_t n = pm_op_verbs("task", verbs, PM_COUNT(verbs));

	assert_int_equal(n, 3);
	assert_string_equal(verbs[0], "status");
	assert_int_equal(pm_op_verbs("task", verbs, 1), 3);
	assert_int_equal(pm_op_verbs("none", verbs, 1), 0);
	for (const char *const *noun = pm_op_nouns(); *noun; noun++)
		assert_true(pm_op_verbs(*noun, verbs, 0) > 0);
}

PM_TEST(op_encodes_paths_and_keys)
{
	assert_encodes("/nodes/pve2/lxc/105/status/shutdown", "timeout=30&forceStop=1",
		.op = PM_OP_GUEST_SHUTDOWN, .guest = PM_CT,
		ARGS({ "vmid", "105" }, { "node", "pve2" }, { "force-stop", NULL },
			{ "timeout", "30" }));
	assert_encodes("/nodes/{node}/qemu/105/status/start", "", .op = PM_OP_GUEST_START,
		.guest = PM_VM, ARGS({ "vmid", "105" }));
	assert_encodes("/nodes/a/lxc/105/clone", "newid=200&hostname=web-2",
		.op = PM_OP_GUEST_CLONE, .guest = PM_CT,
		ARGS({ "vmid", "105" }, { "node", "a" }, { "name", "web-2" }, { "newid", "200" }));
	assert_encodes("/nodes/a/qemu/105/clone", "newid=200&name=web-2", .op = PM_OP_GUEST_CLONE,
		.guest = PM_VM,
		ARGS({ "vmid", "105" }, { "node", "a" }, { "name", "web-2" }, { "newid", "200" }));
	assert_encodes("/nodes/a/storage/local/content/local%3Aiso%2Fd%2Bx.iso", "delay=3",
		.op = PM_OP_STORAGE_RM,
		ARGS({ "volid", "local:iso/d+x.iso" }, { "node", "a" }, { "storage", "local" },
			{ "delay", "3" }));
	assert_encodes("/cluster/resources", "type=vm", .op = PM_OP_GUEST_LIST, .guest = PM_CT,
		ARGS({ "node", "a" }));
	assert_encodes("/nodes/a/storage/local/content",
		"vmid=105&filename=vm-105-disk-1&size=1536M", .op = PM_OP_STORAGE_ALLOC,
		ARGS({ "node", "a" }, { "storage", "local" }, { "vmid", "105" },
			{ "filename", "vm-105-disk-1" }, { "size", "1.5G" }));
}

PM_TEST(op_passes_keys_of_pve_on)
{
	assert_encodes("/nodes/a/lxc",
		"vmid=300&ostemplate=local%3Avztmpl%2Fx&net0=name%3Deth0%2Cip%3Ddhcp&tags=a%3Bb",
		.op = PM_OP_GUEST_CREATE, .guest = PM_CT,
		ARGS({ "ostemplate", "local:vztmpl/x" }, { "node", "a" },
			{ "net0", "name=eth0,ip=dhcp" }, { "vmid", "300" }, { "tags", "a;b" }));
	assert_encodes("/nodes/a/lxc/105/config", "digest=0123&delete=mp0%2Cmp1&memory=512",
		.op = PM_OP_CT_SET,
		ARGS({ "node", "a" }, { "vmid", "105" }, { "memory", "512" }, { "delete", "mp0" },
			{ "delete", "mp1" }, { "digest", "0123" }));
	assert_refuses(
		"no key of PVE", .op = PM_OP_CT_SET, ARGS({ "vmid", "105" }, { "mem ory", "512" }));
	assert_refuses(
		"needs a value", .op = PM_OP_CT_SET, ARGS({ "vmid", "105" }, { "memory", "" }));
	assert_refuses("given twice", .op = PM_OP_CT_SET,
		ARGS({ "vmid", "105" }, { "memory", "1" }, { "memory", "2" }));
	assert_refuses("at least one key", .op = PM_OP_CT_SET,
		ARGS({ "vmid", "105" }, { "digest", "0123" }));
}

PM_TEST(op_refuses_bad_arguments)
{
	assert_refuses("did you mean timeout?", .op = PM_OP_GUEST_SHUTDOWN, .guest = PM_CT,
		ARGS({ "vmid", "105" }, { "timeuot", "1" }));
	assert_refuses("it takes vmid, node", .op = PM_OP_GUEST_TEMPLATE, .guest = PM_CT,
		ARGS({ "vmid", "105" }, { "colour", "1" }));
	assert_refuses("ct start needs vmid", .op = PM_OP_GUEST_START, .guest = PM_CT, .n = 0);
	assert_refuses(
		"container or a virtual machine", .op = PM_OP_GUEST_START, ARGS({ "vmid", "105" }));
	assert_refuses("vm delete: force: only containers", .op = PM_OP_GUEST_DELETE,
		.guest = PM_VM, ARGS({ "vmid", "105" }, { "force", "1" }));
	assert_refuses("only virtual machines", .op = PM_OP_SNAP_CREATE, .guest = PM_CT,
		ARGS({ "vmid", "105" }, { "snapname", "before" }, { "vmstate", NULL }));
	assert_refuses("given twice", .op = PM_OP_GUEST_START, .guest = PM_CT,
		ARGS({ "vmid", "105" }, { "vmid", "106" }));
	assert_refuses("none of: archive active all", .op = PM_OP_NODE_TASKS,
		ARGS({ "node", "a" }, { "source", "some" }));
	assert_refuses("longer than 40", .op = PM_OP_SNAP_CREATE, .guest = PM_CT,
		ARGS({ "vmid", "105" },
			{ "snapname", "a1234567890123456789012345678901234567890" }));
}

static int run(struct client *c, const struct pm_op_ask *ask, struct pm_op_answer *a)
{
	return pm_op_run(c->pve, &c->job, ask, a, &c->err);
}

PM_TEST(op_finds_the_node)
{
	struct client c;
	struct pm_op_answer a;

	client_start(&c, "pve1.lan");
	client_answer(&c, "GET", RESOURCES, ROWS);
	client_answer(&c, "POST", "/nodes/pve2/lxc/105/status/start", "{\"data\":\"" UPID "\"}");
	assert_ok(
		run(&c,
			&(const struct pm_op_ask){
				.op = PM_OP_GUEST_START, .guest = PM_CT, ARGS({ "vmid", "105" }) },
			&a),
		&c.err);
	assert_true(a.is_task);
	assert_string_equal(a.task.node, "pve2");
	assert_int_equal(a.vmid, 105);
	pm_op_answer_done(&a);
	assert_err(
		run(&c,
			&(const struct pm_op_ask){
				.op = PM_OP_GUEST_START, .guest = PM_CT, ARGS({ "vmid", "106" }) },
			&a),
		PM_E_USAGE, &c.err, "106 is a virtual machine; use \"podmox vm\"");
	assert_err(
		run(&c,
			&(const struct pm_op_ask){
				.op = PM_OP_GUEST_START, .guest = PM_CT, ARGS({ "vmid", "107" }) },
			&a),
		PM_E_NOTFOUND, &c.err, "there is no guest 107");
	client_stop(&c);
}

#define CALL(...) (&(const struct pm_op_ask){ __VA_ARGS__ })

static const char *place(struct client *c, const char *node)
{
	return pm_arena_printf(
		c->arena, "{\"data\":[{\"vmid\":105,\"type\":\"lxc\",\"node\":\"%s\"}]}", node);
}

/* An answer that comes a number of times. */
static void some(struct client *c, const char *method, const char *path, unsigned times, int status,
	const char *text)
{
	pm_fake_add(c->net, &(struct pm_fake_rule){ .method = method,
				    .path = pm_arena_printf(c->arena, "%s%s", API, path),
				    .times = times,
				    .status = status,
				    .reason = status >= 400 ? text : NULL,
				    .body = status >= 400 ? "" : text });
}

PM_TEST(op_reads_where_guests_are_once)
{
	struct pm_op_answer a;
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", RESOURCES, place(&c, "pve2"));
	client_answer(&c, "GET", "/nodes/pve2/lxc/105/*", "{\"data\":{}}");
	for (int i = 0; i < 3; i++) {
		assert_ok(run(&c,
				  CALL(.op = PM_OP_GUEST_STATUS, .guest = PM_CT,
					  ARGS({ "vmid", "105" })),
				  &a),
			&c.err);
		pm_op_answer_done(&a);
	}
	assert_int_equal(client_count(&c, "GET", RESOURCES), 1);
	/* A write asks where the guest is now. */
	some(&c, "PUT", "/nodes/pve2/lxc/105/config", 0, 200, "{\"data\":null}");
	assert_ok(
		run(&c, CALL(.op = PM_OP_CT_SET, ARGS({ "vmid", "105" }, { "memory", "512" })), &a),
		&c.err);
	pm_op_answer_done(&a);
	assert_int_equal(client_count(&c, "GET", RESOURCES), 2);
	/* What was asked for afresh is read afresh. */
	assert_ok(run(&c,
			  CALL(.op = PM_OP_GUEST_STATUS, .guest = PM_CT, .fresh = true,
				  ARGS({ "vmid", "105" })),
			  &a),
		&c.err);
	pm_op_answer_done(&a);
	assert_int_equal(client_count(&c, "GET", RESOURCES), 3);
	client_stop(&c);
}

PM_TEST(op_follows_a_guest_that_moved)
{
	struct pm_op_answer a;
	struct client c;

	client_start_token(&c, "pve1");
	some(&c, "GET", RESOURCES, 1, 200, place(&c, "pve1"));
	some(&c, "GET", RESOURCES, 0, 200, place(&c, "pve2"));
	client_status(&c, "PUT", "/nodes/pve1/lxc/105/config", 500,
		"Configuration file 'nodes/pve1/lxc/105.conf' does not exist", "");
	client_answer(&c, "PUT", "/nodes/pve2/lxc/105/config", "{\"data\":null}");
	assert_ok(
		run(&c, CALL(.op = PM_OP_CT_SET, ARGS({ "vmid", "105" }, { "memory", "512" })), &a),
		&c.err);
	pm_op_answer_done(&a);
	assert_int_equal(client_count(&c, "PUT", "/nodes/*"), 2);
	client_stop(&c);
}

PM_TEST(op_does_not_chase_a_guest_that_is_gone)
{
	struct pm_op_answer a;
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", RESOURCES, place(&c, "pve1"));
	client_status(&c, "DELETE", "/nodes/pve1/lxc/105", 500,
		"Configuration file 'nodes/pve1/lxc/105.conf' does not exist", "");
	assert_err(run(&c, CALL(.op = PM_OP_GUEST_DELETE, .guest = PM_CT, ARGS({ "vmid", "105" })),
			   &a),
		PM_E_NOTFOUND, &c.err, "105.conf");
	assert_int_equal(client_count(&c, "DELETE", "*"), 1);
	/* Where the caller says the node, it is taken at its word. */
	assert_err(run(&c,
			   CALL(.op = PM_OP_GUEST_DELETE, .guest = PM_CT,
				   ARGS({ "vmid", "105" }, { "node", "pve1" })),
			   &a),
		PM_E_NOTFOUND, &c.err, "105.conf");
	assert_int_equal(client_count(&c, "GET", RESOURCES), 2);
	client_stop(&c);
}

static int create(struct client *c, const char *vmid, struct pm_op_answer *a)
{
	return vmid ? run(c,
			      CALL(.op = PM_OP_GUEST_CREATE, .guest = PM_CT,
				      ARGS({ "node", "pve2" }, { "ostemplate", "x" },
					      { "vmid", vmid })),
			      a)
		    : run(c,
			      CALL(.op = PM_OP_GUEST_CREATE, .guest = PM_CT,
				      ARGS({ "node", "pve2" }, { "ostemplate", "x" })),
			      a);
}

PM_TEST(op_takes_the_next_number_when_one_is_lost)
{
	struct pm_op_answer a;
	struct client c;

	client_start_token(&c, "pve1");
	some(&c, "GET", "/cluster/nextid", 1, 200, "{\"data\":\"100\"}");
	some(&c, "GET", "/cluster/nextid", 1, 200, "{\"data\":101}");
	some(&c, "GET", "/cluster/nextid", 1, 200, "{\"data\":\"105\"}");
	some(&c, "POST", "/nodes/pve2/lxc", 2, 500, "CT 100 already exists on node 'pve1'");
	some(&c, "POST", "/nodes/pve2/lxc", 0, 200, "{\"data\":\"" UPID "\"}");
	assert_ok(create(&c, NULL, &a), &c.err);
	assert_int_equal(a.vmid, 105);
	assert_true(a.is_task);
	assert_has(client_body(&c, 0, "POST", "*"), "vmid=100&");
	assert_has(client_body(&c, 1, "POST", "*"), "vmid=101&");
	assert_has(client_body(&c, 2, "POST", "*"), "vmid=105&");
	pm_op_answer_done(&a);
	client_stop(&c);
}

PM_TEST(op_keeps_a_number_that_was_given)
{
	struct pm_op_answer a;
	struct client c;

	client_start_token(&c, "pve1");
	client_status(&c, "POST", "*", 500, "CT 100 already exists on node 'pve1'", "");
	assert_err(create(&c, "100", &a), PM_E_EXISTS, &c.err, "the number is taken");
	assert_int_equal(client_count(&c, "POST", "*"), 1);
	assert_int_equal(client_count(&c, "GET", "/cluster/nextid"), 0);
	client_stop(&c);
}

PM_TEST(op_creates_no_second_guest_after_a_lost_answer)
{
	struct pm_op_answer a;
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", "/cluster/nextid", "{\"data\":\"100\"}");
	client_fail(&c, NULL, "/nodes/pve2/lxc", PM_E_TIMEOUT, true);
	assert_err(create(&c, NULL, &a), PM_E_TIMEOUT, &c.err, NULL);
	assert_true(c.err.maybe_sent);
	assert_int_equal(client_count(&c, "POST", "*"), 1);
	client_stop(&c);
}

PM_TEST(op_gives_up_a_race_that_never_ends)
{
	struct pm_op_answer a;
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", "/cluster/nextid", "{\"data\":\"100\"}");
	client_status(&c, "POST", "*", 500, "CT 100 already exists on node 'pve1'", "");
	assert_err(create(&c, NULL, &a), PM_E_EXISTS, &c.err, NULL);
	assert_int_equal(client_count(&c, "POST", "*"), 16);
	client_stop(&c);
	client_start_token(&c, "pve1");
	client_answer(&c, "GET", "/cluster/nextid", "{\"data\":\"7\"}");
	assert_err(create(&c, NULL, &a), PM_E_PROTOCOL, &c.err, "no free VMID");
	assert_int_equal(client_count(&c, "POST", "*"), 0);
	client_stop(&c);
}

PM_TEST(op_clones_to_a_free_number)
{
	struct pm_op_answer a;
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", RESOURCES, place(&c, "pve2"));
	client_answer(&c, "GET", "/cluster/nextid", "{\"data\":\"200\"}");
	client_answer(&c, "POST", "/nodes/pve2/lxc/105/clone", "{\"data\":\"" UPID "\"}");
	assert_ok(
		run(&c, CALL(.op = PM_OP_GUEST_CLONE, .guest = PM_CT, ARGS({ "vmid", "105" })), &a),
		&c.err);
	assert_int_equal(a.vmid, 200);
	assert_string_equal(client_body(&c, 0, "POST", "/nodes/pve2/lxc/105/clone"), "newid=200");
	pm_op_answer_done(&a);
	client_stop(&c);
}

PM_TEST(op_lists_only_what_was_asked_for)
{
	struct pm_op_answer a;
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", RESOURCES, ROWS);
	client_answer(&c, "GET", "/cluster/resources?type=storage",
		"{\"data\":[{\"storage\":\"a\",\"node\":\"pve1\"},{\"storage\":\"a\",\"node\":"
		"\"pve2\"}]}");
	assert_ok(run(&c, CALL(.op = PM_OP_GUEST_LIST, .guest = PM_VM, .n = 0), &a), &c.err);
	assert_int_equal(json_object_array_length(a.data), 1);
	assert_int_equal(pm_json_int(json_object_array_get_idx(a.data, 0), "vmid", 0), 106);
	pm_op_answer_done(&a);
	assert_ok(
		run(&c, CALL(.op = PM_OP_GUEST_LIST, .guest = PM_VM, ARGS({ "node", "pve2" })), &a),
		&c.err);
	assert_int_equal(json_object_array_length(a.data), 0);
	pm_op_answer_done(&a);
	assert_ok(run(&c, CALL(.op = PM_OP_STORAGE_LIST, ARGS({ "node", "pve2" })), &a), &c.err);
	assert_int_equal(json_object_array_length(a.data), 1);
	pm_op_answer_done(&a);
	client_stop(&c);
}

PM_TEST(op_finds_node_and_storage_in_names)
{
	struct pm_op_answer a;
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", "/nodes/pve2/tasks/UPID%3Apve2%3A*/log[?]limit=3",
		"{\"total\":9,\"data\":[{\"n\":1,\"t\":\"x\"}]}");
	assert_ok(run(&c, CALL(.op = PM_OP_TASK_LOG, ARGS({ "upid", UPID }, { "limit", "3" })), &a),
		&c.err);
	assert_int_equal(pm_json_int(a.root, "total", 0), 9);
	pm_op_answer_done(&a);
	client_answer(&c, "DELETE", "/nodes/a/storage/local/content/local%3Aiso%2Fx.iso",
		"{\"data\":null}");
	assert_ok(run(&c,
			  CALL(.op = PM_OP_STORAGE_RM,
				  ARGS({ "volid", "local:iso/x.iso" }, { "node", "a" })),
			  &a),
		&c.err);
	assert_false(a.is_task);
	assert_null(a.data);
	pm_op_answer_done(&a);
	client_stop(&c);
}

PM_TEST(op_believes_no_list_that_is_none)
{
	struct pm_op_answer a;
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", "/nodes", "{\"data\":{\"x\":1}}");
	assert_err(
		run(&c, CALL(.op = PM_OP_NODE_LIST, .n = 0), &a), PM_E_PROTOCOL, &c.err, "no list");
	assert_null(a.root);
	client_stop(&c);
}

PM_TEST(op_repeats_a_write_only_where_it_does_no_harm)
{
	const struct {
		struct pm_op_ask ask;
		size_t sent;
	} writes[] = {
		{ { .op = PM_OP_CT_SET,
			  ARGS({ "vmid", "105" }, { "node", "a" }, { "memory", "1" },
				  { "digest", "00" }) },
			2 },
		{ { .op = PM_OP_CT_SET,
			  ARGS({ "vmid", "105" }, { "node", "a" }, { "memory", "1" }) },
			1 },
		{ { .op = PM_OP_GUEST_RESIZE,
			  .guest = PM_CT,
			  ARGS({ "vmid", "105" }, { "node", "a" }, { "disk", "rootfs" },
				  { "size", "9G" }) },
			2 },
		{ { .op = PM_OP_GUEST_RESIZE,
			  .guest = PM_CT,
			  ARGS({ "vmid", "105" }, { "node", "a" }, { "disk", "rootfs" },
				  { "size", "+1G" }) },
			1 },
		{ { .op = PM_OP_TASK_STOP, ARGS({ "upid", UPID }) }, 2 },
	};

	for (size_t i = 0; i < PM_COUNT(writes); i++) {
		struct pm_op_answer a;
		struct client c;

		client_start_token(&c, "pve1 pve2");
		client_fail(&c, NULL, "*", PM_E_UNREACHABLE, true);
		assert_err(run(&c, &writes[i].ask, &a), PM_E_UNREACHABLE, &c.err, NULL);
		if ((client_count(&c, NULL, NULL) > 1) != (writes[i].sent > 1))
			fail_msg("%zu: %zu", i, client_count(&c, NULL, NULL));
		client_stop(&c);
	}
}

PM_TEST(op_encode_finds_nothing)
{
	struct made m;

	encode(&m, CALL(.op = PM_OP_STORAGE_UPLOAD,
			   ARGS({ "node", "a" }, { "storage", "local" }, { "content", "iso" },
				   { "file", "/x/y z.iso" }, { "checksum", "00" },
				   { "checksum-algorithm", "sha256" })));
	assert_ok(m.code, &m.err);
	/* In the order in which PVE wants them. */
	assert_string_equal(pm_buf_str(&m.form),
		"content=iso&checksum-algorithm=sha256&checksum=00&filename=y%20z.iso");
	made_done(&m);
}

PM_TEST(op_tells_faults_of_what_it_looks_up)
{
	struct pm_op_answer a;
	struct pm_fault f;
	struct client c;

	client_start_token(&c, "pve1");
	some(&c, "GET", RESOURCES, 1, 403, "Permission check failed (/vms, VM.Audit)");
	assert_err(run(&c,
			   CALL(.op = PM_OP_GUEST_START, .guest = PM_CT, .fault = &f,
				   ARGS({ "vmid", "105" })),
			   &a),
		PM_E_PERMISSION, &c.err, "looking for the node of 105");
	assert_string_equal(f.privilege, "VM.Audit");
	/* A good end leaves nothing of a bad beginning. */
	some(&c, "GET", "/nodes", 1, 595, "Connection refused");
	some(&c, "GET", "/nodes", 0, 200, "{\"data\":[]}");
	assert_ok(run(&c, CALL(.op = PM_OP_NODE_LIST, .fault = &f, .n = 0), &a), &c.err);
	assert_int_equal(f.code, PM_OK);
	assert_string_equal(f.privilege, "");
	pm_op_answer_done(&a);
	client_stop(&c);
}

static void *ask_often(void *arg)
{
	struct client *c = arg;
	struct pm_arena *arena = pm_arena_new(0);
	struct pm_job job = { .arena = arena, .clock = &c->clock.clock };
	uintptr_t bad = 0;

	for (int i = 0; i < 50; i++) {
		struct pm_op_answer a;
		struct pm_error err;

		bad += pm_op_run(c->pve, &job,
			       CALL(.op = PM_OP_GUEST_STATUS, .guest = PM_CT, .fresh = i % 5 == 0,
				       ARGS({ "vmid", "105" })),
			       &a, &err) != 0;
		pm_op_answer_done(&a);
	}
	pm_arena_free(arena);
	return (void *)bad;
}

PM_TEST(op_takes_many_threads)
{
	pthread_t threads[8];
	struct client c;
	void *bad;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", RESOURCES, place(&c, "pve2"));
	client_answer(&c, "GET", "/nodes/pve2/lxc/105/status/current", "{\"data\":{\"x\":1}}");
	for (size_t i = 0; i < PM_COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_often, &c), 0);
	for (size_t i = 0; i < PM_COUNT(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &bad), 0);
		assert_null(bad);
	}
	client_stop(&c);
}

PM_TEST(op_knows_where_guests_are_for_a_while)
{
	struct json_object *root = NULL;
	struct pm_place place;
	struct client c;

	client_start_token(&c, "pve1");
	assert_false(pm_places_find(c.pve, 105, c.arena, &place));
	assert_ok(pm_json_parse(ROWS, strlen(ROWS), &root, &c.err), &c.err);
	pm_places_take(c.pve, pm_json_get(root, "data"));
	json_object_put(root);
	assert_true(pm_places_find(c.pve, 105, c.arena, &place));
	assert_string_equal(place.node, "pve2");
	assert_false(place.vm);
	assert_true(pm_places_find(c.pve, 106, c.arena, &place));
	assert_true(place.vm);
	assert_false(pm_places_find(c.pve, 107, c.arena, &place));
	c.pve->no_cache = true;
	assert_false(pm_places_find(c.pve, 105, c.arena, &place));
	c.pve->no_cache = false;
	atomic_fetch_add(&c.clock.ns, 3600 * PM_S_NS);
	assert_false(pm_places_find(c.pve, 105, c.arena, &place));
	/* An answer without rows is no list of guests that are gone. */
	pm_places_take(c.pve, NULL);
	assert_false(pm_places_find(c.pve, 105, c.arena, &place));
	client_stop(&c);
}
