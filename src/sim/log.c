/* The request log: one JSON object a line, in the form that pve-schema-check reads. */
#include "sim/sim_priv.h"

static bool secret(const char *key, size_t n)
{
	static const char *const keys[] = { "password", "confirmation-password", "cipassword",
		"otp", "totp", "tfa-challenge" };

	for (size_t i = 0; i < PM_COUNT(keys); i++)
		if (strlen(keys[i]) == n && !strncmp(keys[i], key, n))
			return true;
	return false;
}

/* Form text with the values of secrets replaced. */
static void mask_form(struct pm_buf *out, const char *p)
{
	while (*p) {
		size_t n = strcspn(p, "&;"), k = strcspn(p, "=&;");

		if (secret(p, k) && p[k] == '=')
			pm_buf_addf(out, "%.*s=masked-secret", (int)k, p);
		else
			pm_buf_add(out, p, n);
		p += n;
		if (*p)
			pm_buf_addc(out, *p++);
	}
}

static void mask_json(struct pm_buf *out, const char *text)
{
	const char *p = text;

	while (*p) {
		const char *end = *p == '"' ? strchr(p + 1, '"') : NULL;
		const char *value = end ? end + 1 + strspn(end + 1, " \t\r\n") : NULL;

		if (!end || !value || *value != ':' || !secret(p + 1, (size_t)(end - p - 1))) {
			pm_buf_addc(out, *p++);
			continue;
		}
		value++;
		value += strspn(value, " \t\r\n");
		pm_buf_add(out, p, (size_t)(value - p));
		pm_buf_adds(out, "\"masked-secret\"");
		for (p = value + (*value == '"'); *p && *p != '"'; p++)
			p += *p == '\\' && p[1];
		p += *p == '"';
	}
}

void pm_sim_log(FILE *out, const struct pm_sim *s, unsigned node, const struct pm_sim_request *q,
	const struct pm_sim_reply *r)
{
	cleanup_buf struct pm_buf line = PM_BUF(0), query = PM_BUF(0), body = PM_BUF(0);
	struct pm_jwrite w = { .out = &line };
	const char *mark = strchr(q->target, '?');
	const char *type = q->content_type ? q->content_type : "";

	if (mark)
		mask_form(&query, mark + 1);
	if (q->nbody && !strncmp(type, "application/json", 16))
		mask_json(&body, q->body);
	else if (q->nbody && !strncmp(type, "multipart/", 10))
		pm_buf_addf(&body, "<multipart, %zu bytes>", q->nbody);
	else if (q->nbody)
		mask_form(&body, q->body);
	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "method", q->method);
	pm_jw_strn(&w, "path", q->target, strcspn(q->target, "?"));
	if (query.len)
		pm_jw_str(&w, "query", pm_buf_str(&query));
	if (body.len)
		pm_jw_str(&w, "body", pm_buf_str(&body));
	if (*type)
		pm_jw_str(&w, "content_type", type);
	pm_jw_int(&w, "status", r->status);
	pm_jw_str(&w, "node", s->node[node].name);
	if (s->node[node].cert != PM_SIM_CERT_RIGHT)
		pm_jw_str(&w, "certificate", "wrong");
	if (r->fault_rule[0])
		pm_jw_str(&w, "fault", r->fault_rule);
	pm_jw_object_end(&w);
	pm_buf_addc(&line, '\n');
	(void)fputs(pm_buf_str(&line), out);
}
