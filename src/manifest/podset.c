/* A PodSet becomes its Pods: NAME-0, NAME-1, ... Number and static addresses of the template are those of
 * the first one, and each further one takes the next. */
#include <arpa/inet.h>
#include <string.h>

#include "manifest/manifest_priv.h"

#define LABEL_MAX 63 /* of DNS */

struct expanding {
	struct pm_set *set;
	struct pm_diags *d;
	const struct pm_obj *of;
	const struct pm_rec *template;
	unsigned ordinal; /* of the Pod being made */
};

static struct pm_pos at_value(const struct expanding *x, const struct pm_value *v)
{
	return (struct pm_pos){ .file = x->of->file,
		.line = v->line > 0 ? v->line : x->of->line,
		.column = v->line > 0 ? v->column : x->of->column };
}

static struct pm_rec *copy_rec(struct pm_arena *a, const struct pm_rec *from)
{
	struct pm_rec *to = pm_rec_new(a, from->kind);

	memcpy(to, from, sizeof(*from) + from->kind->nfields * sizeof(from->val[0]));
	return to;
}

/* ---- addresses ---- */

/** An address with its prefix, as bytes. */
struct address {
	unsigned char b[16];
	int family;
	unsigned size, prefix; /* bytes; bits */
};

/* false: dhcp, auto, manual and the like. */
static bool parse_address(const char *text, struct address *a)
{
	const char *slash = strchr(text, '/');
	char host[64];
	unsigned prefix = 0;

	if (!slash || (size_t)(slash - text) >= sizeof(host))
		return false;
	memcpy(host, text, (size_t)(slash - text));
	host[slash - text] = '\0';
	a->family = strchr(host, ':') ? AF_INET6 : AF_INET;
	a->size = a->family == AF_INET6 ? 16 : 4;
	for (const char *s = slash + 1; *s >= '0' && *s <= '9' && prefix < 1000; s++)
		prefix = prefix * 10 + (unsigned)(*s - '0');
	a->prefix = prefix;
	return prefix <= a->size * 8 && inet_pton(a->family, host, a->b) == 1;
}

/* Adds n; false: it went beyond the last address there is. */
static bool count_up(struct address *a, unsigned n)
{
	for (unsigned i = a->size; i-- > 0 && n > 0;) {
		n += a->b[i];
		a->b[i] = (unsigned char)n;
		n >>= 8;
	}
	return n == 0;
}

static bool same_net(const struct address *a, const struct address *b)
{
	for (unsigned bit = 0; bit < a->prefix; bit++) {
		if (((a->b[bit / 8] ^ b->b[bit / 8]) >> (7 - bit % 8)) & 1)
			return false;
	}
	return true;
}

/* The last address of an IPv4 network is everybody's. */
static bool is_broadcast(const struct address *a)
{
	if (a->family != AF_INET || a->prefix > 30)
		return false;
	for (unsigned bit = a->prefix; bit < 32; bit++) {
		if (!((a->b[bit / 8] >> (7 - bit % 8)) & 1))
			return false;
	}
	return true;
}

static bool is_router(const struct address *a, const char *gw)
{
	unsigned char b[16];

	return gw && inet_pton(a->family, gw, b) == 1 && memcmp(a->b, b, a->size) == 0;
}

static void find_address(const struct expanding *x, const struct pm_value *v, const char *why)
{
	struct pm_diag *diag = pm_diag_add(x->d, PM_ERROR, at_value(x, v),
		"the address of %s-%u %s", x->of->name, x->ordinal, why);

	pm_diag_hint(x->d, diag,
		"addresses are counted up from that of %s-0; start lower, or take a larger network",
		x->of->name);
}

/* Gives the Pod its own address; false: there is none, and that is reported. */
static bool own_address(
	const struct expanding *x, struct pm_value *v, const struct pm_value *router)
{
	const char *gw = router->state == PM_SET ? router->u.s : NULL, *why = NULL;
	struct address first, own;
	char text[INET6_ADDRSTRLEN];

	if (v->state != PM_SET || !parse_address(v->u.s, &first))
		return true;
	own = first;
	if (!count_up(&own, x->ordinal) || !same_net(&first, &own))
		why = "is outside of its network";
	else if (is_broadcast(&own))
		why = "is the broadcast address of its network";
	else if (is_router(&own, gw))
		why = "is that of the router";
	if (why) {
		find_address(x, v, why);
		return false;
	}
	(void)inet_ntop(own.family, own.b, text, sizeof(text));
	if (x->ordinal > 0)
		v->u.s = pm_arena_printf(x->set->arena, "%s/%u", text, own.prefix);
	return true;
}

static bool own_interfaces(const struct expanding *x, struct pm_value *v)
{
	struct pm_recs *own;
	bool ok = true;

	if (v->state != PM_SET)
		return true;
	own = pm_new(x->set->arena, struct pm_recs);
	own->n = v->u.recs->n;
	own->v = pm_new_n(x->set->arena, struct pm_rec *, own->n + 1);
	for (size_t i = 0; i < own->n; i++) {
		struct pm_rec *net = copy_rec(x->set->arena, v->u.recs->v[i]);

		ok = own_address(x, &net->val[PM_NET_IP], &net->val[PM_NET_GW]) && ok;
		ok = own_address(x, &net->val[PM_NET_IP6], &net->val[PM_NET_GW6]) && ok;
		own->v[i] = net;
	}
	v->u.recs = own;
	return ok;
}

/* Entries get their slots later, each Pod its own. */
static void own_entries(const struct expanding *x, struct pm_value *v)
{
	struct pm_recs *own;

	if (v->state != PM_SET)
		return;
	own = pm_new(x->set->arena, struct pm_recs);
	own->n = v->u.recs->n;
	own->v = pm_new_n(x->set->arena, struct pm_rec *, own->n + 1);
	for (size_t i = 0; i < own->n; i++)
		own->v[i] = copy_rec(x->set->arena, v->u.recs->v[i]);
	v->u.recs = own;
}

/* ---- one Pod ---- */

static bool own_vmid(const struct expanding *x, struct pm_value *v)
{
	const struct pm_field *f = &pm_kind_pod.fields[PM_G_VMID];

	if (v->state != PM_SET)
		return true;
	v->u.i += x->ordinal;
	if (v->u.i <= f->max)
		return true;
	pm_diag_hint(x->d,
		pm_diag_add(x->d, PM_ERROR, at_value(x, v), "the vmid of %s-%u is beyond %lld",
			x->of->name, x->ordinal, (long long)f->max),
		"numbers are counted up from that of %s-0; start lower", x->of->name);
	return false;
}

static void own_node(const struct expanding *x, struct pm_value *v)
{
	const struct pm_value *nodes = &x->of->spec->val[PM_PODSET_NODES];

	if (nodes->state != PM_SET || nodes->u.list->n == 0)
		return;
	*v = *nodes;
	v->u.s = nodes->u.list->v[x->ordinal % nodes->u.list->n];
}

/* false: something cannot be counted so far. */
static bool add_pod(struct expanding *x)
{
	struct pm_obj *o = pm_obj_new(x->set->arena, &pm_kind_pod);
	struct pm_rec *spec = copy_rec(x->set->arena, x->template);
	bool ok;

	o->ns = x->of->ns;
	o->name = pm_arena_printf(x->set->arena, "%s-%u", x->of->name, x->ordinal);
	o->labels = x->of->labels;
	o->file = x->of->file;
	o->line = x->of->line;
	o->column = x->of->column;
	o->podset = x->of->name;
	o->ordinal = x->ordinal;
	o->spec = spec;
	for (unsigned i = 0; i < spec->kind->nfields; i++) {
		if (spec->kind->fields[i].count > 0 && i != PM_POD_INTERFACES)
			own_entries(x, &spec->val[i]);
	}
	own_node(x, &spec->val[PM_G_NODE]);
	ok = own_vmid(x, &spec->val[PM_G_VMID]);
	ok = own_interfaces(x, &spec->val[PM_POD_INTERFACES]) && ok;
	if (ok)
		pm_set_add(x->set, o);
	return ok;
}

void pm_podset_expand(struct pm_set *s, const struct pm_obj *of, struct pm_diags *d)
{
	const struct pm_value *template = &of->spec->val[PM_PODSET_TEMPLATE];
	int64_t n = pm_rec_int(of->spec, PM_PODSET_REPLICAS, 0);
	struct expanding x = { .set = s, .d = d, .of = of };

	if (template->state != PM_SET)
		return;
	x.template = template->u.rec;
	if (n == 0)
		pm_set_add_no_pods(s, of->ns, of->name);
	if (n > 0 && strlen(pm_arena_printf(d->arena, "%s-%lld", of->name, (long long)n - 1)) >
			     LABEL_MAX) {
		pm_diag_hint(d,
			pm_diag_add(d, PM_ERROR, at_value(&x, template),
				"the name of %s-%lld is longer than %d characters", of->name,
				(long long)n - 1, LABEL_MAX),
			"give the PodSet a shorter name");
		return;
	}
	for (x.ordinal = 0; x.ordinal < n; x.ordinal++) {
		if (!add_pod(&x))
			return;
	}
}
