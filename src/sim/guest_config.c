/* Configurations as they are read, of containers and virtual machines: in force, to come, both; and what
 * changes of them have in common. */
#include "base/num.h"
#include "sim/sim_priv.h"

/* ---- reading ---- */

#define HIDDEN "**********"

static bool hidden(bool qemu, const char *k)
{
	return qemu && !strcmp(k, "cipassword");
}

void pm_s_write_option(
	struct pm_jwrite *w, bool qemu, const char *key, const char *k, const char *v)
{
	int64_t i;

	if (hidden(qemu, k))
		pm_jw_str(w, key, HIDDEN);
	else if (v && pm_s_option_number(qemu, k) &&
		 pm_parse_int(v, INT64_MIN / 2, INT64_MAX / 2, &i) == 0)
		pm_jw_int(w, key, i);
	else
		pm_s_write_value(w, key, v ? v : "");
}

static void write_lxc(struct pm_jwrite *w, const struct sim_guest *g)
{
	if (!g->lxc.n)
		return;
	pm_jw_array(w, "lxc");
	for (size_t i = 0; i < g->lxc.n; i++) {
		const char *blank = strchr(g->lxc.v[i], ' ');

		pm_jw_array(w, NULL);
		pm_jw_strn(w, NULL, g->lxc.v[i], (size_t)(blank - g->lxc.v[i]));
		pm_jw_str(w, NULL, blank + 1);
		pm_jw_array_end(w);
	}
	pm_jw_array_end(w);
}

static struct pm_sim_blob *render_config(struct sim_guest *g, bool current)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);
	struct pm_jwrite w = { .out = &b };
	struct sim_conf view cleanup_conf = { 0 };

	pm_s_conf_copy(&view, &g->cur);
	for (size_t i = 0; !current && i < g->pend.n; i++)
		pm_s_conf_set(&view, g->pend.v[i].k, g->pend.v[i].v);
	for (size_t i = 0; !current && i < g->del.n; i++)
		pm_s_conf_del(&view, g->del.v[i].k);
	pm_jw_object(&w, NULL);
	pm_jw_object(&w, "data");
	for (size_t i = 0; i < view.n; i++)
		pm_s_write_option(&w, g->qemu, view.v[i].k, view.v[i].k, view.v[i].v);
	write_lxc(&w, g);
	if (g->parent)
		pm_jw_str(&w, "parent", g->parent);
	pm_jw_str(&w, "digest", pm_s_guest_digest(g));
	pm_jw_object_end(&w);
	pm_jw_object_end(&w);
	return pm_s_blob(&b);
}

static void pending_one(struct pm_jwrite *w, const struct sim_guest *g, const char *k)
{
	pm_jw_object(w, NULL);
	pm_jw_str(w, "key", k);
	if (pm_s_conf_has(&g->cur, k))
		pm_s_write_option(w, g->qemu, "value", k, pm_s_conf_get(&g->cur, k));
	if (pm_s_conf_has(&g->pend, k))
		pm_s_write_option(w, g->qemu, "pending", k, pm_s_conf_get(&g->pend, k));
	if (pm_s_conf_has(&g->del, k))
		pm_jw_int(w, "delete", pm_s_conf_get(&g->del, k) ? 2 : 1);
	pm_jw_object_end(w);
}

static struct pm_sim_blob *render_pending(struct sim_guest *g)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);
	struct pm_jwrite w = { .out = &b };

	pm_jw_object(&w, NULL);
	pm_jw_array(&w, "data");
	for (size_t i = 0; i < g->cur.n; i++)
		pending_one(&w, g, g->cur.v[i].k);
	for (size_t i = 0; i < g->pend.n; i++)
		if (!pm_s_conf_has(&g->cur, g->pend.v[i].k))
			pending_one(&w, g, g->pend.v[i].k);
	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "key", "digest");
	pm_jw_str(&w, "value", pm_s_guest_digest(g));
	pm_jw_object_end(&w);
	pm_jw_array_end(&w);
	pm_jw_object_end(&w);
	return pm_s_blob(&b);
}

/* A finished body cannot be wrapped for extjs: its "data" is taken out again there. */
static void reply_seen(struct sim_call *c, struct pm_sim_blob *b)
{
	if (!c->extjs) {
		pm_s_reply_blob(c, b);
		return;
	}
	pm_buf_clear(&c->out);
	pm_buf_add(&c->out, b->p, b->n - 1);
}

void pm_s_config_get(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);
	bool current = pm_s_arg_true(c, "current");
	const char *snap = pm_s_arg(c, "snapshot");

	if (!g)
		return;
	if (snap && current) {
		pm_s_bad(c, "snapshot", "cannot use 'snapshot' parameter with 'current'");
		pm_s_bad(c, "current", "cannot use 'snapshot' parameter with 'current'");
		return;
	}
	if (snap) {
		pm_s_snapshot_config(c, g, snap);
		return;
	}
	if (!g->seen[current])
		g->seen[current] = render_config(g, current);
	reply_seen(c, g->seen[current]);
}

void pm_s_pending_get(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);

	if (!g)
		return;
	if (!g->seen[2])
		g->seen[2] = render_pending(g);
	reply_seen(c, g->seen[2]);
}

/* ---- changing ---- */

bool pm_s_take_list(struct sim_call *c, const char *what, struct sim_conf *keys)
{
	const char *list = pm_s_arg(c, what);

	while (list && *list) {
		size_t n = strcspn(list, ",; ");
		const char *k = pm_arena_strndup(c->a, list, n);

		if (n && !pm_s_option_known(c->s, pm_s_for_vm(c), k)) {
			pm_s_bad(c, what, "unknown option '%s'", k);
			return false;
		}
		if (n && pm_s_has(c, k)) {
			pm_s_bad(c, what, "you can't use '-%s' and -%s %s' at the same time", k,
				what, k);
			return false;
		}
		if (n)
			pm_s_conf_set(keys, k, NULL);
		list += n;
		list += *list != '\0';
	}
	return true;
}

void pm_s_pending_cleanup(struct sim_guest *g)
{
	for (size_t i = g->pend.n; i-- > 0;) {
		const char *now = pm_s_conf_get(&g->cur, g->pend.v[i].k);

		if (now && g->pend.v[i].v && !strcmp(now, g->pend.v[i].v)) {
			cleanup_free char *k = pm_xstrdup(g->pend.v[i].k);

			pm_s_conf_del(&g->pend, k);
		}
	}
	for (size_t i = g->del.n; i-- > 0;)
		if (!pm_s_conf_has(&g->cur, g->del.v[i].k)) {
			cleanup_free char *k = pm_xstrdup(g->del.v[i].k);

			pm_s_conf_del(&g->del, k);
		}
}

void pm_s_guest_keep(const struct sim_guest *g, struct sim_saved *k)
{
	pm_s_conf_copy(&k->cur, &g->cur);
	pm_s_conf_copy(&k->pend, &g->pend);
	pm_s_conf_copy(&k->del, &g->del);
}

void pm_s_guest_back(struct sim_guest *g, const struct sim_saved *k)
{
	pm_s_conf_copy(&g->cur, &k->cur);
	pm_s_conf_copy(&g->pend, &k->pend);
	pm_s_conf_copy(&g->del, &k->del);
}

void pm_s_saved_done(struct sim_saved *k)
{
	pm_s_conf_done(&k->cur);
	pm_s_conf_done(&k->pend);
	pm_s_conf_done(&k->del);
}
