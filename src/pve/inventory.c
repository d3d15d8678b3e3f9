/* What the cluster says about itself as a whole: its guests, nodes, quorum and version, and whether we
 * are allowed to see all of it. /cluster/resources is read as a stream, the rest is small. */
#include <json-c/json.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/vec.h"
#include "model/guest.h"
#include "pve/pve_priv.h"

/* ---- strings that come again and again ---- */

struct words {
	struct pm_arena *a;
	struct pm_map map;
};

static const char *word(struct words *w, const char *s)
{
	const char *known = pm_map_get(&w->map, s);
	char *fresh;

	if (known)
		return known;
	fresh = pm_arena_strdup(w->a, s);
	(void)pm_map_set(&w->map, fresh, fresh);
	return fresh;
}

/* ---- rows ---- */

/* The last three are only looked at to see whether they changed. */
enum column {
	TYPE,
	VMID,
	NODE,
	NAME,
	STATUS,
	TAGS,
	POOL,
	LOCK,
	HASTATE,
	TEMPLATE,
	MAXCPU,
	MAXMEM,
	MAXDISK,
	COLUMNS
};

static const char *const column_names[COLUMNS] = { "type", "vmid", "node", "name", "status", "tags",
	"pool", "lock", "hastate", "template", "maxcpu", "maxmem", "maxdisk" };

struct row {
	char *v[COLUMNS]; /* NULL: absent */
	size_t n[COLUMNS];
};

static int column_of(const struct pm_jread *r)
{
	/* Most members are figures nobody asks for: told apart by length and first letter. */
	if (r->n < 4 || r->n > 8)
		return -1;
	for (int i = 0; i < COLUMNS; i++) {
		const char *name = column_names[i];

		if (name[0] == r->s[0] && strlen(name) == r->n && memcmp(name, r->s, r->n) == 0)
			return i;
	}
	return -1;
}

/* Reads one row and ends its texts: behind each stands what has been read already. */
static bool read_row(struct pm_jread *r, struct row *row)
{
	enum pm_json_event e;

	memset(row, 0, sizeof(*row));
	while ((e = pm_jread_next(r)) == PM_J_KEY) {
		int at = column_of(r);

		e = pm_jread_next(r);
		if (at >= 0 && (e == PM_J_STRING || e == PM_J_NUMBER)) {
			row->v[at] = r->s;
			row->n[at] = r->n;
		} else if (!pm_jread_skip(r, e)) {
			return false;
		}
	}
	if (e != PM_J_OBJECT_END)
		return false;
	for (int i = 0; i < COLUMNS; i++) {
		if (row->v[i])
			row->v[i][row->n[i]] = '\0';
	}
	return true;
}

static bool row_is(const struct row *row, enum column c, const char *s)
{
	return row->v[c] && strcmp(row->v[c], s) == 0;
}

/* Of all that changes only when somebody changes it. */
static uint64_t fingerprint(const struct row *row)
{
	uint64_t hash = 0;

	for (int i = 0; i < COLUMNS; i++)
		hash = row->v[i] ? pm_hash_fast(row->v[i], row->n[i], hash + (unsigned)i) : hash;
	return hash;
}

static void add_guest(
	struct pm_inventory *inv, struct words *w, const struct row *row, int64_t vmid)
{
	struct pm_obj *o = pm_new(inv->arena, struct pm_obj);
	struct pm_live *live = pm_new(inv->arena, struct pm_live);
	const char *tags = row->v[TAGS];

	o->kind = pm_kind_of_type(row->v[TYPE]);
	o->ns = "";
	o->name = row->v[NAME] ? pm_arena_strdup(inv->arena, row->v[NAME]) : "";
	o->live = live;
	live->vmid = (unsigned)vmid;
	live->type = word(w, row->v[TYPE]);
	live->node = word(w, row->v[NODE]);
	live->status = word(w, row->v[STATUS] ? row->v[STATUS] : "unknown");
	/* An emptied list is a blank. */
	live->tags = tags && tags[strspn(tags, " ")] ? word(w, tags) : NULL;
	live->pool = row->v[POOL] ? word(w, row->v[POOL]) : NULL;
	live->lock = row->v[LOCK] ? word(w, row->v[LOCK]) : NULL;
	live->hastate = row->v[HASTATE] ? word(w, row->v[HASTATE]) : NULL;
	live->template_ = row_is(row, TEMPLATE, "1");
	live->row = fingerprint(row);
	pm_vec_push(inv, o);
}

static void add_node(struct pm_inventory *inv, struct words *w, const struct row *row)
{
	struct pm_node *more = pm_new_n(inv->arena, struct pm_node, inv->nnodes + 1);

	if (inv->nnodes > 0)
		memcpy(more, inv->nodes, inv->nnodes * sizeof(*more));
	more[inv->nnodes].name = word(w, row->v[NODE]);
	more[inv->nnodes].online = row_is(row, STATUS, "online");
	inv->nodes = more;
	inv->nnodes++;
}

static void add_pool(struct pm_inventory *inv, struct words *w, const char *name)
{
	if (inv->npools % 16 == 0) {
		const char **more = pm_new_n(inv->arena, const char *, inv->npools + 16);

		if (inv->npools > 0)
			memcpy(more, inv->pools, inv->npools * sizeof(*more));
		inv->pools = more;
	}
	inv->pools[inv->npools++] = word(w, name);
}

/* false: a row of a guest that says not who it is. */
static bool take_row(
	struct pm_inventory *inv, struct words *w, const struct row *row, unsigned only)
{
	bool guest = pm_kind_of_type(row->v[TYPE]) != NULL;
	int64_t vmid;

	if (guest) {
		if (!row->v[NODE] || !row->v[VMID] ||
			pm_parse_int(row->v[VMID], 1, INT32_MAX, &vmid) < 0)
			return false;
		if (only == 0 || only == (unsigned)vmid)
			add_guest(inv, w, row, vmid);
	} else if (row_is(row, TYPE, "node") && row->v[NODE]) {
		add_node(inv, w, row);
	} else if (row_is(row, TYPE, "pool") && row->v[POOL]) {
		add_pool(inv, w, row->v[POOL]);
	}
	return true;
}

static int read_rows(struct pm_inventory *inv, struct words *w, unsigned vmid, struct pm_jread *r,
	struct pm_error *err)
{
	enum pm_json_event e = PM_J_ERROR;
	struct row row;
	int bad = pm_json_data(r, &e, err);

	if (bad < 0)
		return bad;
	if (e != PM_J_ARRAY)
		return pm_jread_error(r, "a list of guests", err);
	while ((e = pm_jread_next(r)) == PM_J_OBJECT) {
		if (!read_row(r, &row) || !take_row(inv, w, &row, vmid))
			return pm_jread_error(r, "a row of the inventory", err);
	}
	/* A list that is cut short must never pass for the whole. */
	while (e != PM_J_END && e != PM_J_ERROR)
		e = pm_jread_next(r);
	return e == PM_J_END ? 0 : pm_jread_error(r, "the end of the inventory", err);
}

int pm_inventory_parse(
	struct pm_inventory *inv, unsigned vmid, char *text, size_t n, struct pm_error *err)
{
	struct words w = { .a = inv->arena };
	struct pm_jread r;
	int bad;

	pm_jread_init(&r, text, n);
	bad = read_rows(inv, &w, vmid, &r, err);
	pm_map_done(&w.map);
	return bad;
}

/* ---- the small answers ---- */

static struct json_object *data_of(struct json_object **root, const struct pm_call *c)
{
	struct pm_error ignored;

	if (pm_json_parse(c->body_in.p, c->body_in.len, root, &ignored) < 0)
		return NULL;
	return pm_json_get(*root, "data");
}

/* Nodes and quorum. */
static void take_status(struct pm_inventory *inv, const struct pm_call *c)
{
	PM_CLEANUP(pm_json_putp) struct json_object *root = NULL;
	struct json_object *data = data_of(&root, c);
	size_t n, cluster = 0;

	if (!json_object_is_type(data, json_type_array))
		return;
	n = json_object_array_length(data);
	inv->status_read = true;
	inv->nodes = pm_new_n(inv->arena, struct pm_node, n + 1);
	inv->nnodes = 0;
	for (size_t i = 0; i < n; i++) {
		struct json_object *row = json_object_array_get_idx(data, i);
		const char *type = pm_json_str(row, "type"), *name = pm_json_str(row, "name");

		if (type && strcmp(type, "cluster") == 0) {
			cluster++;
			inv->quorate = pm_json_bool(row, "quorate", false);
		}
		if (!type || strcmp(type, "node") != 0 || !name)
			continue;
		inv->nodes[inv->nnodes++] = (struct pm_node){
			.name = pm_arena_strdup(inv->arena, name),
			.online = pm_json_bool(row, "online", false),
		};
	}
	/* A node that stands alone has no row of a cluster, and needs nobody's vote. */
	if (cluster == 0 && inv->nnodes == 1)
		inv->quorate = true;
}

static bool may_audit(struct json_object *privileges)
{
	return pm_json_int(privileges, "VM.Audit", -1) >= 0;
}

/* {"/vms": {"VM.Audit": 1}, ...}; the value says whether it holds below the path too. The longest path
 * counts, so that a single guest can be hidden. */
static void take_permissions(struct pm_inventory *inv, const struct pm_call *c)
{
	PM_CLEANUP(pm_json_putp) struct json_object *root = NULL;
	struct json_object *data = data_of(&root, c), *all = pm_json_get(data, "/vms");
	bool hidden = false;
	size_t n;

	if (!json_object_is_type(data, json_type_object))
		return;
	n = (size_t)json_object_object_length(data);
	inv->pools_seen = pm_new_n(inv->arena, const char *, n + 1);
	json_object_object_foreach(data, path, privileges)
	{
		if (strncmp(path, "/vms/", 5) == 0 && !may_audit(privileges))
			hidden = true;
		if (strncmp(path, "/pool/", 6) == 0 && may_audit(privileges))
			inv->pools_seen[inv->npools_seen++] = pm_arena_strdup(inv->arena, path + 6);
	}
	inv->sees_tasks = pm_json_get(pm_json_get(data, "/"), "Sys.Audit") != NULL;
	all = all ? all : pm_json_get(data, "/");
	inv->sees_all = !hidden && pm_json_int(all, "VM.Audit", 0) == 1;
}

static void take_version(struct pm_inventory *inv, const struct pm_call *c)
{
	PM_CLEANUP(pm_json_putp) struct json_object *root = NULL;
	const char *version = pm_json_str(data_of(&root, c), "version");

	if (version)
		inv->version = pm_arena_strdup(inv->arena, version);
}

/* ---- reading it ---- */

enum answer { RESOURCES, CLUSTER_STATUS, VERSION, PERMISSIONS, TASKS, ANSWERS };

struct reading {
	struct pm_pve *p;
	struct pm_inventory *inv;
	unsigned vmid;
	struct pm_error err; /* of the inventory itself */
	struct pm_node *row_nodes;
	unsigned nrow_nodes;
};

static void take_resources(struct reading *x, struct pm_call *c)
{
	struct pm_node *nodes = x->inv->nodes;
	unsigned nnodes = x->inv->nnodes;

	x->inv->nodes = NULL;
	x->inv->nnodes = 0;
	if (pm_inventory_parse(x->inv, x->vmid, c->body_in.p, c->body_in.len, &x->err) < 0) {
		(void)pm_error_wrap(&x->err, "the inventory of the cluster");
		(void)pm_error_where(&x->err, "%s GET /cluster/resources", c->host->name);
	}
	x->row_nodes = x->inv->nodes;
	x->nrow_nodes = x->inv->nnodes;
	x->inv->nodes = nodes;
	x->inv->nnodes = nnodes;
}

static void take_tasks(struct reading *x, const struct pm_call *c)
{
	pm_look_take(x->p, c);
	x->inv->looked = true;
}

static void got(void *arg, size_t i, struct pm_call *c, const struct pm_error *err)
{
	struct reading *x = arg;

	if (err->code != PM_OK) {
		if (i == RESOURCES)
			x->err = *err;
		else if (i == CLUSTER_STATUS)
			x->inv->why = pm_arena_printf(x->inv->arena,
				"the state of the cluster could not be read: %s", err->msg);
		return;
	}
	if (i == RESOURCES)
		take_resources(x, c);
	else if (i == CLUSTER_STATUS)
		take_status(x->inv, c);
	else if (i == VERSION)
		take_version(x->inv, c);
	else if (i == PERMISSIONS)
		take_permissions(x->inv, c);
	else
		take_tasks(x, c);
}

static int read_answers(struct reading *x, struct pm_job *j, const struct pm_get *gets,
	size_t answers, struct pm_error *err)
{
	struct pm_fetch f = { .v = gets, .n = answers, .got = got, .arg = x };
	int r = pm_pve_fetch(x->p, j, &f, err);

	if (r == 0 && x->err.code != PM_OK) {
		*err = x->err;
		r = -(int)err->code;
	}
	if (r < 0) {
		pm_vec_done(x->inv);
		return r;
	}
	if (!x->inv->status_read) {
		x->inv->nodes = x->row_nodes;
		x->inv->nnodes = x->nrow_nodes;
	}
	return 0;
}

int pm_inventory_rows(struct pm_pve *p, struct pm_job *j, unsigned vmid, struct pm_inventory *ret,
	struct pm_error *err)
{
	static const struct pm_get get = { API "/cluster/resources?type=vm", NULL };
	struct reading x = { .p = p, .inv = ret, .vmid = vmid };

	*ret = (struct pm_inventory){ .arena = j->arena };
	return read_answers(&x, j, &get, 1, err);
}

int pm_inventory_read(struct pm_pve *p, struct pm_job *j, bool look, struct pm_inventory *ret,
	struct pm_error *err)
{
	static const struct pm_get gets[ANSWERS] = {
		[RESOURCES] = { API "/cluster/resources", NULL },
		[CLUSTER_STATUS] = { API "/cluster/status", NULL },
		[VERSION] = { API "/version", NULL },
		[PERMISSIONS] = { API "/access/permissions", NULL },
		[TASKS] = { API "/cluster/tasks", NULL },
	};
	struct reading x = { .p = p, .inv = ret };
	int r;

	*ret = (struct pm_inventory){ .arena = j->arena };
	r = read_answers(&x, j, gets, look ? ANSWERS : TASKS, err);
	/* Without a list of all tasks nobody knows what they worked on. */
	if (look && (r < 0 || !ret->looked || !ret->sees_tasks))
		pm_look_failed(p);
	return r;
}

struct pm_obj *pm_inventory_find(const struct pm_inventory *inv, unsigned vmid)
{
	for (size_t i = 0; i < inv->n; i++) {
		if (inv->v[i]->live->vmid == vmid)
			return inv->v[i];
	}
	return NULL;
}

bool pm_inventory_online(const struct pm_inventory *inv, const char *node)
{
	for (unsigned i = 0; i < inv->nnodes; i++) {
		if (strcmp(inv->nodes[i].name, node) == 0)
			return inv->nodes[i].online;
	}
	/* A node nobody lists: ask it, and see. */
	return true;
}

/* Why absence cannot be believed, seen from the cluster as a whole; NULL: it can. */
static const char *doubt(const struct pm_inventory *inv)
{
	unsigned online = 0;

	for (unsigned i = 0; i < inv->nnodes; i++)
		online += inv->nodes[i].online;
	if (inv->why)
		return inv->why;
	if (!inv->status_read)
		return "the state of the cluster is not known";
	if (!inv->quorate)
		return "the cluster has no quorum";
	if (online == 0)
		return "no node of the cluster is online";
	if (inv->n == 0 && online < inv->nnodes)
		return "the inventory is empty while nodes are offline";
	if (!inv->sees_all && inv->npools_seen == 0)
		return "the account may not see all guests; grant it VM.Audit on /vms";
	return NULL;
}

void pm_inventory_facts(
	const struct pm_pve *p, const struct pm_inventory *inv, struct pm_facts *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->cluster = p->cluster;
	ret->version = inv->version;
	ret->quorate = inv->quorate;
	ret->incomplete_why = doubt(inv);
	ret->complete = ret->incomplete_why == NULL;
	ret->root_pam = pm_pve_is_root_pam(p);
	ret->nodes = inv->nodes;
	ret->nnodes = inv->nnodes;
	ret->pools = (const char *const *)inv->pools;
	ret->npools = inv->npools;
	ret->nguests = (unsigned)inv->n;
}
