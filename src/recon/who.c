/* Who worked on a guest, as far as PVE remembers: the list of tasks of its node. A write of a configuration is
 * no task and leaves no name behind. */
#include <json-c/json.h>
#include <string.h>

#include "base/json.h"
#include "recon/recon_priv.h"

#define SLACK_S 120 /* by which our clock and a node's may differ */
#define LIMIT   20

/* The end of "UPID:node:...:type:id:user:", which holds the token, too; *ret_n its length. NULL: none. */
static const char *user_of(const char *upid, size_t *ret_n)
{
	size_t n = upid ? strlen(upid) : 0;
	const char *at;

	if (n < 2 || upid[n - 1] != ':')
		return NULL;
	at = memrchr(upid, ':', n - 1);
	if (!at)
		return NULL;
	*ret_n = n - 1 - (size_t)(at + 1 - upid);
	return at + 1;
}

/* Ours, and so young that it may be from before: our clock and the node's differ. */
static bool may_be_ours(const char *user, size_t n, const char *us, int64_t late_s)
{
	return late_s <= SLACK_S && strlen(us) == n && memcmp(user, us, n) == 0;
}

static void take(struct json_object *row, const char *user, size_t n, struct pm_worker *ret)
{
	const char *type = pm_json_str(row, "type"), *status = pm_json_str(row, "status");

	(void)snprintf(ret->user, sizeof(ret->user), "%.*s", (int)n, user);
	(void)snprintf(ret->type, sizeof(ret->type), "%s", type ? type : "?");
	(void)snprintf(ret->status, sizeof(ret->status), "%s", status ? status : "");
	ret->at_s = pm_json_int(row, "starttime", 0);
}

/* The newest task that is not ours; false: there is none. */
static bool find(struct json_object *rows, const char *us, int64_t since_s, struct pm_worker *ret)
{
	bool found = false;

	if (!json_object_is_type(rows, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		int64_t at = pm_json_int(row, "starttime", 0);
		size_t n = 0;
		const char *user = user_of(pm_json_str(row, "upid"), &n);

		if (!user || may_be_ours(user, n, us, at - since_s))
			continue;
		if (found && at <= ret->at_s)
			continue;
		take(row, user, n, ret);
		found = true;
	}
	return found;
}

int pm_recon_worker(struct pm_recon *rc, struct pm_job *j, const struct pm_live *guest,
	int64_t since_s, struct pm_worker *ret, struct pm_error *err)
{
	PM_CLEANUP(pm_json_putp) struct json_object *rows = NULL;
	cleanup_buf struct pm_buf path = PM_BUF(1024);
	struct pm_pve *pve = pm_recon_pve(rc);
	struct pm_pve_call c = { .method = "GET", .node = guest->node };
	struct pm_worker w;
	int r;

	pm_buf_adds(&path, "/nodes/");
	pm_form_escape(&path, guest->node, strlen(guest->node));
	(void)pm_buf_addf(&path, "/tasks?source=all&vmid=%u&since=%lld&limit=%d", guest->vmid,
		(long long)(since_s > SLACK_S ? since_s - SLACK_S : 0), LIMIT);
	c.path = pm_buf_str(&path);
	r = pm_pve_call(pve, j, &c, &rows, err);
	if (r < 0)
		return pm_error_wrap(err, "looking for who worked on %u", guest->vmid);
	if (!find(rows, pm_pve_user(pve), since_s, &w))
		return pm_error_set(err, PM_E_NOTFOUND, "no task on %u since then", guest->vmid);
	*ret = w;
	return 0;
}
