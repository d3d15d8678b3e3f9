/* Tests of model/marker.c and model/tags.c: nobody but podmox can write what is taken for a marker. */
#include "model/marker.h"

#include <string.h>

#include "base/mem.h"
#include "pm_test.h"

#define UID "0123456789abcdef0123456789abcdef"

static const struct pm_marker example = { .set = "home",
	.kind = "Pod",
	.ns = "shop",
	.name = "web",
	.uid = UID,
	.vmid = 210,
	.root = "manifests",
	.image = "local:vztmpl/x.tar.zst",
	.hash = "0011223344556677",
	.done = true,
	.fields = "cores memory net0:bridge,ip,name env:TZ" };

#define LINE                                                                                                      \
	"<!-- podmox: {\"v\":1,\"set\":\"home\",\"kind\":\"Pod\",\"ns\":\"shop\",\"name\":\"web\",\"uid\":\"" UID \
	"\",\"vmid\":210,\"root\":\"manifests\",\"image\":\"local:vztmpl/x.tar.zst\","                            \
	"\"hash\":\"0011223344556677\",\"done\":true,\"fields\":\"cores memory net0:bridge,ip,name env:TZ\"} -->"

static const char *split(
	struct pm_arena *a, const char *text, const struct pm_marker **m, const char **fault)
{
	const char *user = NULL;

	pm_marker_split(a, text, &user, m, fault);
	return user;
}

PM_TEST(marker_is_written_as_promised)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);

	assert_string_equal(pm_marker_join(a, "", &example), LINE);
	assert_string_equal(pm_marker_join(a, "Shop\n\n", &example), "Shop\n" LINE);
}

PM_TEST(marker_comes_back)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const struct pm_marker *m;
	const char *fault;

	assert_string_equal(split(a, "Shop\nfront\n" LINE "\n", &m, &fault), "Shop\nfront");
	assert_null(fault);
	assert_non_null(m);
	assert_string_equal(m->name, "web");
	assert_int_equal(m->vmid, 210);
	assert_true(m->done);
	assert_string_equal(pm_marker_join(a, "Shop\nfront", m), "Shop\nfront\n" LINE);
	assert_string_equal(split(a, LINE "\r\nwritten below\n", &m, &fault), "written below");
	assert_non_null(m);
	assert_string_equal(split(a, "no marker\n\n", &m, &fault), "no marker");
	assert_null(m);
	assert_null(fault);
	assert_string_equal(split(a, "", &m, &fault), "");
}

PM_TEST(marker_cannot_end_early)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_marker m = example;
	const struct pm_marker *back;
	const char *fault, *text;

	m.image = "--><script>\"\\\n";
	text = pm_marker_join(a, "x", &m);
	assert_ptr_equal(strstr(text, "-->"), text + strlen(text) - 3);
	assert_null(strstr(text + 2, "\n"));
	assert_string_equal(split(a, text, &back, &fault), "x");
	assert_string_equal(back->image, m.image);
}

static void faulty(const char *text, const char *part)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const struct pm_marker *m;
	const char *fault;

	(void)split(a, text, &m, &fault);
	assert_null(m);
	assert_has(fault, part);
}

PM_TEST(marker_faults)
{
	faulty("<!-- podmox: -->", "no JSON object");
	faulty("<!-- podmox: {\"v\":1", "no JSON");
	faulty("<!-- podmox: {} -->", "version");
	faulty("<!-- podmox: {\"v\":2} -->", "version 2");
	faulty("<!-- podmox: {\"v\":1} -->", "has no set");
	faulty("<!-- podmox: {\"v\":1,\"set\":7} -->", "member set has another type");
	faulty("<!-- podmox: {\"v\":1,\"set\":\"a\\u0000b\"} -->", "another type");
	faulty("<!-- podmox: {\"v\":1,\"set\":\"s\",\"kind\":\"Pod\",\"ns\":\"n\",\"name\":\"x\",\"uid\":\"1\",\"vmid\":100} -->",
		"uid");
	faulty("<!-- podmox: {\"v\":1,\"set\":\"s\",\"kind\":\"Pod\",\"ns\":\"n\",\"name\":\"x\",\"uid\":\"" UID
	       "\"} -->",
		"no vmid");
	faulty(LINE "\n" LINE, "more than one");
	faulty("<!-- podmox: {\"v\":1,\"x\":[[{}]],\"set\":{}} -->", "another type");
}

PM_TEST(marker_knows_its_fields)
{
	assert_true(pm_marker_has(&example, "memory", NULL));
	assert_true(pm_marker_has(&example, "net0", NULL));
	assert_true(pm_marker_has(&example, "net0", "bridge"));
	assert_true(pm_marker_has(&example, "net0", "name"));
	assert_true(pm_marker_has(&example, "env", "TZ"));
	assert_false(pm_marker_has(&example, "net0", "tag"));
	assert_false(pm_marker_has(&example, "net0", "bridg"));
	assert_false(pm_marker_has(&example, "net", NULL));
	assert_false(pm_marker_has(&example, "mem", NULL));
	assert_false(pm_marker_has(&example, "memory", "x"));
}

static struct pm_obj *pod(struct pm_arena *a)
{
	struct pm_obj *o = pm_obj_new(a, &pm_kind_pod);
	struct pm_recs *recs = pm_new(a, struct pm_recs);
	struct pm_error err;

	o->spec = pm_rec_new(a, &pm_kind_pod);
	recs->v = pm_new_n(a, struct pm_rec *, 2);
	recs->n = 2;
	for (unsigned i = 0; i < 2; i++) {
		const char *text = i ? "name=eth1" : "name=eth0,bridge=vmbr0";

		assert_ok(
			pm_rec_parse(a, &pm_kind_net, text, strlen(text), &recs->v[i], &err), &err);
	}
	o->spec->val[PM_POD_INTERFACES] =
		(struct pm_value){ .state = PM_SET, .u = { .recs = recs } };
	assert_ok(pm_value_parse(a, &pm_kind_pod.fields[PM_POD_CORES], "2", true,
			  &o->spec->val[PM_POD_CORES], &err),
		&err);
	assert_ok(pm_value_parse(a, &pm_kind_pod.fields[PM_G_STATE], "running", true,
			  &o->spec->val[PM_G_STATE], &err),
		&err);
	assert_ok(pm_value_parse(a, &pm_kind_pod.fields[PM_POD_PASSWORD], "hunter22", true,
			  &o->spec->val[PM_POD_PASSWORD], &err),
		&err);
	return o;
}

PM_TEST(marker_lists_what_is_set)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_obj *o = pod(a);

	pm_slots_assign(o->spec, NULL);
	assert_string_equal(pm_marker_fields(a, o->spec), "cores net0:name,bridge net1:name");
}

PM_TEST(marker_hash_sees_changes_but_no_secrets_and_no_order)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_obj *o = pod(a);
	struct pm_recs *recs = o->spec->val[PM_POD_INTERFACES].u.recs;
	struct pm_rec *first = recs->v[0];
	const char *hash = pm_marker_hash(a, o);

	assert_int_equal(strlen(hash), 16);
	o->spec->val[PM_POD_PASSWORD].state = PM_UNSET;
	recs->v[0] = recs->v[1];
	recs->v[1] = first;
	recs->v[0]->slot = 7;
	assert_string_equal(pm_marker_hash(a, o), hash);
	o->spec->val[PM_POD_CORES].u.i = 3;
	assert_string_not_equal(pm_marker_hash(a, o), hash);
	o->spec->val[PM_POD_CORES].state = PM_NULL;
	assert_string_not_equal(pm_marker_hash(a, o), hash);
}

PM_TEST(tags_of_a_set)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const char *items[] = { "Web", "prod", "web" };
	struct pm_list user = { .n = 3, .v = items };
	char tag[24], want[64];

	(void)pm_set_tag("home", tag);
	assert_int_equal(strlen(tag), strlen("podmox-") + 8);
	assert_true(pm_tag_is_ours(tag));
	assert_true(pm_tag_is_ours("podmox"));
	assert_false(pm_tag_is_ours("podmoxer"));
	assert_false(pm_tag_is_ours("podmox-12"));
	(void)snprintf(want, sizeof(want), "podmox;%s;prod;web", tag);
	assert_string_equal(pm_tags_join(a, &user, "gone;stale", "home"), want);
	assert_string_equal(pm_tags_join(a, NULL, "web; prod,podmox-00000000,Web", "home"), want);
	assert_true(pm_tags_have(want, tag));
	assert_true(pm_tags_have("a b,PODMOX", "podmox"));
	assert_false(pm_tags_have("a;podmox-x", "podmox"));
	assert_false(pm_tags_have("", "podmox"));
}

PM_TEST(what_it_needs_is_noted_briefly)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_marker with = example;
	struct pm_rec *spec = pm_rec_new(a, &pm_kind_pod);
	const char *v[3] = { "db", "Pod/dns/ns1", NULL }, *fault;
	struct pm_list list = { .n = 2, .v = v };
	const struct pm_marker *m;
	char lengthy[420];

	assert_null(pm_marker_needs(a, spec));
	spec->val[PM_G_DEPENDS_ON].state = PM_SET;
	spec->val[PM_G_DEPENDS_ON].u.list = &list;
	assert_string_equal(pm_marker_needs(a, spec), "db Pod/dns/ns1");
	with.needs = pm_marker_needs(a, spec);
	(void)split(a, pm_marker_join(a, "", &with), &m, &fault);
	assert_null(fault);
	assert_string_equal(m->needs, "db Pod/dns/ns1");
	/* One that was written before names nothing, and one that is written without says nothing of it. */
	(void)split(a, LINE, &m, &fault);
	assert_string_equal(m->needs, "");
	assert_string_equal(pm_marker_join(a, "", m), LINE);
	/* A list that would fill the description is cut between two names. */
	memset(lengthy, 'x', sizeof(lengthy) - 1);
	lengthy[sizeof(lengthy) - 1] = '\0';
	v[2] = lengthy;
	list.n = 3;
	assert_string_equal(pm_marker_needs(a, spec), "db Pod/dns/ns1");
}
