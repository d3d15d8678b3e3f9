/* What rows cannot say: which values go together in one record, and how a second version may differ from
 * the first so that PVE can make the one of the other without a new guest. */
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "model/model_priv.h"
#include "property.h"

struct pm_value *pm_at(struct pm_rec *r, const char *name)
{
	const struct pm_field *f = pm_field_find(r->kind, name);

	return f ? &r->val[pm_field_index(r->kind, f)] : NULL;
}

static void unset(struct pm_rec *r, const char *name)
{
	struct pm_value *v = pm_at(r, name);

	if (v)
		v->state = PM_UNSET;
}

static bool has(struct pm_rec *r, const char *name)
{
	const struct pm_value *v = pm_at(r, name);

	return v && v->state == PM_SET;
}

static bool is_true(struct pm_rec *r, const char *name)
{
	return has(r, name) && pm_at(r, name)->u.b;
}

static void put(struct dice *d, struct pm_rec *r, const char *name, const char *text)
{
	const struct pm_field *f = pm_field_find(r->kind, name);
	struct pm_error err = { 0 };

	assert_ok(pm_value_parse(d->a, f, text, true, pm_at(r, name), &err), &err);
}

/* ---- entries ---- */

static void mend_gateway(struct pm_rec *r, const char *ip, const char *gw)
{
	if (!has(r, ip) || !strchr(pm_at(r, ip)->u.s, '/'))
		unset(r, gw);
}

static void mend_interface(struct dice *d, struct pm_rec *r)
{
	if (!pm_at(r, "ip"))
		return;
	/* PVE keeps no empty entry. */
	if (!pm_at(r, "bridge") && !has(r, "ip") && !has(r, "ip6"))
		put(d, r, "ip", "dhcp");
	mend_gateway(r, "ip", "gw");
	mend_gateway(r, "ip6", "gw6");
	if (has(r, "ip6") && pm_str_eq(pm_at(r, "ip6")->u.s, "auto"))
		unset(r, "host-managed");
	if (pm_at(r, "bridge") && !has(r, "bridge") && !pm_roll_one_in(d, 4))
		put(d, r, "bridge", "vmbr0");
}

static void mend_volume(struct dice *d, struct pm_rec *r)
{
	if (!pm_at(r, "source") || !pm_at(r, "path"))
		return;
	if (has(r, "source") && pm_roll_one_in(d, 3)) {
		unset(r, "storage");
		unset(r, "size");
		unset(r, "backup");
		return;
	}
	unset(r, "source");
	if (!has(r, "storage"))
		put(d, r, "storage", pm_roll(d, 2) ? "local-lvm" : "local");
	if (!has(r, "size"))
		put(d, r, "size", "1Gi");
}

/* Rows of a disk that not every bus knows. */
static const struct {
	const char *row, *buses;
} limited[] = {
	{ "ssd", "ide sata scsi" },
	{ "wwn", "ide sata scsi" },
	{ "model", "ide" },
	{ "iothread", "scsi virtio" },
	{ "ro", "scsi virtio" },
	{ "queues", "scsi" },
	{ "vendor", "scsi" },
	{ "product", "scsi" },
	{ "scsiblock", "scsi" },
};

/* A limit for a burst needs the limit itself, and that does not go with one of each direction. */
static void mend_limits(struct pm_rec *r)
{
	static const char *const of[] = { "mbps", "iops" };
	static const char *const ways[] = { "_rd", "_wr", "" };
	char name[40];

	for (size_t i = 0; i < PM_COUNT(of); i++) {
		for (size_t k = 0; k < PM_COUNT(ways); k++) {
			(void)snprintf(name, sizeof(name), "%s%s", of[i], ways[k]);
			if (k < 2 && has(r, of[i]))
				unset(r, name);
			if (has(r, name) && pm_at(r, name)->u.i > 0)
				continue;
			(void)snprintf(name, sizeof(name), "%s%s_max", of[i], ways[k]);
			unset(r, name);
		}
		for (size_t k = 0; k < PM_COUNT(ways); k++) {
			(void)snprintf(name, sizeof(name), "%s%s_max", of[i], ways[k]);
			if (has(r, name) && pm_at(r, name)->u.i > 0)
				continue;
			(void)snprintf(
				name, sizeof(name), "%s%s_max_length", i ? "iops" : "bps", ways[k]);
			unset(r, name);
		}
	}
}

static void mend_disk(struct dice *d, struct pm_rec *r)
{
	char bus[16];

	if (!pm_at(r, "scsiblock"))
		return;
	(void)snprintf(bus, sizeof(bus), "%.*s", (int)strcspn(pm_rec_ident(r), "0123456789"),
		pm_rec_ident(r));
	for (size_t i = 0; i < PM_COUNT(limited); i++)
		if (!strstr(limited[i].buses, bus))
			unset(r, limited[i].row);
	mend_limits(r);
	if (!has(r, "storage"))
		put(d, r, "storage", pm_roll(d, 2) ? "local-lvm" : "local");
	if (!has(r, "size"))
		put(d, r, "size", "1Gi");
}

static bool holds(struct pm_rec *r, const char *list, const char *item)
{
	const struct pm_value *v = pm_at(r, list);

	for (size_t i = 0; v->state == PM_SET && i < v->u.list->n; i++)
		if (pm_str_eq(v->u.list->v[i], item))
			return true;
	return false;
}

/* Only a machine whose agent is there heeds a shutdown: it has no system inside. */
static void give_agent(struct dice *d, struct pm_rec *r)
{
	struct pm_value *v = pm_at(r, "agent");

	if (v->state != PM_SET)
		v->u.rec = pm_rec_new(d->a, pm_field_find(r->kind, "agent")->sub);
	v->state = PM_SET;
	put(d, v->u.rec, "enabled", "true");
}

static void mend_machine(struct dice *d, struct pm_rec *r)
{
	if (!pm_at(r, "hotplug"))
		return;
	give_agent(d, r);
	unset(r, "cpu.vcpus");
	if (holds(r, "hotplug", "0") || holds(r, "hotplug", "1") || holds(r, "hotplug", "memory"))
		unset(r, "hotplug");
	if (!has(r, "memory.size") ||
		(has(r, "memory.balloon") &&
			pm_at(r, "memory.balloon")->u.i > pm_at(r, "memory.size")->u.i))
		unset(r, "memory.balloon");
	if (!has(r, "bios") || !pm_str_eq(pm_at(r, "bios")->u.s, "ovmf"))
		unset(r, "efidisk");
}

/* ---- whole objects ---- */

static void for_entries(struct pm_rec *r, const char *list, const char *name)
{
	const struct pm_value *v = pm_at(r, list);

	for (size_t i = 0; v && v->state == PM_SET && i < v->u.recs->n; i++)
		unset(v->u.recs->v[i], name);
}

static void mend_ready(struct pm_rec *r)
{
	static const char *const ways[] = { "ready.task", "ready.running", "ready.ip",
		"ready.tcp" };
	bool found = false;

	for (size_t i = 0; i < PM_COUNT(ways); i++) {
		if (found)
			unset(r, ways[i]);
		else
			found = has(r, ways[i]) && (i == 3 || pm_at(r, ways[i])->u.b);
	}
}

/* PVE takes a path of the node along to no other node. */
static bool is_bound(struct pm_rec *r)
{
	const struct pm_value *v = pm_at(r, "volumes");

	for (size_t i = 0; v && v->state == PM_SET && i < v->u.recs->n; i++)
		if (has(v->u.recs->v[i], "source"))
			return true;
	return false;
}

/* What the HA manager strives for must not contradict the run state, which trials change by themselves; PVE 9 has no
 * groups any more. */
static void mend_ha(struct dice *d, struct pm_rec *r)
{
	const struct pm_value *ha = pm_at(r, "ha");

	if (ha->state != PM_UNSET || has(r, "clone.from"))
		unset(r, "options.ha-managed");
	if (ha->state != PM_SET)
		return;
	unset(ha->u.rec, "group");
	put(d, ha->u.rec, "state", "ignored");
}

static void mend_guest(struct dice *d, struct pm_rec *r)
{
	mend_ready(r);
	mend_ha(d, r);
	if (is_true(r, "pinned") && (!has(r, "node") || is_bound(r)))
		unset(r, "pinned");
	if (!pm_at(r, "unprivileged"))
		return;
	if (!has(r, "unprivileged") || is_true(r, "unprivileged")) {
		for_entries(r, "volumes", "quota");
		unset(pm_at(r, "rootfs")->u.rec, "quota");
	}
}

static void mend_podset(struct pm_rec *r)
{
	struct pm_rec *pod = pm_at(r, "template")->u.rec;

	unset(pod, "hostname");
	for_entries(pod, "network.interfaces", "hwaddr");
	if (has(r, "nodes"))
		unset(pod, "node");
	if (is_bound(pod) ||
		(has(r, "nodes") ? pm_at(r, "nodes")->u.list->n == 0 : !has(pod, "node")))
		unset(pod, "pinned");
}

void pm_mend(struct dice *d, struct pm_rec *r)
{
	if (r->kind == &pm_kind_podset) {
		mend_guest(d, pm_at(r, "template")->u.rec);
		mend_podset(r);
	} else if (pm_at(r, "ready.task")) {
		mend_guest(d, r);
	}
	mend_machine(d, r);
	mend_interface(d, r);
	mend_volume(d, r);
	mend_disk(d, r);
}

/* ---- the second version ---- */

/* The number in "eth3" or "/mnt/3": values are made for it. */
static unsigned number_of(const struct pm_rec *r)
{
	const char *s = pm_rec_ident(r);
	int64_t n = 0;

	s += strcspn(s, "0123456789");
	return pm_parse_int(s, 0, 99, &n) == 0 ? (unsigned)n : 0;
}

static bool is_there(const struct pm_recs *recs, const struct pm_rec *r)
{
	for (size_t i = 0; i < recs->n; i++)
		if (pm_str_eq(pm_rec_ident(recs->v[i]), pm_rec_ident(r)))
			return true;
	return false;
}

/* Some stay, some change, some go, some are new, in another order. */
static void second_recs(struct dice *d, const struct pm_field *f, struct pm_value *v)
{
	const struct pm_recs *old = v->u.recs;
	struct pm_recs *recs = pm_new(d->a, struct pm_recs);
	struct pm_value more = { .state = PM_UNSET };

	d->list = f;
	if (!pm_roll_value(d, NULL, f, 0, &more))
		return;
	recs->v = pm_new_n(d->a, struct pm_rec *, old->n + more.u.recs->n + 1);
	for (size_t i = 0; i < old->n; i++) {
		if (!pm_roll_one_in(d, 5))
			recs->v[recs->n++] = pm_roll_second(d, old->v[i]);
	}
	for (size_t i = 0; i < more.u.recs->n; i++) {
		size_t at = pm_roll(d, (unsigned)recs->n + 1);

		if (is_there(old, more.u.recs->v[i]) || !pm_roll_one_in(d, 3) ||
			recs->n >= f->count)
			continue;
		memmove(&recs->v[at + 1], &recs->v[at], (recs->n - at) * sizeof(*recs->v));
		recs->v[at] = more.u.recs->v[i];
		recs->n++;
	}
	v->u.recs = recs;
}

static void second_value(struct dice *d, const struct pm_kind *k, const struct pm_field *f,
	unsigned entry, struct pm_value *v)
{
	if (v->state == PM_SET && f->type == PM_T_PROPS) {
		if (f->count > 0)
			second_recs(d, f, v);
		else
			v->u.rec = pm_roll_second(d, v->u.rec);
		return;
	}
	v->state = PM_UNSET;
	(void)pm_roll_value(d, k, f, entry, v);
}

static void second_row(struct dice *d, struct pm_rec *r, unsigned i, unsigned entry)
{
	const struct pm_field *f = &r->kind->fields[i];
	struct pm_value *v = &r->val[i];
	bool needed = f->flags & PM_F_REQUIRED;

	if (f->flags & (PM_F_REPLACE | PM_F_WRITEONLY | PM_F_IDENT | PM_F_INNER | PM_F_REF))
		return;
	switch (pm_roll(d, 8)) {
	case 0:
		if (!needed && !(f->flags & (PM_F_GROW | PM_F_MOVE)))
			v->state = PM_UNSET;
		break;
	case 1:
		if (pm_may_be_null(f) && pm_roll_one_in(d, 3))
			v->state = PM_NULL;
		break;
	case 2:
	case 3:
		second_value(d, r->kind, f, entry, v);
		break;
	default:
		if (v->state == PM_SET && f->type == PM_T_PROPS && pm_roll(d, 2))
			second_value(d, r->kind, f, entry, v);
		break;
	}
}

/* What is there does not become smaller. */
static void keep_size(const struct pm_rec *first, struct pm_rec *r)
{
	for (unsigned i = 0; i < r->kind->nfields; i++) {
		const struct pm_value *was = &first->val[i];
		struct pm_value *v = &r->val[i];

		if (r->kind->fields[i].flags & PM_F_GROW && was->state == PM_SET &&
			v->state == PM_SET && v->u.i < was->u.i)
			*v = *was;
	}
}

/* PVE looks at the balloon that was, and does not see that it goes or shrinks with the memory. */
static void keep_memory(struct pm_rec *first, struct pm_rec *r)
{
	if (pm_at(r, "memory.size") && (has(first, "memory.balloon") || has(r, "memory.balloon")))
		*pm_at(r, "memory.size") = *pm_at(first, "memory.size");
}

struct pm_rec *pm_roll_second(struct dice *d, const struct pm_rec *first)
{
	struct pm_rec *r = pm_copy_rec(d->a, first);
	unsigned entry = number_of(first);

	for (unsigned i = 0; i < r->kind->nfields; i++)
		second_row(d, r, i, entry);
	keep_memory((struct pm_rec *)first, r);
	pm_mend(d, r);
	keep_size(first, r);
	/* What is mounted from the node until the guest restarts keeps it there. */
	if (is_bound(r) || is_bound((struct pm_rec *)first))
		unset(r, "pinned");
	return r;
}
