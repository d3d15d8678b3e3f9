/* Finds the configuration, has it read, and fills in what depends on who runs us and where. */
#include <errno.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "recon/recon.h"

#define AUDIT_ROTATE (64 * PM_MIB)

static const char *const places[] = { "podmox.yaml", "/etc/podmox/podmox.yaml" };

/* ---- which file ---- */

static bool is_there(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

static int find(const char *given, const char **ret, struct pm_error *err)
{
	const char *env = secure_getenv("PODMOX_CONFIG");

	*ret = given ? given : env && env[0] != '\0' ? env : NULL;
	for (size_t i = 0; !*ret && i < PM_COUNT(places); i++) {
		if (is_there(places[i]))
			*ret = places[i];
	}
	if (*ret)
		return 0;
	return pm_error_set(err, PM_E_INPUT,
		"there is no configuration: neither ./podmox.yaml nor /etc/podmox/podmox.yaml; make "
		"one, or name it with -c or $PODMOX_CONFIG");
}

static const char *dir_of(struct pm_arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return ".";
	return slash == path ? "/" : pm_arena_strndup(a, path, (size_t)(slash - path));
}

/* ---- defaults ---- */

/* The folder that systemd has made for a service. */
static const char *service_dir(const char *variable)
{
	const char *dir = secure_getenv(variable);

	return dir && dir[0] == '/' && !strchr(dir, ':') ? dir : NULL;
}

/* Where state of this user belongs: what systemd gives a service, the service's place for root, the XDG one
 * otherwise. */
static const char *state_dir(struct pm_arena *a, const char *variable, const char *for_root)
{
	const char *xdg = secure_getenv("XDG_STATE_HOME");
	const char *home = secure_getenv("HOME");

	if (service_dir(variable))
		return pm_arena_strdup(a, service_dir(variable));
	if (geteuid() == 0)
		return for_root;
	if (xdg && xdg[0] == '/')
		return pm_arena_printf(a, "%s/podmox", xdg);
	if (home && home[0] == '/')
		return pm_arena_printf(a, "%s/.local/state/podmox", home);
	return NULL;
}

/* Where the daemon of a set listens: daemons of several sets may run side by side. */
static const char *socket_of(const struct pm_config *c)
{
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	const char *service = service_dir("RUNTIME_DIRECTORY"), *state;

	if (service || geteuid() == 0)
		return pm_arena_printf(
			c->arena, "%s/%s.sock", service ? service : "/run/podmox", c->set);
	if (runtime && runtime[0] == '/')
		return pm_arena_printf(c->arena, "%s/podmox/%s.sock", runtime, c->set);
	state = state_dir(c->arena, "STATE_DIRECTORY", NULL);
	return state ? pm_arena_printf(c->arena, "%s/%s.sock", state, c->set) : NULL;
}

static const char *absolute(struct pm_config *c, const char *path)
{
	return path[0] == '/' ? path : pm_arena_printf(c->arena, "%s/%s", c->dir, path);
}

static int fill_in_paths(struct pm_config *c, struct pm_error *err)
{
	const char *audit = pm_rec_str(c->rec, PM_CONFIG_AUDIT_FILE, NULL);
	const char *journal = pm_rec_str(c->rec, PM_CONFIG_JOURNAL_DIR, NULL);
	const char *socket = pm_rec_str(c->rec, PM_CONFIG_AGENT_SOCKET, NULL);
	const char *log_dir = state_dir(c->arena, "LOGS_DIRECTORY", "/var/log/podmox");
	const char *lib_dir = state_dir(c->arena, "STATE_DIRECTORY", "/var/lib/podmox");

	if ((!audit && !log_dir) || (!journal && !lib_dir))
		return pm_error_set(err, PM_E_INPUT,
			"there is no place for the journal and the audit log: set HOME, or audit.file "
			"and journal.dir in %s",
			c->file);
	c->audit_file =
		audit ? absolute(c, audit) : pm_arena_printf(c->arena, "%s/audit.jsonl", log_dir);
	c->journal_dir = journal ? absolute(c, journal) : lib_dir;
	c->socket = socket ? absolute(c, socket) : socket_of(c);
	c->audit_rotate = pm_rec_int(c->rec, PM_CONFIG_AUDIT_ROTATE, AUDIT_ROTATE);
	c->audit_keep = (unsigned)pm_rec_int(c->rec, PM_CONFIG_AUDIT_KEEP, 0);
	return 0;
}

/* ---- all of it ---- */

static int read_config(struct pm_config *c, struct pm_diags *d, struct pm_error *err)
{
	unsigned before = d->nerrors;
	struct pm_rec *rec = NULL;
	int r = pm_manifest_config(c->arena, c->file, &rec, d, err);

	if (r < 0)
		return pm_error_wrap(err, "configuration");
	if (d->nerrors > before)
		return pm_error_set(err, PM_E_INPUT, "the configuration %s has %u error%s", c->file,
			d->nerrors - before, d->nerrors - before == 1 ? "" : "s");
	c->rec = rec;
	c->cluster = pm_rec_get(rec, PM_CONFIG_CLUSTERS)->u.recs->v[0];
	c->set = pm_rec_str(rec, PM_CONFIG_SET, NULL);
	pm_vmid_range(pm_rec_str(c->cluster, PM_CLUSTER_VMIDS, "100-999999999"), &c->vmid_low,
		&c->vmid_high);
	return fill_in_paths(c, err);
}

int pm_config_open(
	const char *path, struct pm_config **ret, struct pm_diags *d, struct pm_error *err)
{
	struct pm_config *c;
	const char *file;
	int r = find(path, &file, err);

	if (r < 0)
		return r;
	c = pm_xcalloc(1, sizeof(*c));
	c->arena = pm_arena_new(0);
	c->file = pm_arena_strdup(c->arena, file);
	c->dir = dir_of(c->arena, c->file);
	r = read_config(c, d, err);
	if (r < 0) {
		/* The findings speak of what is in it. */
		pm_arena_join(d->arena, c->arena);
		free(c);
		return r;
	}
	*ret = c;
	return 0;
}

/* Was a configuration named, or does one stand where it is looked for? */
static bool any(const char *path)
{
	struct pm_error ignored;
	const char *file;

	return path || find(NULL, &file, &ignored) == 0;
}

int pm_config_audit_file(
	const char *path, const char **ret, struct pm_diags *d, struct pm_error *err)
{
	struct pm_config *c = NULL;
	const char *dir;
	int r;

	if (!any(path)) {
		dir = state_dir(d->arena, "LOGS_DIRECTORY", "/var/log/podmox");
		if (!dir)
			return pm_error_set(err, PM_E_INPUT,
				"there is no place for an audit log: set HOME, or name a "
				"configuration with -c");
		*ret = pm_arena_printf(d->arena, "%s/audit.jsonl", dir);
		return 0;
	}
	r = pm_config_open(path, &c, d, err);
	if (r == 0)
		*ret = pm_arena_strdup(d->arena, c->audit_file);
	pm_config_free(c);
	return r;
}

void pm_config_free(struct pm_config *c)
{
	if (!c)
		return;
	pm_arena_free(c->arena);
	free(c);
}
