/* Checks of one object across its fields, and what only root@pam may set. */
#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "model/check_priv.h"
#include "model/ignore.h"
#include "model/marker.h"

#define PVE_DESCRIPTION 8192 /* characters that PVE takes */
#define MARKER_REST     980  /* of a marker besides its fields: names, image, hashes */

static struct pm_pos at_line(const struct pm_checking *c, uint32_t line, uint16_t column)
{
	struct pm_pos pos = { .file = c->o->file, .line = line, .column = column };

	if (line == 0) {
		pos.line = c->o->line;
		pos.column = c->o->column;
	}
	return pos;
}

struct pm_pos pm_at_value(const struct pm_checking *c, const struct pm_value *v)
{
	return at_line(c, v->line, v->column);
}

struct pm_pos pm_at_rec(const struct pm_checking *c, const struct pm_rec *r)
{
	return at_line(c, r->line, 0);
}

bool pm_is_missing(const struct pm_value *v)
{
	return v->state == PM_NULL || (v->state == PM_UNSET && v->line == 0);
}

static bool set(const struct pm_rec *r, unsigned field)
{
	return r->val[field].state == PM_SET;
}

/* ---- every record: what is needed is there, what cannot be unset is not null ---- */

static void check_rec(const struct pm_checking *c, const struct pm_rec *r, const char *where);

/* "ide0 to ide3, sata0 to sata5": what entries of the list may be called. */
static const char *slots_words(const struct pm_checking *c, const struct pm_field *f)
{
	cleanup_buf struct pm_buf out = PM_BUF(0);

	if (!f->slots)
		return pm_arena_printf(c->d->arena, "%s0 to %s%u", f->key, f->key, f->count - 1);
	for (const struct pm_slots *s = f->slots; s->key; s++)
		pm_buf_addf(&out, "%s%s0 to %s%u", out.len > 0 ? ", " : "", s->key, s->key,
			s->count - 1);
	return pm_arena_strdup(c->d->arena, pm_buf_str(&out));
}

/* Entries that are named by their key: it is one of this list, and of no other entry. */
static void check_slots(const struct pm_checking *c, const struct pm_kind *k,
	const struct pm_field *f, const struct pm_recs *recs)
{
	unsigned row = pm_field_index(f->sub, pm_slot_row(f->sub)), slot;

	for (size_t i = 0; i < recs->n; i++) {
		const struct pm_value *v = &recs->v[i]->val[row];
		struct pm_diag *diag;

		if (v->state != PM_SET ||
			pm_field_by_slot_key(k, v->u.s, strlen(v->u.s), &slot) == f)
			continue;
		diag = PM_ERROR_AT(c, pm_at_value(c, v), "%s has no slot '%s'", f->name, v->u.s);
		pm_diag_hint(c->d, diag, "there are %s", slots_words(c, f));
	}
	pm_check_unique(c, recs, row, "slot");
}

static void check_field(
	const struct pm_checking *c, const struct pm_rec *r, unsigned i, const char *where)
{
	const struct pm_field *f = &r->kind->fields[i];
	const struct pm_value *v = &r->val[i];
	struct pm_diag *diag;

	if (f->flags & PM_F_REQUIRED && pm_is_missing(v)) {
		diag = PM_ERROR_AT(c, v->state == PM_NULL ? pm_at_value(c, v) : pm_at_rec(c, r),
			"%s%s is required", where, f->name);
		pm_diag_hint(c->d, diag, "%s", f->doc);
	} else if (f->flags & PM_F_REQUIRED && f->type == PM_T_LIST && v->state == PM_SET &&
		   v->u.list->n == 0) {
		diag = PM_ERROR_AT(c, pm_at_value(c, v), "%s%s needs an entry", where, f->name);
		pm_diag_hint(c->d, diag, "name at least one, or leave out what it belongs to");
	} else if (f->flags & PM_F_KEEP && v->state == PM_NULL) {
		diag = PM_ERROR_AT(c, pm_at_value(c, v), "%s%s cannot be null", where, f->name);
		pm_diag_hint(
			c->d, diag, "PVE cannot unset it; leave it out to keep the value it has");
	}
	if (f->type != PM_T_PROPS || v->state != PM_SET)
		return;
	if (f->count == 0) {
		check_rec(c, v->u.rec, pm_arena_printf(c->d->arena, "%s%s.", where, f->name));
		return;
	}
	if (v->u.recs->n > f->count)
		(void)PM_ERROR_AT(c, pm_at_value(c, v),
			"%s%s has %zu entries; there may be at most %u", where, f->name,
			v->u.recs->n, f->count);
	if (pm_slot_row(f->sub))
		check_slots(c, r->kind, f, v->u.recs);
	for (size_t j = 0; j < v->u.recs->n; j++)
		check_rec(c, v->u.recs->v[j],
			pm_arena_printf(c->d->arena, "%s%s[%zu].", where, f->name, j));
}

static void check_rec(const struct pm_checking *c, const struct pm_rec *r, const char *where)
{
	for (unsigned i = 0; i < r->kind->nfields; i++)
		check_field(c, r, i, where);
}

void pm_check_unique(
	const struct pm_checking *c, const struct pm_recs *recs, unsigned field, const char *what)
{
	for (size_t i = 1; i < recs->n; i++) {
		const struct pm_value *v = &recs->v[i]->val[field];

		for (size_t j = 0; j < i && v->state == PM_SET; j++) {
			const struct pm_value *other = &recs->v[j]->val[field];

			if (other->state != PM_SET || strcasecmp(v->u.s, other->u.s) != 0)
				continue;
			(void)PM_ERROR_AT(c, pm_at_value(c, v),
				"%s '%s' is used twice; first in line %u", what, v->u.s,
				(unsigned)other->line);
			break;
		}
	}
}

/* ---- network ---- */

/** What ip and gw are called for one family of addresses. */
struct family {
	const struct pm_kind *kind;
	unsigned ip, gw;
	int af;
};

static const struct family families[] = {
	{ &pm_kind_net, PM_NET_IP, PM_NET_GW, AF_INET },
	{ &pm_kind_net, PM_NET_IP6, PM_NET_GW6, AF_INET6 },
	{ &pm_kind_ipconfig, PM_IPCONFIG_IP, PM_IPCONFIG_GW, AF_INET },
	{ &pm_kind_ipconfig, PM_IPCONFIG_IP6, PM_IPCONFIG_GW6, AF_INET6 },
};

static bool in_subnet(int af, const char *cidr, const char *address)
{
	unsigned char net[16] = { 0 }, host[16] = { 0 };
	char text[64];
	size_t n = strcspn(cidr, "/");
	unsigned bits = 0;

	if (n >= sizeof(text))
		return true;
	memcpy(text, cidr, n);
	text[n] = '\0';
	for (const char *p = cidr + n + 1; cidr[n] && *p >= '0' && *p <= '9' && bits < 128; p++)
		bits = bits * 10 + (unsigned)(*p - '0');
	if (inet_pton(af, text, net) != 1 || inet_pton(af, address, host) != 1)
		return true;
	for (unsigned i = 0; i < bits; i++) {
		unsigned bit = 0x80U >> (i % 8);

		if ((net[i / 8] & bit) != (host[i / 8] & bit))
			return false;
	}
	return true;
}

static void check_gateway(
	const struct pm_checking *c, const struct pm_rec *r, const struct family *fam)
{
	const char *name = pm_rec_ident(r), *what = r->kind->name;
	const char *ip = pm_rec_str(r, fam->ip, NULL);
	const char *gw = pm_rec_str(r, fam->gw, NULL);
	const char *gw_name = r->kind->fields[fam->gw].name,
		   *ip_name = r->kind->fields[fam->ip].name;
	struct pm_diag *diag;

	if (!gw)
		return;
	if (!ip || !strchr(ip, '/')) {
		diag = PM_ERROR_AT(c, pm_at_value(c, &r->val[fam->gw]),
			"%s %s: %s needs a static %s", what, name, gw_name, ip_name);
		pm_diag_hint(c->d, diag, "give %s an address with a prefix length, or leave %s out",
			ip_name, gw_name);
	} else if (!in_subnet(fam->af, ip, gw) && !pm_str_starts(gw, "fe80:")) {
		diag = pm_diag_add(c->d, PM_WARNING, pm_at_value(c, &r->val[fam->gw]),
			"%s %s: %s %s is not in the network of %s", what, name, gw_name, gw, ip);
		pm_diag_hint(c->d, diag, "packets reach it only with a route of its own");
	} else if (strlen(gw) == strcspn(ip, "/") && pm_str_starts(ip, gw)) {
		diag = pm_diag_add(c->d, PM_WARNING, pm_at_value(c, &r->val[fam->gw]),
			"%s %s: %s is the interface's own address", what, name, gw_name);
		pm_diag_hint(c->d, diag, "give the address of the router");
	}
}

void pm_check_gateways(const struct pm_checking *c, const struct pm_rec *r)
{
	for (unsigned f = 0; f < PM_COUNT(families); f++) {
		if (families[f].kind == r->kind)
			check_gateway(c, r, &families[f]);
	}
}

static void check_interfaces(const struct pm_checking *c, const struct pm_recs *recs)
{
	for (size_t i = 0; i < recs->n; i++) {
		const struct pm_rec *r = recs->v[i];

		pm_check_gateways(c, r);
		if (pm_rec_bool(r, PM_NET_HOST_MANAGED, false) &&
			!strcmp(pm_rec_str(r, PM_NET_IP6, ""), "auto"))
			(void)PM_ERROR_AT(c, pm_at_value(c, &r->val[PM_NET_IP6]),
				"interface %s: ip6: auto cannot be had together with host-managed",
				pm_rec_ident(r));
	}
	pm_check_unique(c, recs, PM_NET_NAME, "interface");
	pm_check_unique(c, recs, PM_NET_HWADDR, "hwaddr");
}

/* ---- volumes ---- */

static void check_bind(const struct pm_checking *c, const struct pm_rec *r)
{
	static const unsigned not_with_source[] = { PM_VOLUME_STORAGE, PM_VOLUME_SIZE,
		PM_VOLUME_BACKUP };

	for (unsigned i = 0; i < PM_COUNT(not_with_source); i++) {
		const struct pm_value *v = &r->val[not_with_source[i]];
		struct pm_diag *diag;

		if (v->state != PM_SET || (not_with_source[i] == PM_VOLUME_BACKUP && !v->u.b))
			continue;
		diag = PM_ERROR_AT(c, pm_at_value(c, v), "volume %s: %s does not go with source",
			pm_rec_ident(r), r->kind->fields[not_with_source[i]].name);
		pm_diag_hint(c->d, diag,
			"source mounts a path of the node; storage and size make a volume");
	}
}

static void check_volume(const struct pm_checking *c, const struct pm_rec *r)
{
	const char *path = pm_rec_ident(r);
	struct pm_diag *diag;

	if (!*path)
		return;
	if (!pm_is_missing(&r->val[PM_VOLUME_SOURCE])) {
		check_bind(c, r);
	} else if (pm_is_missing(&r->val[PM_VOLUME_STORAGE])) {
		diag = PM_ERROR_AT(
			c, pm_at_rec(c, r), "volume %s needs storage and size, or source", path);
		pm_diag_hint(c->d, diag,
			"storage and size make a volume, source mounts a path of the node");
	} else if (pm_is_missing(&r->val[PM_VOLUME_SIZE])) {
		(void)PM_ERROR_AT(c, pm_at_rec(c, r), "volume %s needs a size", path);
	}
}

static void check_quota(const struct pm_checking *c, const struct pm_rec *spec,
	const struct pm_rec *r, unsigned quota)
{
	if (pm_rec_bool(r, quota, false) && pm_rec_bool(spec, PM_POD_UNPRIVILEGED, true))
		(void)pm_diag_add(c->d, PM_WARNING, pm_at_value(c, &r->val[quota]),
			"quota works in privileged containers only");
}

static void check_volumes(const struct pm_checking *c, const struct pm_rec *spec)
{
	const struct pm_recs *recs;

	if (set(spec, PM_POD_ROOTFS))
		check_quota(c, spec, spec->val[PM_POD_ROOTFS].u.rec, PM_ROOTFS_QUOTA);
	if (!set(spec, PM_POD_VOLUMES))
		return;
	recs = spec->val[PM_POD_VOLUMES].u.recs;
	for (size_t i = 0; i < recs->n; i++) {
		check_volume(c, recs->v[i]);
		check_quota(c, spec, recs->v[i], PM_VOLUME_QUOTA);
	}
	pm_check_unique(c, recs, PM_VOLUME_PATH, "path");
}

/* ---- the rest of a Pod ---- */

static void check_tags(const struct pm_checking *c, const struct pm_value *v)
{
	for (size_t i = 0; v->state == PM_SET && i < v->u.list->n; i++) {
		if (pm_tag_is_ours(v->u.list->v[i]))
			(void)PM_ERROR_AT(c, pm_at_value(c, v),
				"the tag '%s' is podmox's own; leave it out", v->u.list->v[i]);
	}
}

void pm_check_ssh_keys(
	const struct pm_checking *c, const struct pm_field *f, const struct pm_value *v)
{
	for (size_t i = 0; v->state == PM_SET && i < v->u.list->n; i++) {
		const char *key = v->u.list->v[i];

		if (!strchr("~/.", key[0]))
			continue;
		pm_diag_hint(c->d,
			PM_ERROR_AT(
				c, pm_at_value(c, v), "%s[%zu] is a path, not a key", f->name, i),
			"write the line that stands in the file, as ssh-ed25519 AAAA... name");
	}
}

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void check_description(const struct pm_checking *c, const struct pm_rec *spec)
{
	const struct pm_value *v = &spec->val[PM_G_DESCRIPTION];
	const struct pm_marker *marker;
	const char *text = "", *fault, *fields, *needs;

	if (v->state == PM_SET) {
		pm_marker_split(c->d->arena, v->u.s, &text, &marker, &fault);
		if (marker || fault) {
			(void)PM_ERROR_AT(c, pm_at_value(c, v),
				"description may not hold a podmox marker; podmox writes it itself");
			return;
		}
	}
	fields = pm_marker_fields(c->d->arena, spec);
	needs = pm_marker_needs(c->d->arena, spec);
	if (characters(text) + strlen(fields) + (needs ? strlen(needs) : 0) + MARKER_REST >
		PVE_DESCRIPTION)
		(void)PM_ERROR_AT(c, pm_at_value(c, v),
			"description and what podmox notes below it are longer than the %d characters that PVE takes",
			PVE_DESCRIPTION);
}

static void check_ready(const struct pm_checking *c, const struct pm_rec *spec)
{
	static const unsigned ways[] = { PM_G_READY_TASK, PM_G_READY_RUNNING, PM_G_READY_IP,
		PM_G_READY_TCP };
	const struct pm_field *first = NULL;

	for (unsigned i = 0; i < PM_COUNT(ways); i++) {
		const struct pm_field *f = &spec->kind->fields[ways[i]];
		const struct pm_value *v = &spec->val[ways[i]];

		if (v->state != PM_SET || (f->type == PM_T_BOOL && !v->u.b))
			continue;
		if (first)
			(void)PM_ERROR_AT(c, pm_at_value(c, v), "%s and %s exclude each other",
				first->name, f->name);
		else
			first = f;
	}
	if (first && first != &spec->kind->fields[PM_G_READY_TASK] &&
		!strcmp(pm_rec_str(spec, PM_G_STATE, "running"), "stopped"))
		(void)pm_diag_add(c->d, PM_WARNING,
			pm_at_value(c, &spec->val[first - spec->kind->fields]),
			"%s never comes true for a guest whose state is stopped", first->name);
}

static void check_ignored(const struct pm_checking *c, const struct pm_rec *spec)
{
	const struct pm_value *v = &spec->val[PM_G_LIFE_IGNORE];

	for (size_t i = 0; v->state == PM_SET && i < v->u.list->n; i++) {
		const char *why = pm_ignore_fault(c->d->arena, spec, v->u.list->v[i]);

		if (why)
			(void)PM_ERROR_AT(c, pm_at_value(c, v), "lifecycle.ignore: %s", why);
	}
}

void pm_check_guest(const struct pm_checking *c, const struct pm_rec *spec)
{
	pm_check_ha(c, spec);
	check_tags(c, &spec->val[PM_G_TAGS]);
	check_description(c, spec);
	check_ready(c, spec);
	check_ignored(c, spec);
}

static void check_pod(const struct pm_checking *c, const struct pm_rec *spec)
{
	if (set(spec, PM_POD_INTERFACES))
		check_interfaces(c, spec->val[PM_POD_INTERFACES].u.recs);
	if (set(spec, PM_POD_DEVICES))
		pm_check_unique(c, spec->val[PM_POD_DEVICES].u.recs, PM_DEVICE_PATH, "device");
	check_volumes(c, spec);
	pm_check_ssh_keys(c, &pm_kind_pod.fields[PM_POD_SSH_KEYS], &spec->val[PM_POD_SSH_KEYS]);
	pm_check_guest(c, spec);
}

static void check_pinned(const struct pm_checking *c, const struct pm_rec *spec)
{
	struct pm_diag *diag;

	if (pm_rec_bool(spec, PM_G_PINNED, false) && !set(spec, PM_G_NODE)) {
		diag = PM_ERROR_AT(
			c, pm_at_value(c, &spec->val[PM_G_PINNED]), "pinned needs a node");
		pm_diag_hint(c->d, diag, "say with node where the guest has to be");
	}
}

/* ---- Config ---- */

static void check_auth(const struct pm_checking *c, const struct pm_rec *r)
{
	bool id = !pm_is_missing(&r->val[PM_CLUSTER_TOKEN_ID]);
	bool secret = !pm_is_missing(&r->val[PM_CLUSTER_TOKEN_SECRET]);
	bool user = !pm_is_missing(&r->val[PM_CLUSTER_USERNAME]);
	bool password = !pm_is_missing(&r->val[PM_CLUSTER_PASSWORD]);
	const char *wrong = NULL;

	if ((id || secret) && (user || password))
		wrong = "auth has both a token and a user: one of them is too many";
	else if (id != secret)
		wrong = id ? "auth.tokenId needs auth.tokenSecret"
			   : "auth.tokenSecret needs auth.tokenId";
	else if (user != password)
		wrong = user ? "auth.username needs auth.password"
			     : "auth.password needs auth.username";
	else if (!id && !user)
		wrong = "auth needs tokenId and tokenSecret, or username and password";
	if (wrong)
		(void)PM_ERROR_AT(c, pm_at_rec(c, r), "cluster %s: %s", pm_rec_ident(r), wrong);
}

static bool any_git(const struct pm_rec *spec)
{
	for (unsigned i = PM_CONFIG_GIT_URL; i <= PM_CONFIG_GIT_LIMIT_TIME; i++) {
		if (set(spec, i))
			return true;
	}
	return false;
}

static bool over_ssh(const char *url)
{
	return pm_str_starts(url, "ssh://") || (!strstr(url, "://") && url[0] != '/');
}

static void check_git(const struct pm_checking *c, const struct pm_rec *spec)
{
	const struct pm_value *url = &spec->val[PM_CONFIG_GIT_URL];
	const struct pm_value *token = &spec->val[PM_CONFIG_GIT_TOKEN];
	const struct pm_value *key = &spec->val[PM_CONFIG_GIT_SSH_KEY];
	const struct pm_value *keys = &spec->val[PM_CONFIG_GIT_KEYS];

	if (!any_git(spec))
		return;
	if (url->state != PM_SET) {
		(void)PM_ERROR_AT(c, pm_at_rec(c, spec), "source.git needs url");
		return;
	}
	if (set(spec, PM_CONFIG_SOURCE_PATH))
		(void)PM_ERROR_AT(c, pm_at_value(c, url),
			"source has both a path and a repository: one of them is too many");
	if (token->state == PM_SET && !pm_str_starts(url->u.s, "http"))
		(void)PM_ERROR_AT(c, pm_at_value(c, token), "auth.token is for https only");
	if (key->state == PM_SET && !over_ssh(url->u.s))
		(void)PM_ERROR_AT(c, pm_at_value(c, key), "auth.sshKey is for ssh only");
	else if (key->state == PM_SET && key->u.secret->from != PM_SECRET_FILE &&
		 key->u.secret->from != PM_SECRET_CREDENTIAL)
		(void)PM_ERROR_AT(c, pm_at_value(c, key),
			"auth.sshKey must be fromFile or fromCredential: ssh reads it from a file");
	if (keys->state == PM_SET && keys->u.list->n == 0)
		(void)PM_ERROR_AT(c, pm_at_value(c, keys),
			"verify.keys has no key: no commit could be taken; leave it out to check none");
}

/* A webhook or a program, and a template that can be sent. */
static void check_notify(const struct pm_checking *c, const struct pm_rec *r)
{
	bool hook = set(r, PM_NOTIFY_WEBHOOK), exec = set(r, PM_NOTIFY_EXEC);
	const char *wrong = NULL;

	if (hook == exec)
		wrong = "needs either webhook or exec";
	else if (exec && (r->val[PM_NOTIFY_EXEC].u.list->n == 0 ||
				 r->val[PM_NOTIFY_EXEC].u.list->v[0][0] != '/'))
		wrong = "exec begins with the absolute path of a program";
	else if (exec && (set(r, PM_NOTIFY_AUTHORIZATION) || set(r, PM_NOTIFY_CA)))
		wrong = "authorization and ca belong to a webhook";
	if (wrong)
		(void)PM_ERROR_AT(c, pm_at_rec(c, r), "notify %s: %s", pm_rec_ident(r), wrong);
}

static void check_window(const struct pm_checking *c, const struct pm_rec *r)
{
	const char *from = pm_rec_str(r, PM_WINDOW_FROM, "00:00");

	if (set(r, PM_WINDOW_DAYS) && r->val[PM_WINDOW_DAYS].u.list->n == 0)
		(void)PM_ERROR_AT(
			c, pm_at_value(c, &r->val[PM_WINDOW_DAYS]), "days needs an entry");
	if (strcmp(from, "24:00") == 0)
		(void)PM_ERROR_AT(c, pm_at_value(c, &r->val[PM_WINDOW_FROM]),
			"a window cannot open at 24:00; write 00:00 and the next day");
}

/* Which entries a guest has is not known here: any name will do. */
static void check_leave(const struct pm_checking *c, const struct pm_rec *r)
{
	const struct pm_value *v = &r->val[PM_LEAVE_FIELDS];
	const struct pm_kind *k = pm_kind_find(pm_rec_str(r, PM_LEAVE_KIND, ""));
	struct pm_rec *any;

	if (v->state != PM_SET || !k)
		return;
	any = pm_rec_new(c->d->arena, k);
	for (size_t i = 0; i < v->u.list->n; i++) {
		const char *why = pm_ignore_fault(c->d->arena, any, v->u.list->v[i]);

		if (why)
			(void)PM_ERROR_AT(c, pm_at_value(c, v), "ignore: of a %s %s",
				pm_rec_str(r, PM_LEAVE_KIND, ""), why);
	}
}

static void check_lists(const struct pm_checking *c, const struct pm_rec *spec)
{
	for (size_t i = 0; set(spec, PM_CONFIG_IGNORE) && i < spec->val[PM_CONFIG_IGNORE].u.recs->n;
		i++)
		check_leave(c, spec->val[PM_CONFIG_IGNORE].u.recs->v[i]);
	for (size_t i = 0; set(spec, PM_CONFIG_NOTIFY) && i < spec->val[PM_CONFIG_NOTIFY].u.recs->n;
		i++)
		check_notify(c, spec->val[PM_CONFIG_NOTIFY].u.recs->v[i]);
	for (size_t i = 0; set(spec, PM_CONFIG_SYNC_WINDOWS) &&
			   i < spec->val[PM_CONFIG_SYNC_WINDOWS].u.recs->n;
		i++)
		check_window(c, spec->val[PM_CONFIG_SYNC_WINDOWS].u.recs->v[i]);
}

static void check_config(const struct pm_checking *c, const struct pm_rec *spec)
{
	const struct pm_recs *recs;

	check_git(c, spec);
	check_lists(c, spec);
	if (!set(spec, PM_CONFIG_CLUSTERS))
		return;
	recs = spec->val[PM_CONFIG_CLUSTERS].u.recs;
	if (recs->n == 0)
		(void)PM_ERROR_AT(c, pm_at_value(c, &spec->val[PM_CONFIG_CLUSTERS]),
			"clusters needs an entry");
	for (size_t i = 0; i < recs->n; i++) {
		const struct pm_rec *r = recs->v[i];

		check_auth(c, r);
		if (!pm_rec_bool(r, PM_CLUSTER_TLS_VERIFY, true) &&
			!set(r, PM_CLUSTER_TLS_FINGERPRINTS))
			(void)pm_diag_add(c->d, PM_WARNING,
				pm_at_value(c, &r->val[PM_CLUSTER_TLS_VERIFY]),
				"cluster %s: with verify: false anybody on the way can pose as the host",
				pm_rec_ident(r));
	}
}

/* What all Pods would have in common though it belongs to one. */
static void check_alone(
	const struct pm_checking *c, const struct pm_value *v, const char *name, const char *hint)
{
	if (v->state == PM_SET)
		pm_diag_hint(c->d,
			PM_ERROR_AT(c, pm_at_value(c, v),
				"template.%s would be the same for every Pod", name),
			"%s", hint);
}

static void check_podset(const struct pm_checking *c, const struct pm_rec *spec)
{
	const struct pm_value *template = &spec->val[PM_PODSET_TEMPLATE], *nets;
	const struct pm_rec *pod;

	if (template->state != PM_SET)
		return;
	pod = template->u.rec;
	check_pod(c, pod);
	if (!set(spec, PM_PODSET_NODES))
		check_pinned(c, pod);
	check_alone(c, &pod->val[PM_G_HOSTNAME], "hostname",
		"leave it out: each Pod is called by its own name");
	if (set(spec, PM_PODSET_NODES))
		check_alone(c, &pod->val[PM_G_NODE], "node", "one of node and nodes is enough");
	nets = &pod->val[PM_POD_INTERFACES];
	for (size_t i = 0; nets->state == PM_SET && i < nets->u.recs->n; i++)
		check_alone(c, &nets->u.recs->v[i]->val[PM_NET_HWADDR], "network.interfaces.hwaddr",
			"leave it out: PVE makes one for each");
}

void pm_obj_check(const struct pm_obj *o, struct pm_diags *d)
{
	const struct pm_checking c = { .o = o, .d = d };

	if (!o->spec)
		return;
	check_rec(&c, o->spec, "");
	if (o->kind == &pm_kind_pod) {
		check_pod(&c, o->spec);
		check_pinned(&c, o->spec);
	} else if (o->kind == &pm_kind_vm) {
		pm_check_vm(&c, o->spec);
		check_pinned(&c, o->spec);
	} else if (o->kind == &pm_kind_podset) {
		check_podset(&c, o->spec);
	} else if (o->kind == &pm_kind_config) {
		check_config(&c, o->spec);
	}
}

/* ---- what needs root@pam ---- */

/** The search: the first value in the order of lines wins. */
struct root_search {
	const char *name;
	unsigned line;
};

static void note_root(struct root_search *s, const char *name, unsigned line)
{
	if (s->name && s->line <= line)
		return;
	s->name = name;
	s->line = line;
}

static const struct pm_rec *entry_like(const struct pm_value *have, const struct pm_rec *want)
{
	const struct pm_recs *recs = have && have->state == PM_SET ? have->u.recs : NULL;

	for (size_t i = 0; recs && i < recs->n; i++) {
		if (!strcmp(pm_rec_ident(recs->v[i]), pm_rec_ident(want)))
			return recs->v[i];
	}
	return NULL;
}

/** Rows that need root for some values only: a console is nobody's device. */
static bool needs_nobody(const struct pm_field *f, const struct pm_value *v)
{
	static const struct {
		const char *format, *free;
	} rules[] = { { "serial", "socket" }, { "usb-host", "spice" } };

	if (f->type != PM_T_STR || !f->format || v->state != PM_SET)
		return false;
	for (unsigned i = 0; i < PM_COUNT(rules); i++) {
		if (!strcmp(f->format, rules[i].format))
			return strcasecmp(v->u.s, rules[i].free) == 0;
	}
	return (!strcmp(f->format, "vm-source") || !strcmp(f->format, "vm-import")) &&
	       v->u.s[0] != '/';
}

/* Does the wanted value ask PVE for anything? Without a counterpart: is it more than the default? */
static bool asks(const struct pm_field *f, const struct pm_value *want, const struct pm_value *have)
{
	static const struct pm_value absent = { 0 };

	if (needs_nobody(f, want))
		return false;
	return !pm_value_equal(f, want, have ? have : &absent);
}

static void search_rec(
	struct root_search *s, const struct pm_rec *want, const struct pm_rec *have, bool all);

/* Does the record hold anything guarded that is not what absence means? */
static bool holds_guarded(const struct pm_rec *have, bool all)
{
	for (unsigned i = 0; i < have->kind->nfields; i++) {
		const struct pm_field *f = &have->kind->fields[i];

		if ((all || f->flags & PM_F_ROOT) && !pm_value_default(f, &have->val[i]))
			return true;
	}
	return false;
}

/* Does an entry go that only root may take away? */
static bool loses_entry(const struct pm_value *want, const struct pm_value *have)
{
	for (size_t i = 0; have && have->state == PM_SET && i < have->u.recs->n; i++) {
		if (!entry_like(want, have->u.recs->v[i]))
			return true;
	}
	return false;
}

static void search_value(struct root_search *s, const struct pm_field *f,
	const struct pm_value *want, const struct pm_value *have, bool all)
{
	bool guarded = all || f->flags & PM_F_ROOT;
	bool there = have && have->state == PM_SET;

	if (want->state == PM_UNSET || f->flags & PM_F_SLOT)
		return;
	if (f->type == PM_T_PROPS && f->count == 0) {
		if (want->state == PM_SET)
			search_rec(s, want->u.rec, there ? have->u.rec : NULL, guarded);
		else if (there && holds_guarded(have->u.rec, guarded))
			note_root(s, f->name, want->line);
		return;
	}
	if (f->type == PM_T_PROPS) {
		for (size_t i = 0; want->state == PM_SET && i < want->u.recs->n; i++)
			search_rec(s, want->u.recs->v[i], entry_like(have, want->u.recs->v[i]),
				guarded);
		if (guarded && loses_entry(want, have))
			note_root(s, f->name, want->line);
		return;
	}
	if (guarded && asks(f, want, have))
		note_root(s, f->name, want->line);
}

static void search_rec(
	struct root_search *s, const struct pm_rec *want, const struct pm_rec *have, bool all)
{
	for (unsigned i = 0; i < want->kind->nfields; i++) {
		/* Any change of features of a privileged container is root's. */
		bool privileged = want->kind == &pm_kind_pod && i == PM_POD_FEATURES &&
				  !pm_rec_bool(want, PM_POD_UNPRIVILEGED, true);

		search_value(s, &want->kind->fields[i], &want->val[i], have ? &have->val[i] : NULL,
			all || privileged);
	}
}

const char *pm_obj_needs_root(
	const struct pm_obj *want, const struct pm_obj *have, unsigned *ret_line)
{
	struct root_search s = { 0 };

	search_rec(&s, want->spec, have ? have->spec : NULL, false);
	if (s.name)
		*ret_line = s.line;
	return s.name;
}
