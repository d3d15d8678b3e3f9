/* podmox doctor on this machine: audit log, journal, and what the kernel lets the daemon watch. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "cli/doctor_priv.h"

#define INOTIFY "/proc/sys/fs/inotify/"

/* May this user write what is there, or make it in the nearest folder that is? */
static bool may_write(struct pm_arena *a, const char *path)
{
	char *dir = pm_arena_strdup(a, path);
	char *slash;
	struct stat st;

	if (access(path, F_OK) == 0)
		return access(path, W_OK) == 0;
	while ((slash = strrchr(dir, '/')) != NULL && slash != dir) {
		*slash = '\0';
		if (stat(dir, &st) == 0)
			return S_ISDIR(st.st_mode) && access(dir, W_OK | X_OK) == 0;
	}
	return access(slash != NULL ? "/" : ".", W_OK | X_OK) == 0;
}

static void judge_place(struct pm_doctor *d, const char *topic, const char *path, const char *key)
{
	if (may_write(d->arena, path))
		pm_doctor_add(d, PM_FINE, topic, NULL, "%s can be written", path);
	else
		pm_doctor_add(d, PM_PROBLEM, topic,
			pm_arena_printf(d->arena,
				"Give this user the folder, or set %s to a place of its own.", key),
			"%s cannot be written by this user", path);
}

/* A number of /proc; -1: it is not there. */
static int64_t limit(const char *name)
{
	char path[128];
	char line[32] = "";
	int64_t n = -1;
	FILE *f;

	(void)snprintf(path, sizeof(path), INOTIFY "%s", name);
	f = fopen(path, "re");
	if (f == NULL)
		return -1;
	if (fgets(line, sizeof(line), f) != NULL)
		line[strcspn(line, "\n")] = '\0';
	(void)fclose(f);
	return pm_parse_int(line, 0, INT64_MAX, &n) < 0 ? -1 : n;
}

void pm_doctor_local(struct pm_doctor *d)
{
	int64_t watches = limit("max_user_watches");
	int64_t instances = limit("max_user_instances");

	judge_place(d, "audit log", d->client.config->audit_file, "audit.file");
	judge_place(d, "journal", d->client.config->journal_dir, "journal.dir");
	if (watches < 0 || instances < 0)
		return;
	if (instances < 8 || watches < (int64_t)d->ndirs + 64)
		pm_doctor_add(d, PM_DOUBT, "inotify",
			"sysctl fs.inotify.max_user_instances=128 fs.inotify.max_user_watches=65536, "
			"and a line in /etc/sysctl.d.",
			"%lld watches and %lld instances for this user, and the manifests lie in %u "
			"folders",
			(long long)watches, (long long)instances, d->ndirs);
	else
		pm_doctor_add(d, PM_FINE, "inotify", NULL, "%lld watches, %lld instances",
			(long long)watches, (long long)instances);
}
