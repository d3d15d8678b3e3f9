/* What the calls about one guest share, container or virtual machine: finding it, its tasks, its locks. */
#include "sim/lxc_priv.h"
#include "sim/qemu_priv.h"

bool pm_s_for_vm(const struct sim_call *c)
{
	return strstr(c->route->path, "/qemu") != NULL;
}

const char *pm_s_kind(bool qemu)
{
	return qemu ? "VM" : "CT";
}

static const char *file_of(
	const struct pm_sim *s, unsigned node, unsigned vmid, bool qemu, char out[SIM_FILE])
{
	(void)snprintf(out, SIM_FILE, "nodes/%s/%s/%u.conf", s->node[node].name,
		qemu ? "qemu-server" : "lxc", vmid);
	return out;
}

struct sim_guest *pm_s_guest_here(const struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest(c->s, (unsigned)pm_s_arg_int(c, "vmid", 0));

	return g && g->node == c->node && g->qemu == pm_s_for_vm(c) ? g : NULL;
}

struct sim_guest *pm_s_guest_for(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_here(c);
	char file[SIM_FILE];

	if (!g)
		pm_s_fail(c, 500, "Configuration file '%s' does not exist",
			file_of(c->s, c->node, (unsigned)pm_s_arg_int(c, "vmid", 0), pm_s_for_vm(c),
				file));
	return g;
}

/* ---- lists ---- */

void pm_s_write_subdirs(struct sim_call *c, const char *names)
{
	pm_jw_array(&c->w, "data");
	while (*names) {
		size_t n = strcspn(names, " ");

		pm_jw_object(&c->w, NULL);
		pm_jw_strn(&c->w, "subdir", names, n);
		pm_jw_object_end(&c->w);
		names += n;
		names += *names == ' ';
	}
	pm_jw_array_end(&c->w);
}

void pm_s_guests_write(struct sim_call *c, bool qemu,
	void (*write)(struct sim_call *c, const struct sim_guest *g, bool full), bool full)
{
	uint64_t audit = pm_s_priv("VM.Audit");
	bool all = pm_s_is_root(c);

	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < c->s->guests.n; i++) {
		const struct sim_guest *g = c->s->guests.v[i];

		if (g->qemu != qemu || g->node != c->node ||
			(!all && !pm_s_may(c, pm_arena_printf(c->a, "/vms/%u", g->vmid), audit)))
			continue;
		pm_jw_object(&c->w, NULL);
		write(c, g, full);
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

void pm_s_process_write(struct sim_call *c, const struct sim_guest *g, const char *pressure)
{
	static const char *const names[] = { "pressurecpufull", "pressurecpusome", "pressureiofull",
		"pressureiosome", "pressurememoryfull", "pressurememorysome" };

	pm_jw_int(&c->w, "uptime",
		g->running ? (int64_t)((c->s->now_ns - g->started_ns) / PM_S_NS) : 0);
	if (!g->running)
		return;
	pm_jw_int(&c->w, "pid", 1000 + g->vmid);
	for (size_t i = 0; i < PM_COUNT(names); i++) {
		if (pressure)
			pm_jw_str(&c->w, names[i], pressure);
		else
			pm_jw_int(&c->w, names[i], 0);
	}
}

void pm_s_guest_ha_write(struct sim_call *c, const struct sim_guest *g)
{
	const struct sim_object *ha = pm_s_object(
		c->s, "ha", pm_arena_printf(c->a, "%s:%u", g->qemu ? "vm" : "ct", g->vmid));

	pm_jw_object(&c->w, "ha");
	pm_jw_int(&c->w, "managed", ha != NULL);
	if (ha)
		pm_jw_raw(&c->w, "state", "null");
	pm_jw_object_end(&c->w);
}

/* ---- tasks ---- */

struct sim_task *pm_s_guest_task(struct sim_call *c, const char *type)
{
	unsigned vmid = (unsigned)pm_s_arg_int(c, "vmid", 0);
	struct sim_task *t = pm_s_task(c, type, pm_arena_printf(c->a, "%u", vmid), vmid);

	t->qemu = pm_s_for_vm(c);
	if (pm_s_arg_true(c, "skiplock"))
		pm_s_task_arg(t, "skiplock", "1");
	return t;
}

struct sim_guest *pm_s_guest_of(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);
	char file[SIM_FILE];

	if (g && g->node == t->node && g->qemu == t->qemu)
		return g;
	pm_s_task_fail(t, "Configuration file '%s' does not exist",
		file_of(s, t->node, t->vmid, t->qemu, file));
	return NULL;
}

struct sim_guest *pm_s_guest_free(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_of(s, t);
	const char *lock = g ? pm_s_conf_get(&g->cur, "lock") : NULL;

	if (!lock || pm_s_task_get(t, "skiplock"))
		return g;
	pm_s_task_fail(t, "%s is locked (%s)", pm_s_kind(t->qemu), lock);
	return NULL;
}

void pm_s_guest_mark(struct pm_sim *s, struct sim_guest *g, const char *lock)
{
	if (lock)
		pm_s_conf_set(&g->cur, "lock", lock);
	else
		pm_s_conf_del(&g->cur, "lock");
	pm_s_guest_touch(s, g);
}

void pm_s_guest_unmark(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);

	if (g)
		pm_s_guest_mark(s, g, NULL);
}

/* The HA manager is only told what is wanted; it does so in its own time. */
void pm_s_ask_ha(struct sim_call *c, struct sim_guest *g, const char *type, const char *state)
{
	struct sim_task *t = pm_s_task(c, type, pm_arena_printf(c->a, "%u", g->vmid), 0);

	pm_s_task_log(t, "Requesting HA %s for %s %u", type + 2, pm_s_kind(g->qemu), g->vmid);
	pm_s_conf_set(&pm_s_ha_managed(c->s, g)->conf, "state", state);
	pm_s_task_go(c, t);
}

void pm_s_overrule(struct sim_call *c, struct sim_task *t, const char *type)
{
	for (size_t i = c->s->running.n; i-- > 0;) {
		struct sim_task *other = c->s->running.v[i];

		if (other->vmid == t->vmid && !strcmp(other->type, type)) {
			pm_s_task_log(t, "overruled %s tasks: %s", type, other->upid);
			pm_s_task_cancel(c->s, other);
		}
	}
}

const char *pm_s_boot(struct pm_sim *s, struct sim_guest *g, struct sim_task *t)
{
	return g->qemu ? pm_s_vm_boot(s, g, t) : pm_s_lxc_boot(s, g, t);
}

void pm_s_halt(struct pm_sim *s, struct sim_guest *g)
{
	g->running = g->paused = false;
	pm_s_guest_touch(s, g);
	pm_s_apply_pending(s, g);
}

bool pm_s_quorum_for_guest(struct sim_call *c)
{
	if (!pm_s_quorate(c->s))
		pm_s_fail(c, 500, "cluster not ready - no quorum?");
	return !c->failed;
}

bool pm_s_root_option(struct sim_call *c, const char *option)
{
	if (!pm_s_arg_true(c, option) || pm_s_is_root(c))
		return true;
	pm_s_bad(c, option, "Only root may use this option.");
	return false;
}

bool pm_s_same_digest(struct sim_call *c, struct sim_guest *g)
{
	const char *digest = pm_s_arg(c, "digest");

	if (!digest || !strcmp(digest, pm_s_guest_digest(g)))
		return true;
	pm_s_fail(
		c, 500, "detected modified configuration - file changed by other user? Try again.");
	return false;
}

bool pm_s_ssh_keys_fine(struct sim_call *c, const char *line)
{
	static const char *const kinds[] = { "ssh-ed25519 ", "ssh-rsa ", "ssh-dss ", "ecdsa-sha2-",
		"sk-ssh-ed25519", "sk-ecdsa-" };

	while (line && *line) {
		bool fine = *line == '#' || *line == '\n' || strstr(line, " ssh-");

		for (size_t i = 0; i < PM_COUNT(kinds); i++)
			fine |= !strncmp(line, kinds[i], strlen(kinds[i]));
		if (!fine) {
			pm_s_fail(c, 500, "SSH public key validation error");
			return false;
		}
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return true;
}

/* ---- locks ---- */

const char *pm_s_lock_file(const struct sim_guest *g, char out[SIM_FILE])
{
	(void)snprintf(out, SIM_FILE,
		g->qemu ? "/var/lock/qemu-server/lock-%u.conf" : "/run/lock/lxc/pve-config-%u.lock",
		g->vmid);
	return out;
}

bool pm_s_lock_now(struct sim_call *c, struct sim_guest *g)
{
	struct pm_sim *s = c->s;
	uint64_t give_up = c->q->first_ns + 10 * PM_S_NS, at;
	char file[SIM_FILE];

	if (!g->holder && g->held_until_ns <= s->now_ns)
		return true;
	if (s->now_ns >= give_up) {
		pm_s_fail(c, 500, "can't lock file '%s' - got timeout", pm_s_lock_file(g, file));
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
		pm_s_fail(c, 500, "%s is locked (%s)", pm_s_kind(g->qemu), lock);
	return lock != NULL;
}

bool pm_s_can_write(struct sim_call *c, const struct sim_guest *g)
{
	char file[SIM_FILE];

	if (pm_s_quorate(c->s))
		return true;
	pm_s_fail(c, 500, "unable to open file '/etc/pve/%s.tmp.%u' - Permission denied",
		file_of(c->s, g->node, g->vmid, g->qemu, file), c->s->next_pid);
	return false;
}
