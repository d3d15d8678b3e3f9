/* Reading one guest, fresh: where it is, its configuration, its run state. */
#include <string.h>

#include "base/text.h"
#include "base/vec.h"
#include "pve/pve_priv.h"

void pm_name_guest(struct pm_obj *o, const char *set)
{
	const struct pm_marker *m = o->live->marker;

	if (!m || m->vmid != o->live->vmid || (set && strcmp(m->set, set) != 0) ||
		strcmp(m->kind, PM_MARKER_HOLDER) == 0)
		return;
	o->ns = m->ns;
	o->name = m->name;
}

void pm_take_current(struct pm_arena *a, struct pm_obj *o, struct pm_call *c)
{
	PM_CLEANUP(pm_json_putp) struct json_object *root = NULL;
	struct json_object *data, *ha;
	const char *status, *lock;
	struct pm_error ignored;

	if (pm_json_parse(c->body_in.p, c->body_in.len, &root, &ignored) < 0)
		return;
	data = pm_json_get(root, "data");
	status = pm_json_str(data, "status");
	lock = pm_json_str(data, "lock");
	ha = pm_json_get(data, "ha");
	if (status)
		o->live->status = pm_arena_strdup(a, status);
	o->live->lock = lock ? pm_arena_strdup(a, lock) : NULL;
	if (pm_json_bool(ha, "managed", false)) {
		const char *state = pm_json_str(ha, "state");

		o->live->hastate = pm_arena_strdup(a, state ? state : "managed");
	}
}

struct one {
	struct pm_job *j;
	struct pm_obj *o;
	struct pm_error err[2]; /* of the configuration, of the state */
};

static void got_one(void *arg, size_t i, struct pm_call *c, const struct pm_error *err)
{
	struct one *x = arg;

	x->err[i] = *err;
	if (err->code != PM_OK)
		return;
	if (i == 1)
		pm_take_current(x->j->arena, x->o, c);
	else if (pm_pve_decode_pending(x->j->arena, x->o->kind, c->body_in.p, c->body_in.len, x->o,
			 &x->err[0]) < 0)
		(void)pm_error_where(&x->err[0], "%s GET %s", c->host->name, c->path + strlen(API));
}

/* Reads the guest where its row says it is. */
static int read_one(
	struct pm_pve *p, struct pm_job *j, struct pm_obj *o, bool status, struct pm_error *err)
{
	cleanup_buf struct pm_buf pending = PM_BUF(1024), current = PM_BUF(1024);
	struct pm_get v[2] = { { .node = o->live->node }, { .node = o->live->node } };
	struct one x = { .j = j, .o = o };
	struct pm_fetch f = { .v = v, .n = status ? 2 : 1, .got = got_one, .arg = &x };
	int r;

	pm_buf_adds(&pending, API);
	pm_buf_adds(&current, API);
	pm_op_guest_path(
		pm_op(PM_OP_GUEST_PENDING), o->live->node, o->live->type, o->live->vmid, &pending);
	pm_op_guest_path(
		pm_op(PM_OP_GUEST_STATUS), o->live->node, o->live->type, o->live->vmid, &current);
	v[0].path = pm_buf_str(&pending);
	v[1].path = pm_buf_str(&current);
	r = pm_pve_fetch(p, j, &f, err);
	for (unsigned i = 0; i < f.n && r == 0; i++) {
		if (x.err[i].code != PM_OK) {
			*err = x.err[i];
			r = -(int)err->code;
		}
	}
	return r;
}

/* Nobody lists it: gone, or not to be seen from here? */
static int confirm_absence(struct pm_pve *p, struct pm_job *j, unsigned vmid, struct pm_obj **ret,
	struct pm_error *err)
{
	struct pm_inventory inv;
	struct pm_obj *found;
	struct pm_facts facts;
	int r = pm_inventory_read(p, j, false, &inv, err);

	if (r < 0)
		return r;
	found = pm_inventory_find(&inv, vmid);
	pm_inventory_facts(p, &inv, &facts);
	if (found) {
		*ret = found;
		r = 0;
	} else if (facts.complete) {
		r = pm_error_set(err, PM_E_NOTFOUND, "there is no guest %u", vmid);
	} else {
		r = pm_error_set(err, PM_E_UNREACHABLE,
			"guest %u is not listed, but that proves nothing: %s", vmid,
			facts.incomplete_why);
	}
	pm_vec_done(&inv);
	return r;
}

static int find_row(struct pm_pve *p, struct pm_job *j, unsigned vmid, struct pm_obj **ret,
	struct pm_error *err)
{
	struct pm_inventory inv;
	int r = pm_inventory_rows(p, j, vmid, &inv, err);

	if (r < 0)
		return r;
	*ret = inv.n > 0 ? inv.v[0] : NULL;
	pm_vec_done(&inv);
	return *ret ? 0 : confirm_absence(p, j, vmid, ret, err);
}

int pm_pve_read(struct pm_pve *p, struct pm_job *j, unsigned vmid, bool status, struct pm_obj **ret,
	struct pm_error *err)
{
	struct pm_obj *o = NULL;

	for (int tries = 0;; tries++) {
		int r = find_row(p, j, vmid, &o, err);

		if (r < 0 || !o)
			return r;
		r = read_one(p, j, o, status, err);
		if (r == 0)
			break;
		/* It moved or went between the two questions: ask once more. */
		if (err->code != PM_E_NOTFOUND)
			return pm_error_wrap(err, "reading guest %u", vmid);
		/* Listed and not found is no absence. */
		if (tries > 0)
			return pm_error_set(err, PM_E_BUSY,
				"guest %u is listed on %s, but its configuration is not there",
				vmid, o->live->node);
	}
	/* Whoever looks so closely is about to change it, or has found that it is not as it was. */
	pm_known_drop(&p->known, vmid);
	pm_name_guest(o, NULL);
	*ret = o;
	return 0;
}
