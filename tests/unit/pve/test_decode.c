/* Answers of /pending as live objects, and the inventory. */
#include <json-c/json.h>

#include "base/num.h"
#include "base/vec.h"
#include "client.h"

#define MARK                                                                                    \
	"<!-- podmox: {\\\"v\\\":1,\\\"set\\\":\\\"home\\\",\\\"kind\\\":\\\"Pod\\\","          \
	"\\\"ns\\\":\\\"shop\\\",\\\"name\\\":\\\"web\\\","                                     \
	"\\\"uid\\\":\\\"0123456789abcdef0123456789abcdef\\\",\\\"vmid\\\":210,\\\"root\\\":"   \
	"\\\"m\\\",\\\"image\\\":\\\"i\\\",\\\"hash\\\":\\\"0123456789abcdef\\\",\\\"done\\\":" \
	"true,\\\"fields\\\":\\\"cores memory net0:bridge,ip,name\\\"} -->"

static const char *raw_at(const struct pm_obj *o, unsigned field, unsigned slot)
{
	const struct pm_value *v = &o->spec->val[field];

	assert_int_equal(v->state, PM_SET);
	for (size_t i = 0; i < v->u.recs->n; i++) {
		if (v->u.recs->v[i]->slot == slot)
			return v->u.recs->v[i]->raw;
	}
	return NULL;
}

PM_TEST(a_configuration_becomes_an_object)
{
	struct pm_obj *o;
	struct client c;

	client_start_token(&c, "pve1");
	o = have_new(&c, 210,
		"{\"key\":\"net3\",\"value\":\"name=eth3,bridge=b\"},"
		"{\"value\":2,\"key\":\"cores\"},{\"key\":\"memory\",\"value\":\"1024\"},"
		"{\"key\":\"onboot\",\"value\":true},{\"key\":\"protection\",\"value\":\"1\"},"
		"{\"key\":\"net0\",\"value\":\"name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:01:01,ip=dhcp,type=veth\"},"
		"{\"key\":\"net12\",\"value\":\"name=eth12\"},{\"key\":\"net1\",\"value\":\"name=eth1\"},"
		"{\"key\":\"rootfs\",\"value\":\"local:101/vm-101-disk-0.raw,size=2G\"},"
		"{\"key\":\"tags\",\"value\":\"b;podmox;podmox-0a1b2c3d;a\"},"
		"{\"key\":\"description\",\"value\":\"Shop\\nfront\\n" MARK "\\n\"},"
		"{\"key\":\"unused0\",\"value\":\"local:101/vm-101-disk-9.raw\"},"
		"{\"key\":\"env\",\"value\":\"A=1\\u0000B=two words\"},"
		"{\"key\":\"cpulimit\",\"value\":\"1.5\"},{\"key\":\"newthing\",\"value\":\"x\"},"
		"{\"key\":\"lxc\",\"value\":[[\"lxc.init.cwd\",\"/\"]]}");
	assert_string_equal(o->live->digest, "d1");
	assert_int_equal(pm_rec_int(o->spec, PM_POD_CORES, 0), 2);
	assert_int_equal(pm_rec_int(o->spec, PM_POD_MEMORY, 0), 1024 * PM_MIB);
	assert_int_equal(pm_rec_int(o->spec, PM_POD_CPULIMIT, 0), 1500);
	assert_true(pm_rec_bool(o->spec, PM_G_ONBOOT, false));
	assert_true(pm_rec_bool(o->spec, PM_G_LIFE_PROTECT, false));
	assert_string_equal(pm_rec_str(o->spec, PM_G_DESCRIPTION, ""), "Shop\nfront");
	assert_non_null(o->live->marker);
	assert_string_equal(o->live->marker->name, "web");
	/* Slots in their order, whatever PVE's. */
	assert_int_equal(o->spec->val[PM_POD_INTERFACES].u.recs->n, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(o->spec->val[PM_POD_INTERFACES].u.recs->v[i]->slot,
			((unsigned[]){ 0, 1, 3, 12 })[i]);
	assert_string_equal(raw_at(o, PM_POD_INTERFACES, 0),
		"name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:01:01,ip=dhcp,type=veth");
	/* The user's tags are compared, all of them are kept. */
	assert_int_equal(o->spec->val[PM_G_TAGS].u.list->n, 2);
	assert_string_equal(o->live->tags, "b;podmox;podmox-0a1b2c3d;a");
	assert_int_equal(o->live->unused->n, 1);
	assert_int_equal(o->spec->val[PM_POD_ENV].u.list->n, 2);
	assert_string_equal(o->spec->val[PM_POD_ENV].u.list->v[1], "B=two words");
	assert_int_equal(o->live->keys->n, 15);
	assert_string_equal(o->live->keys->v[0], "net3");
	assert_string_equal(o->live->keys->v[13], "newthing");
	assert_int_equal(o->live->npending, 0);
	client_stop(&c);
}

PM_TEST(pending_values_are_what_will_be)
{
	const struct pm_pending *p;
	struct pm_obj *o;
	struct client c;

	client_start_token(&c, "pve1");
	/* As recorded (05): a change, an addition, a removal. */
	o = have_new(&c, 110,
		"{\"key\":\"mp3\",\"value\":\"data2:110/vm-110-disk-1.raw,mp=/mnt/three,size=1G\","
		"\"pending\":\"data2:110/vm-110-disk-1.raw,mp=/mnt/four\"},"
		"{\"pending\":3,\"key\":\"tty\"},"
		"{\"value\":\"data2:110/vm-110-disk-0.raw,mp=/srv/data,size=1G\",\"delete\":1,\"key\":\"mp0\"},"
		"{\"key\":\"features\",\"value\":\"nesting=1\",\"pending\":\"nesting=1,keyctl=1\",\"delete\":0},"
		"{\"key\":\"odd\",\"pending\":\"x\"}");
	assert_int_equal(pm_rec_int(o->spec, PM_POD_OPT_TTY, 0), 3);
	assert_int_equal(o->spec->val[PM_POD_VOLUMES].u.recs->n, 1);
	assert_string_equal(
		raw_at(o, PM_POD_VOLUMES, 3), "data2:110/vm-110-disk-1.raw,mp=/mnt/four");
	assert_int_equal(o->live->npending, 5);
	p = o->live->pending;
	assert_null(p[0].field);
	assert_string_equal(p[0].key, "odd");
	assert_string_equal(p[1].key, "mp0");
	assert_int_equal(p[1].slot, 0);
	assert_string_equal(p[2].key, "mp3");
	assert_string_equal(p[2].in_force, "data2:110/vm-110-disk-1.raw,mp=/mnt/three,size=1G");
	assert_ptr_equal(p[3].field, &pm_kind_pod.fields[PM_POD_FEATURES]);
	assert_null(p[4].in_force);
	/* What goes at the next start is no key that is set. */
	for (size_t i = 0; i < o->live->keys->n; i++)
		assert_string_not_equal(o->live->keys->v[i], "mp0");
	client_stop(&c);
}

PM_TEST(an_emptied_tag_list_is_none)
{
	struct pm_obj *o;
	struct client c;

	client_start_token(&c, "pve1");
	o = have_new(&c, 110, "{\"key\":\"tags\",\"value\":\" \"}");
	assert_int_equal(o->spec->val[PM_G_TAGS].state, PM_UNSET);
	assert_null(o->live->tags);
	o = have_new(&c, 110, "{\"key\":\"tags\",\"value\":\"podmox;podmox-00000000\"}");
	assert_int_equal(o->spec->val[PM_G_TAGS].state, PM_UNSET);
	assert_non_null(o->live->tags);
	client_stop(&c);
}

PM_TEST(answers_that_cannot_be_trusted_are_refused)
{
	static const struct {
		const char *text, *says;
	} table[] = {
		{ "", "JSON" },
		{ "null", "JSON" },
		{ "{\"data\":null}", "a list of settings" },
		{ "{\"data\":{}}", "a list of settings" },
		{ "{\"nodata\":[]}", "the member data" },
		{ "{\"data\":[]}", "digest" },
		{ "{\"data\":[{\"key\":\"cores\",\"value\":2}]}", "digest" },
		{ "{\"data\":[{\"key\":\"digest\",\"value\":\"a\"}", "too early" },
		{ "{\"data\":[7]}", "a row" },
		{ "{\"data\":[{\"value\":2}]}", "a row with a key" },
		{ "{\"data\":[{\"key\":\"cores\",\"value\":\"two\"}]}", "PVE's value of cores" },
		{ "{\"data\":[{\"key\":\"net0\",\"value\":\"eth0\"}]}", "PVE's value of net0" },
		{ "{\"data\":[{\"key\":\"net0\",\"value\":\"name=a,name=b\"}]}", "net0" },
		{ "{\"data\":[{\"key\":\"digest\",\"value\":\"a\"},{\"key\":\"cores\",\"value\":\"x\"}]}",
			"cores" },
	};
	struct client c;

	client_start_token(&c, "pve1");
	for (size_t i = 0; i < PM_COUNT(table); i++) {
		struct pm_live live = { .vmid = 100 };
		struct pm_obj o = { .kind = &pm_kind_pod, .live = &live };
		char *text = pm_arena_strdup(c.arena, table[i].text);

		assert_err(pm_pve_decode_pending(c.arena, o.kind, text, strlen(text), &o, &c.err),
			PM_E_PROTOCOL, &c.err, table[i].says);
		assert_null(o.spec);
		assert_null(live.digest);
	}
	client_stop(&c);
}

/* ---- the inventory ---- */

static int parse(struct client *c, struct pm_inventory *inv, unsigned vmid, const char *text)
{
	char *copy = pm_arena_strdup(c->arena, text);

	*inv = (struct pm_inventory){ .arena = c->arena };
	return pm_inventory_parse(inv, vmid, copy, strlen(copy), &c->err);
}

#define ROWS                                                                                        \
	"{\"data\":[{\"id\":\"/pool/p\",\"type\":\"pool\",\"pool\":\"p\"},"                         \
	"{\"maxdisk\":1.5e3,\"vmid\":\"101\",\"type\":\"lxc\",\"node\":\"pve1\",\"name\":\"web\","  \
	"\"status\":\"running\",\"tags\":\"a;b\",\"pool\":\"p\",\"template\":0,\"x\":{\"y\":[1]}}," \
	"{\"type\":\"qemu\",\"vmid\":102,\"node\":\"pve1\",\"lock\":\"backup\",\"template\":1,"     \
	"\"hastate\":\"started\"},"                                                                 \
	"{\"type\":\"lxc\",\"node\":\"pve2\",\"tags\":\" \",\"vmid\":103,\"status\":\"unknown\"},"  \
	"{\"type\":\"node\",\"node\":\"pve1\",\"status\":\"online\"},"                              \
	"{\"type\":\"network\",\"network\":\"localnetwork\"},{\"type\":\"storage\"}],\"total\":7}"

PM_TEST(the_inventory_is_read)
{
	struct pm_inventory inv;
	const struct pm_live *l;
	struct client c;

	client_start_token(&c, "pve1");
	assert_ok(parse(&c, &inv, 0, ROWS), &c.err);
	assert_int_equal(inv.n, 3);
	l = inv.v[0]->live;
	assert_int_equal(l->vmid, 101);
	assert_string_equal(inv.v[0]->name, "web");
	assert_string_equal(l->type, "lxc");
	assert_string_equal(l->status, "running");
	assert_string_equal(l->tags, "a;b");
	assert_string_equal(l->pool, "p");
	assert_false(l->template_);
	assert_null(l->lock);
	l = inv.v[1]->live;
	assert_string_equal(l->type, "qemu");
	assert_string_equal(l->lock, "backup");
	assert_string_equal(l->hastate, "started");
	assert_true(l->template_);
	assert_string_equal(l->status, "unknown");
	assert_null(inv.v[2]->live->tags);
	assert_string_equal(inv.v[2]->name, "");
	assert_int_equal(inv.npools, 1);
	assert_int_equal(inv.nnodes, 1);
	/* Words that come again are kept once. */
	assert_ptr_equal(inv.v[0]->live->node, inv.v[1]->live->node);
	pm_vec_done(&inv);
	assert_ok(parse(&c, &inv, 103, ROWS), &c.err);
	assert_int_equal(inv.n, 1);
	assert_int_equal(inv.v[0]->live->vmid, 103);
	pm_vec_done(&inv);
	client_stop(&c);
}

PM_TEST(an_inventory_that_is_cut_is_none)
{
	struct pm_inventory inv;
	struct client c;

	client_start_token(&c, "pve1");
	for (size_t n = 0; n < strlen(ROWS); n++) {
		assert_err(parse(&c, &inv, 0, pm_arena_strndup(c.arena, ROWS, n)), PM_E_PROTOCOL,
			&c.err, NULL);
		pm_vec_done(&inv);
	}
	assert_err(parse(&c, &inv, 0, "{\"data\":[{\"type\":\"lxc\",\"node\":\"a\"}]}"),
		PM_E_PROTOCOL, &c.err, "a row of the inventory");
	pm_vec_done(&inv);
	assert_err(
		parse(&c, &inv, 0, "{\"data\":[{\"type\":\"lxc\",\"node\":\"a\",\"vmid\":\"x\"}]}"),
		PM_E_PROTOCOL, &c.err, NULL);
	pm_vec_done(&inv);
	client_stop(&c);
}

PM_TEST(many_pools_are_kept)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct pm_inventory inv;
	struct client c;

	client_start_token(&c, "pve1");
	pm_buf_adds(&text, "{\"data\":[");
	for (int i = 0; i < 100; i++)
		pm_buf_addf(&text, "%s{\"type\":\"pool\",\"pool\":\"p%d\"}", i > 0 ? "," : "", i);
	pm_buf_adds(&text, "]}");
	assert_ok(parse(&c, &inv, 0, pm_buf_str(&text)), &c.err);
	assert_int_equal(inv.npools, 100);
	for (int i = 0; i < 100; i++)
		assert_string_equal(inv.pools[i], pm_arena_printf(c.arena, "p%d", i));
	pm_vec_done(&inv);
	client_stop(&c);
}

/* ---- all that was recorded ---- */

struct seen {
	struct client *c;
	size_t pending, config, resources;
};

/* A configuration as rows of /pending: what /config says is the same information in another form. */
static void as_rows(struct json_object *data, struct pm_buf *out)
{
	struct pm_jwrite w = { .out = out };

	pm_jw_object(&w, NULL);
	pm_jw_array(&w, "data");
	json_object_object_foreach(data, key, value)
	{
		pm_jw_object(&w, NULL);
		pm_jw_str(&w, "key", key);
		pm_jw_raw(&w, "value", json_object_to_json_string(value));
		pm_jw_object_end(&w);
	}
	pm_jw_array_end(&w);
	pm_jw_object_end(&w);
}

static void decode_one(struct seen *s, const char *name, const char *text, size_t rows)
{
	struct pm_live live = { .vmid = 100 };
	struct pm_obj o = { .kind = &pm_kind_pod, .live = &live };
	char *copy = pm_arena_strdup(s->c->arena, text);

	if (pm_pve_decode_pending(s->c->arena, o.kind, copy, strlen(copy), &o, &s->c->err) < 0)
		fail_msg("%s: %s", name, s->c->err.msg);
	assert_int_equal(strlen(live.digest), 40);
	/* Every row is accounted for: a key, something unused, a removal, or the digest. */
	if (rows > 0) {
		size_t removed = 0;

		for (unsigned i = 0; i < live.npending; i++) {
			bool kept = false;

			for (size_t k = 0; k < live.keys->n; k++)
				kept |= strcmp(live.keys->v[k], live.pending[i].key) == 0;
			removed += !kept;
		}
		assert_int_equal(
			live.keys->n + (live.unused ? live.unused->n : 0) + removed + 1, rows);
	}
}

static void decode_recorded(void *arg, const char *name, const char *method, const char *path,
	int status, PM_UNUSED const char *reason, struct json_object *body)
{
	struct seen *s = arg;
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct json_object *data = pm_json_get(body, "data");
	size_t n = strlen(path);

	if (status != 200 || strcmp(method, "GET") != 0)
		return;
	if (strstr(path, "/lxc/") && n > 8 && strcmp(path + n - 8, "/pending") == 0) {
		decode_one(
			s, name, json_object_to_json_string(body), json_object_array_length(data));
		s->pending++;
	} else if (strstr(path, "/lxc/") && n > 7 && strcmp(path + n - 7, "/config") == 0 &&
		   !strstr(path, "/snapshot/")) {
		as_rows(data, &text);
		decode_one(s, name, pm_buf_str(&text), 0);
		s->config++;
	} else if (strcmp(path, API "/cluster/resources") == 0) {
		struct pm_inventory inv;

		if (parse(s->c, &inv, 0, json_object_to_json_string(body)) < 0)
			fail_msg("%s: %s", name, s->c->err.msg);
		pm_vec_done(&inv);
		s->resources++;
	}
}

PM_TEST(every_recorded_configuration_is_decoded)
{
	struct client c;
	struct seen s = { .c = &c };

	(void)recordings();
	client_start_token(&c, "pve1");
	each_recorded(decode_recorded, &s);
	assert_true(s.pending >= 7);
	assert_true(s.config > 40);
	assert_true(s.resources > 5);
	client_stop(&c);
}
