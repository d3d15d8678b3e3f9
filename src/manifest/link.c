/* What holds between objects: no two of one identity, VMID or address; what they depend on exists and
 * goes in no circle. Sorting finds all twins, so that ten thousand objects cost what they should. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "manifest/manifest_priv.h"

/* Nearest names are looked for this often; a repository whose namespace was renamed has thousands. */
#define HINTS_MAX 50

struct linking {
	struct pm_set *set;
	struct pm_diags *d;
	unsigned hints;
	unsigned room; /* for dependencies of the object being linked */
};

static struct pm_pos pos_of(const struct pm_obj *o)
{
	return (struct pm_pos){ .file = o->file, .line = o->line, .column = o->column };
}

static struct pm_pos pos_at(const struct pm_obj *o, const struct pm_value *v)
{
	if (v->line == 0)
		return pos_of(o);
	return (struct pm_pos){ .file = o->file, .line = v->line, .column = v->column };
}

static int compare_pos(struct pm_pos a, struct pm_pos b)
{
	int r = strcmp(a.file ? a.file : "", b.file ? b.file : "");

	if (r != 0)
		return r;
	if (a.line != b.line)
		return a.line < b.line ? -1 : 1;
	return a.column < b.column ? -1 : a.column > b.column;
}

/* ---- twins ---- */

/* Something that only one may have: objects (and entries of them) of equal keys are twins. */
struct claim {
	const struct pm_obj *o;
	const struct pm_value *v;
	unsigned char key[16]; /* VMID or address */
	const char *where;     /* bridge of an address; NULL: everywhere */
	int64_t tag;           /* its VLAN */
};
typedef PM_VEC(struct claim) claims;

static int compare_keys(const struct claim *a, const struct claim *b)
{
	int r = memcmp(a->key, b->key, sizeof(a->key));

	if (r != 0)
		return r;
	if (a->tag != b->tag)
		return a->tag < b->tag ? -1 : 1;
	return a->where && b->where ? strcmp(a->where, b->where) : 0;
}

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;
	int r = compare_keys(x, y);

	return r != 0 ? r : compare_pos(pos_at(x->o, x->v), pos_at(y->o, y->v));
}

/* Numbers are mostly given in the order of names. */
static bool is_in_order(const claims *c)
{
	for (size_t i = 1; i < c->n; i++)
		if (compare_claims(&c->v[i - 1], &c->v[i]) > 0)
			return false;
	return true;
}

static void find_twins(struct linking *l, claims *c, const char *what)
{
	if (c->n > 1 && !is_in_order(c))
		qsort(c->v, c->n, sizeof(*c->v), compare_claims);
	for (size_t i = 1, first = 0; i < c->n; i++) {
		const struct claim *a = &c->v[first], *b = &c->v[i];
		struct pm_diag *diag;
		struct pm_pos at;

		if (compare_keys(a, b) != 0) {
			first = i;
			continue;
		}
		at = pos_at(a->o, a->v);
		diag = pm_diag_add(l->d, PM_ERROR, pos_at(b->o, b->v), "%s is taken by %s", what,
			a->o == b->o ? "another interface" : pm_obj_title(l->d->arena, a->o));
		pm_diag_hint(l->d, diag, "it stands in %s:%u too; give one of them another",
			at.file ? at.file : "", at.line);
	}
	pm_vec_done(c);
}

static void find_namesakes(struct linking *l)
{
	for (size_t i = 1; i < l->set->n; i++) {
		const struct pm_obj *a = l->set->v[i - 1], *b = l->set->v[i], *first = a;
		struct pm_diag *diag;

		if (a->kind != b->kind || strcmp(a->ns, b->ns) != 0 ||
			strcmp(a->name, b->name) != 0)
			continue;
		if (compare_pos(pos_of(b), pos_of(a)) < 0) {
			first = b;
			b = a;
		}
		diag = pm_diag_add(l->d, PM_ERROR, pos_of(b), "%s is defined twice",
			pm_obj_title(l->d->arena, b));
		pm_diag_hint(l->d, diag, "it stands in %s:%u too; rename one of them, or remove it",
			first->file ? first->file : "", first->line);
	}
}

static void find_same_vmid(struct linking *l)
{
	claims c = { 0 };

	for (size_t i = 0; i < l->set->n; i++) {
		const struct pm_obj *o = l->set->v[i];
		struct claim claim = { .o = o };
		uint32_t vmid;

		if (!pm_kind_is_guest(o->kind) || o->spec->val[PM_G_VMID].state != PM_SET)
			continue;
		claim.v = &o->spec->val[PM_G_VMID];
		vmid = (uint32_t)claim.v->u.i;
		memcpy(claim.key, &vmid, sizeof(vmid));
		pm_vec_push(&c, claim);
	}
	find_twins(l, &c, "vmid");
}

/* An address without its prefix length; false: dhcp and the like. */
static bool address_of(const char *text, unsigned char key[16])
{
	const char *slash = strchr(text, '/');
	char host[64];
	size_t n = slash ? (size_t)(slash - text) : 0;

	if (!slash || n >= sizeof(host))
		return false;
	memcpy(host, text, n);
	host[n] = '\0';
	memset(key, 0, 16);
	return inet_pton(strchr(host, ':') ? AF_INET6 : AF_INET, host, key) == 1;
}

static void claim_address(struct claim claim, claims *c)
{
	if (claim.v->state == PM_SET && address_of(claim.v->u.s, claim.key))
		pm_vec_push(c, claim);
}

static void claim_of_pod(const struct pm_obj *o, claims *c)
{
	const struct pm_value *nets = &o->spec->val[PM_POD_INTERFACES];

	for (size_t i = 0; nets->state == PM_SET && i < nets->u.recs->n; i++) {
		const struct pm_rec *net = nets->u.recs->v[i];
		struct claim claim = { .o = o,
			.where = pm_rec_str(net, PM_NET_BRIDGE, ""),
			.tag = pm_rec_int(net, PM_NET_TAG, 0) };

		claim.v = &net->val[PM_NET_IP];
		claim_address(claim, c);
		claim.v = &net->val[PM_NET_IP6];
		claim_address(claim, c);
	}
}

/* The interface that an ipconfig of cloud-init is for; NULL: it is not in the manifest. */
static const struct pm_rec *interface_of(const struct pm_obj *o, const struct pm_rec *ipconfig)
{
	const struct pm_value *nets = &o->spec->val[PM_VM_INTERFACES];
	const char *number = pm_rec_ident(ipconfig);

	number += strcspn(number, "0123456789");
	for (size_t i = 0; nets->state == PM_SET && i < nets->u.recs->n; i++) {
		const char *slot = pm_rec_ident(nets->u.recs->v[i]);

		if (strcmp(slot + strcspn(slot, "0123456789"), number) == 0)
			return nets->u.recs->v[i];
	}
	return NULL;
}

static void claim_of_vm(const struct pm_obj *o, claims *c)
{
	const struct pm_value *configs = &o->spec->val[PM_VM_CI_IPCONFIG];

	for (size_t i = 0; configs->state == PM_SET && i < configs->u.recs->n; i++) {
		const struct pm_rec *config = configs->u.recs->v[i];
		const struct pm_rec *net = interface_of(o, config);
		struct claim claim = { .o = o };

		if (!net)
			continue;
		claim.where = pm_rec_str(net, PM_VMNET_BRIDGE, "");
		claim.tag = pm_rec_int(net, PM_VMNET_TAG, 0);
		claim.v = &config->val[PM_IPCONFIG_IP];
		claim_address(claim, c);
		claim.v = &config->val[PM_IPCONFIG_IP6];
		claim_address(claim, c);
	}
}

static void find_same_address(struct linking *l)
{
	claims c = { 0 };

	for (size_t i = 0; i < l->set->n; i++) {
		const struct pm_obj *o = l->set->v[i];

		if (o->kind == &pm_kind_pod)
			claim_of_pod(o, &c);
		else if (o->kind == &pm_kind_vm)
			claim_of_vm(o, &c);
	}
	find_twins(l, &c, "the address");
}

/* ---- references ---- */

/* A bare name is looked for among objects of the same kind first. */
static struct pm_obj *resolve(
	const struct pm_set *s, const struct pm_obj *o, const struct pm_ref *ref)
{
	struct pm_obj *found = ref->kind ? NULL : pm_set_find(s, o->kind, ref->ns, ref->name);

	for (unsigned i = 0; pm_kinds[i] && !found; i++) {
		if (!ref->kind || pm_kind_named(ref->kind) == pm_kinds[i])
			found = pm_set_find(s, pm_kinds[i], ref->ns, ref->name);
	}
	return found;
}

/* The name as one would have to write it in o. */
static const char *spelled(
	struct pm_arena *a, const struct pm_obj *o, const struct pm_obj *target, bool full)
{
	if (!full && strcmp(o->ns, target->ns) == 0)
		return target->name;
	return pm_obj_id(a, target);
}

static void hint_ref(
	struct linking *l, struct pm_diag *diag, const struct pm_obj *o, const struct pm_ref *ref)
{
	const struct pm_set *s = l->set;
	const char **names cleanup_free = NULL;
	const char *near, *wanted = ref->name;
	size_t n = 0;

	if (l->hints++ >= HINTS_MAX)
		return;
	for (size_t i = 0; i < s->n; i++) {
		/* The same name in another namespace: most likely meant. */
		if (strcmp(s->v[i]->name, ref->name) != 0)
			continue;
		pm_diag_hint(
			l->d, diag, "did you mean \"%s\"?", spelled(l->d->arena, o, s->v[i], true));
		return;
	}
	names = pm_xcalloc(s->n + 1, sizeof(*names));
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i] != o && strcmp(s->v[i]->ns, ref->ns) == 0)
			names[n++] = s->v[i]->name;
	near = pm_nearest(wanted, names, n);
	for (size_t i = 0; near && i < s->n; i++) {
		if (strcmp(s->v[i]->name, near) != 0 || strcmp(s->v[i]->ns, ref->ns) != 0)
			continue;
		pm_diag_hint(l->d, diag, "did you mean \"%s\"?",
			spelled(l->d->arena, o, s->v[i], ref->kind != NULL));
		return;
	}
	pm_diag_hint(l->d, diag, "write its name, or kind/namespace/name");
}

static void find_unknown(struct linking *l, const struct pm_obj *o, const struct pm_field *f,
	const struct pm_value *v, const char *text)
{
	struct pm_ref ref;
	struct pm_diag *diag;

	pm_ref_parse(l->d->arena, o, text, &ref);
	if (ref.kind && !pm_kind_named(ref.kind))
		diag = pm_diag_add(l->d, PM_ERROR, pos_at(o, v),
			"%s names \"%s\": there is no kind %s", f->name, text, ref.kind);
	else
		diag = pm_diag_add(l->d, PM_ERROR, pos_at(o, v),
			"%s names \"%s\", which is no object in namespace %s", f->name, text,
			ref.ns);
	hint_ref(l, diag, o, &ref);
}

static void add_dep(struct pm_obj *o, const struct pm_obj *dep)
{
	for (unsigned i = 0; i < o->ndeps; i++)
		if (o->deps[i] == dep)
			return;
	o->deps[o->ndeps++] = dep;
}

/* Does the name stand for this PodSet? */
static bool means_podset(const struct pm_ref *ref, const char *ns, const char *name)
{
	return strcmp(name, ref->name) == 0 && strcmp(ns, ref->ns) == 0 &&
	       (!ref->kind || pm_kind_named(ref->kind) == &pm_kind_podset);
}

/* Is it a Pod of the PodSet that is named? */
static bool is_member(const struct pm_obj *o, const struct pm_ref *ref)
{
	return o->podset && means_podset(ref, o->ns, o->podset);
}

/* Is it a PodSet of no Pods? Then there is nothing to wait for. */
static bool has_no_pods(const struct pm_set *s, const struct pm_ref *ref)
{
	for (const struct pm_no_pods *x = s->no_pods; x; x = x->next)
		if (means_podset(ref, x->ns, x->name))
			return true;
	return false;
}

/* The object that is named, or all Pods of the PodSet. false: there is none. */
static bool add_deps(struct linking *l, struct pm_obj *o, const struct pm_ref *ref)
{
	const struct pm_obj *dep = resolve(l->set, o, ref);
	const struct pm_obj **more;
	unsigned n = 0;

	if (dep) {
		add_dep(o, dep);
		return true;
	}
	for (size_t i = 0; i < l->set->n; i++)
		n += is_member(l->set->v[i], ref);
	more = pm_new_n(l->set->arena, const struct pm_obj *, l->room + n);
	if (o->ndeps > 0)
		memcpy(more, o->deps, o->ndeps * sizeof(*more));
	o->deps = more;
	l->room += n;
	for (size_t i = 0; i < l->set->n; i++) {
		if (is_member(l->set->v[i], ref))
			add_dep(o, l->set->v[i]);
	}
	return n > 0 || has_no_pods(l->set, ref);
}

static void link_row(struct linking *l, struct pm_obj *o, const struct pm_field *f)
{
	const struct pm_value *v = &o->spec->val[pm_field_index(o->kind, f)];

	if (v->state != PM_SET || v->u.list->n == 0)
		return;
	l->room = (unsigned)v->u.list->n;
	o->deps = pm_new_n(l->set->arena, const struct pm_obj *, l->room);
	for (size_t i = 0; i < v->u.list->n; i++) {
		struct pm_ref ref;

		pm_ref_parse(l->d->arena, o, v->u.list->v[i], &ref);
		if (!add_deps(l, o, &ref))
			find_unknown(l, o, f, v, v->u.list->v[i]);
	}
}

static bool link_all(struct linking *l)
{
	bool any = false;

	for (size_t i = 0; i < l->set->n; i++) {
		struct pm_obj *o = l->set->v[i];

		o->deps = NULL;
		o->ndeps = 0;
		if (pm_kind_is_guest(o->kind))
			link_row(l, o, &o->kind->fields[PM_G_DEPENDS_ON]);
		any = any || o->ndeps > 0;
	}
	return any;
}

/* ---- circles ---- */

/* An object on its way through the search. */
struct node {
	const struct pm_obj *o;
	unsigned next; /* dependency to look at */
	enum { NEW, OPEN, DONE } state;
	size_t above; /* who led here */
};

struct search {
	struct node *v; /* in the order of their addresses */
	size_t n;
};

static int compare_nodes(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t)((const struct node *)a)->o;
	uintptr_t y = (uintptr_t)((const struct node *)b)->o;

	return x < y ? -1 : x > y;
}

static size_t index_of(const struct search *s, const struct pm_obj *o)
{
	struct node key = { .o = o };
	const struct node *found = bsearch(&key, s->v, s->n, sizeof(key), compare_nodes);

	return (size_t)(found - s->v);
}

/* The circle that the open node `last` closes by depending on `first`. */
static void find_circle(struct linking *l, const struct search *s, size_t last, size_t first)
{
	cleanup_buf struct pm_buf text = PM_BUF(900);
	const struct pm_obj **way cleanup_free = pm_xcalloc(s->n + 1, sizeof(void *));
	const struct pm_obj *o = s->v[first].o;
	struct pm_diag *diag;
	size_t n = 0;

	for (size_t i = last; i != first; i = s->v[i].above)
		way[n++] = s->v[i].o;
	(void)pm_buf_addf(&text, "%s/%s", o->ns, o->name);
	while (n > 0) {
		n--;
		(void)pm_buf_addf(&text, " -> %s/%s", way[n]->ns, way[n]->name);
	}
	(void)pm_buf_addf(&text, " -> %s/%s", o->ns, o->name);
	diag = pm_diag_add(l->d, PM_ERROR, pos_at(o, &o->spec->val[PM_G_DEPENDS_ON]),
		"dependsOn goes in a circle: %s", pm_buf_str(&text));
	pm_diag_hint(l->d, diag, "one of them has to be ready without the others");
}

/* Depth first from one node, with the way kept in the nodes: a chain may be as long as the set. */
static void search_from(struct linking *l, struct search *s, size_t start)
{
	size_t at = start;

	s->v[at].state = OPEN;
	s->v[at].above = at;
	for (;;) {
		struct node *node = &s->v[at];
		size_t to;

		if (node->next == node->o->ndeps) {
			node->state = DONE;
			if (node->above == at)
				return;
			at = node->above;
			continue;
		}
		to = index_of(s, node->o->deps[node->next++]);
		if (s->v[to].state == OPEN) {
			find_circle(l, s, at, to);
		} else if (s->v[to].state == NEW) {
			s->v[to].state = OPEN;
			s->v[to].above = at;
			at = to;
		}
	}
}

static void find_circles(struct linking *l)
{
	struct search s = { .n = l->set->n };
	struct node *v cleanup_free = pm_xcalloc(s.n + 1, sizeof(*v));

	s.v = v;
	for (size_t i = 0; i < s.n; i++)
		v[i].o = l->set->v[i];
	qsort(v, s.n, sizeof(*v), compare_nodes);
	/* In the order of the set, so that findings do not depend on addresses. */
	for (size_t i = 0; i < s.n; i++) {
		size_t at = index_of(&s, l->set->v[i]);

		if (v[at].state == NEW)
			search_from(l, &s, at);
	}
}

void pm_manifest_link(struct pm_set *s, struct pm_diags *d)
{
	struct linking l = { .set = s, .d = d };

	pm_set_sort(s);
	find_namesakes(&l);
	find_same_vmid(&l);
	find_same_address(&l);
	pm_moved_check(s, d);
	if (link_all(&l))
		find_circles(&l);
}
