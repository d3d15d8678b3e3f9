/* The calls on guests, one row each: path, verb, the policy's word, the type of the task. Paths and types
 * are those of PVE's API viewer; which calls make tasks was seen in recordings 04 to 07, 12, 17 and 20. */
#include "base/mem.h"
#include "pve/pve_priv.h"

#define GUEST "/nodes/%n/%t/%v"

static const struct pm_endpoint endpoints[PM_EP_MAX] = {
	[PM_EP_CREATE] = { "POST", "/nodes/%n/%t", "create", "vzcreate", NULL, false },
	/* The digest makes a second write of the same harmless: it is refused. */
	[PM_EP_CONFIG] = { "PUT", GUEST "/config", "update", NULL, NULL, true },
	/* Sizes are absolute: the second time it has that size already. */
	[PM_EP_RESIZE] = { "PUT", GUEST "/resize", "resize", "resize", NULL, true },
	[PM_EP_START] = { "POST", GUEST "/status/start", "start", "vzstart", "hastart", false },
	[PM_EP_SHUTDOWN] = { "POST", GUEST "/status/shutdown", "stop", "vzshutdown", "hashutdown",
		false },
	[PM_EP_STOP] = { "POST", GUEST "/status/stop", "stop", "vzstop", "hastop", false },
	[PM_EP_REBOOT] = { "POST", GUEST "/status/reboot", "restart", "vzreboot", NULL, false },
	[PM_EP_MIGRATE] = { "POST", GUEST "/migrate", "migrate", "vzmigrate", "hamigrate", false },
	[PM_EP_DELETE] = { "DELETE", GUEST, "delete", "vzdestroy", NULL, false },
	/* Joining twice is refused with a text that says so. */
	[PM_EP_POOL] = { "PUT", "/pools", "pool", NULL, NULL, true },
	[PM_EP_PENDING] = { "GET", GUEST "/pending", NULL, NULL, NULL, true },
	[PM_EP_STATUS] = { "GET", GUEST "/status/current", NULL, NULL, NULL, true },
	[PM_EP_INTERFACES] = { "GET", GUEST "/interfaces", NULL, NULL, NULL, true },
};

const struct pm_endpoint *pm_endpoint(enum pm_endpoint_id id)
{
	pm_assert((unsigned)id < PM_EP_MAX);
	return &endpoints[id];
}

void pm_endpoint_path(const struct pm_endpoint *e, const char *node, const char *type,
	unsigned vmid, struct pm_buf *out)
{
	for (const char *s = e->path; *s; s++) {
		if (*s != '%') {
			pm_buf_addc(out, *s);
			continue;
		}
		s++;
		if (*s == 'n')
			pm_form_escape(out, node, strlen(node));
		else if (*s == 't')
			pm_buf_adds(out, type);
		else
			pm_buf_addf(out, "%u", vmid);
	}
}
