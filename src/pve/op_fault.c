/* A failure taken apart: which privilege is missing where, what is wrong with which parameter, and PVE's
 * own words. Nothing that could be a secret of ours leaves in them, whoever repeated it. */
#include <ctype.h>
#include <json-c/json.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "pve/op_priv.h"

/* ---- secrets ---- */

#define ENDS " \t\r\n'\"&,;)<>"

/* Length of what may be a secret up to the next end of a word. */
static size_t word(const char *s)
{
	return strcspn(s, ENDS);
}

/* "password=..." and the like: the length of what stays; 0: none of these. */
static size_t after_name(const char *s)
{
	static const struct {
		const char *name;
		bool colon; /* it may also be a header */
	} known[] = { { "password", false }, { "passwd", false }, { "secret", false },
		{ "otp", false }, { "tfa-challenge", false }, { "ticket", false },
		{ "PVEAuthCookie", true }, { "CSRFPreventionToken", true } };

	for (size_t i = 0; i < PM_COUNT(known); i++) {
		size_t n = strlen(known[i].name);

		if (strncasecmp(s, known[i].name, n) != 0)
			continue;
		n += strspn(s + n, "'\"");
		if (s[n] == '=' || (s[n] == ':' && known[i].colon))
			return n + 1 + strspn(s + n + 1, " '\"");
	}
	return 0;
}

/* "user@realm!id=SECRET": what stays of the part from '!' on; 0: none. */
static size_t after_token_id(const char *s)
{
	size_t n = 1;

	if (*s != '!')
		return 0;
	while (isalnum((unsigned char)s[n]) || (s[n] && strchr("-_.", s[n])))
		n++;
	return n > 1 && s[n] == '=' && word(s + n + 1) >= 8 ? n + 1 : 0;
}

/* "://user:PASSWORD@host": what stays; 0: none. */
static size_t after_user(const char *s)
{
	size_t end, colon;

	if (!pm_str_starts(s, "://"))
		return 0;
	end = 3 + strcspn(s + 3, "/@" ENDS);
	colon = 3 + strcspn(s + 3, ":@/" ENDS);
	return s[end] == '@' && s[colon] == ':' ? colon + 1 : 0;
}

/* A ticket, "PVE:user@realm:HEX::base64", in whatever encoding; or "HEX:base64" of a CSRF token. */
static size_t ticket(const char *s)
{
	size_t n = word(s), hex = strspn(s, "0123456789ABCDEF");

	if (pm_str_starts(s, "PVE:") || pm_str_starts(s, "PVEVNC:"))
		return memmem(s, n, "::", 2) || memmem(s, n, "!tfa!", 5) ? n : 0;
	if (strncasecmp(s, "PVE%3A", 6) == 0)
		return n;
	return hex == 8 && s[8] == ':' && n >= 36 && !memchr(s + 9, ':', n - 9) ? n : 0;
}

void pm_fault_mask(struct pm_buf *out, const char *s)
{
	char before = '\0';

	while (*s) {
		bool begins = !isalnum((unsigned char)before);
		size_t keep = begins ? after_name(s) : 0, gone;

		if (keep == 0)
			keep = after_token_id(s);
		if (keep == 0)
			keep = after_user(s);
		if (keep > 0)
			gone = pm_str_starts(s, "://") ? strcspn(s + keep, "@") : word(s + keep);
		else
			gone = begins ? ticket(s) : 0;
		if (gone > 0) {
			pm_buf_add(out, s, keep);
			pm_buf_adds(out, "***");
		} else {
			keep = 1;
			pm_buf_addc(out, *s);
		}
		s += keep + gone;
		before = s[-1];
	}
}

/* Parameters whose values nobody may see, also where PVE says what is wrong with them. */
bool pm_fault_is_secret(const char *key)
{
	static const char *const parts[] = { "password", "secret", "otp", "ticket", "token-value" };

	for (size_t i = 0; i < PM_COUNT(parts); i++) {
		if (strcasestr(key, parts[i]))
			return true;
	}
	return false;
}

void pm_fault_hide_quoted(struct pm_buf *out, const char *s)
{
	while (*s) {
		const char *open = strchr(s, '\''), *close = open ? strrchr(open + 1, '\'') : NULL;

		if (!close) {
			pm_buf_adds(out, s);
			return;
		}
		pm_buf_add(out, s, (size_t)(open - s));
		pm_buf_adds(out, "'***'");
		s = close + 1;
	}
}

/* ---- privileges ---- */

bool pm_fault_privilege(const char *text, struct pm_lacking *ret)
{
	static const char lead[] = "Permission check failed (/";
	const char *at = strstr(text, lead), *comma, *end;

	if (!at)
		return false;
	at += sizeof(lead) - 2;
	end = at + strcspn(at, ")\n");
	comma = memchr(at, ',', (size_t)(end - at));
	if (*end != ')' || !comma)
		return false;
	ret->path = at;
	ret->npath = (size_t)(comma - at);
	comma += 1 + strspn(comma + 1, " ");
	ret->privilege = comma;
	ret->nprivilege = (size_t)(end - comma);
	return true;
}

/* ---- all of it ---- */

static void copy_part(char *out, size_t size, const char *s, size_t n)
{
	n = n < size ? n : size - 1;
	memcpy(out, s, n);
	out[n] = '\0';
}

/* Control characters made visible, cut to fit. */
static void copy_text(char *out, size_t size, const char *s)
{
	cleanup_buf struct pm_buf visible = PM_BUF(8192);

	pm_text_visible(&visible, s, strlen(s));
	s = pm_buf_str(&visible);
	copy_part(out, size, s, pm_utf8_valid(s, strlen(s) < size ? strlen(s) : size - 1));
}

static void take_params(struct json_object *errors, struct pm_fault *ret)
{
	json_object_object_foreach(errors, key, member)
	{
		cleanup_buf struct pm_buf words = PM_BUF(8192), hidden = PM_BUF(8192);
		const char *text = pm_json_str(errors, key);
		unsigned at = ret->nparams;

		(void)member;
		if (at == PM_COUNT(ret->param))
			return;
		/* In one order, whatever order PVE sends. */
		while (at > 0 && strcmp(ret->param[at - 1].name, key) > 0) {
			ret->param[at] = ret->param[at - 1];
			at--;
		}
		ret->nparams++;
		text = text ? text : "refused";
		pm_fault_text(&words, text, strlen(text));
		text = pm_buf_str(&words);
		if (pm_fault_is_secret(key)) {
			pm_fault_hide_quoted(&hidden, text);
			text = pm_buf_str(&hidden);
		}
		copy_text(ret->param[at].name, sizeof(ret->param[at].name), key);
		copy_text(ret->param[at].text, sizeof(ret->param[at].text), text);
	}
}

static void take_body(const struct pm_call *c, struct pm_fault *ret)
{
	PM_CLEANUP(pm_json_putp) struct json_object *body = NULL;
	cleanup_buf struct pm_buf words = PM_BUF(8192);
	struct json_object *errors;
	struct pm_lacking lacking;
	struct pm_error ignored;
	const char *message;

	if (c->body_in.len > 0 && c->body_in.p[0] == '{' &&
		pm_json_parse(c->body_in.p, c->body_in.len, &body, &ignored) < 0)
		body = NULL;
	message = pm_json_str(body, "message");
	message = message && *message ? message : c->reason;
	pm_fault_text(&words, message, strlen(message));
	message = pm_buf_str(&words);
	copy_text(ret->text, sizeof(ret->text), message);
	if (pm_fault_privilege(message, &lacking)) {
		copy_part(ret->privilege, sizeof(ret->privilege), lacking.privilege,
			lacking.nprivilege);
		copy_part(ret->acl_path, sizeof(ret->acl_path), lacking.path, lacking.npath);
	}
	errors = pm_json_get(body, "errors");
	if (json_object_is_type(errors, json_type_object))
		take_params(errors, ret);
}

void pm_pve_fault(const struct pm_call *c, struct pm_fault *ret)
{
	const char *path = c->path ? c->path : "";
	struct pm_error err;

	memset(ret, 0, sizeof(*ret));
	(void)pm_pve_error(c, &err);
	ret->code = err.code;
	ret->status = c->status;
	ret->retryable = pm_code_retryable(err.code) && !err.maybe_sent;
	ret->retry_after_s = c->retry_after_s;
	if (pm_str_starts(path, API "/"))
		path += strlen(API);
	copy_part(ret->host, sizeof(ret->host), c->host ? c->host->name : "",
		c->host ? strlen(c->host->name) : 0);
	copy_part(ret->method, sizeof(ret->method), c->method, strlen(c->method));
	copy_part(ret->path, sizeof(ret->path), path, strcspn(path, "?"));
	take_body(c, ret);
}
