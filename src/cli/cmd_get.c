/* podmox get and describe: live objects with ownership and sync state. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"

/* What the set has to do with a guest, in one word. */
static const char *ownership(const struct pm_obj *o, const char *set)
{
	const struct pm_marker *m = o->live->marker;

	if (o->live->unreachable || o->live->unread)
		return "unknown";
	if (m == NULL)
		return o->live->marker_fault != NULL ? "damaged" : "foreign";
	if (m->vmid != o->live->vmid)
		return "clone";
	if (!pm_str_eq(m->set, set))
		return "other-set";
	if (strcmp(m->kind, PM_MARKER_HOLDER) == 0)
		return "holder";
	if (strcmp(m->kind, o->kind->name) != 0)
		return "damaged";
	return m->done ? "owned" : "unfinished";
}

static const struct pm_action *action_of(const struct pm_plan *p, const struct pm_obj *o)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].have == o)
			return &p->v[i];
	return NULL;
}

/* How far the guest is from its manifest; "-" where no manifests were given. */
static const char *sync_state(const struct pm_cli *s, const struct pm_obj *o, const char *owner)
{
	const struct pm_action *a;

	if (s->cycle.load.nfiles == 0 || strcmp(owner, "owned") != 0)
		return "-";
	a = action_of(&s->cycle.plan, o);
	if (a == NULL)
		return "in-sync";
	if (a->verb == PM_V_KEEP)
		return a->want == NULL ? "unlisted" : "held";
	return "differs";
}

static void row_json(struct pm_jwrite *w, const struct pm_cli *s, const struct pm_obj *o)
{
	const char *owner = ownership(o, s->config->set);

	pm_jw_object(w, NULL);
	pm_jw_str(w, "kind", o->kind->name);
	pm_jw_str(w, "namespace", o->ns);
	pm_jw_str(w, "name", o->name);
	pm_jw_int(w, "vmid", o->live->vmid);
	pm_jw_str(w, "node", o->live->node);
	pm_jw_str(w, "status", o->live->status);
	pm_jw_str(w, "lock", o->live->lock);
	pm_jw_str(w, "owner", owner);
	pm_jw_str(w, "set", o->live->marker != NULL ? o->live->marker->set : NULL);
	pm_jw_str(w, "sync", sync_state(s, o, owner));
	pm_jw_object_end(w);
}

static bool selected(const struct pm_obj *o, const struct pm_kind *k, const char *name)
{
	if (o->live == NULL || o->kind != k)
		return false;
	return name == NULL || pm_str_eq(o->name, name);
}

static size_t print_table(const struct pm_cli *s, const struct pm_kind *k, const char *name)
{
	size_t n = 0;

	(void)printf("%-11s %-22s %9s %-7s %-7s %-10s %s\n", "NAMESPACE", "NAME", "VMID", "NODE",
		"STATUS", "OWNER", "SYNC");
	for (size_t i = 0; i < s->cycle.have.n; i++) {
		const struct pm_obj *o = s->cycle.have.v[i];
		const char *owner;

		if (!selected(o, k, name))
			continue;
		owner = ownership(o, s->config->set);
		(void)printf("%-11s %-22s %9u %-7s %-7s %-10s %s\n", o->ns[0] != '\0' ? o->ns : "-",
			o->name[0] != '\0' ? o->name : "-", o->live->vmid, o->live->node,
			o->live->unreachable ? "unknown" : o->live->status, owner,
			sync_state(s, o, owner));
		n++;
	}
	return n;
}

static size_t print_rows(
	const struct pm_args *a, const struct pm_cli *s, const struct pm_kind *k, const char *name)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &out };
	size_t n = 0;

	if (a->output == PM_OUT_HUMAN)
		return print_table(s, k, name);
	pm_jw_array(&w, NULL);
	for (size_t i = 0; i < s->cycle.have.n; i++) {
		const struct pm_obj *o = s->cycle.have.v[i];

		if (!selected(o, k, name))
			continue;
		if (a->output == PM_OUT_NAME)
			(void)printf("%s/%s/%s\n", o->kind->name, o->ns, o->name);
		else
			row_json(&w, s, o);
		n++;
	}
	pm_jw_array_end(&w);
	if (a->output != PM_OUT_NAME)
		pm_cli_document(a, &out);
	return n;
}

/* The manifests are optional here: without a source every guest is shown without its sync state. */
static int read_live(struct pm_cli *s, struct pm_args *a)
{
	static const struct pm_set nothing;
	bool source = pm_rec_str(s->config->rec, PM_CONFIG_SOURCE_PATH, NULL) != NULL;
	size_t n = a->rest.n;
	int status;

	a->rest.n = 0;
	status = pm_cli_make_plan(s, a, source ? NULL : &nothing);
	a->rest.n = n;
	return status;
}

static const struct pm_kind *live_kind(const char *word)
{
	const struct pm_kind *k = pm_kind_named(word);

	if (k == NULL || !k->envelope) {
		(void)fprintf(
			stderr, "podmox: error: there is no kind \"%s\"; known: pods, vms\n", word);
		return NULL;
	}
	return k;
}

int cmd_get(struct pm_args *a)
{
	const struct pm_kind *k = live_kind(a->rest.v[0]);
	const char *name = a->rest.n > 1 ? a->rest.v[1] : NULL;
	struct pm_cli s;
	int status;

	if (k == NULL)
		return 64;
	status = pm_cli_open(a, true, NULL, NULL, &s);
	if (status != 0)
		return status;
	status = read_live(&s, a);
	if (status == 0 && print_rows(a, &s, k, name) == 0 && name != NULL) {
		(void)fprintf(stderr, "podmox: error: no %s named \"%s\"\n", k->name, name);
		status = 1;
	}
	pm_cli_close(&s);
	return status;
}

static void describe_pending(const struct pm_obj *o)
{
	for (unsigned i = 0; i < o->live->npending; i++) {
		const struct pm_pending *p = &o->live->pending[i];

		(void)printf("%s %s (in force: %s)\n",
			i == 0 ? "Waits for a restart:" : "                    ", p->key,
			p->in_force != NULL ? p->in_force : "absent");
	}
}

static void describe_marker(const struct pm_marker *m)
{
	(void)printf("Set:       %s\nUid:       %s\nRoot:      %s\nImage:     %s\nManaged:   %s\n",
		m->set, m->uid, m->root != NULL ? m->root : "-", m->image != NULL ? m->image : "-",
		m->fields != NULL ? m->fields : "-");
}

/* What the manifest and the configuration leave to others. */
static void describe_ignored(const struct pm_cli *s, const struct pm_obj *o)
{
	const struct pm_obj *want = pm_set_find(&s->cycle.want, o->kind, o->ns, o->name);
	const struct pm_value *v =
		want && want->spec ? pm_rec_get(want->spec, PM_G_LIFE_IGNORE) : NULL;
	const struct pm_list *lists[] = { v && v->state == PM_SET ? v->u.list : NULL,
		want ? want->left : NULL };
	bool any = false;

	for (size_t k = 0; k < PM_COUNT(lists); k++) {
		for (size_t i = 0; lists[k] && i < lists[k]->n; i++) {
			(void)printf("%s%s", any ? ", " : "Ignored:   ", lists[k]->v[i]);
			any = true;
		}
	}
	if (any)
		(void)puts("");
}

static void describe_spec(struct pm_arena *arena, const struct pm_obj *o)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct pm_set one = { .arena = arena };
	struct pm_obj copy = *o;

	pm_set_add(&one, &copy);
	pm_manifest_write(&one, &text);
	pm_set_done(&one);
	(void)printf("Configuration as a manifest:\n%s", pm_buf_str(&text));
}

static void describe_action(const struct pm_action *a)
{
	if (a == NULL)
		return;
	(void)printf("Planned:   %s%s%s\n", pm_verb_name(a->verb), a->reason != NULL ? ": " : "",
		a->reason != NULL ? a->reason : "");
	for (size_t i = 0; i < a->nchanges; i++) {
		const struct pm_change *c = &a->change[i];

		(void)printf("           %s  %s -> %s  %s%s%s\n", c->path,
			c->from != NULL ? c->from : "absent", c->to != NULL ? c->to : "absent",
			pm_impact_name(c->impact), c->note != NULL ? ", " : "",
			c->note != NULL ? c->note : "");
	}
}

/* What to do about a guest that is not what it seems. */
static void describe_remedy(const struct pm_obj *o, const char *owner)
{
	static const struct {
		const char *owner, *text;
	} remedies[] = {
		{ "clone",
			"a copy carries the marker of its source; take the line \"podmox:\" from its notes and its "
			"tags of podmox, then podmox adopt may give it one of its own" },
		{ "damaged",
			"put the marker back into its notes, or take its tags of podmox away: until then it is left alone" },
		{ "other-set",
			"another set owns it; podmox forget there and podmox adopt here change that" },
		{ "holder",
			"it holds volumes of an object whose replacement was interrupted; the next apply gives them back" },
		{ "unfinished", "its creation was interrupted; the next apply finishes it" },
	};

	for (size_t i = 0; i < PM_COUNT(remedies); i++)
		if (strcmp(remedies[i].owner, owner) == 0)
			(void)printf("Remedy:    %s (VMID %u)\n", remedies[i].text, o->live->vmid);
}

static void describe(struct pm_cli *s, const struct pm_obj *o)
{
	const char *owner = ownership(o, s->config->set);

	(void)printf("Kind:      %s\nNamespace: %s\nName:      %s\nVMID:      %u\nNode:      %s\n"
		     "Status:    %s\nLock:      %s\nPool:      %s\nOwner:     %s\nSync:      %s\n",
		o->kind->name, o->ns, o->name, o->live->vmid, o->live->node, o->live->status,
		o->live->lock != NULL ? o->live->lock : "none",
		o->live->pool != NULL ? o->live->pool : "none", owner, sync_state(s, o, owner));
	if (o->live->marker != NULL)
		describe_marker(o->live->marker);
	if (o->live->marker_fault != NULL)
		(void)printf("Marker:    %s\n", o->live->marker_fault);
	if (o->live->unread_why != NULL)
		(void)printf("Not read:  %s\n", o->live->unread_why);
	describe_remedy(o, owner);
	describe_pending(o);
	describe_ignored(s, o);
	describe_action(action_of(&s->cycle.plan, o));
	if (o->spec != NULL)
		describe_spec(s->job.arena, o);
}

static int describe_named(struct pm_args *a, struct pm_cli *s, const char *text)
{
	for (size_t i = 0; i < s->cycle.have.n; i++) {
		const struct pm_obj *o = s->cycle.have.v[i];
		char vmid[16];

		(void)snprintf(vmid, sizeof(vmid), "%u", o->live->vmid);
		if (strcmp(vmid, text) != 0 && strcasecmp(pm_obj_id(s->job.arena, o), text) != 0)
			continue;
		if (a->output == PM_OUT_HUMAN) {
			describe(s, o);
		} else {
			struct pm_buf out cleanup_buf = PM_BUF(0);
			struct pm_jwrite w = { .out = &out };

			row_json(&w, s, o);
			pm_cli_document(a, &out);
		}
		return 0;
	}
	(void)fprintf(stderr,
		"podmox: error: there is no %s; podmox get pods and podmox get vms list what is there\n",
		text);
	return 1;
}

int cmd_describe(struct pm_args *a)
{
	struct pm_cli s;
	int status = pm_cli_open(a, true, NULL, NULL, &s);

	if (status != 0)
		return status;
	status = read_live(&s, a);
	if (status == 0)
		status = describe_named(a, &s, a->rest.v[0]);
	pm_cli_close(&s);
	return status;
}
