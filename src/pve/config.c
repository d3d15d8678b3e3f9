/* Writes of a guest's configuration: its creation or its copy, later changes, and the marks of whose it is.
 * A form that holds a secret is wiped. */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "model/guest.h"
#include "pve/op_priv.h"

/* ---- secrets ---- */

static void wipe(struct pm_buf *b)
{
	if (b->p)
		pm_wipe(b->p, b->cap);
	pm_buf_done(b);
}

/* A buffer that grows leaves its old memory behind: enough room from the start leaves nothing. */
static void reserve(struct pm_buf *b, size_t n)
{
	b->p = pm_xcalloc(n, 1);
	b->cap = n;
}

static int add_secret(
	const struct pm_obj *want, unsigned row, struct pm_buf *form, struct pm_error *err)
{
	static const enum pm_secret_from from[] = {
		[PM_SECRET_LITERAL] = PM_FROM_TEXT,
		[PM_SECRET_FILE] = PM_FROM_FILE,
		[PM_SECRET_ENV] = PM_FROM_ENV,
		[PM_SECRET_CREDENTIAL] = PM_FROM_CREDENTIAL,
	};
	const struct pm_field *f = &want->kind->fields[row];
	const struct pm_value *v = &want->spec->val[row];
	PM_CLEANUP(pm_secret_freep) struct pm_secret *secret = NULL;
	const char *slash = want->file ? strrchr(want->file, '/') : NULL;
	char dir[4096] = ".";

	if (slash && (size_t)(slash - want->file) < sizeof(dir))
		(void)snprintf(dir, sizeof(dir), "%.*s", (int)(slash - want->file), want->file);
	if (pm_secret_read(from[v->u.secret->from], v->u.secret->text, dir, &secret, err) < 0)
		return pm_error_wrap(err, "the %s of the %s", f->name, pm_kind_noun(want->kind));
	pm_form_add(form, f->key, pm_secret_text(secret));
	return 0;
}

static int add_secrets(const struct pm_obj *want, struct pm_buf *form, struct pm_error *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < want->kind->nfields; i++) {
		const struct pm_field *f = &want->kind->fields[i];

		if (f->type == PM_T_SECRET && f->key && want->spec->val[i].state == PM_SET)
			r = add_secret(want, i, form, err);
	}
	return r;
}

/* ---- a new guest ---- */

/* A copy is asked of its source. */
static struct pm_write creation(struct pm_job *j, const struct pm_create *c)
{
	struct pm_write w = { .id = PM_OP_GUEST_CREATE,
		.object = pm_obj_id(j->arena, c->want),
		.node = c->node,
		.type = c->want->kind->type,
		.vmid = c->vmid };

	if (c->source) {
		w.id = PM_OP_GUEST_CLONE;
		w.node = c->source->live->node;
		w.vmid = c->source->live->vmid;
	}
	return w;
}

int pm_pve_create(struct pm_pve *p, struct pm_job *j, const struct pm_create *c,
	struct pm_task *ret, struct pm_error *err)
{
	PM_CLEANUP(wipe) struct pm_buf form = PM_BUF((size_t)1 << 20);
	struct pm_write w = creation(j, c);
	struct pm_task task;
	int r = 0;

	reserve(&form, (size_t)1 << 19);
	if (c->source) {
		pm_pve_encode_clone(j->arena, c, &form);
	} else {
		pm_pve_encode_create(j->arena, c, &form);
		r = add_secrets(c->want, &form, err);
	}
	if (r < 0)
		return r;
	w.form = pm_buf_str(&form);
	r = pm_pve_deliver(p, j, &w, &task, err);
	if (r == 0)
		*ret = task;
	return r;
}

/* ---- changes ---- */

/* A virtual machine's configuration is changed in the call, or in a task where that may take long. */
static struct pm_write setting(struct pm_job *j, const struct pm_obj *have, bool long_)
{
	bool vm = pm_str_eq(have->live->type, "qemu");
	struct pm_write w = pm_pve_write_of(j, vm ? PM_OP_VM_SET : PM_OP_CT_SET, have);

	w.method = vm && !long_ ? "PUT" : NULL;
	w.again = true; /* the digest: the second one is refused */
	return w;
}

int pm_pve_update(
	struct pm_pve *p, struct pm_job *j, const struct pm_update *u, struct pm_error *err)
{
	PM_CLEANUP(wipe) struct pm_buf form = PM_BUF((size_t)1 << 20);
	struct pm_write w;
	bool drives;
	int r = 0;

	if (u->copied) {
		reserve(&form, (size_t)1 << 19);
		r = add_secrets(u->want, &form, err);
	}
	if (r < 0)
		return r;
	drives = pm_pve_encode_update(j->arena, u, &form);
	if (form.len == 0)
		return 0;
	w = setting(j, u->have, drives);
	w.object = pm_obj_id(j->arena, u->want);
	w.form = pm_buf_str(&form);
	return pm_pve_send_and_follow(p, j, &w, err);
}

int pm_pve_mark(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have,
	const struct pm_marker *marker, struct pm_error *err)
{
	cleanup_buf struct pm_buf form = PM_BUF((size_t)1 << 20);
	struct pm_write w = setting(j, have, false);

	pm_pve_encode_mark(j->arena, have, marker, &form);
	w.form = pm_buf_str(&form);
	return pm_pve_send_and_follow(p, j, &w, err);
}

/* One key alone. */
static int set_key(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have,
	const char *const pair[2], struct pm_error *err)
{
	cleanup_buf struct pm_buf form = PM_BUF(4096);
	struct pm_write w = setting(j, have, false);

	pm_form_add(&form, pair[0], pair[1]);
	if (have->live->digest)
		pm_form_add(&form, "digest", have->live->digest);
	w.form = pm_buf_str(&form);
	return pm_pve_send_and_follow(p, j, &w, err);
}

int pm_pve_protect(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, bool on,
	struct pm_error *err)
{
	const char *const pair[2] = { "protection", on ? "1" : "0" };

	return set_key(p, j, have, pair, err);
}

int pm_pve_boot(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, const char *order,
	struct pm_error *err)
{
	const char *const pair[2] = { "boot", order };

	return set_key(p, j, have, pair, err);
}
