/* podmox doctor on hosts and cluster: connection, trust, clocks, who we are, versions, quorum, numbers. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/doctor_priv.h"

#define DAY_S        ((int64_t)86400)
#define CLOCK_DOUBT  30  /* seconds apart */
#define CLOCK_WRONG  300 /* tickets are good for no more than that before their time */
#define MOST_HOSTS   64
#define MOST_VERSION 99

static int64_t now_s(void)
{
	return pm_wall_ms(&pm_clock_system) / 1000;
}

static void judge_clock(struct pm_doctor *d, const char *topic, int64_t theirs_s)
{
	int64_t apart = theirs_s - now_s();
	int64_t far = apart < 0 ? -apart : apart;

	if (theirs_s == 0 || far < CLOCK_DOUBT)
		return;
	pm_doctor_add(d, far < CLOCK_WRONG ? PM_DOUBT : PM_PROBLEM, topic,
		"Let both follow a time server: timedatectl set-ntp true.",
		"its clock is %lld s %s this machine's", (long long)far,
		apart < 0 ? "behind" : "before");
}

/* ---- hosts ---- */

static void judge_end(
	struct pm_doctor *d, const char *topic, const struct pm_host *h, int64_t until_s)
{
	int64_t days = (until_s - now_s()) / DAY_S;

	if (until_s == 0 || days >= 14 || h->insecure)
		return;
	pm_doctor_add(d, days < 3 ? PM_PROBLEM : PM_DOUBT, topic,
		h->nfingerprints > 0
			? "PVE renews it, and its fingerprint changes: name the cluster's CA "
			  "as tls.ca instead (/etc/pve/pve-root-ca.pem)."
			: "PVE renews it once a day by pveupdate.timer: see whether that runs, "
			  "or call pvecm updatecerts on the node.",
		"its certificate ends in %lld days", (long long)days);
}

static const char *rule_of(struct pm_arena *a, const struct pm_host *h)
{
	if (h->nfingerprints > 0)
		return "it is pinned under tls.fingerprints";
	if (h->ca_file != NULL)
		return pm_arena_printf(a, "signed by the CA in %s", h->ca_file);
	return "signed by a CA of this system";
}

static void tell_host(struct pm_doctor *d, const char *topic, const struct pm_host *h,
	const struct pm_probe *seen)
{
	char until[32] = "";

	if (h->insecure) {
		pm_doctor_add(d, PM_DOUBT, topic,
			"Take tls.verify: false out and name the CA or the fingerprint.",
			"answers in %u ms, but anybody on the way could: its certificate is not "
			"checked (%s)",
			seen->took_ms, seen->fingerprint);
		return;
	}
	if (seen->until_s > 0)
		pm_format_time(seen->until_s * 1000, until);
	pm_doctor_add(d, PM_FINE, topic, NULL,
		"answers in %u ms; its certificate is trusted, %s%s%.10s", seen->took_ms,
		rule_of(d->arena, h), until[0] != '\0' ? ", good until " : "", until);
}

static void look_at(struct pm_doctor *d, const struct pm_host_state *state)
{
	const struct pm_host *h = pm_pve_host(d->client.pve, state->name);
	char *topic = pm_arena_printf(d->arena, "host %s%s%s", state->name,
		state->node[0] != '\0' ? ", node " : "", state->node);
	struct pm_probe seen = { 0 };
	struct pm_error err = { 0 };

	if (h == NULL)
		return;
	if (pm_net_probe(h, "/api2/json/access/domains", d->client.job.cancel, &seen, &err) < 0) {
		pm_doctor_add(d, state->learnt ? PM_DOUBT : PM_PROBLEM, topic,
			err.code == PM_E_AUTH
				? NULL
				: "See whether pveproxy runs there and port 8006 is open from here.",
			"%s", err.msg);
		return;
	}
	tell_host(d, topic, h, &seen);
	judge_end(d, topic, h, seen.until_s);
	judge_clock(d, topic, seen.date_s);
}

void pm_doctor_hosts(struct pm_doctor *d)
{
	struct pm_host_state v[MOST_HOSTS];
	unsigned n = pm_pve_hosts(d->client.pve, v, MOST_HOSTS);

	for (unsigned i = 0; i < n && i < MOST_HOSTS; i++)
		look_at(d, &v[i]);
}

/* ---- who ---- */

bool pm_doctor_who(struct pm_doctor *d)
{
	struct json_object *data = NULL;
	struct pm_error err = { 0 };
	int r = pm_doctor_get(d, "/access/permissions", NULL, &data, &err);
	const char *user = pm_pve_user(d->client.pve);

	pm_json_putp(&data);
	if (r < 0) {
		pm_doctor_add(d, PM_PROBLEM, "account", NULL, "%s", err.msg);
		return false;
	}
	pm_doctor_add(d, PM_FINE, "account", NULL, "%s, %s", user,
		strchr(user, '!') != NULL           ? "a token"
		: pm_pve_is_root_pam(d->client.pve) ? "with a ticket: nothing is forbidden to it"
						    : "with a ticket");
	return true;
}

/* ---- nodes ---- */

/* "9.2.1" is 902; 0: no version. */
static unsigned version_number(const char *text)
{
	char part[8] = "";
	int64_t major = 0;
	int64_t minor = 0;
	size_t n;

	if (text == NULL)
		return 0;
	n = strcspn(text, ".");
	(void)snprintf(part, sizeof(part), "%.*s", (int)n, text);
	if (text[n] != '.' || pm_parse_int(part, 0, MOST_VERSION, &major) < 0)
		return 0;
	text += n + 1;
	(void)snprintf(part, sizeof(part), "%.*s", (int)strspn(text, "0123456789"), text);
	if (pm_parse_int(part, 0, MOST_VERSION, &minor) < 0)
		return 0;
	return (unsigned)(major * 100 + minor);
}

static void ask_node(struct pm_doctor *d, const char *node)
{
	const char *topic = pm_arena_printf(d->arena, "node %s", node);
	struct json_object *version = NULL;
	struct json_object *clock = NULL;
	struct pm_error err = { 0 };
	unsigned number;

	if (pm_doctor_get(d, pm_arena_printf(d->arena, "/nodes/%s/version", node), NULL, &version,
		    &err) < 0) {
		pm_doctor_add(d, PM_PROBLEM, topic, NULL, "%s", err.msg);
		return;
	}
	number = version_number(pm_json_str(version, "version"));
	pm_doctor_add(d, PM_FINE, topic, NULL, "PVE %s",
		pm_json_str(version, "version") != NULL ? pm_json_str(version, "version") : "?");
	if (number > 0 && (d->version == 0 || number < d->version))
		d->version = number;
	if (pm_doctor_get(
		    d, pm_arena_printf(d->arena, "/nodes/%s/time", node), NULL, &clock, &err) == 0)
		judge_clock(d, topic, pm_json_int(clock, "time", 0));
	pm_json_putp(&version);
	pm_json_putp(&clock);
}

static void judge_row(struct pm_doctor *d, struct json_object *row)
{
	const char *name = pm_json_str(row, "name");

	if (pm_str_eq(pm_json_str(row, "type"), "cluster")) {
		if (pm_json_bool(row, "quorate", false))
			pm_doctor_add(d, PM_FINE, "quorum", NULL, "%s has it, with %lld nodes",
				name != NULL ? name : "the cluster",
				(long long)pm_json_int(row, "nodes", 0));
		else
			pm_doctor_add(d, PM_PROBLEM, "quorum",
				"Bring the missing nodes back; until then PVE refuses every change.",
				"%s has none", name != NULL ? name : "the cluster");
	} else if (name != NULL && pm_json_bool(row, "online", false)) {
		ask_node(d, name);
	} else if (name != NULL) {
		pm_doctor_add(d, PM_PROBLEM, pm_arena_printf(d->arena, "node %s", name),
			"Its guests cannot be read or changed until it is back.", "it is offline");
	}
}

/* ---- what the version lacks ---- */

static void note_use(struct pm_doctor *d, const struct pm_obj *o, const struct pm_rec *r)
{
	for (unsigned i = 0; i < r->kind->nfields; i++) {
		const struct pm_field *f = &r->kind->fields[i];
		const struct pm_value *v = &r->val[i];

		if (v->state != PM_SET)
			continue;
		if (f->since != NULL && version_number(f->since) > d->version)
			pm_doctor_add(d, PM_PROBLEM, pm_obj_id(d->arena, o),
				"Upgrade the nodes, or take it out of the manifest.",
				"%s needs PVE %s, and the oldest node has %u.%u", f->name, f->since,
				d->version / 100, d->version % 100);
		if (f->type == PM_T_PROPS && f->count == 0)
			note_use(d, o, v->u.rec);
		for (size_t k = 0; f->type == PM_T_PROPS && f->count > 0 && k < v->u.recs->n; k++)
			note_use(d, o, v->u.recs->v[k]);
	}
}

static void list_lacks(const struct pm_kind *k, unsigned version, struct pm_buf *out)
{
	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];

		if (f->since != NULL && version_number(f->since) > version)
			(void)pm_buf_addf(
				out, "%s%s (%s)", out->len > 0 ? ", " : "", f->name, f->since);
		if (f->sub != NULL)
			list_lacks(f->sub, version, out);
	}
}

static void judge_version(struct pm_doctor *d)
{
	struct pm_buf lacks cleanup_buf = PM_BUF(0);

	if (d->version == 0)
		return;
	for (size_t i = 0; pm_kinds[i] != NULL; i++)
		list_lacks(pm_kinds[i], d->version, &lacks);
	if (lacks.len > 0)
		pm_doctor_add(d, PM_FINE, "version", NULL,
			"the oldest node has %u.%u, which lacks %s", d->version / 100,
			d->version % 100, pm_buf_str(&lacks));
	for (size_t i = 0; i < d->want.n; i++)
		if (d->want.v[i]->spec != NULL)
			note_use(d, d->want.v[i], d->want.v[i]->spec);
}

void pm_doctor_cluster(struct pm_doctor *d)
{
	struct json_object *rows = NULL;
	struct pm_error err = { 0 };

	if (pm_doctor_get(d, "/cluster/status", NULL, &rows, &err) < 0) {
		pm_doctor_add(d, PM_PROBLEM, "quorum",
			err.code == PM_E_PERMISSION
				? "Give the account Sys.Audit on /: absence of a guest is believed only "
				  "with quorum."
				: NULL,
			"%s", err.msg);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(rows); i++)
		judge_row(d, json_object_array_get_idx(rows, i));
	pm_json_putp(&rows);
	judge_version(d);
}

/* ---- numbers ---- */

void pm_doctor_numbers(struct pm_doctor *d)
{
	const struct pm_config *cfg = d->client.config;
	struct json_object *rows = NULL;
	struct pm_error err = { 0 };
	unsigned all = cfg->vmid_high - cfg->vmid_low + 1;
	unsigned taken = 0;

	if (pm_doctor_get(d, "/cluster/resources", "type=vm", &rows, &err) < 0) {
		pm_doctor_add(d, PM_PROBLEM, "numbers", NULL, "%s", err.msg);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		int64_t vmid = pm_json_int(json_object_array_get_idx(rows, i), "vmid", 0);

		taken += vmid >= cfg->vmid_low && vmid <= cfg->vmid_high;
	}
	pm_json_putp(&rows);
	if (taken < all)
		pm_doctor_add(d, PM_FINE, "numbers", NULL, "%u of %u-%u are free", all - taken,
			cfg->vmid_low, cfg->vmid_high);
	else
		pm_doctor_add(d, PM_PROBLEM, "numbers", "Widen vmids of the cluster.",
			"none of %u-%u is free", cfg->vmid_low, cfg->vmid_high);
}
