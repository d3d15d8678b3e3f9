/* PUT and POST of a virtual machine's configuration: what is asked is written as pending, then brought
 * into force as far as that is possible now. PUT does it in the call, POST in a task. */
#include "base/num.h"
#include "sim/qemu_priv.h"

static void change_done(struct sim_change *ch)
{
	pm_s_conf_done(&ch->set);
	pm_s_conf_done(&ch->gone);
	pm_s_conf_done(&ch->back);
	pm_s_conf_done(&ch->modified);
	pm_s_conf_done(&ch->errors);
	free(ch->why);
}

#define cleanup_change PM_CLEANUP(change_done)

#define SEPARATORS ",; "

/* ---- the boot order follows the drives ---- */

/* The order without a device (`with` false), or with it at its end; NULL: it stays as it is. */
static char *boot_order(const struct sim_guest *g, const char *key, bool with)
{
	const char *now = pm_s_conf_get(&g->pend, "boot");
	struct pm_buf b = PM_BUF(0);
	bool found = false;

	if (!now)
		now = pm_s_conf_get(&g->cur, "boot");
	if (!now || strncmp(now, "order=", 6) != 0)
		return NULL;
	for (const char *p = now + 6; *p;) {
		size_t n = strcspn(p, ";, ");
		bool it = strlen(key) == n && !strncmp(key, p, n);

		found |= it;
		if (n && !(it && !with))
			pm_buf_addf(&b, "%s%.*s", b.len ? ";" : "order=", (int)n, p);
		p += n;
		p += *p != '\0';
	}
	if (found == with) {
		pm_buf_done(&b);
		return NULL;
	}
	if (with)
		pm_buf_addf(&b, "%s%s", b.len ? ";" : "order=", key);
	if (!b.len)
		pm_buf_addc(&b, ' ');
	return pm_buf_steal(&b);
}

static void boot_follows(struct sim_change *ch, const char *key, bool with)
{
	cleanup_free char *order = boot_order(ch->g, key, with);

	if (!order || pm_s_conf_has(&ch->set, "boot"))
		return;
	pm_s_conf_set(&ch->g->pend, "boot", order);
	pm_s_conf_set(&ch->modified, "boot", NULL);
}

static void check_boot(struct sim_change *ch, const char *value)
{
	if (strncmp(value, "order=", 6) != 0)
		return;
	for (const char *p = value + 6; *p;) {
		size_t n = strcspn(p, ";, ");
		char key[32];

		(void)snprintf(key, sizeof(key), "%.*s", (int)n, p);
		if (n && ((!pm_s_conf_has(&ch->g->cur, key) && !pm_s_conf_has(&ch->g->pend, key) &&
				  !pm_s_conf_has(&ch->set, key)) ||
				 pm_s_conf_has(&ch->gone, key)))
			pm_s_because(
				&ch->why, "invalid bootorder: device '%s' does not exist'", key);
		p += n;
		p += *p != '\0';
	}
}

/* ---- removals ---- */

static bool protect(struct sim_change *ch, const char *what, const char *name)
{
	if (pm_s_true(pm_s_conf_get(&ch->g->cur, "protection")))
		pm_s_because(
			&ch->why, "can't remove %s '%s' - protection mode enabled", what, name);
	return ch->why != NULL;
}

static void drop_volume(struct sim_change *ch, const char *k, const char *volid)
{
	cleanup_free char *copy = pm_xstrdup(volid);

	if (protect(ch, strcmp(k, "vmstate") != 0 ? "unused disk" : "vmstate", copy))
		return;
	if (strcmp(k, "vmstate") != 0 && pm_s_volume_used(ch->g, copy)) {
		pm_s_because(&ch->why, "unable to delete '%s' - volume is still in use (snapshot?)",
			copy);
		return;
	}
	pm_s_conf_del(&ch->g->cur, k);
	if (pm_s_volume_owner(strchr(copy, ':') ? strchr(copy, ':') + 1 : "") == ch->g->vmid)
		pm_s_volume_del(ch->s, copy, (int)ch->g->node);
}

/* A drive that never came into force leaves its volume. */
static void forget_pending(struct sim_change *ch, const char *k)
{
	const char *value = pm_s_conf_get(&ch->g->pend, k);
	cleanup_free char *volid = pm_s_volume_at(&ch->g->pend, k);
	bool cdrom = value && pm_s_is_cdrom(value), ci = value && pm_s_is_cloudinit(value);

	pm_s_conf_del(&ch->g->pend, k);
	if (!volid || pm_s_volume_used(ch->g, volid))
		return;
	if (ci)
		pm_s_volume_del(ch->s, volid, (int)ch->g->node);
	else if (!cdrom)
		pm_s_unused_add(ch->s, ch->g, volid);
}

static void remove_key(struct sim_change *ch, const char *k)
{
	struct sim_guest *g = ch->g;
	const char *now = pm_s_conf_get(&g->cur, k);

	if (!now)
		now = pm_s_conf_get(&g->pend, k);
	if (!now) {
		pm_s_note(ch->log, "cannot delete '%s' - not set in current configuration!", k);
		return;
	}
	pm_s_conf_set(&ch->modified, k, NULL);
	if (pm_s_is_drive(k) && protect(ch, "drive", k))
		return;
	boot_follows(ch, k, false);
	if (pm_s_numbered(k, "unused", 255) >= 0 || !strcmp(k, "vmstate")) {
		drop_volume(ch, k, now);
	} else if (!strcmp(k, "tags")) {
		pm_s_conf_del(&g->cur, k);
		pm_s_conf_del(&g->pend, k);
	} else {
		forget_pending(ch, k);
		pm_s_conf_set(&g->del, k, ch->force ? "force" : NULL);
	}
}

/* ---- settings ---- */

static void set_drive(struct sim_change *ch, const char *k, const char *v)
{
	struct sim_making m = {
		.s = ch->s, .vmid = ch->g->vmid, .node = ch->g->node, .log = ch->log
	};
	cleanup_free char *text = NULL;

	forget_pending(ch, k);
	text = pm_s_drive_make(&m, k, v);
	if (text) {
		pm_s_conf_set(&ch->g->pend, k, text);
		if (pm_s_is_cdrom(text))
			boot_follows(ch, k, true);
	} else {
		pm_s_because(&ch->why, "%s", m.why ? m.why : "the drive could not be made");
		pm_s_drive_unmake(&m);
	}
	pm_s_making_done(&m);
}

/* What crypt() would make of a password: of that form, not that value. */
static char *hashed(struct pm_sim *s, const char *password)
{
	struct pm_buf b = PM_BUF(0);
	char salt[9], sum[41];

	if (password[0] == '$')
		return pm_xstrdup(password);
	pm_s_random_hex(s, salt, 8, false);
	pm_buf_addf(&b, "%s%s", salt, password);
	pm_s_sha1(b.p, b.len, sum);
	pm_buf_clear(&b);
	pm_buf_addf(&b, "$5$%s$%s", salt, sum);
	return pm_buf_steal(&b);
}

static void set_key(struct sim_change *ch, const char *k, const char *v)
{
	struct sim_guest *g = ch->g;
	const char *pending = pm_s_conf_get(&g->pend, k);

	pm_s_conf_set(&ch->modified, k, NULL);
	if (pending && !strcmp(pending, v))
		return;
	if (pm_s_is_drive(k)) {
		set_drive(ch, k, v);
	} else if (!strcmp(k, "cipassword")) {
		cleanup_free char *text = hashed(ch->s, v);

		pm_s_vm_apply(ch->s, g, k, text);
	} else if (!strcmp(k, "tags")) {
		cleanup_free char *tags = pm_s_tags(v);

		pm_s_conf_set(&g->pend, k, tags);
	} else {
		pm_s_conf_set(&g->pend, k, v);
		if (!strcmp(k, "boot"))
			check_boot(ch, v);
	}
	pm_s_conf_del(&g->del, k);
}

/* Settings in force come back, those that are only pending go. */
static void take_back(struct sim_change *ch)
{
	for (size_t i = 0; i < ch->back.n; i++) {
		const char *k = ch->back.v[i].k;

		if (!pm_s_conf_has(&ch->g->pend, k) && !pm_s_conf_has(&ch->g->del, k))
			continue;
		forget_pending(ch, k);
		pm_s_conf_del(&ch->g->del, k);
	}
}

static void check_balloon(struct sim_change *ch)
{
	const struct sim_conf *from[] = { &ch->set, &ch->g->pend, &ch->g->cur };
	struct sim_conf view cleanup_conf = { 0 };
	const char *keys[] = { "memory", "balloon" };

	if (!pm_s_conf_has(&ch->set, "memory") && !pm_s_conf_has(&ch->set, "balloon"))
		return;
	for (size_t k = 0; k < PM_COUNT(keys); k++)
		for (size_t i = 0; i < PM_COUNT(from) && !pm_s_conf_get(&view, keys[k]); i++)
			if (pm_s_conf_get(from[i], keys[k]))
				pm_s_conf_set(&view, keys[k], pm_s_conf_get(from[i], keys[k]));
	if (pm_s_conf_int(&view, "balloon", 0) > pm_s_vm_memory(&view))
		pm_s_because(
			&ch->why, "balloon value too large (must be smaller than assigned memory)");
}

/* Nothing comes into force after a failure, but what was written until then stays pending: PVE writes
 * the file key by key. */
static void change(struct sim_change *ch)
{
	struct sim_guest *g = ch->g;

	check_balloon(ch);
	if (!ch->why)
		take_back(ch);
	for (const char *key = ch->order; key && *key && !ch->why;) {
		size_t n = strcspn(key, SEPARATORS);
		char k[64];

		(void)snprintf(k, sizeof(k), "%.*s", (int)n, key);
		if (n > 0)
			remove_key(ch, k);
		key += n;
		key += *key != '\0';
	}
	for (size_t i = 0; i < ch->set.n && !ch->why; i++)
		set_key(ch, ch->set.v[i].k, ch->set.v[i].v ? ch->set.v[i].v : "");
	if (!ch->why) {
		pm_s_pending_cleanup(g);
		if (g->running)
			pm_s_vm_hotplug(ch);
		else
			pm_s_apply_pending(ch->s, g);
	}
	pm_s_guest_touch(ch->s, g);
}

char *pm_s_vm_put(struct pm_sim *s, struct sim_guest *g, const char *key, const char *value,
	struct pm_buf *log)
{
	struct sim_change ch cleanup_change = { .s = s, .g = g, .log = log };
	char *why;

	pm_s_conf_set(&ch.set, key, value);
	change(&ch);
	if (!ch.why && ch.errors.n > 0)
		pm_s_because(&ch.why, "%s", ch.errors.v[0].v);
	why = ch.why;
	ch.why = NULL;
	return why;
}

void pm_s_vm_boot_without(struct sim_guest *g, const char *key)
{
	cleanup_free char *order = boot_order(g, key, false);

	if (order)
		pm_s_conf_set(&g->cur, "boot", order);
}

/* ---- the call ---- */

static bool not_config(const char *k)
{
	static const char *const keys[] = { "node", "vmid", "digest", "skiplock", "force", "delete",
		"revert", "background_delay", "skip_cloud_init", "import-working-storage",
		"archive", "bwlimit", "ha-managed", "live-restore", "pool", "start", "storage",
		"unique", "idlist" };

	for (size_t i = 0; i < PM_COUNT(keys); i++)
		if (!strcmp(keys[i], k))
			return true;
	return false;
}

static char *drive_given(const char *v)
{
	struct sim_conf p cleanup_conf = { 0 };
	const char *file;

	pm_s_props(&p, v, "file");
	if (pm_s_conf_get(&p, "volume")) {
		pm_s_conf_set(&p, "file", pm_s_conf_get(&p, "volume"));
		pm_s_conf_del(&p, "volume");
	}
	pm_s_vm_plain(&p);
	file = pm_s_conf_get(&p, "file");
	if (file && (!strcmp(file, "none") || !strcmp(file, "cdrom")) &&
		!pm_s_conf_get(&p, "media"))
		pm_s_conf_set(&p, "media", "cdrom");
	return pm_s_props_text(&p, "file", NULL);
}

static char *value_given(struct sim_call *c, const char *k, const char *v)
{
	if (pm_s_is_drive(k))
		return drive_given(v);
	if (pm_s_numbered(k, "net", 31) >= 0)
		return pm_s_vm_net(c->s, v);
	if (!strcmp(k, "vmgenid") && !strcmp(v, "1"))
		return pm_s_uuid(c->s);
	if (!strcmp(k, "description"))
		return pm_s_guest_text(v, true);
	return pm_xstrdup(v);
}

static bool value_fine(struct sim_call *c, const char *k, const char *v)
{
	if (!strcmp(k, "sshkeys"))
		return pm_s_ssh_keys_fine(c, pm_s_unescape(c->a, v, strlen(v), false));
	if (!strcmp(k, "hookscript") && *v && !pm_s_volume(c->s, v, (int)c->node)) {
		pm_s_bad(c, k, "script '%s' does not exist\n", v);
		return false;
	}
	return true;
}

bool pm_s_vm_settings(struct sim_call *c, struct sim_conf *set)
{
	for (size_t i = 0; i < c->p.n; i++) {
		const char *k = c->p.v[i].k, *v = c->p.v[i].v ? c->p.v[i].v : "";
		cleanup_free char *text = NULL;

		if (c->p.v[i].path || not_config(k) || !pm_s_option_known(c->s, true, k))
			continue;
		if (!value_fine(c, k, v))
			return false;
		if (!strcmp(k, "cdrom"))
			k = "ide2";
		text = value_given(c, k, v);
		pm_s_conf_set(set, k, text);
	}
	return true;
}

static bool nothing(const struct sim_change *ch)
{
	return !ch->set.n && !ch->gone.n && !ch->back.n;
}

static bool checksum(struct sim_call *c, struct sim_guest *g)
{
	const char *digest = pm_s_arg(c, "digest");

	if (!digest || !strcmp(digest, pm_s_guest_digest(g)))
		return true;
	pm_s_fail(c, 500, "checksum mismatch (file change by other user?)");
	return false;
}

/* Reads and checks what is asked; false: answered. */
static bool take_change(struct sim_call *c, struct sim_change *ch)
{
	unsigned vmid = (unsigned)pm_s_arg_int(c, "vmid", 0);
	const char *delete = strstr(c->route->path, "/unlink") ? "idlist" : "delete";

	ch->s = c->s;
	ch->force = pm_s_arg_true(c, "force");
	if (!pm_s_root_option(c, "skiplock") || !pm_s_vm_settings(c, &ch->set) ||
		!pm_s_take_list(c, "revert", &ch->back) || !pm_s_take_list(c, delete, &ch->gone))
		return false;
	if (nothing(ch)) {
		pm_s_fail(c, 500, "no options specified");
		return false;
	}
	if (!pm_s_vm_may(c, vmid, NULL, &ch->set, &ch->gone) || !pm_s_vm_storages(c, &ch->set))
		return false;
	ch->order = pm_s_arg(c, delete);
	ch->g = pm_s_guest_for(c);
	return ch->g && checksum(c, ch->g) &&
	       (pm_s_arg_true(c, "skiplock") || !pm_s_locked(c, ch->g));
}

void pm_s_vm_config_put(struct sim_call *c)
{
	struct sim_change ch cleanup_change = { 0 };

	if (!take_change(c, &ch) || !pm_s_lock_now(c, ch.g) || !pm_s_can_write(c, ch.g))
		return;
	change(&ch);
	if (ch.why)
		pm_s_fail(c, 500, "%s", ch.why);
	for (size_t i = 0; i < ch.errors.n; i++)
		pm_s_bad(c, ch.errors.v[i].k, "%s", ch.errors.v[i].v);
}

void pm_s_vm_unlink(struct sim_call *c)
{
	pm_s_vm_config_put(c);
}

/* ---- as a task ---- */

static void keys_of(const struct sim_task *t, const char *what, struct sim_conf *keys)
{
	const char *p = pm_s_task_get(t, what);

	while (p && *p) {
		size_t n = strcspn(p, SEPARATORS);
		char key[64];

		(void)snprintf(key, sizeof(key), "%.*s", (int)n, p);
		if (n > 0)
			pm_s_conf_set(keys, key, NULL);
		p += n;
		p += *p != '\0';
	}
}

static void task_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_change ch cleanup_change = { .s = s, .log = &t->log };
	const char *digest = pm_s_task_get(t, ".digest");

	ch.g = pm_s_guest_free(s, t);
	if (!ch.g)
		return;
	if (digest && strcmp(digest, pm_s_guest_digest(ch.g)) != 0) {
		pm_s_task_fail(t, "checksum mismatch (file change by other user?)");
		return;
	}
	ch.force = pm_s_task_get(t, ".force") != NULL;
	ch.order = pm_s_task_get(t, ".delete");
	keys_of(t, ".delete", &ch.gone);
	keys_of(t, ".revert", &ch.back);
	for (size_t i = 0; i < t->args.n; i++)
		if (t->args.v[i].k[0] != '.' && strcmp(t->args.v[i].k, "skiplock") != 0)
			pm_s_conf_set(&ch.set, t->args.v[i].k, t->args.v[i].v);
	pm_s_task_log(t, "update VM %u: %s", t->vmid, pm_s_task_get(t, ".words"));
	change(&ch);
	if (ch.why)
		pm_s_task_fail(t, "%s", ch.why);
	else if (ch.errors.n)
		pm_s_task_fail(t, "Parameter verification failed.  %s: %s", ch.errors.v[0].k,
			ch.errors.v[0].v);
}

/* The words of the call as PVE writes them into the log. */
static void note_words(struct sim_call *c, struct sim_task *t)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);
	struct sim_conf sorted cleanup_conf = { 0 };

	for (size_t i = 0; i < c->p.n; i++)
		if (!c->p.v[i].path && strcmp(c->p.v[i].k, "digest") != 0 &&
			strcmp(c->p.v[i].k, "background_delay") != 0)
			pm_s_conf_set(&sorted, c->p.v[i].k, c->p.v[i].v);
	for (size_t i = 0; i < sorted.n; i++)
		pm_buf_addf(&b, "%s-%s %s", i ? " " : "", sorted.v[i].k,
			!strcmp(sorted.v[i].k, "cipassword") ? "<hidden>"
			: sorted.v[i].v                      ? sorted.v[i].v
							     : "");
	pm_s_task_arg(t, ".words", pm_buf_str(&b));
}

static void note_keys(struct sim_task *t, const char *what, const struct sim_conf *keys)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);

	for (size_t i = 0; i < keys->n; i++)
		pm_buf_addf(&b, "%s%s", i ? "," : "", keys->v[i].k);
	if (b.len)
		pm_s_task_arg(t, what, pm_buf_str(&b));
}

/* Who gives a delay that is long enough gets null, or the error, at the task's end. */
static void wait_for(struct sim_call *c, struct sim_task *t, int64_t delay_ms)
{
	int64_t ms = c->s->o.task_ms > 0 ? c->s->o.task_ms : 0;

	if (ms > delay_ms || t->state != SIM_RUNNING) {
		pm_jw_str(&c->w, "data", t->upid);
		return;
	}
	t->due_ns = c->s->now_ns;
	pm_s_tasks_advance(c->s);
	c->r->delay_ns = (uint64_t)ms * PM_MS_NS;
	if (t->fails)
		pm_s_fail(c, 500, "failed to update VM %u: %s", t->vmid, t->fails);
	else
		pm_jw_raw(&c->w, "data", "null");
}

void pm_s_vm_config_post(struct sim_call *c)
{
	struct sim_change ch cleanup_change = { 0 };
	int64_t delay = pm_s_arg_int(c, "background_delay", 0);
	struct sim_task *t;

	if (!take_change(c, &ch) || !pm_s_can_write(c, ch.g))
		return;
	t = pm_s_guest_task(c, "qmconfig");
	t->end = task_end;
	for (size_t i = 0; i < ch.set.n; i++)
		pm_s_task_arg(t, ch.set.v[i].k, ch.set.v[i].v);
	pm_s_task_arg(t, ".delete", ch.order);
	note_keys(t, ".revert", &ch.back);
	note_words(c, t);
	pm_s_task_arg(t, ".digest", pm_s_arg(c, "digest"));
	pm_s_task_arg(t, ".force", ch.force ? "1" : NULL);
	pm_s_task_start(c->s, t);
	if (delay > 0)
		wait_for(c, t, delay * 1000);
	else
		pm_jw_str(&c->w, "data", t->upid);
}
