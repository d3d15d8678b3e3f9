/* What is done to one guest: each sends one call and follows its task to the end. */
#include <arpa/inet.h>
#include <json-c/json.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "base/vec.h"
#include "pve/op_priv.h"

/* ---- the common part ---- */

struct change {
	enum pm_op_id id;
	const char *object, *node, *type;
	unsigned vmid;
	const char *form;
	bool again;       /* the same twice does no harm */
	const char *pool; /* of a PVE before 8.1, in its path; else NULL */
};

static struct change change_of(
	struct pm_job *j, enum pm_op_id id, const struct pm_obj *have, const char *form)
{
	return (struct change){
		.id = id,
		.object = pm_obj_id(j->arena, have),
		.node = have->live->node,
		.type = have->live->type,
		.vmid = have->live->vmid,
		.form = form,
	};
}

/* Sends it; *ret is the task, with an empty upid where PVE was done at once. */
static int deliver(struct pm_pve *p, struct pm_job *j, const struct change *c, struct pm_task *ret,
	struct pm_error *err)
{
	PM_CLEANUP(pm_json_putp) struct json_object *root = NULL;
	cleanup_buf struct pm_buf path = PM_BUF(1024);
	const struct pm_op *op = pm_op(c->id);
	struct pm_pve_call call = { .method = op->method,
		.form = c->form,
		.node = c->node,
		.operation = op->operation,
		.object = c->object,
		.idempotent = c->again };
	const char *upid;
	int r;

	if (c->pool) {
		pm_buf_addf(&path, "%s/", op->path);
		pm_form_escape(&path, c->pool, strlen(c->pool));
	} else {
		pm_op_guest_path(op, c->node, c->type, c->vmid, &path);
	}
	call.path = pm_buf_str(&path);
	memset(ret, 0, sizeof(*ret));
	r = pm_pve_send(p, j, &call, 0, &root, err);
	if (r < 0)
		return r;
	upid = pm_json_str(root, "data");
	if (upid && !pm_task_parse(upid, ret)) {
		r = pm_error_set(err, PM_E_PROTOCOL, "\"%.80s\" is no task of PVE", upid);
		err->maybe_sent = true;
	} else if (!upid && op->answer == PM_OA_TASK) {
		r = pm_error_set(err, PM_E_PROTOCOL, "PVE named no task for %s", call.path);
		err->maybe_sent = true;
	} else if (upid && j->started) {
		j->started(j->started_arg, upid);
	}
	return r;
}

static int send_and_follow(
	struct pm_pve *p, struct pm_job *j, const struct change *c, struct pm_error *err)
{
	struct pm_task task;
	int r = deliver(p, j, c, &task, err);

	return r == 0 && task.upid[0] ? pm_task_wait(p, j, &task, err) : r;
}

/* An error that says that it is so already. */
static bool says(const struct pm_error *err, const char *text)
{
	return strstr(err->msg, text) != NULL;
}

/* ---- create and update ---- */

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

static int add_password(const struct pm_create *c, struct pm_buf *form, struct pm_error *err)
{
	static const enum pm_secret_from from[] = {
		[PM_SECRET_LITERAL] = PM_FROM_TEXT,
		[PM_SECRET_FILE] = PM_FROM_FILE,
		[PM_SECRET_ENV] = PM_FROM_ENV,
		[PM_SECRET_CREDENTIAL] = PM_FROM_CREDENTIAL,
	};
	const struct pm_value *v = &c->want->spec->val[PM_POD_PASSWORD];
	PM_CLEANUP(pm_secret_freep) struct pm_secret *secret = NULL;
	const char *slash = c->want->file ? strrchr(c->want->file, '/') : NULL;
	char dir[4096] = ".";

	if (v->state != PM_SET)
		return 0;
	if (slash && (size_t)(slash - c->want->file) < sizeof(dir))
		(void)snprintf(
			dir, sizeof(dir), "%.*s", (int)(slash - c->want->file), c->want->file);
	if (pm_secret_read(from[v->u.secret->from], v->u.secret->text, dir, &secret, err) < 0)
		return pm_error_wrap(err, "the password of the container");
	pm_form_add(form, "password", pm_secret_text(secret));
	return 0;
}

int pm_pve_create(struct pm_pve *p, struct pm_job *j, const struct pm_create *c,
	struct pm_task *ret, struct pm_error *err)
{
	PM_CLEANUP(wipe) struct pm_buf form = PM_BUF((size_t)1 << 20);
	struct change ch = { .id = PM_OP_GUEST_CREATE,
		.object = pm_obj_id(j->arena, c->want),
		.node = c->node,
		.type = "lxc",
		.vmid = c->vmid };
	struct pm_task task;
	int r;

	reserve(&form, (size_t)1 << 19);
	pm_pve_encode_create(j->arena, c, &form);
	r = add_password(c, &form, err);
	if (r < 0)
		return r;
	ch.form = pm_buf_str(&form);
	r = deliver(p, j, &ch, &task, err);
	if (r == 0)
		*ret = task;
	return r;
}

int pm_pve_update(
	struct pm_pve *p, struct pm_job *j, const struct pm_update *u, struct pm_error *err)
{
	cleanup_buf struct pm_buf form = PM_BUF((size_t)1 << 20);
	struct change c = change_of(j, PM_OP_CT_SET, u->have, NULL);
	struct pm_task none;

	pm_pve_encode_update(j->arena, u, &form);
	if (form.len == 0)
		return 0;
	c.object = pm_obj_id(j->arena, u->want);
	c.form = pm_buf_str(&form);
	c.again = true; /* the digest: the second one is refused */
	return deliver(p, j, &c, &none, err);
}

int pm_pve_mark(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have,
	const struct pm_marker *marker, struct pm_error *err)
{
	cleanup_buf struct pm_buf form = PM_BUF((size_t)1 << 20);
	struct change c = change_of(j, PM_OP_CT_SET, have, NULL);
	struct pm_task none;

	pm_pve_encode_mark(j->arena, have, marker, &form);
	c.form = pm_buf_str(&form);
	c.again = true; /* the digest: the second one is refused */
	return deliver(p, j, &c, &none, err);
}

int pm_pve_protect(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, bool on,
	struct pm_error *err)
{
	cleanup_buf struct pm_buf form = PM_BUF(1024);
	struct change c = change_of(j, PM_OP_CT_SET, have, NULL);
	struct pm_task none;

	pm_form_add(&form, "protection", on ? "1" : "0");
	if (have->live->digest)
		pm_form_add(&form, "digest", have->live->digest);
	c.form = pm_buf_str(&form);
	c.again = true;
	return deliver(p, j, &c, &none, err);
}

int pm_pve_resize(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, const char *key,
	int64_t bytes, struct pm_error *err)
{
	cleanup_buf struct pm_buf form = PM_BUF(1024);
	struct change c = change_of(j, PM_OP_GUEST_RESIZE, have, NULL);
	char size[32];
	int r;

	pm_form_add(&form, "disk", key);
	pm_form_add(&form, "size", pm_format_size(bytes, size));
	if (have->live->digest)
		pm_form_add(&form, "digest", have->live->digest);
	c.form = pm_buf_str(&form);
	c.again = true; /* sizes are absolute: the second time it has that size already */
	r = send_and_follow(p, j, &c, err);
	return r < 0 && says(err, "already at specified size") ? 0 : r;
}

/* ---- another storage ---- */

#define SNAPSHOTS_STAY \
	"CT %u has snapshots: PVE does not move a volume that a snapshot holds. Delete the snapshots first"

int pm_pve_move(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, const char *key,
	const char *storage, struct pm_error *err)
{
	cleanup_buf struct pm_buf form = PM_BUF(1024);
	struct change c = change_of(j, PM_OP_CT_MOVE, have, NULL);
	int r;

	pm_form_add(&form, "volume", key);
	pm_form_add(&form, "storage", storage);
	pm_form_add(&form, "delete", "1");
	if (have->live->digest)
		pm_form_add(&form, "digest", have->live->digest);
	c.form = pm_buf_str(&form);
	r = send_and_follow(p, j, &c, err);
	if (r < 0 && says(err, "move a volume with snapshots"))
		return pm_error_set(err, PM_E_REFUSED, SNAPSHOTS_STAY, have->live->vmid);
	return r;
}

/* The list ends with "current", which is no snapshot. */
static int look_for_snapshots(
	struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, struct pm_error *err)
{
	PM_CLEANUP(pm_json_putp) struct json_object *data = NULL;
	cleanup_buf struct pm_buf path = PM_BUF(1024);
	const struct pm_live *live = have->live;
	struct pm_pve_call c = { .method = "GET", .node = live->node };
	int r;

	pm_op_guest_path(pm_op(PM_OP_SNAP_LIST), live->node, live->type, live->vmid, &path);
	c.path = pm_buf_str(&path);
	r = pm_pve_call(p, j, &c, &data, err);
	if (r < 0)
		return pm_error_wrap(err, "snapshots of %u", live->vmid);
	for (size_t i = 0;
		json_object_is_type(data, json_type_array) && i < json_object_array_length(data);
		i++) {
		const char *name = pm_json_str(json_object_array_get_idx(data, i), "name");

		if (name && strcmp(name, "current") != 0)
			return pm_error_set(err, PM_E_REFUSED, SNAPSHOTS_STAY, live->vmid);
	}
	return 0;
}

/* Is the word one of "images,rootdir"? */
static bool lists(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *s = words; s && *s; s += strcspn(s, ","), s += *s == ',')
		if (strncmp(s, word, n) == 0 && (s[n] == ',' || s[n] == '\0'))
			return true;
	return false;
}

static int look_at_storage(struct pm_pve *p, struct pm_job *j, const char *node,
	const char *storage, struct pm_error *err)
{
	PM_CLEANUP(pm_json_putp) struct json_object *data = NULL;
	cleanup_buf struct pm_buf path = PM_BUF(1024);
	struct pm_pve_call c = { .method = "GET", .node = node };
	int r;

	pm_buf_addf(&path, "/nodes/%s/storage/", node);
	pm_form_escape(&path, storage, strlen(storage));
	pm_buf_adds(&path, "/status");
	c.path = pm_buf_str(&path);
	r = pm_pve_call(p, j, &c, &data, err);
	if (r < 0)
		return pm_error_wrap(err, "storage %s", storage);
	if (pm_json_int(data, "active", 1) == 0 || pm_json_int(data, "enabled", 1) == 0)
		return pm_error_set(
			err, PM_E_REFUSED, "storage %s is not active on node %s", storage, node);
	if (pm_json_str(data, "content") && !lists(pm_json_str(data, "content"), "rootdir"))
		return pm_error_set(err, PM_E_REFUSED,
			"storage %s holds no volumes of containers (content rootdir)", storage);
	return 0;
}

static int look_at_policy(
	const struct pm_pve *p, const enum pm_op_id *ids, size_t n, struct pm_error *err)
{
	int r = 0;

	for (size_t i = 0; p->allow && i < n && r == 0; i++)
		r = pm_policy_check(p->allow->v, p->allow->n, pm_op(ids[i])->operation, err);
	return r;
}

int pm_pve_may_move(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have,
	const char *storage, struct pm_error *err)
{
	/* That it may be stopped is asked when it is; what comes after must be allowed, too. */
	static const enum pm_op_id ids[] = { PM_OP_CT_MOVE, PM_OP_GUEST_START };
	int r = look_at_policy(p, ids, PM_COUNT(ids), err);

	if (r == 0)
		r = look_for_snapshots(p, j, have, err);
	return r == 0 ? look_at_storage(p, j, have->live->node, storage, err) : r;
}

/* ---- another guest ---- */

int pm_pve_hand(struct pm_pve *p, struct pm_job *j, const struct pm_hand *h, struct pm_error *err)
{
	cleanup_buf struct pm_buf form = PM_BUF(1024);
	struct change c = change_of(j, PM_OP_CT_MOVE, h->from, NULL);

	pm_form_add(&form, "volume", h->key);
	pm_buf_addf(&form, "&target-vmid=%u", h->to->live->vmid);
	pm_form_add(&form, "target-volume", h->slot);
	if (h->from->live->digest)
		pm_form_add(&form, "digest", h->from->live->digest);
	if (h->to->live->digest)
		pm_form_add(&form, "target-digest", h->to->live->digest);
	c.form = pm_buf_str(&form);
	return send_and_follow(p, j, &c, err);
}

int pm_pve_may_hand(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, bool starts,
	struct pm_error *err)
{
	static const enum pm_op_id ids[] = { PM_OP_GUEST_CREATE, PM_OP_GUEST_STOP, PM_OP_CT_MOVE,
		PM_OP_GUEST_DELETE, PM_OP_CT_SET, PM_OP_GUEST_START };
	int r = look_at_policy(p, ids, PM_COUNT(ids) - !starts, err);

	return r == 0 ? look_for_snapshots(p, j, have, err) : r;
}

/* ---- power ---- */

int pm_pve_power(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, enum pm_power what,
	unsigned timeout_s, struct pm_error *err)
{
	static const struct {
		enum pm_op_id id;
		bool timeout;
		const char *there; /* what PVE says when it is so already */
	} powers[] = {
		[PM_START] = { PM_OP_GUEST_START, false, "already running" },
		[PM_SHUTDOWN] = { PM_OP_GUEST_SHUTDOWN, true, "not running" },
		[PM_STOP] = { PM_OP_GUEST_STOP, false, "not running" },
		[PM_REBOOT] = { PM_OP_GUEST_RESTART, true, NULL },
	};
	cleanup_buf struct pm_buf form = PM_BUF(64);
	struct change c = change_of(j, powers[what].id, have, NULL);
	int r;

	if (powers[what].timeout && timeout_s > 0)
		pm_buf_addf(&form, "timeout=%u", timeout_s);
	c.form = pm_buf_str(&form);
	r = send_and_follow(p, j, &c, err);
	return r < 0 && powers[what].there && says(err, powers[what].there) ? 0 : r;
}

/* ---- place ---- */

int pm_pve_migrate(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, const char *node,
	bool restart, struct pm_error *err)
{
	cleanup_buf struct pm_buf form = PM_BUF(1024);
	struct change c = change_of(j, PM_OP_GUEST_MIGRATE, have, NULL);
	int r;

	pm_form_add(&form, "target", node);
	if (restart)
		pm_form_add(&form, "restart", "1");
	c.form = pm_buf_str(&form);
	r = send_and_follow(p, j, &c, err);
	return r < 0 && says(err, "target is local node") ? 0 : r;
}

/* One write to one pool. Before 8.1 its name stands in the path. */
struct membership {
	const char *pool;
	bool leave, move;
};

static int write_pool(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have,
	const struct membership *m, struct pm_error *err)
{
	cleanup_buf struct pm_buf form = PM_BUF(4096), whole = PM_BUF(8192);
	struct change c = change_of(j, PM_OP_POOL_SET, have, NULL);
	struct pm_task none;
	int r;

	pm_buf_addf(&form, "vms=%u%s", have->live->vmid,
		m->leave ? "&delete=1" : (m->move ? "&allow-move=1" : ""));
	pm_form_add(&whole, "poolid", m->pool);
	pm_buf_addf(&whole, "&%s", pm_buf_str(&form));
	c.form = pm_buf_str(&whole);
	c.again = true; /* joining twice is refused with a text that says so */
	r = deliver(p, j, &c, &none, err);
	if (r < 0 && err->http_status == 501) {
		c.pool = m->pool;
		c.form = pm_buf_str(&form);
		r = deliver(p, j, &c, &none, err);
	}
	return r < 0 && says(err, m->leave ? "is not a pool member" : "is already a pool member")
		       ? 0
		       : r;
}

int pm_pve_pool(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, const char *pool,
	struct pm_error *err)
{
	struct membership join = { .pool = pool, .move = have->live->pool != NULL },
			  leave = { .pool = have->live->pool, .leave = true };
	int r;

	if (!pool)
		return have->live->pool ? write_pool(p, j, have, &leave, err) : 0;
	r = write_pool(p, j, have, &join, err);
	/* Before 8.0 no guest moves from pool to pool: it leaves one and joins the other. */
	if (r == 0 || !join.move || err->code != PM_E_UNSUPPORTED || !says(err, "allow-move"))
		return r;
	r = write_pool(p, j, have, &leave, err);
	join.move = false;
	return r < 0 ? r : write_pool(p, j, have, &join, err);
}

int pm_pve_delete(
	struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, struct pm_error *err)
{
	/* On a storage that two clusters share, unreferenced disks of this number are the other's. */
	struct change c = change_of(j, PM_OP_GUEST_DELETE, have, "destroy-unreferenced-disks=0");

	return send_and_follow(p, j, &c, err);
}

int pm_pve_replicated(
	struct pm_pve *p, struct pm_job *j, unsigned vmid, bool *ret, struct pm_error *err)
{
	PM_CLEANUP(pm_json_putp) struct json_object *data = NULL;
	const struct pm_pve_call c = { .method = "GET", .path = "/cluster/replication" };
	bool found = false;
	int r = pm_pve_call(p, j, &c, &data, err);

	if (r < 0)
		return pm_error_wrap(err, "replication jobs");
	for (size_t i = 0;
		json_object_is_type(data, json_type_array) && i < json_object_array_length(data);
		i++) {
		struct json_object *row = json_object_array_get_idx(data, i);

		found |= pm_json_int(row, "guest", 0) == (int64_t)vmid;
	}
	*ret = found;
	return 0;
}

/* ---- addresses ---- */

/* Good for reaching the guest from elsewhere? */
static bool is_useful(const char *text)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, text, &four) == 1) {
		uint32_t a = ntohl(four.s_addr);

		return a >> 24 != 127 && a >> 16 != 0xa9fe && a != 0;
	}
	return inet_pton(AF_INET6, text, &six) == 1 && !IN6_IS_ADDR_LINKLOCAL(&six) &&
	       !IN6_IS_ADDR_LOOPBACK(&six) && !IN6_IS_ADDR_UNSPECIFIED(&six);
}

struct addresses {
	struct pm_arena *a;
	PM_VEC(const char *) v;
};

static void add_address(struct addresses *x, const char *text)
{
	const char *s = text ? pm_arena_strndup(x->a, text, strcspn(text, "/")) : "";

	if (!is_useful(s))
		return;
	for (size_t i = 0; i < x->v.n; i++) {
		if (strcmp(x->v.v[i], s) == 0)
			return;
	}
	pm_vec_push(&x->v, s);
}

static void add_static(struct addresses *x, const struct pm_obj *have)
{
	const struct pm_value *nets = have->spec ? &have->spec->val[PM_POD_INTERFACES] : NULL;

	for (size_t i = 0; nets && nets->state == PM_SET && i < nets->u.recs->n; i++) {
		add_address(x, pm_rec_str(nets->u.recs->v[i], PM_NET_IP, NULL));
		add_address(x, pm_rec_str(nets->u.recs->v[i], PM_NET_IP6, NULL));
	}
}

static void add_interface(struct addresses *x, struct json_object *row)
{
	struct json_object *list = pm_json_get(row, "ip-addresses");

	for (size_t i = 0;
		json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
		i++)
		add_address(x, pm_json_str(json_object_array_get_idx(list, i), "ip-address"));
	/* Before 8.4 there was one of each kind. */
	add_address(x, pm_json_str(row, "inet"));
	add_address(x, pm_json_str(row, "inet6"));
}

int pm_pve_addresses(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have,
	const struct pm_list **ret, struct pm_error *err)
{
	PM_CLEANUP(pm_json_putp) struct json_object *data = NULL;
	cleanup_buf struct pm_buf path = PM_BUF(1024);
	const struct pm_live *live = have->live;
	struct pm_pve_call c = { .method = "GET", .node = live->node };
	struct addresses x = { .a = j->arena };
	struct pm_list *list;
	int r;

	pm_op_guest_path(pm_op(PM_OP_CT_INTERFACES), live->node, live->type, live->vmid, &path);
	c.path = pm_buf_str(&path);
	r = pm_pve_call(p, j, &c, &data, err);
	if (r < 0)
		return pm_error_wrap(err, "addresses of %u", live->vmid);
	add_static(&x, have);
	for (size_t i = 0;
		json_object_is_type(data, json_type_array) && i < json_object_array_length(data);
		i++)
		add_interface(&x, json_object_array_get_idx(data, i));
	list = pm_new(j->arena, struct pm_list);
	list->n = x.v.n;
	list->v = pm_new_n(j->arena, const char *, x.v.n + 1);
	if (x.v.n > 0)
		memcpy(list->v, x.v.v, x.v.n * sizeof(*list->v));
	pm_vec_done(&x.v);
	*ret = list;
	return 0;
}
