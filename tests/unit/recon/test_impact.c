/* When a change takes effect, row by row, on the simulator: a value is changed on a running container, and its
 * /pending says whether it is in force or waits; on a stopped one it is in force at once. What must come out is
 * in the rules below, which are those of PVE's code and of the recordings, not the flags of the rows; the row
 * names the same source, and the plan must have announced the same. */
#include <json-c/json.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "rows.h"

/** What PVE's code does with the keys of a running container. */
static const struct rule {
	const char *source, *keys;
	bool waits;
} rules[] = {
	{ "PVE::LXC::Config, LXC_FASTPLUG_OPTIONS",
		"description onboot startup protection hostname hookscript cores tags", false },
	{ "PVE::LXC::Config::vmconfig_hotplug_pending", "cpulimit cpuunits memory swap", false },
	{ "PVE::LXC::update_net", "net", false },
	{ "PVE::LXC::update_ipconfig", "net", false },
	{ "PVE::LXC::Config::vmconfig_hotplug_pending: an entry is plugged in", "mp dev", true },
	{ "PVE::LXC::Config::vmconfig_hotplug_pending, which skips it",
		"mp rootfs features nameserver searchdomain env entrypoint arch cmode console debug ostype tty timezone",
		true },
};

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = words; (at = strstr(at, word)) != NULL; at += n)
		if ((at == words || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
			return true;
	return false;
}

static const char *key_of(const struct spot *s)
{
	return s->parent ? s->parent->key : s->f->key;
}

/* The rule that the row names: the longest source that its own starts with. */
static const struct rule *rule_of(const struct spot *s)
{
	const char *source = s->f->source ? s->f->source : s->parent ? s->parent->source : "";
	const struct rule *best = NULL;

	for (size_t i = 0; i < PM_COUNT(rules); i++)
		if (pm_str_starts(source ? source : "", rules[i].source) &&
			has_word(rules[i].keys, key_of(s)) &&
			(!best || strlen(rules[i].source) > strlen(best->source)))
			best = &rules[i];
	return best;
}

/* Rows whose change is no write of the configuration, or that only a creation reads. */
static bool is_config(const struct spot *s)
{
	unsigned flags = s->f->flags | (s->parent ? s->parent->flags & PM_F_APART : 0);

	return key_of(s) && !(flags & (PM_F_OWN | PM_F_WRITEONLY | PM_F_REPLACE | PM_F_GROW |
					      PM_F_MOVE | PM_F_MIGRATE | PM_F_INNER | PM_F_APART));
}

/* ---- what the simulator says ---- */

/* Does what is written at the key wait for a restart? */
static bool key_waits(struct world *w, const struct pm_kind *k, const char *key)
{
	struct pm_buf body cleanup_buf = PM_BUF(0);
	const char *id = pm_arena_printf(w->arena, "%s/default/web", k->name);
	const char *path =
		pm_arena_printf(w->arena, "/nodes/pve1/%s/%u/pending", k->type, world_vmid(w, id));
	struct json_object *all = NULL, *rows;
	struct pm_error err;
	bool waits = false;

	assert_int_equal(world_ask(w, "GET", path, NULL, &body), 200);
	assert_ok(pm_json_parse(pm_buf_str(&body), body.len, &all, &err), &err);
	rows = pm_json_get(all, "data");
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (pm_str_eq(pm_json_str(row, "key"), key))
			waits = pm_json_get(row, "pending") || pm_json_get(row, "delete");
	}
	json_object_put(all);
	return waits;
}

static bool waits_at_pve(struct world *w, const struct spot *s)
{
	return key_waits(w, s->kind, rows_key(w, s));
}

/* ---- one row ---- */

static unsigned faults, tried; /* all are told before the test ends */

static void fault(const struct spot *s, const char *state, const char *what)
{
	faults++;
	print_error("%s on a %s guest: %s\n", s->name, state, what);
}

/* What the plan says of the row's change: does it announce a wait? */
static void judge_plan(
	struct world *w, struct turn *t, const struct spot *s, const char *state, bool waits)
{
	const struct pm_action *a = turn_action(t, rows_id(w, s));
	bool found = false;

	for (size_t i = 0; i < a->nchanges; i++) {
		const struct pm_change *c = &a->change[i];

		if (c->row != s->f && c->row != NULL)
			continue;
		found = true;
		if ((c->impact == PM_I_PENDING) != waits)
			fault(s, state,
				pm_arena_printf(
					t->arena, "the plan says %s", pm_impact_name(c->impact)));
	}
	if (!found)
		fault(s, state, "the plan has no such change");
}

/* false: there was nothing to do, since that value is what absence means. */
static bool turn_to(struct world *w, const struct spot *s, const char *value, const char *state,
	const bool *waits)
{
	const struct turn_opts o = { .plan_only = false };
	struct turn t;
	bool changed;

	world_manifest(w, "web.yaml", rows_manifest(w, s, value, state));
	world_turn(w, &o, &t);
	if (!t.applied || t.status != 0)
		fault(s, state, "the apply failed");
	changed = !pm_plan_empty(&t.cycle.plan);
	if (waits && changed)
		judge_plan(w, &t, s, state, *waits);
	turn_done(&t);
	return changed;
}

static void try_row(const struct spot *s, const char *state, bool waits)
{
	const char *a = NULL, *b = NULL;
	struct world w;

	world_new(&w, 1);
	rows_sample(&w, s, &a, &b);
	/* What has one value only is set where there was none. */
	if (b || rows_required(s))
		(void)turn_to(&w, s, a, state, NULL);
	else
		(void)turn_to(&w, s, NULL, state, NULL);
	if ((b || !rows_required(s)) && turn_to(&w, s, b ? b : a, state, &waits)) {
		tried++;
		if (waits_at_pve(&w, s) != waits)
			fault(s, state, waits ? "PVE has it in force" : "PVE lets it wait");
	}
	world_done(&w);
}

/* A path is what an entry is called, and a new name makes a new device. */
static bool names_entry(const struct spot *s)
{
	return s->f->flags & PM_F_IDENT;
}

static void try_running(const struct spot *s, PM_UNUSED void *arg)
{
	const struct rule *rule;

	if (!is_config(s) || names_entry(s))
		return;
	rule = rule_of(s);
	if (!rule)
		fault(s, "running", "its source names no rule of PVE");
	else
		try_row(s, "running", rule->waits);
}

static void try_stopped(const struct spot *s, PM_UNUSED void *arg)
{
	if (is_config(s) && !names_entry(s))
		try_row(s, "stopped", false);
}

PM_TEST(impact_on_a_running_guest)
{
	faults = tried = 0;
	rows_each(&pm_kind_pod, try_running, NULL);
	assert_int_equal(faults, 0);
	assert_true(tried > 55);
}

PM_TEST(impact_on_a_stopped_guest)
{
	faults = tried = 0;
	rows_each(&pm_kind_pod, try_stopped, NULL);
	assert_int_equal(faults, 0);
	assert_true(tried > 55);
}

/* ---- virtual machines ---- */

/* Does the plan announce that the row's change waits? Applies it. */
static bool announced(struct world *w, const struct spot *s, const char *value, const char *state)
{
	const struct turn_opts o = { .plan_only = false };
	const struct pm_action *a;
	struct turn t;
	bool waits = false;

	world_manifest(w, "web.yaml", rows_manifest(w, s, value, state));
	world_turn(w, &o, &t);
	if (!t.applied || t.status != 0)
		fault(s, state, "the apply failed");
	if (!pm_plan_empty(&t.cycle.plan)) {
		tried++;
		a = turn_action(&t, rows_id(w, s));
		for (size_t i = 0; i < a->nchanges; i++)
			waits |= a->change[i].impact == PM_I_PENDING;
	}
	turn_done(&t);
	return waits;
}

static void try_machine(const struct spot *s, void *state)
{
	const char *a = NULL, *b = NULL;
	struct world w;

	if (!is_config(s) || names_entry(s))
		return;
	world_new(&w, 1);
	rows_sample(&w, s, &a, &b);
	if (a && (b || !rows_required(s))) {
		rows_world(&w, s);
		(void)announced(&w, s, b || rows_required(s) ? a : NULL, state);
		if (announced(&w, s, b ? b : a, state) != waits_at_pve(&w, s))
			fault(s, state, "PVE does not do what the plan says");
	}
	world_done(&w);
}

PM_TEST(impact_on_a_running_machine)
{
	char running[] = "running";

	faults = tried = 0;
	rows_each(&pm_kind_vm, try_machine, running);
	assert_int_equal(faults, 0);
	assert_true(tried > 150);
}

PM_TEST(impact_on_a_stopped_machine)
{
	char stopped[] = "stopped";

	faults = tried = 0;
	rows_each(&pm_kind_vm, try_machine, stopped);
	assert_int_equal(faults, 0);
	assert_true(tried > 150);
}

/* ---- whole entries ---- */

/** An entry that comes to a running container and goes again. */
static const struct entry {
	const char *spec, *key;
	bool waits; /* to go; all come at once */
} entries[] = {
	/* recordings/05b, put net2 hotplug and delete net2 hotplug */
	{ "network: {interfaces: [{name: eth0, bridge: vmbr0}]}", "net0", false },
	/* recordings/05b, put mp3 hotplug and delete mp0 */
	{ "volumes: [{path: /data, storage: local-lvm, size: 1Gi}]", "mp0", true },
	/* PVE::LXC::Config::vmconfig_hotplug_pending: dev is not among what it deletes */
	{ "devices: [{path: /dev/fuse}]", "dev0", true },
	/* There m/^net(\d)$/ fits ten of them. */
	{ "network: {interfaces: [{name: a0, bridge: vmbr0}, {name: a1, bridge: vmbr0}, "
	  "{name: a2, bridge: vmbr0}, {name: a3, bridge: vmbr0}, {name: a4, bridge: vmbr0}, "
	  "{name: a5, bridge: vmbr0}, {name: a6, bridge: vmbr0}, {name: a7, bridge: vmbr0}, "
	  "{name: a8, bridge: vmbr0}, {name: a9, bridge: vmbr0}, {name: a10, bridge: vmbr0}]}",
		"net10", true },
};

static void apply_spec(struct world *w, const char *spec)
{
	const struct turn_opts o = { .plan_only = false };
	struct turn t;

	world_manifest(w, "web.yaml",
		pm_arena_printf(w->arena,
			"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: web}\nspec:\n"
			"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"
			"  rootfs: {storage: local-lvm, size: 4Gi}\n  %s\n",
			spec));
	world_turn(w, &o, &t);
	assert_int_equal(t.status, 0);
	turn_done(&t);
}

PM_TEST(impact_of_entries_that_come_and_go)
{
	for (size_t i = 0; i < PM_COUNT(entries); i++) {
		struct world w;

		world_new(&w, 1);
		apply_spec(&w, "");
		apply_spec(&w, entries[i].spec);
		assert_false(key_waits(&w, &pm_kind_pod, entries[i].key));
		apply_spec(&w, "");
		assert_int_equal(key_waits(&w, &pm_kind_pod, entries[i].key), entries[i].waits);
		assert_int_equal(strlen(world_control(&w, "get %u %s",
					 world_vmid(&w, "Pod/default/web"), entries[i].key)) > 0,
			entries[i].waits);
		world_done(&w);
	}
}
