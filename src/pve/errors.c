/* Turns what PVE answers into typed errors: one sentence with what is wrong, where in the manifest, and
 * what to do. What a text means stands in errors.def; here is how the text is found and put in words. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/guest.h"
#include "pve/op_priv.h"

struct fault {
	const char *text, *also;
	enum pm_code code;
	bool ran;
	const char *remedy, *seen;
};

static const struct fault faults[] = {
#define PM_FAULT(text, also, code, ran, remedy, seen) \
	{ text, also, PM_E_##code, ran, remedy, seen },
#include "pve/errors.def"
#undef PM_FAULT
};

/* What a status means when no text says more. */
static const struct by_status {
	int from, to;
	enum pm_code code;
	bool ran;
	const char *remedy;
} statuses[] = {
	{ 400, 400, PM_E_INVALID, false, NULL },
	{ 401, 401, PM_E_AUTH, false, NULL },
	{ 403, 403, PM_E_PERMISSION, false, NULL },
	/* PVE itself answers 404 to nothing we ask: absence must never be believed of it. */
	{ 404, 404, PM_E_PROTOCOL, false, "is this the address of a Proxmox VE host?" },
	{ 408, 408, PM_E_TIMEOUT, true, NULL },
	{ 424, 424, PM_E_INVALID, false, NULL },
	{ 429, 429, PM_E_BUSY, false, "something before the host limits the rate" },
	{ 500, 500, PM_E_INVALID, false, NULL },
	{ 501, 501, PM_E_UNSUPPORTED, false, "this version of PVE does not have it" },
	{ 502, 502, PM_E_UNREACHABLE, true, "something before the host does not reach it" },
	{ 503, 503, PM_E_BUSY, false, "something before the host does not reach it" },
	{ 504, 504, PM_E_TIMEOUT, true, "something before the host got no answer in time" },
	{ 506, 506, PM_E_PROTOCOL, false, NULL },
	{ 595, 595, PM_E_UNREACHABLE, false, NULL },
	{ 596, 599, PM_E_UNREACHABLE, true, NULL },
};

/* Objects that a path speaks of: only there does "does not exist" mean that they are not found. A guest
 * that names a storage nobody has is not itself missing. */
static const struct absent {
	const char *path, *text;
} absents[] = {
	{ "/storage/", "No such storage" },
	{ "/storage/", "storage '" },
	{ "/content/", "volume_size_info on '" },
	{ "/pools", "pool '" },
	{ "/snapshot/", "snapshot '" },
	{ "/network/", "interface does not exist" },
	{ "/rules/", "no rule at position" },
	{ "/access/users/", "no such user" },
	{ "/token/", "no such token" },
};

/* The text speaks of it first, perhaps after what failed: "update pools failed: pool 'x' does not exist". */
static bool speaks_of(const char *text, const char *what)
{
	const char *at = strstr(text, what);

	return at && (at == text || (at - text > 1 && at[-1] == ' ' && at[-2] == ':'));
}

static bool is_absent(const char *path, const char *text)
{
	bool gone = strstr(text, "does not exist") || strstr(text, "o such ") ||
		    strstr(text, "no format") || strstr(text, "no rule");

	for (size_t i = 0; gone && i < PM_COUNT(absents); i++) {
		if (strstr(path, absents[i].path) && speaks_of(text, absents[i].text))
			return true;
	}
	return false;
}

static const struct fault *find_fault(const char *text)
{
	for (size_t i = 0; i < PM_COUNT(faults); i++) {
		const struct fault *f = &faults[i];

		if (strstr(text, f->text) && (!f->also || strstr(text, f->also)))
			return f;
	}
	return NULL;
}

enum pm_code pm_fault_code(
	const char *text, enum pm_code otherwise, const char **ret_remedy, bool *ret_ran)
{
	const struct fault *f = find_fault(text);

	*ret_remedy = f ? f->remedy : NULL;
	*ret_ran = f && f->ran;
	return f ? f->code : otherwise;
}

bool pm_fault_known(const char *text)
{
	return find_fault(text) != NULL;
}

bool pm_pve_is_hop(int status)
{
	return status >= 595 && status <= 599;
}

/* ---- texts ---- */

static void join_lines(struct pm_buf *out, const char *s, size_t n)
{
	static const char *const noise[] = { "invalid format - format error", "format error" };

	while (n > 0) {
		const char *end = memchr(s, '\n', n);
		size_t line = end ? (size_t)(end - s) : n;
		const char *perl = memmem(s, line, " at /usr/share/perl", 19);
		size_t keep = perl ? (size_t)(perl - s) : line;

		while (keep > 0 && (s[keep - 1] == ' ' || s[keep - 1] == '.'))
			keep--;
		for (size_t i = 0; i < PM_COUNT(noise) && end && end + 1 < s + n && keep > 0; i++) {
			if (keep == strlen(noise[i]) && memcmp(s, noise[i], keep) == 0)
				keep = 0;
		}
		if (keep > 0) {
			if (out->len > 0)
				pm_buf_adds(out, "; ");
			pm_buf_add(out, s, keep);
		}
		line += end ? 1 : 0;
		s += line;
		n -= line;
	}
}

void pm_fault_text(struct pm_buf *out, const char *s, size_t n)
{
	cleanup_buf struct pm_buf joined = PM_BUF(8192);

	join_lines(&joined, s, n);
	pm_fault_mask(out, pm_buf_str(&joined));
}

/* The kind of guest that a call concerns. */
static const struct pm_kind *kind_of(const struct pm_call *c)
{
	return strstr(c->path, "/qemu") ? &pm_kind_vm : &pm_kind_pod;
}

/* What a parameter is called in a manifest: "resources.cores" of "cores"; NULL: nothing of ours. */
static const struct pm_field *field_of(
	const struct pm_kind *k, const char *key, const char **ret_name)
{
	const struct pm_field *f;
	unsigned slot;

	f = pm_field_by_slot_key(k, key, strlen(key), &slot);
	*ret_name = f && f->name && strcmp(f->name, key) != 0 ? f->name : NULL;
	return f;
}

/* "net0.ip: invalid format - ..." of net0: the sub-key's row, to say what PVE version knows it. */
static const struct pm_field *sub_field(const struct pm_field *f, const char *key, const char *text)
{
	const char *at = strstr(text, key);
	size_t n = strlen(key);

	if (!f || !f->sub || !at || at[n] != '.')
		return NULL;
	at += n + 1;
	return pm_field_by_key(f->sub, at, strcspn(at, ": \n"));
}

/* A key of such guests that was meant instead; NULL: none is near. */
static const char *nearest_key(const struct pm_kind *k, const char *key)
{
	const char *keys[128];
	size_t n = 0;

	for (unsigned i = 0; i < k->nfields && n < PM_COUNT(keys); i++) {
		if (k->fields[i].key)
			keys[n++] = k->fields[i].key;
	}
	return n > 0 ? pm_nearest(key, keys, n) : NULL;
}

/* One parameter that PVE refuses, as "cores (resources.cores): value must have ...". */
static void add_parameter(
	struct pm_buf *out, const struct pm_kind *k, const char *key, const char *text)
{
	cleanup_buf struct pm_buf words = PM_BUF(8192), hidden = PM_BUF(8192);
	const char *name, *s, *prefix = "invalid format - ";
	const struct pm_field *f = field_of(k, key, &name), *sub = sub_field(f, key, text);
	bool unknown = strstr(text, "property is not defined in schema") != NULL;

	pm_fault_text(&words, text, strlen(text));
	s = pm_buf_str(&words);
	if (pm_fault_is_secret(key)) {
		pm_fault_hide_quoted(&hidden, s);
		s = pm_buf_str(&hidden);
	}
	if (pm_str_starts(s, prefix))
		s += strlen(prefix);
	if (sub)
		pm_buf_addf(out, "%s.%s", key, sub->key ? sub->key : sub->name);
	else
		pm_buf_adds(out, key);
	if (name && sub && sub->name)
		pm_buf_addf(out, " (%s.%s)", name, sub->name);
	else if (name)
		pm_buf_addf(out, " (%s)", name);
	if (!unknown) {
		/* PVE lists 256 choices where it must. */
		pm_buf_addf(out, ": %.240s%s", s, strlen(s) > 240 ? "..." : "");
		return;
	}
	pm_buf_adds(out, ": this version of PVE does not know it");
	f = sub ? sub : f;
	if (f && f->since)
		pm_buf_addf(out, ", it came with %s", f->since);
	else if (!f && nearest_key(k, key))
		pm_buf_addf(out, "; did you mean %s?", nearest_key(k, key));
}

static int by_key(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All parameters of `errors`, in one order whatever order PVE sends; their gravest code. */
static enum pm_code add_parameters(
	const struct pm_call *call, struct pm_buf *out, struct json_object *errors, bool *ran)
{
	size_t n = (size_t)json_object_object_length(errors), i = 0, unknown = 0;
	cleanup_free const char **keys = pm_xcalloc(n + 1, sizeof(*keys));
	enum pm_code code = PM_E_INVALID;

	json_object_object_foreach(errors, key, member)
	{
		(void)member;
		keys[i++] = key;
	}
	qsort(keys, n, sizeof(*keys), by_key);
	for (i = 0; i < n; i++) {
		const char *text = pm_json_str(errors, keys[i]), *remedy;
		enum pm_code c;
		bool r;

		text = text ? text : "refused";
		c = pm_fault_code(text, PM_E_INVALID, &remedy, &r);
		*ran |= r;
		if (c == PM_E_INVALID && is_absent(call->path, text))
			c = PM_E_NOTFOUND;
		if (c == PM_E_UNSUPPORTED)
			unknown++;
		else if (c != PM_E_INVALID)
			code = c;
		if (i > 0)
			pm_buf_adds(out, "; ");
		add_parameter(out, kind_of(call), keys[i], text);
		if (remedy && c != PM_E_UNSUPPORTED && n == 1)
			pm_buf_addf(out, "; %s", remedy);
	}
	return code == PM_E_INVALID && unknown == n ? PM_E_UNSUPPORTED : code;
}

/* ---- the error ---- */

/* "Permission check failed (/vms/100, VM.Config.Options)" in words that say what to grant. */
static bool add_privilege(struct pm_buf *out, const char *text)
{
	struct pm_lacking l;

	if (!pm_fault_privilege(text, &l))
		return false;
	pm_buf_addf(out,
		"the account lacks %s %.*s on %.*s; grant it at PVE (Datacenter, Permissions) or "
		"use another account",
		memchr(l.privilege, '|', l.nprivilege) ? "any of the privileges" : "the privilege",
		(int)l.nprivilege, l.privilege, (int)l.npath, l.path);
	return true;
}

static void add_hop(struct pm_buf *out, const char *reason, int status, const char *path)
{
	const char *node = strstr(path, "/nodes/");

	node = node ? node + 7 : "";
	if (*node != '\0')
		pm_buf_addf(out, "node %.*s", (int)strcspn(node, "/?"), node);
	else
		pm_buf_adds(out, "the API daemon of the host");
	pm_buf_addf(out, " does not answer: %s (%d)", *reason ? reason : "no reason given", status);
}

static void add_login(struct pm_buf *out, const char *text)
{
	pm_buf_addf(out, "the cluster does not let us in: %s; ", text);
	if (strstr(text, "authentication failure"))
		pm_buf_adds(out, "user name, realm or password is wrong");
	else
		pm_buf_adds(out, "the ticket or the API token is wrong, expired or disabled");
}

static const struct by_status *by_status(int status)
{
	for (size_t i = 0; i < PM_COUNT(statuses); i++) {
		if (status >= statuses[i].from && status <= statuses[i].to)
			return &statuses[i];
	}
	return &statuses[status >= 500 ? 7 : 0];
}

static void set_where(const struct pm_call *c, struct pm_error *err)
{
	const char *path = pm_str_starts(c->path, API "/") ? c->path + strlen(API) : c->path;

	(void)pm_error_where(err, "%s %s %.*s", c->host ? c->host->name : "", c->method,
		(int)strcspn(path, "?"), path);
}

/* Puts what the answer says into words; returns its code. */
static enum pm_code describe(
	const struct pm_call *c, struct json_object *body, struct pm_buf *out, bool *ran)
{
	const struct by_status *st = by_status(c->status);
	const char *message = pm_json_str(body, "message"), *remedy = NULL;
	struct json_object *errors = pm_json_get(body, "errors");
	cleanup_buf struct pm_buf text = PM_BUF(8192);
	enum pm_code code = st->code;

	*ran = st->ran;
	if (pm_pve_is_hop(c->status)) {
		add_hop(out, c->reason, c->status, c->path);
		return st->code;
	}
	if (json_object_is_type(errors, json_type_object) &&
		json_object_object_length(errors) > 0) {
		pm_buf_adds(out, "PVE refuses ");
		return add_parameters(c, out, errors, ran);
	}
	message = message && *message ? message : c->reason;
	pm_fault_text(&text, message, strlen(message));
	if (text.len == 0)
		pm_buf_addf(&text, "status %d without a reason", c->status);
	if (c->status == 401) {
		add_login(out, pm_buf_str(&text));
		return code;
	}
	if (c->status == 403 && add_privilege(out, pm_buf_str(&text)))
		return code;
	code = pm_fault_code(pm_buf_str(&text), st->code, &remedy, ran);
	if (code == st->code && !remedy) {
		remedy = st->remedy;
		*ran |= st->ran;
	}
	if (code == PM_E_INVALID && is_absent(c->path, pm_buf_str(&text))) {
		code = PM_E_NOTFOUND;
		remedy = NULL;
	}
	pm_buf_addf(out, "%s%s%s", pm_buf_str(&text), remedy ? "; " : "", remedy ? remedy : "");
	return code;
}

int pm_pve_error(const struct pm_call *c, struct pm_error *err)
{
	PM_CLEANUP(pm_json_putp) struct json_object *body = NULL;
	cleanup_buf struct pm_buf out = PM_BUF(8192);
	struct pm_error ignored;
	enum pm_code code;
	bool ran = false;

	/* What is no JSON came from something in between, or from the outer shell of PVE: the reason
	 * phrase says it all. */
	if (c->body_in.len > 0 && c->body_in.p[0] == '{' &&
		pm_json_parse(c->body_in.p, c->body_in.len, &body, &ignored) < 0)
		body = NULL;
	code = describe(c, body, &out, &ran);
	(void)pm_error_set(err, code, "%s", pm_buf_str(&out));
	err->http_status = c->status;
	err->maybe_sent = ran;
	set_where(c, err);
	return -(int)code;
}

int pm_pve_strange(const struct pm_call *c, struct pm_error *err)
{
	if (c->status >= 300)
		(void)pm_error_set(err, PM_E_PROTOCOL,
			"the host sends us elsewhere (status %d); is this the address of a Proxmox VE "
			"host, and is it asked by https?",
			c->status);
	else
		(void)pm_error_set(err, PM_E_PROTOCOL,
			"the answer is not the JSON of a Proxmox VE host (%zu bytes); does something "
			"stand in between?",
			c->body_in.len);
	err->http_status = c->status;
	err->maybe_sent = strcmp(c->method, "GET") != 0;
	set_where(c, err);
	return -PM_E_PROTOCOL;
}
