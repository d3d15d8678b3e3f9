/* Writing: whatever a value holds, reading gives it back. */
#include "manifest_test.h"

static void assert_text_survives(const char *description)
{
	struct pm_arena *arena cleanup_arena = pm_arena_new(0);
	struct pm_set set = { .arena = arena };
	struct pm_obj *o = pm_obj_new(arena, &pm_kind_pod);
	cleanup_buf struct pm_buf out = PM_BUF(0);
	struct pm_value *v;
	struct loaded l;

	o->ns = "default";
	o->name = "web";
	o->spec = pm_rec_new(arena, &pm_kind_pod);
	v = &o->spec->val[PM_G_DESCRIPTION];
	v->state = PM_SET;
	v->u.s = description;
	pm_set_add(&set, o);
	pm_manifest_write(&set, &out);
	parse_text(&l, pm_buf_str(&out), out.len);
	assert_int_equal(l.set.n, 1);
	v = &l.set.v[0]->spec->val[PM_G_DESCRIPTION];
	if (v->state != PM_SET)
		fail_msg("%s\n%s", pm_buf_str(&out), l.text);
	/* Line ends at the end of a description mean nothing to PVE. */
	assert_memory_equal(v->u.s, description, strlen(v->u.s));
	assert_int_equal(
		strspn(description + strlen(v->u.s), "\n"), strlen(description + strlen(v->u.s)));
	loaded_done(&l);
	pm_set_done(&set);
}

PM_TEST(write_texts)
{
	static const char *const texts[] = { "plain", "two words", "true", "null", "~", "yes",
		"123", "1.5", "0x1f", "- a", "a: b", "a:", "a #b", "#a", "'q'", "\"q\"",
		"back\\slash", "*star", "&and", "!tag", "%per", "@at", "`tick`", "|", ">", "{a}",
		"[a]", "a\nb", "a\nb\n", " lead", "trail ", "a \nb\n", "\n\na", "a\n\n\n",
		"tab\there", "\xc3\xa4\xe6\x97\xa5", "a\n  b\n c\n", "---", "...", "? a", "x,y",
		"a:b", "..." };

	for (size_t i = 0; i < PM_COUNT(texts); i++)
		assert_text_survives(texts[i]);
}

PM_TEST(write_states)
{
	static const char text[] = POD(
		"web") "  tags: []\n  volumes: []\n  env: {}\n  features: {}\n  onboot: null\n  pool: null\n"
		       "  startup: {order: null}\n  dependsOn: null\n"
		       "  network: {interfaces: [{name: eth0, bridge: null, trunks: [2, 3]}]}\n";
	struct loaded l;

	parse_text(&l, text, sizeof(text) - 1);
	assert_int_equal(pod_of(&l, "web")->spec->val[PM_POD_FEATURES].state, PM_SET);
	assert_round_trip(&l.set);
	loaded_done(&l);
}

PM_TEST(write_no_literal_secret)
{
	static const char text[] = POD("web") "  password: hunter2hunter2\n";
	cleanup_buf struct pm_buf out = PM_BUF(0);
	struct loaded l;

	parse_text(&l, text, sizeof(text) - 1);
	pm_manifest_write(&l.set, &out);
	assert_null(strstr(pm_buf_str(&out), "hunter2"));
	assert_null(strstr(pm_buf_str(&out), "password"));
	loaded_done(&l);
}
