/* Tests of model/check.c: what one row cannot know, and what only root@pam may set. */
#include <string.h>

#include "base/mem.h"
#include "model/marker.h"
#include "model/model_priv.h"
#include "pm_test.h"

/** One object being built; lines count up with every value. */
struct build {
	struct pm_arena *a;
	struct pm_obj *o;
	uint32_t line;
};

static void build_start(struct build *b, struct pm_arena *a, const struct pm_kind *k)
{
	b->a = a;
	b->o = pm_obj_new(a, k);
	b->o->file = "web.yaml";
	b->o->line = b->line = 1;
	b->o->ns = "shop";
	b->o->name = "web";
	b->o->spec = pm_rec_new(a, k);
}

/* A scalar of a manifest, or null; a list of one item. */
static void put(struct build *b, struct pm_rec *r, const char *name, const char *text)
{
	const struct pm_field *f = pm_field_find(r->kind, name);
	struct pm_value *v;
	const char **item;
	struct pm_error err;

	assert_non_null(f);
	v = &r->val[pm_field_index(r->kind, f)];
	v->line = ++b->line;
	v->column = 3;
	if (!text) {
		v->state = PM_NULL;
	} else if (f->type == PM_T_LIST) {
		item = pm_new(b->a, const char *);
		assert_ok(pm_item_parse(b->a, f, text, item, &err), &err);
		pm_value_list(b->a, f, item, 1, v);
	} else {
		assert_ok(pm_value_parse(b->a, f, text, true, v, &err), &err);
	}
}

/* A record with scalars from "name=text name=text"; no text of ours holds a blank or '='. */
static struct pm_rec *rec(struct build *b, const struct pm_kind *k, const char *text)
{
	struct pm_rec *r = pm_rec_new(b->a, k);
	char *copy = pm_arena_strdup(b->a, text), *save = NULL;

	r->line = b->line + 1;
	for (char *p = strtok_r(copy, " ", &save); p; p = strtok_r(NULL, " ", &save)) {
		char *equals = strchr(p, '=');

		*equals = '\0';
		put(b, r, p, equals + 1);
	}
	return r;
}

static void put_rec(struct build *b, unsigned field, const char *text)
{
	struct pm_value *v = &b->o->spec->val[field];

	v->state = PM_SET;
	v->line = ++b->line;
	v->u.rec = rec(b, b->o->kind->fields[field].sub, text);
}

static void add_rec(struct build *b, unsigned field, const char *text)
{
	struct pm_value *v = &b->o->spec->val[field];

	if (v->state != PM_SET) {
		v->line = ++b->line;
		v->u.recs = pm_new(b->a, struct pm_recs);
		v->u.recs->v = pm_new_n(b->a, struct pm_rec *, 300);
		v->state = PM_SET;
	}
	v->u.recs->v[v->u.recs->n++] = rec(b, b->o->kind->fields[field].sub, text);
}

/* A pod that is complete and right. */
static void pod(struct build *b, struct pm_arena *a)
{
	build_start(b, a, &pm_kind_pod);
	put(b, b->o->spec, "image", "local:vztmpl/x.tar.zst");
	put_rec(b, PM_POD_ROOTFS, "storage=local-lvm size=8Gi");
}

static struct pm_diags check(const struct build *b)
{
	struct pm_diags d;

	pm_diags_init(&d, b->a);
	pm_obj_check(b->o, &d);
	return d;
}

static void fine(const struct build *b)
{
	struct pm_diags d = check(b);

	if (d.first)
		fail_msg("line %u: %s", d.first->pos.line, d.first->msg);
}

/* Exactly one finding, which says this and stands in a line. */
static void finds(const struct build *b, const char *part)
{
	struct pm_diags d = check(b);

	assert_non_null(d.first);
	assert_has(d.first->msg, part);
	assert_string_equal(d.first->pos.file, "web.yaml");
	assert_true(d.first->pos.line > 0);
	if (d.first->next)
		fail_msg("too much: %s", d.first->next->msg);
}

#define TEST_POD(b)                                             \
	cleanup_arena struct pm_arena *arena = pm_arena_new(0); \
	struct build b = { 0 };                                 \
	pod(&b, arena)

PM_TEST(check_takes_a_complete_pod)
{
	TEST_POD(b);

	add_rec(&b, PM_POD_INTERFACES, "name=eth0 bridge=vmbr0 ip=10.0.0.10/24 gw=10.0.0.1");
	add_rec(&b, PM_POD_INTERFACES, "name=eth1 bridge=vmbr1 ip6=fd00::10/64 gw6=fe80::1");
	add_rec(&b, PM_POD_VOLUMES, "path=/data storage=local-lvm size=20Gi backup=true");
	add_rec(&b, PM_POD_VOLUMES, "path=/srv source=/tank ro=true backup=false");
	put(&b, b.o->spec, "ready.tcp", "80");
	fine(&b);
}

PM_TEST(check_wants_what_is_required)
{
	TEST_POD(b);

	b.o->spec->val[PM_G_IMAGE] = (struct pm_value){ 0 };
	finds(&b, "image is required");
	put(&b, b.o->spec, "image", NULL);
	finds(&b, "image is required");
	put(&b, b.o->spec, "image", "local:vztmpl/x.tar.zst");
	b.o->spec->val[PM_POD_ROOTFS].u.rec->val[PM_ROOTFS_SIZE] = (struct pm_value){ 0 };
	finds(&b, "rootfs.size is required");
	put(&b, b.o->spec, "rootfs", NULL);
	finds(&b, "rootfs is required");
	/* It stood there and was wrong: whoever read it has said so. */
	b.o->spec->val[PM_POD_ROOTFS].state = PM_UNSET;
	fine(&b);
}

PM_TEST(check_refuses_null_where_pve_cannot_unset)
{
	TEST_POD(b);

	put(&b, b.o->spec, "resources.cores", NULL);
	fine(&b);
	put(&b, b.o->spec, "resources.memory", NULL);
	finds(&b, "resources.memory cannot be null");
}

PM_TEST(check_gateways)
{
	TEST_POD(b);

	add_rec(&b, PM_POD_INTERFACES, "name=eth0 gw=10.0.0.1");
	finds(&b, "interface eth0: gw needs a static ip");
	b.o->spec->val[PM_POD_INTERFACES].state = PM_UNSET;
	add_rec(&b, PM_POD_INTERFACES, "name=eth0 ip=dhcp gw=10.0.0.1");
	finds(&b, "gw needs a static ip");
	b.o->spec->val[PM_POD_INTERFACES].state = PM_UNSET;
	add_rec(&b, PM_POD_INTERFACES, "name=eth0 ip6=auto gw6=fd00::1");
	finds(&b, "gw6 needs a static ip6");
	b.o->spec->val[PM_POD_INTERFACES].state = PM_UNSET;
	add_rec(&b, PM_POD_INTERFACES, "name=eth0 ip=10.0.0.10/24 gw=10.0.1.1");
	finds(&b, "not in the network of 10.0.0.10/24");
	b.o->spec->val[PM_POD_INTERFACES].state = PM_UNSET;
	add_rec(&b, PM_POD_INTERFACES, "name=eth0 ip=10.0.0.10/23 gw=10.0.1.1");
	fine(&b);
}

PM_TEST(check_interfaces_are_different)
{
	TEST_POD(b);

	add_rec(&b, PM_POD_INTERFACES, "name=eth0 hwaddr=BC:24:11:00:00:01");
	add_rec(&b, PM_POD_INTERFACES, "name=eth0");
	finds(&b, "interface 'eth0' is used twice");
	b.o->spec->val[PM_POD_INTERFACES].u.recs->v[1] =
		rec(&b, &pm_kind_net, "name=eth1 hwaddr=bc:24:11:00:00:01");
	finds(&b, "hwaddr 'bc:24:11:00:00:01' is used twice");
	b.o->spec->val[PM_POD_INTERFACES].u.recs->v[1] =
		rec(&b, &pm_kind_net, "name=eth1 host-managed=true ip6=auto");
	finds(&b, "ip6: auto cannot be had");
	for (unsigned i = 0; i < 33; i++)
		b.o->spec->val[PM_POD_INTERFACES].u.recs->v[i] =
			rec(&b, &pm_kind_net, pm_arena_printf(arena, "name=eth%u", i));
	b.o->spec->val[PM_POD_INTERFACES].u.recs->n = 33;
	finds(&b, "33 entries; there may be at most 32");
}

PM_TEST(check_volumes)
{
	TEST_POD(b);

	add_rec(&b, PM_POD_VOLUMES, "path=/data");
	finds(&b, "volume /data needs storage and size, or source");
	b.o->spec->val[PM_POD_VOLUMES].u.recs->v[0] =
		rec(&b, &pm_kind_volume, "path=/data storage=local");
	finds(&b, "volume /data needs a size");
	b.o->spec->val[PM_POD_VOLUMES].u.recs->v[0] =
		rec(&b, &pm_kind_volume, "path=/data source=/tank size=1Gi");
	finds(&b, "size does not go with source");
	b.o->spec->val[PM_POD_VOLUMES].u.recs->v[0] =
		rec(&b, &pm_kind_volume, "path=/data source=/tank storage=local");
	finds(&b, "storage does not go with source");
	b.o->spec->val[PM_POD_VOLUMES].u.recs->v[0] = rec(&b, &pm_kind_volume, "source=/tank");
	finds(&b, "path is required");
	b.o->spec->val[PM_POD_VOLUMES].u.recs->v[0] =
		rec(&b, &pm_kind_volume, "path=/data source=/tank");
	add_rec(&b, PM_POD_VOLUMES, "path=/data source=/pond");
	finds(&b, "path '/data' is used twice");
	b.o->spec->val[PM_POD_VOLUMES].u.recs->v[1] =
		rec(&b, &pm_kind_volume, "path=/more storage=local size=1Gi quota=true");
	finds(&b, "privileged containers only");
	put(&b, b.o->spec, "unprivileged", "false");
	fine(&b);
}

PM_TEST(check_readiness)
{
	TEST_POD(b);

	put(&b, b.o->spec, "ready.tcp", "80");
	put(&b, b.o->spec, "ready.ip", "false");
	fine(&b);
	put(&b, b.o->spec, "ready.ip", "true");
	finds(&b, "exclude each other");
	b.o->spec->val[PM_G_READY_IP].state = PM_UNSET;
	put(&b, b.o->spec, "state", "stopped");
	finds(&b, "never comes true");
}

PM_TEST(check_leaves_podmox_what_is_its_own)
{
	TEST_POD(b);
	char tag[24];

	put(&b, b.o->spec, "tags", pm_set_tag("home", tag));
	finds(&b, "is podmox's own");
	b.o->spec->val[PM_G_TAGS].state = PM_UNSET;
	put(&b, b.o->spec, "description", "mine\n<!-- podmox: {\"v\":1} -->");
	finds(&b, "may not hold a podmox marker");
	put(&b, b.o->spec, "description", "<!-- a comment -->");
	fine(&b);
	put(&b, b.o->spec, "pinned", "true");
	finds(&b, "pinned needs a node");
}

PM_TEST(check_leaves_room_for_the_marker)
{
	TEST_POD(b);
	char text[7001];

	memset(text, 'x', 7000);
	text[7000] = '\0';
	put(&b, b.o->spec, "description", text);
	fine(&b);
	for (unsigned i = 0; i < 20; i++)
		add_rec(&b, PM_POD_INTERFACES,
			pm_arena_printf(arena, "name=eth%u bridge=vmbr0 tag=5", i));
	finds(&b, "longer than the 8192 characters");
}

static void config(struct build *b, struct pm_arena *a, const char *cluster)
{
	build_start(b, a, &pm_kind_config);
	put(b, b->o->spec, "set", "home");
	add_rec(b, PM_CONFIG_CLUSTERS, cluster);
}

static void config_finds(const char *cluster, const char *part)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct build b = { 0 };

	config(&b, a, cluster);
	if (part)
		finds(&b, part);
	else
		fine(&b);
}

PM_TEST(check_config_knows_how_to_log_in)
{
	config_finds("name=home hosts=pve1 auth.tokenId=a@pve!b auth.tokenSecret=xxxxx", NULL);
	config_finds("name=home hosts=pve1 auth.username=root auth.password=xxxxx", NULL);
	config_finds("name=home hosts=pve1", "auth needs tokenId");
	config_finds("name=home hosts=pve1 auth.username=root", "needs auth.password");
	config_finds("name=home hosts=pve1 auth.tokenSecret=xxxxx", "needs auth.tokenId");
	config_finds(
		"name=home hosts=pve1 auth.tokenId=a@pve!b auth.password=xxxxx", "one of them");
	config_finds("hosts=pve1 auth.username=root auth.password=xxxxx", "name is required");
	config_finds("name=home auth.username=root auth.password=xxxxx", "hosts is required");
	config_finds("name=home hosts=pve1 auth.username=root auth.password=xxxxx tls.verify=false",
		"anybody on the way");
}

/* ---- root@pam ---- */

static void needs(const struct build *b, const struct pm_obj *have, const char *want)
{
	unsigned line = 0;
	const char *name = pm_obj_needs_root(b->o, have, &line);

	if (!want) {
		assert_null(name);
		return;
	}
	assert_non_null(name);
	assert_string_equal(name, want);
	assert_true(line > 0);
}

PM_TEST(root_is_needed_for_bind_mounts_devices_features_and_hooks)
{
	TEST_POD(b);

	add_rec(&b, PM_POD_VOLUMES, "path=/data storage=local size=1Gi");
	put_rec(&b, PM_POD_FEATURES, "nesting=true keyctl=false");
	needs(&b, NULL, NULL);
	put_rec(&b, PM_POD_FEATURES, "nesting=true keyctl=true");
	needs(&b, NULL, "keyctl");
	b.o->spec->val[PM_POD_FEATURES].state = PM_UNSET;
	put(&b, b.o->spec, "options.hookscript", "local:snippets/hook.sh");
	needs(&b, NULL, "options.hookscript");
	b.o->spec->val[PM_POD_OPT_HOOKSCRIPT].state = PM_UNSET;
	add_rec(&b, PM_POD_DEVICES, "path=/dev/fuse");
	needs(&b, NULL, "path");
	b.o->spec->val[PM_POD_DEVICES].state = PM_UNSET;
	add_rec(&b, PM_POD_VOLUMES, "path=/srv source=/tank");
	needs(&b, NULL, "source");
}

PM_TEST(root_is_needed_for_any_feature_of_a_privileged_container)
{
	TEST_POD(b);

	put(&b, b.o->spec, "unprivileged", "false");
	put_rec(&b, PM_POD_FEATURES, "nesting=true");
	needs(&b, NULL, "nesting");
}

PM_TEST(root_is_not_needed_for_what_is_there)
{
	TEST_POD(b);
	struct build have = { 0 };

	pod(&have, arena);
	add_rec(&b, PM_POD_VOLUMES, "path=/srv source=/tank");
	add_rec(&have, PM_POD_VOLUMES, "path=/srv source=/tank");
	add_rec(&b, PM_POD_DEVICES, "path=/dev/fuse mode=0660");
	add_rec(&have, PM_POD_DEVICES, "path=/dev/fuse mode=0660");
	needs(&b, have.o, NULL);
	put(&b, b.o->spec->val[PM_POD_DEVICES].u.recs->v[0], "mode", "0666");
	needs(&b, have.o, "mode");
	b.o->spec->val[PM_POD_DEVICES].u.recs->n = 0;
	needs(&b, have.o, "devices");
	b.o->spec->val[PM_POD_DEVICES].state = PM_UNSET;
	needs(&b, have.o, NULL);
	put(&b, b.o->spec, "devices", NULL);
	needs(&b, have.o, "devices");
	b.o->spec->val[PM_POD_DEVICES].state = PM_UNSET;
	put_rec(&have, PM_POD_FEATURES, "nesting=true");
	put(&b, b.o->spec, "features", NULL);
	needs(&b, have.o, NULL);
	put_rec(&have, PM_POD_FEATURES, "keyctl=true");
	needs(&b, have.o, "features");
}
