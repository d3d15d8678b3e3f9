/* Folders of the API that only name what is below them, and lists of things that a simulated cluster has
 * none of. */
#include "sim/sim_priv.h"

#define NODE  (SIM_PROTECTED | SIM_NODE)
#define HERE  "/nodes/{node} Sys.Audit"
#define STORE "/storage/{storage} Datastore.Audit|Datastore.AllocateSpace"

/* X(path, flags, privilege, member of the rows, their values); no member: an empty list. */
#define FOLDERS(X)                                                                                             \
	X("/", 0, NULL, "subdir", "version cluster nodes storage access pools")                                \
	X("/access", 0, NULL, "subdir",                                                                        \
		"users groups roles acl domains openid tfa ticket password")                                   \
	X("/cluster", 0, NULL, "name",                                                                         \
		"acme backup backup-info bulk-action ceph config firewall ha jobs log mapping metrics "        \
		"notifications nextid options qemu replication resources status tasks sdn")                    \
	X("/cluster/backup-info", 0, "/ Sys.Audit", "subdir", "not-backed-up")                                 \
	X("/cluster/bulk-action", 0, NULL, "name", "guest")                                                    \
	X("/cluster/bulk-action/guest", 0, NULL, "name", "start shutdown migrate suspend")                     \
	X("/cluster/config", 0, "/ Sys.Audit", "name", "nodes totem join qdevice apiversion")                  \
	X("/cluster/jobs", 0, NULL, "subdir", "schedule-analyze realm-sync")                                   \
	X("/cluster/mapping", 0, NULL, "name", "dir pci usb")                                                  \
	X("/cluster/metrics", 0, NULL, "name", "server export")                                                \
	X("/cluster/notifications", 0, NULL, "name", "endpoints matchers targets")                             \
	X("/cluster/sdn", 0, NULL, "id", "vnets zones controllers ipams dns fabrics")                          \
	X("/nodes/{node}", 0, NULL, "name",                                                                    \
		"aplinfo apt capabilities ceph certificates config disks dns firewall hardware hosts "         \
		"journal lxc migrateall netstat network qemu query-oci-repo-tags query-url-metadata "          \
		"replication report rrd rrddata scan sdn services spiceshell startall status stopall storage " \
		"subscription suspendall syslog tasks termproxy time version vncshell vzdump wakeonlan")       \
	X("/nodes/{node}/apt", 0, NULL, "id", "changelog repositories update versions")                        \
	X("/nodes/{node}/certificates", 0, NULL, "name", "acme custom info")                                   \
	X("/nodes/{node}/disks", 0, NULL, "name",                                                              \
		"directory initgpt list lvm lvmthin smart wipedisk zfs")                                       \
	X("/nodes/{node}/hardware", 0, NULL, "type", "pci usb")                                                \
	X("/nodes/{node}/services/{service}", 0, NULL, "subdir",                                               \
		"state start stop restart reload")                                                             \
	X("/nodes/{node}/storage/{storage}", 0, STORE, "subdir",                                               \
		"content download-url file-restore import-metadata identity oci-registry-pull "                \
		"prunebackups rrd rrddata status upload")                                                      \
	X("/nodes/{node}/tasks/{upid}", 0, NULL, "name", "log status")                                         \
	X("/cluster/jobs/realm-sync", 0, "/ Sys.Audit", NULL, NULL)                                            \
	X("/cluster/mapping/dir", 0, NULL, NULL, NULL)                                                         \
	X("/cluster/mapping/pci", 0, NULL, NULL, NULL)                                                         \
	X("/cluster/mapping/usb", 0, NULL, NULL, NULL)                                                         \
	X("/cluster/metrics/server", 0, "/ Sys.Audit", NULL, NULL)                                             \
	X("/cluster/replication", 0, NULL, NULL, NULL)                                                         \
	X("/cluster/sdn/controllers", 0, NULL, NULL, NULL)                                                     \
	X("/cluster/sdn/dns", 0, NULL, NULL, NULL)                                                             \
	X("/nodes/{node}/disks/directory", NODE, HERE, NULL, NULL)                                             \
	X("/nodes/{node}/disks/list", NODE, HERE, NULL, NULL)                                                  \
	X("/nodes/{node}/disks/lvmthin", NODE, HERE, NULL, NULL)                                               \
	X("/nodes/{node}/disks/zfs", NODE, HERE, NULL, NULL)                                                   \
	X("/nodes/{node}/hardware/pci", NODE, HERE, NULL, NULL)                                                \
	X("/nodes/{node}/hardware/usb", NODE, HERE, NULL, NULL)                                                \
	X("/nodes/{node}/replication", NODE, NULL, NULL, NULL)

static void folder_get(struct sim_call *c)
{
#define ROW(path, flags, perm, key, names) { path, key, names },
	static const struct {
		const char *path, *key, *names;
	} folders[] = { FOLDERS(ROW) };
	size_t i = 0;

	while (strcmp(folders[i].path, c->route->path) != 0)
		if (++i == PM_COUNT(folders))
			pm_assert(!"a folder without a row");
	pm_jw_array(&c->w, "data");
	for (const char *p = folders[i].names; p && *p;) {
		size_t n = strcspn(p, " ");

		pm_jw_object(&c->w, NULL);
		pm_jw_strn(&c->w, folders[i].key, p, n);
		pm_jw_object_end(&c->w);
		p += n;
		p += *p == ' ';
	}
	pm_jw_array_end(&c->w);
}

#define ROUTE(path, flags, perm, key, names) { "GET", path, folder_get, flags, perm, NULL },

const struct sim_route pm_s_routes_index[] = { FOLDERS(ROUTE){ 0 } };
