/* HA resources: one list of them for the whole cluster, and what is done to one. PVE keeps them beside the guests, so
 * they are read only where somebody speaks of them. Facts: pve-ha-manager, PVE/API2/HA/Resources.pm; recordings/14. */
#include <json-c/json.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "model/guest.h"
#include "model/ignore.h"
#include "pve/pve_priv.h"

#define RESOURCES "/cluster/ha/resources"

/* ---- reading ---- */

static struct pm_obj *guest_of(struct pm_obj *const *v, size_t n, const char *sid)
{
	const char *type = pm_str_starts(sid, "vm:") ? "qemu" : "lxc";
	int64_t vmid;

	if ((strncmp(sid, "vm:", 3) != 0 && strncmp(sid, "ct:", 3) != 0) ||
		pm_parse_int(sid + 3, 1, INT32_MAX, &vmid) < 0)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (v[i]->live->vmid == (unsigned)vmid && pm_str_eq(v[i]->live->type, type))
			return v[i];
	}
	return NULL;
}

/* "enabled" is an old word for started, which is also what no word means. */
static const char *text_of(struct json_object *row, const struct pm_field *f)
{
	struct json_object *is = pm_json_get(row, f->key);
	const char *text = is ? json_object_get_string(is) : NULL;

	if (strcmp(f->key, "state") != 0)
		return text;
	return !text || strcmp(text, "enabled") == 0 ? "started" : text;
}

static int take(struct pm_arena *a, struct json_object *row, struct pm_obj *o, struct pm_error *err)
{
	struct pm_rec *r = pm_rec_new(a, &pm_kind_ha);
	const char *digest = pm_json_str(row, "digest");

	for (unsigned i = 0; i < r->kind->nfields; i++) {
		const struct pm_field *f = &r->kind->fields[i];
		const char *text = text_of(row, f);

		if (text && pm_value_decode(a, f, text, strlen(text), &r->val[i], err) < 0)
			return pm_error_wrap(err, "HA resource %s", pm_json_str(row, "sid"));
	}
	o->live->ha_digest = digest ? pm_arena_strdup(a, digest) : NULL;
	o->spec->val[PM_G_HA] = (struct pm_value){ .state = PM_SET, .u = { .rec = r } };
	return 0;
}

int pm_pve_read_ha(
	struct pm_pve *p, struct pm_job *j, struct pm_obj *const *v, size_t n, struct pm_error *err)
{
	PM_CLEANUP(pm_json_putp) struct json_object *data = NULL;
	const struct pm_pve_call c = { .method = "GET", .path = RESOURCES };
	int r = pm_pve_call(p, j, &c, &data, err);

	if (r == -PM_E_PERMISSION)
		return pm_error_wrap(
			err, "HA resources, for which the account needs Sys.Audit on /");
	if (r < 0)
		return pm_error_wrap(err, "HA resources");
	for (size_t i = 0; i < n; i++) {
		if (v[i]->spec)
			v[i]->spec->val[PM_G_HA].state = PM_UNSET;
	}
	for (size_t i = 0; r == 0 && json_object_is_type(data, json_type_array) &&
			   i < json_object_array_length(data);
		i++) {
		struct json_object *row = json_object_array_get_idx(data, i);
		const char *sid = pm_json_str(row, "sid");
		struct pm_obj *o = sid ? guest_of(v, n, sid) : NULL;

		if (o && o->spec)
			r = take(j->arena, row, o, err);
	}
	return r;
}

bool pm_ha_is_ours(const struct pm_live *l)
{
	return l->marker && pm_marker_has(l->marker, pm_ha_key, NULL);
}

/* ---- writing ---- */

static const char *sid_of(struct pm_arena *a, const struct pm_live *l)
{
	return pm_arena_printf(a, "%s:%u", strcmp(l->type, "qemu") == 0 ? "vm" : "ct", l->vmid);
}

static void add(struct pm_buf *form, const struct pm_field *f, const struct pm_value *v)
{
	cleanup_buf struct pm_buf text = PM_BUF(8192);

	pm_value_format(f, PM_PVE, v, &text);
	pm_form_add(form, f->key, pm_buf_str(&text));
}

/* Is the key to go: by null, or because podmox set it and the manifest no longer does? */
static bool goes(const struct pm_field *f, const struct pm_value *want, const struct pm_value *have,
	const struct pm_marker *m)
{
	if (have->state != PM_SET || pm_value_default(f, have) || f->flags & PM_F_REQUIRED)
		return false;
	return want->state == PM_NULL ||
	       (want->state == PM_UNSET && m && pm_marker_has(m, pm_ha_key, f->key));
}

static void changes(struct pm_buf *form, const struct pm_rec *want, const struct pm_obj *have)
{
	const struct pm_rec *is = have->spec->val[PM_G_HA].u.rec;
	cleanup_buf struct pm_buf gone = PM_BUF(256);

	for (unsigned i = 0; i < want->kind->nfields; i++) {
		const struct pm_field *f = &want->kind->fields[i];
		const struct pm_value *w = &want->val[i], *h = &is->val[i];

		if (w->state == PM_SET && !pm_value_equal(f, w, h))
			add(form, f, w);
		else if (goes(f, w, h, have->live->marker))
			pm_buf_addf(&gone, "%s%s", gone.len > 0 ? "," : "", f->key);
	}
	if (gone.len > 0)
		pm_form_add(form, "delete", pm_buf_str(&gone));
	if (form->len > 0 && have->live->ha_digest)
		pm_form_add(form, "digest", have->live->ha_digest);
}

static int send(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have,
	const struct pm_pve_call *what, struct pm_error *err)
{
	struct pm_pve_call c = *what;
	int r;

	c.operation = "ha";
	c.object = pm_obj_id(j->arena, have);
	r = pm_pve_call(p, j, &c, NULL, err);
	return r < 0 ? pm_error_wrap(err, "its HA resource") : 0;
}

int pm_pve_ha(struct pm_pve *p, struct pm_job *j, const struct pm_obj *want,
	const struct pm_obj *have, struct pm_error *err)
{
	const struct pm_value *w =
		want ? &pm_obj_ignoring(j->arena, want, have)->spec->val[PM_G_HA] : NULL;
	const char *sid = sid_of(j->arena, have->live);
	bool exists = have->spec->val[PM_G_HA].state == PM_SET;
	struct pm_pve_call c = { .path = pm_arena_printf(j->arena, RESOURCES "/%s", sid) };
	cleanup_buf struct pm_buf form = PM_BUF(16384);

	if (!w || w->state != PM_SET) {
		c.method = "DELETE";
		return exists ? send(p, j, have, &c, err) : 0;
	}
	if (exists) {
		changes(&form, w->u.rec, have);
		c.method = "PUT";
	} else {
		pm_form_add(&form, "sid", sid);
		for (unsigned i = 0; i < pm_kind_ha.nfields; i++) {
			if (w->u.rec->val[i].state == PM_SET)
				add(&form, &pm_kind_ha.fields[i], &w->u.rec->val[i]);
		}
		c.method = "POST";
		c.path = RESOURCES;
	}
	c.form = pm_buf_str(&form);
	return form.len > 0 ? send(p, j, have, &c, err) : 0;
}
