/* Guests: their configuration as text, its digest, its rendered forms, and what PVE makes of values
 * before it stores them. */
#include "base/num.h"
#include "sim/sim_priv.h"

static size_t guest_place(const struct pm_sim *s, unsigned vmid)
{
	size_t lo = 0, hi = s->guests.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->guests.v[mid]->vmid < vmid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct sim_guest *pm_s_guest(const struct pm_sim *s, unsigned vmid)
{
	size_t i = guest_place(s, vmid);

	return i < s->guests.n && s->guests.v[i]->vmid == vmid ? s->guests.v[i] : NULL;
}

struct sim_guest *pm_s_guest_add(struct pm_sim *s, unsigned vmid, unsigned node, bool qemu)
{
	struct sim_guest *g = pm_xcalloc(1, sizeof(*g));
	size_t i = guest_place(s, vmid);

	g->vmid = vmid;
	g->node = node;
	g->qemu = qemu;
	pm_vec_room(&s->guests);
	memmove(&s->guests.v[i + 1], &s->guests.v[i], (s->guests.n - i) * sizeof(*s->guests.v));
	s->guests.v[i] = g;
	s->guests.n++;
	pm_s_guest_touch(s, g);
	return g;
}

void pm_s_changed(struct pm_sim *s)
{
	s->generation++;
	s->dirty = true;
}

void pm_s_guest_touch(struct pm_sim *s, struct sim_guest *g)
{
	for (size_t i = 0; i < PM_COUNT(g->seen); i++) {
		pm_sim_blob_put(g->seen[i]);
		g->seen[i] = NULL;
	}
	free(g->row);
	g->row = NULL;
	g->digest[0] = '\0';
	pm_s_changed(s);
}

void pm_s_snap_free(struct sim_snap *sn)
{
	free(sn->name);
	free(sn->parent);
	pm_s_conf_done(&sn->conf);
	free(sn);
}

void pm_s_guest_del(struct pm_sim *s, struct sim_guest *g)
{
	size_t i = guest_place(s, g->vmid);

	memmove(&s->guests.v[i], &s->guests.v[i + 1], (--s->guests.n - i) * sizeof(*s->guests.v));
	pm_s_guest_touch(s, g);
	pm_s_conf_done(&g->cur);
	pm_s_conf_done(&g->pend);
	pm_s_conf_done(&g->del);
	for (i = 0; i < g->snaps.n; i++)
		pm_s_snap_free(g->snaps.v[i]);
	for (i = 0; i < g->lxc.n; i++)
		free(g->lxc.v[i]);
	pm_vec_done(&g->snaps);
	pm_vec_done(&g->lxc);
	free(g->parent);
	free(g);
}

static char *missing(
	struct pm_arena *a, const struct pm_sim *s, unsigned node, unsigned vmid, bool qemu)
{
	return pm_arena_printf(a, "Configuration file 'nodes/%s/%s/%u.conf' does not exist",
		s->node[node].name, qemu ? "qemu-server" : "lxc", vmid);
}

struct sim_guest *pm_s_guest_for(struct sim_call *c)
{
	unsigned vmid = (unsigned)pm_s_arg_int(c, "vmid", 0);
	bool qemu = strstr(c->route->path, "/qemu/") != NULL;
	struct sim_guest *g = pm_s_guest(c->s, vmid);

	if (g && g->node == c->node && g->qemu == qemu)
		return g;
	pm_s_fail(c, 500, "%s", missing(c->a, c->s, c->node, vmid, qemu));
	return NULL;
}

const char *pm_s_guest_name(const struct sim_guest *g)
{
	return pm_s_conf_get(&g->cur, g->qemu ? "name" : "hostname");
}

int64_t pm_s_conf_int(const struct sim_conf *c, const char *k, int64_t otherwise)
{
	const char *v = pm_s_conf_get(c, k);
	int64_t i;

	return v && pm_parse_int(v, INT64_MIN / 2, INT64_MAX / 2, &i) == 0 ? i : otherwise;
}

int64_t pm_s_guest_disk(const struct sim_guest *g)
{
	const char *root = pm_s_conf_get(&g->cur, "rootfs");
	struct sim_conf p cleanup_conf = { 0 };
	const char *size;

	if (!root || !pm_s_props(&p, root, "volume"))
		return 0;
	size = pm_s_conf_get(&p, "size");
	return size && pm_s_parse_size(size) > 0 ? pm_s_parse_size(size) : INT64_C(4) << 30;
}

/* ---- digest: SHA-1 of the file as PVE would write it ---- */

static void write_text(struct pm_buf *b, const struct sim_conf *c)
{
	const char *text = pm_s_conf_get(c, "description");

	while (text && *text) {
		size_t n = strcspn(text, "\n");

		pm_buf_addf(b, "#%.*s\n", (int)n, text);
		text += n;
		text += *text == '\n';
	}
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].k, "description") != 0)
			pm_buf_addf(b, "%s: %s\n", c->v[i].k, c->v[i].v);
}

const char *pm_s_guest_digest(struct sim_guest *g)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);

	if (g->digest[0])
		return g->digest;
	write_text(&b, &g->cur);
	for (size_t i = 0; i < g->lxc.n; i++)
		pm_buf_addf(&b, "%s\n", g->lxc.v[i]);
	if (g->pend.n || g->del.n) {
		pm_buf_adds(&b, "\n[pve:pending]\n");
		for (size_t i = 0; i < g->del.n; i++)
			pm_buf_addf(&b, "delete: %s\n", g->del.v[i].k);
		write_text(&b, &g->pend);
	}
	for (size_t i = 0; i < g->snaps.n; i++) {
		pm_buf_addf(&b, "\n[%s]\nsnaptime: %lld\n", g->snaps.v[i]->name,
			(long long)g->snaps.v[i]->time);
		write_text(&b, &g->snaps.v[i]->conf);
	}
	pm_s_sha1(pm_buf_str(&b), b.len, g->digest);
	return g->digest;
}

/* ---- options ---- */

static const char *const lxc_options[] = { "arch", "cmode", "console", "cores", "cpulimit",
	"cpuunits", "debug", "description", "entrypoint", "env", "features", "hookscript",
	"hostname", "lock", "memory", "nameserver", "onboot", "ostype", "protection", "rootfs",
	"searchdomain", "startup", "swap", "tags", "template", "timezone", "tty", "unprivileged" };

static const char *const lxc_numbers[] = { "console", "cores", "cpuunits", "debug", "memory",
	"onboot", "protection", "swap", "template", "tty", "unprivileged" };

static const char *const qemu_numbers[] = { "acpi", "autostart", "balloon", "cores", "cpuunits",
	"freeze", "kvm", "localtime", "numa", "onboot", "protection", "reboot", "shares", "sockets",
	"tablet", "tdf", "template", "vcpus" };

static bool among(const char *k, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i], k))
			return true;
	return false;
}

bool pm_s_option_known(bool qemu, const char *k)
{
	if (qemu)
		return true;
	return among(k, lxc_options, PM_COUNT(lxc_options)) || pm_s_numbered(k, "net", 31) >= 0 ||
	       pm_s_numbered(k, "mp", 255) >= 0 || pm_s_numbered(k, "dev", 255) >= 0 ||
	       pm_s_numbered(k, "unused", 255) >= 0;
}

bool pm_s_option_number(bool qemu, const char *k)
{
	if (qemu)
		return among(k, qemu_numbers, PM_COUNT(qemu_numbers));
	return among(k, lxc_numbers, PM_COUNT(lxc_numbers));
}

/* ---- values as PVE stores them ---- */

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *pm_s_tags(const char *text)
{
	static const char separators[] = { ',', ';', ' ', '\t', '\n', SIM_NUL, 0 };
	PM_VEC(char *) all = { 0 };
	struct pm_buf out = PM_BUF(0);

	while (text && *text) {
		size_t n = strcspn(text, separators);

		if (n) {
			char *tag = pm_xcalloc(1, n + 1);

			for (size_t i = 0; i < n; i++)
				tag[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32)
									  : text[i];
			pm_vec_push(&all, tag);
		}
		text += n;
		text += *text != '\0';
	}
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), compare_text);
	for (size_t i = 0; i < all.n; i++)
		if (i == 0 || strcmp(all.v[i], all.v[i - 1]) != 0)
			pm_buf_addf(&out, "%s%s", out.len ? ";" : "", all.v[i]);
	for (size_t i = 0; i < all.n; i++)
		free(all.v[i]);
	pm_vec_done(&all);
	if (!out.len)
		pm_buf_addc(&out, ' ');
	return pm_buf_steal(&out);
}

char *pm_s_description(const char *text)
{
	struct pm_buf out = PM_BUF(0);
	size_t n = text ? strlen(text) : 0;

	while (n && text[n - 1] == '\n')
		n--;
	if (n && !(n == 1 && text[0] == '0')) {
		pm_buf_add(&out, text, n);
		pm_buf_addc(&out, '\n');
	}
	return pm_buf_steal(&out);
}

char *pm_s_mac(struct pm_sim *s)
{
	struct pm_buf out = PM_BUF(0);
	uint64_t r = pm_random_next(&s->rnd);

	pm_buf_addf(&out, "BC:24:11:%02X:%02X:%02X", (unsigned)(r & 255), (unsigned)(r >> 8 & 255),
		(unsigned)(r >> 16 & 255));
	return pm_buf_steal(&out);
}

char *pm_s_net(struct pm_sim *s, const char *text)
{
	struct sim_conf p cleanup_conf = { 0 };

	if (!pm_s_props(&p, text, NULL) || !pm_s_conf_get(&p, "name"))
		return NULL;
	if (!pm_s_conf_get(&p, "hwaddr")) {
		cleanup_free char *mac = pm_s_mac(s);

		pm_s_conf_set(&p, "hwaddr", mac);
	}
	if (!pm_s_conf_get(&p, "type"))
		pm_s_conf_set(&p, "type", "veth");
	return pm_s_props_text(&p, NULL, "name");
}

/* ---- volumes of a guest ---- */

bool pm_s_is_mount(const char *key)
{
	return !strcmp(key, "rootfs") || pm_s_numbered(key, "mp", 255) >= 0;
}

int64_t pm_s_new_size(const char *volume)
{
	const char *colon = strchr(volume, ':');
	double value = 0, place = 1;
	bool dot = false;

	if (!colon || !colon[1])
		return -1;
	for (const char *p = colon + 1; *p; p++) {
		if (*p == '.' && !dot && p > colon + 1)
			dot = true;
		else if (*p < '0' || *p > '9')
			return -1;
		else if (dot)
			value += (*p - '0') * (place /= 10);
		else
			value = value * 10 + (*p - '0');
	}
	return (int64_t)(value * 1024 * 1024) * 1024;
}

enum sim_source pm_s_source(const char *volume)
{
	if (!strncmp(volume, "/dev/", 5))
		return SIM_DEVICE;
	if (volume[0] == '/')
		return SIM_BIND;
	return pm_s_new_size(volume) >= 0 ? SIM_NEW : SIM_VOLUME;
}

static bool conf_uses(const struct sim_conf *c, const char *volid)
{
	size_t n = strlen(volid);

	for (size_t i = 0; i < c->n; i++) {
		const char *v = c->v[i].v;

		if (v && pm_s_is_mount(c->v[i].k) && !strncmp(v, volid, n) &&
			(!v[n] || v[n] == ','))
			return true;
	}
	return false;
}

bool pm_s_volume_used(const struct sim_guest *g, const char *volid)
{
	bool used = conf_uses(&g->cur, volid) || conf_uses(&g->pend, volid);

	for (size_t i = 0; i < g->snaps.n && !used; i++)
		used = conf_uses(&g->snaps.v[i]->conf, volid);
	return used;
}

void pm_s_unused_add(struct pm_sim *s, struct sim_guest *g, const char *volid)
{
	char key[16];

	(void)s;
	for (unsigned n = 0; n < 256; n++) {
		const char *v;

		(void)snprintf(key, sizeof(key), "unused%u", n);
		v = pm_s_conf_get(&g->cur, key);
		if (v && !strcmp(v, volid))
			return;
		if (!v) {
			pm_s_conf_set(&g->cur, key, volid);
			return;
		}
	}
}

/* A mount entry that is left: its volume stays as unused, unless something else still names it. */
static void leave(struct pm_sim *s, struct sim_guest *g, const char *value)
{
	struct sim_conf p cleanup_conf = { 0 };
	const char *volume;

	pm_s_props(&p, value, "volume");
	volume = pm_s_conf_get(&p, "volume");
	if (volume && pm_s_source(volume) == SIM_VOLUME && !pm_s_volume_used(g, volume))
		pm_s_unused_add(s, g, volume);
}

void pm_s_mount_apply(struct pm_sim *s, struct sim_guest *g, const char *key, const char *value)
{
	struct sim_conf p cleanup_conf = { 0 };
	const char *before = pm_s_conf_get(&g->cur, key);
	cleanup_free char *old = before ? pm_xstrdup(before) : NULL;
	cleanup_free char *text = NULL;
	const char *volume;
	struct sim_volume *v = NULL;

	pm_s_props(&p, value, "volume");
	volume = pm_s_conf_get(&p, "volume");
	if (!strcmp(key, "rootfs")) { /* written as it stands: PVE does not look at it */
		pm_s_conf_set(&g->cur, key, value);
	} else {
		if (pm_s_source(volume) == SIM_NEW) {
			char id[64];

			(void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(volume, ":"), volume);
			v = pm_s_volume_new(
				s, pm_s_storage(s, id), g->vmid, g->node, pm_s_new_size(volume));
			pm_s_conf_set(&p, "volume", v->volid);
		} else if (pm_s_source(volume) == SIM_VOLUME) {
			v = pm_s_volume(s, volume, (int)g->node);
		}
		if (v) {
			char size[32];

			pm_s_conf_set(&p, "size", pm_s_format_size(v->size, size));
		}
		text = pm_s_props_text(&p, "volume", "mp");
		pm_s_conf_set(&g->cur, key, text);
	}
	pm_s_conf_del(&g->pend, key);
	if (old && strcmp(key, "rootfs") != 0)
		leave(s, g, old);
}

void pm_s_apply_delete(struct pm_sim *s, struct sim_guest *g, const char *key)
{
	const char *value = pm_s_conf_get(&g->cur, key);
	cleanup_free char *old = value ? pm_xstrdup(value) : NULL;

	pm_s_conf_del(&g->cur, key);
	pm_s_conf_del(&g->del, key);
	if (old && pm_s_numbered(key, "mp", 255) >= 0)
		leave(s, g, old);
	else if (old && pm_s_numbered(key, "unused", 255) >= 0)
		pm_s_volume_del(s, old, (int)g->node);
}

void pm_s_apply_pending(struct pm_sim *s, struct sim_guest *g)
{
	if (!g->pend.n && !g->del.n)
		return;
	while (g->del.n) {
		cleanup_free char *key = pm_xstrdup(g->del.v[0].k);

		pm_s_apply_delete(s, g, key);
	}
	while (g->pend.n) {
		cleanup_free char *key = pm_xstrdup(g->pend.v[0].k);
		cleanup_free char *value = g->pend.v[0].v ? pm_xstrdup(g->pend.v[0].v) : NULL;

		if (pm_s_is_mount(key))
			pm_s_mount_apply(s, g, key, value);
		else if (value && *value)
			pm_s_conf_set(&g->cur, key, value);
		else
			pm_s_conf_del(&g->cur, key);
		pm_s_conf_del(&g->pend, key);
	}
	pm_s_guest_touch(s, g);
}

/* ---- locks ---- */

bool pm_s_lock_now(struct sim_call *c, struct sim_guest *g)
{
	struct pm_sim *s = c->s;
	uint64_t give_up = c->q->first_ns + 10 * PM_S_NS, at;

	if (!g->holder && g->held_until_ns <= s->now_ns)
		return true;
	if (s->now_ns >= give_up) {
		pm_s_fail(c, 500,
			"can't lock file '/run/lock/lxc/pve-config-%u.lock' - got timeout",
			g->vmid);
		return false;
	}
	at = g->holder ? g->holder->due_ns : g->held_until_ns;
	if (at <= s->now_ns)
		at = s->now_ns + PM_MS_NS;
	pm_s_again(c, at < give_up ? at : give_up);
	return false;
}

bool pm_s_locked(struct sim_call *c, const struct sim_guest *g)
{
	const char *lock = pm_s_conf_get(&g->cur, "lock");

	if (lock)
		pm_s_fail(c, 500, "%s is locked (%s)", g->qemu ? "VM" : "CT", lock);
	return lock != NULL;
}

bool pm_s_can_write(struct sim_call *c, const struct sim_guest *g)
{
	if (pm_s_quorate(c->s))
		return true;
	pm_s_fail(c, 500,
		"unable to open file '/etc/pve/nodes/%s/lxc/%u.conf.tmp.%u' - Permission denied",
		c->s->node[g->node].name, g->vmid, c->s->next_pid);
	return false;
}
