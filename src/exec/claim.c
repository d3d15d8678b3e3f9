/* Claiming a VMID. PVE's create call is the atomic claim: of several creators of one VMID exactly one
 * wins. Everything else here is about knowing who is there when an answer was lost, came late, or says
 * that somebody was faster. One rule carries it: after anything but a success, look who is there before
 * anything is sent again. */
#include "base/text.h"
#include "exec/exec_priv.h"
#include "model/guest.h"
#include "model/volume.h"

#define MOST_INVISIBLE 3 /* "already exists" for a VMID where nothing can be seen */

enum who { NOBODY, OURS, IN_CREATION, FOREIGN };

/* ---- who came up since the plan ---- */

static bool known(const struct pm_run *run, unsigned vmid)
{
	size_t low = 0;
	size_t high = run->nknown;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (run->known[mid] == vmid)
			return true;
		if (run->known[mid] < vmid)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* With our tag, or with no set's: a creation of ours may not have its tags yet. */
static bool may_be_ours(const struct pm_run *run, const struct pm_obj *o)
{
	char tag[24];

	return !o->live->tags || !pm_tags_have(o->live->tags, PM_TAG) ||
	       pm_tags_have(o->live->tags, pm_set_tag(run->e->o.set, tag));
}

int pm_run_newcomers(struct pm_run *run, struct pm_job *j, struct pm_set *ret, struct pm_error *err)
{
	struct pm_scope nothing = { .set = "" };
	struct pm_set rows = { .arena = j->arena };
	int r = pm_pve_live(run->e->o.pve, j, &nothing, &rows, err);

	if (r == 0 && !rows.facts.complete)
		r = pm_error_set(err, PM_E_BUSY,
			"nothing can be created, because guests may be there that cannot be seen: %s",
			rows.facts.incomplete_why ? rows.facts.incomplete_why : "no reason given");
	for (size_t i = 0; r == 0 && i < rows.n; i++) {
		struct pm_obj *o = rows.v[i];

		if (known(run, o->live->vmid) || !may_be_ours(run, o))
			continue;
		pm_vmid_taken(run, o->live->vmid);
		r = pm_pve_read(run->e->o.pve, j, o->live->vmid, false, &o, err);
		if (r == 0)
			pm_set_add(ret, o);
		else if (r == -PM_E_NOTFOUND)
			r = 0;
	}
	pm_set_done(&rows);
	return r;
}

/* Has somebody made our object under another VMID? 0: no. */
static unsigned ours_among(const struct pm_act *act, const struct pm_set *newcomers)
{
	for (size_t i = 0; i < newcomers->n; i++) {
		if (pm_act_owns(act, newcomers->v[i]))
			return newcomers->v[i]->live->vmid;
	}
	return 0;
}

/* ---- who is there ---- */

static int look(struct pm_act *act, enum who *ret, struct pm_obj **ret_have, struct pm_error *err)
{
	struct pm_obj *have = NULL;
	int r = pm_act_look(act, act->vmid, &have, err);

	if (r == -PM_E_NOTFOUND) {
		*ret = NOBODY;
		return 0;
	}
	if (r < 0)
		return r;
	*ret_have = have;
	if (pm_act_owns(act, have))
		*ret = have->live->lock ? IN_CREATION : OURS;
	else if (!have->live->marker &&
		 (pm_str_eq(have->live->lock, "create") || pm_str_eq(have->live->lock, "clone")))
		*ret = IN_CREATION;
	else
		*ret = FOREIGN;
	return 0;
}

static bool vmid_is_fixed(const struct pm_act *act)
{
	return pm_rec_get(act->a->want->spec, PM_G_VMID)->state == PM_SET;
}

static int vmid_is_taken(const struct pm_act *act, struct pm_error *err)
{
	const struct pm_obj *want = act->a->want;
	const struct pm_value *v = pm_rec_get(want->spec, PM_G_VMID);

	(void)pm_error_set(err, PM_E_EXISTS,
		"%s %u is there already and is not ours; give the object another VMID, or none",
		pm_act_word(act), act->vmid);
	return pm_error_at(
		err, (struct pm_pos){ .file = want->file, .line = v->line, .column = v->column });
}

/* Somebody else has the VMID: the next one of the range, unless it is written down. */
static int give_way(struct pm_act *act, struct pm_error *err)
{
	struct pm_set newcomers = { .arena = act->job.arena };
	unsigned taken = act->vmid;
	int r;

	if (vmid_is_fixed(act))
		return vmid_is_taken(act, err);
	if (act->run->e->o.exact)
		return pm_error_set(err, PM_E_CONFLICT,
			"%s %u was taken since the plan was made; plan again", pm_act_word(act),
			taken);
	r = pm_run_newcomers(act->run, &act->job, &newcomers, err);
	act->vmid = r == 0 ? ours_among(act, &newcomers) : taken;
	pm_set_done(&newcomers);
	if (r == 0 && act->vmid == 0)
		act->vmid = pm_vmid_next(act->run, taken);
	if (r == 0 && act->vmid == 0) {
		act->vmid = taken;
		return pm_error_set(err, PM_E_EXISTS,
			"every VMID of the range is taken; make it larger in the configuration");
	}
	if (r == 0)
		pm_act_event(act, PM_EV_PROGRESS, "%s %u is somebody else's: goes on to %u",
			pm_act_word(act), taken, act->vmid);
	return r;
}

/* ---- what it is a copy of ---- */

int pm_act_find_source(struct pm_act *act, struct pm_error *err)
{
	const struct pm_obj *want = act->a->want;
	const struct pm_value *v = pm_rec_get(want->spec, PM_G_IMAGE);
	struct pm_obj *source = NULL;
	unsigned vmid = pm_copied_vmid(want);
	int r;

	if (vmid == 0 || act->source)
		return 0;
	r = pm_act_look(act, vmid, &source, err);
	if (r == -PM_E_NOTFOUND)
		r = pm_error_set(err, PM_E_INVALID, "there is no guest %u to make a copy of", vmid);
	else if (r == 0 && source->kind != want->kind)
		r = pm_error_set(err, PM_E_INVALID, "%u is a %s, and is to be copied as a %s", vmid,
			pm_kind_noun(source->kind), pm_kind_noun(want->kind));
	if (r < 0)
		return pm_error_at(
			err, (struct pm_pos){
				     .file = want->file, .line = v->line, .column = v->column });
	act->source = source;
	return 0;
}

void pm_act_settle_creation(struct pm_act *act)
{
	struct pm_error ignored;

	if (pm_act_find_source(act, &ignored) < 0)
		return;
	if (act->source)
		pm_act_settle_at(act, pm_act_task(act, PM_W_CLONE), act->source);
	else
		pm_act_settle(act, pm_act_task(act, PM_W_CREATE));
}

/* Nobody's marker can be seen while PVE creates: wait for its end rather than pass it by. */
static int wait_creation(
	struct pm_act *act, const struct pm_obj *have, struct pm_tries *t, struct pm_error *err)
{
	act->node = have->live->node;
	pm_act_settle_creation(act);
	return pm_act_locked(act, have, err) < 0 ? pm_act_again(act, t, err) : 0;
}

/* ---- the call ---- */

static void add_storage(struct pm_list *l, const char *storage)
{
	for (size_t i = 0; i < l->n; i++) {
		if (pm_str_eq(l->v[i], storage))
			return;
	}
	if (storage)
		l->v[l->n++] = storage;
}

/* Storages on which the creation allocates, each once. */
static const struct pm_list *storages(struct pm_act *act)
{
	const struct pm_obj *made = act->make ? act->make : act->a->want;
	const struct pm_rec *spec = act->source ? act->source->spec : made->spec;
	struct pm_list *l = pm_new(act->job.arena, struct pm_list);
	struct pm_volume_at at = PM_VOLUMES(spec);
	size_t n = 0;

	while (pm_volume_next(&at))
		n++;
	l->v = pm_new_n(act->job.arena, const char *, n + 1);
	at = PM_VOLUMES(spec);
	while (pm_volume_next(&at))
		add_storage(l, pm_volume_storage(at.rec));
	return l;
}

static void intend_creation(struct pm_act *act)
{
	if (act->source) {
		pm_act_event(act, PM_EV_PROGRESS, "copying %s %u to %u on %s", pm_act_word(act),
			act->source->live->vmid, act->vmid, act->node);
		pm_act_intent_at(act, pm_act_task(act, PM_W_CLONE), act->source);
		return;
	}
	pm_act_event(act, PM_EV_PROGRESS, "creating %s %u on %s", pm_act_word(act), act->vmid,
		act->node);
	pm_act_intent(act, pm_act_task(act, PM_W_CREATE));
}

static int send_create(struct pm_act *act, bool tags_later, struct pm_error *err)
{
	struct pm_create c = { .want = act->make ? act->make : act->a->want,
		.vmid = act->vmid,
		.node = act->node,
		.source = act->source,
		.marker = pm_act_marker(act, NULL, false),
		.tags_later = tags_later };
	struct pm_task task;
	int r;

	intend_creation(act);
	r = pm_pve_create(act->run->e->o.pve, &act->job, &c, &task, err);
	if (r == 0)
		r = pm_task_wait(act->run->e->o.pve, &act->job, &task, err);
	else if (err->maybe_sent)
		pm_act_settle_creation(act);
	pm_act_result(act, r, err);
	return r < 0 ? pm_error_wrap(
			       err, "creating %s %u on %s", pm_act_word(act), act->vmid, act->node)
		     : 0;
}

static int create_once(struct pm_act *act, bool tags_later, struct pm_error *err)
{
	const struct pm_list *where = storages(act);
	int r = pm_places_enter(act, act->node, where, err);

	if (r < 0)
		return r;
	r = send_create(act, tags_later, err);
	pm_places_leave(act, act->node, where);
	return r;
}

/* A token whose rights come from a pool may not set tags before the guest is in it. */
static bool tags_were_refused(const struct pm_act *act, const struct pm_error *err)
{
	return err->code == PM_E_PERMISSION &&
	       pm_rec_get(act->a->want->spec, PM_G_POOL)->state == PM_SET;
}

struct claim {
	struct pm_tries tries, waiting;
	unsigned invisible;
	bool tags_later;
};

/* PVE cleans up behind a creation that failed. When it could not, that is said. */
static int creation_failed(struct pm_act *act, struct pm_error *err)
{
	struct pm_error ignored;
	struct pm_obj *have;
	enum who who;

	if (look(act, &who, &have, &ignored) < 0 || who == NOBODY || who == FOREIGN)
		return -(int)err->code;
	return pm_error_wrap(err, "a part of %s %u is left behind on %s", pm_act_word(act),
		act->vmid, act->node);
}

/* The place is free, as far as can be seen. 0: made; 1: look again. */
static int try_create(struct pm_act *act, struct claim *c, struct pm_error *err)
{
	int r = create_once(act, c->tags_later, err);

	if (r == 0)
		return 0;
	if (r == -PM_E_EXISTS) {
		/* Look who was faster. A guest that we may not see is a stranger's. */
		if (++c->invisible < MOST_INVISIBLE)
			return 1;
		c->invisible = 0;
		r = give_way(act, err);
	} else if (!c->tags_later && tags_were_refused(act, err)) {
		c->tags_later = true;
		r = 0;
	} else if (r == -PM_E_TASK) {
		return creation_failed(act, err);
	} else {
		r = pm_act_again(act, &c->tries, err);
	}
	return r < 0 ? r : 1;
}

/* One look, and what follows from it. 0: it is there; 1: look again. */
static int claim_once(struct pm_act *act, struct claim *c, bool *ret_found, struct pm_error *err)
{
	struct pm_obj *have = NULL;
	enum who who;
	int r = look(act, &who, &have, err);

	if (r < 0) {
		r = pm_act_again(act, &c->tries, err);
		return r < 0 ? r : 1;
	}
	switch (who) {
	case NOBODY:
		act->node = act->a->node;
		return try_create(act, c, err);
	case OURS:
		act->node = have->live->node;
		*ret_found = true;
		/* It looks complete before it is. */
		if (!have->live->marker->done)
			pm_act_settle_creation(act);
		return 0;
	case IN_CREATION:
		r = wait_creation(act, have, &c->waiting, err);
		return r < 0 ? r : 1;
	default:
		r = give_way(act, err);
		return r < 0 ? r : 1;
	}
}

int pm_act_claim(struct pm_act *act, bool *ret_found, struct pm_error *err)
{
	unsigned elsewhere = ours_among(act, &act->run->newcomers);
	struct claim c = { 0 };
	int r;

	if (elsewhere > 0)
		act->vmid = elsewhere;
	r = pm_act_find_source(act, err);
	if (r < 0)
		return r;
	do {
		r = claim_once(act, &c, ret_found, err);
	} while (r > 0);
	return r;
}
