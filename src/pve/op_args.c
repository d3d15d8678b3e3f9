/* The arguments of a call: which there are, what each may be, and what PVE is told of it. Everything that
 * can be known to be wrong is said before anything is sent. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "pve/op_priv.h"
#include "security/validate.h"

const char *pm_op_words(const struct pm_op_request *r)
{
	static const char *const guests[] = { "", "ct", "vm" };

	return pm_arena_printf(r->a, "%s %s",
		r->op->kind == PM_OK_NONE ? r->op->noun : guests[r->guest], r->op->verb);
}

static int bad(const struct pm_op_request *r, const struct pm_param *p, struct pm_error *err,
	const char *what)
{
	return pm_error_set(err, PM_E_USAGE, "%s: %s: %s", pm_op_words(r), p->name, what);
}

/* ---- one value ---- */

static const char *const bools[][2] = { { "1", "0" }, { "true", "false" }, { "on", "off" },
	{ "yes", "no" } };

static int check_bool(const struct pm_op_request *r, const struct pm_param *p, const char *s,
	const char **ret, struct pm_error *err)
{
	for (unsigned i = 0; i < PM_COUNT(bools); i++) {
		for (unsigned no = 0; no < 2; no++) {
			if (strcasecmp(s, bools[i][no]) == 0) {
				*ret = no ? "0" : "1";
				return 0;
			}
		}
	}
	return pm_error_set(err, PM_E_USAGE,
		"%s: %s: \"%.40s\" is neither yes nor no; write 1 or 0, true or false, on or off",
		pm_op_words(r), p->name, s);
}

static int check_int(const struct pm_op_request *r, const struct pm_param *p, const char *s,
	struct pm_error *err)
{
	bool any = p->min == 0 && p->max == 0;
	int64_t n;

	if (pm_parse_int(s, any ? INT64_MIN : p->min, any ? INT64_MAX : p->max, &n) == 0)
		return 0;
	if (any || p->max == INT64_MAX)
		return pm_error_set(err, PM_E_USAGE, "%s: %s: \"%.40s\" is no integer%s",
			pm_op_words(r), p->name, s, any ? "" : " of 0 or more");
	return pm_error_set(err, PM_E_USAGE, "%s: %s: \"%.40s\" is no integer from %lld to %lld",
		pm_op_words(r), p->name, s, (long long)p->min, (long long)p->max);
}

/* Is the word among words with blanks in between? */
static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	while (*words) {
		size_t len = strcspn(words, " ");

		if (len == n && memcmp(words, word, n) == 0)
			return true;
		words += len + (words[len] == ' ');
	}
	return false;
}

static int check_text(const struct pm_op_request *r, const struct pm_param *p, const char *s,
	struct pm_error *err)
{
	if (p->choices && !has_word(p->choices, s))
		return pm_error_set(err, PM_E_USAGE, "%s: %s: \"%.60s\" is none of: %s",
			pm_op_words(r), p->name, s, p->choices);
	if (p->max > 0 && strlen(s) > (size_t)p->max)
		return pm_error_set(err, PM_E_USAGE, "%s: %s: longer than %lld bytes",
			pm_op_words(r), p->name, (long long)p->max);
	return 0;
}

/* PVE's own writing of a size that may say by how much. */
static bool is_size(const char *s)
{
	size_t n;

	s += *s == '+';
	n = strspn(s, "0123456789");
	if (n == 0)
		return false;
	s += n;
	if (*s == '.') {
		n = strspn(s + 1, "0123456789");
		if (n == 0)
			return false;
		s += n + 1;
	}
	return *s == '\0' || (strchr("KMGT", *s) && s[1] == '\0');
}

/* Storages take KiB, or a number with M or G. */
static int check_bytes(const struct pm_op_request *r, const struct pm_param *p, const char *s,
	const char **ret, struct pm_error *err)
{
	int64_t bytes;

	if (pm_parse_size(s, PM_KIB, &bytes) < 0 || bytes <= 0 || bytes % PM_KIB != 0)
		return bad(r, p, err,
			"no size; write a number with K, M, G or T, as in 8G (without: KiB)");
	if (bytes % PM_GIB == 0)
		*ret = pm_arena_printf(r->a, "%lldG", (long long)(bytes / PM_GIB));
	else if (bytes % PM_MIB == 0)
		*ret = pm_arena_printf(r->a, "%lldM", (long long)(bytes / PM_MIB));
	else
		*ret = pm_arena_printf(r->a, "%lld", (long long)(bytes / PM_KIB));
	return 0;
}

/* A name of a known class; -1: it has none. */
static int class_of(enum pm_param_type type)
{
	switch (type) {
	case PM_P_VMID:
		return PM_VALID_VMID;
	case PM_P_NODE:
		return PM_VALID_NODE;
	case PM_P_STORAGE:
		return PM_VALID_STORAGE;
	case PM_P_VOLID:
		return PM_VALID_VOLID;
	case PM_P_UPID:
		return PM_VALID_UPID;
	case PM_P_NAME:
		return PM_VALID_NAME;
	case PM_P_ID:
		return PM_VALID_ID;
	case PM_P_POOL:
		return PM_VALID_POOL;
	default:
		return -1;
	}
}

static int check_class(const struct pm_op_request *r, const struct pm_param *p, int class,
	const char *s, struct pm_error *err)
{
	if (pm_validate((enum pm_valid) class, s, err) < 0) {
		err->code = PM_E_USAGE;
		return pm_error_wrap(err, "%s: %s", pm_op_words(r), p->name);
	}
	return check_text(r, p, s, err);
}

static bool is_url(const char *s)
{
	if (!pm_str_starts(s, "http://") && !pm_str_starts(s, "https://"))
		return false;
	s = strstr(s, "://") + 3;
	if (!isalnum((unsigned char)*s) && *s != '[')
		return false;
	for (; *s; s++) {
		if (isspace((unsigned char)*s) || iscntrl((unsigned char)*s))
			return false;
	}
	return true;
}

/* *ret starts as the text itself. */
static int check_value(const struct pm_op_request *r, const struct pm_param *p, const char *s,
	const char **ret, struct pm_error *err)
{
	int class = class_of(p->type);

	*ret = s;
	if (class >= 0)
		return check_class(r, p, class, s, err);
	switch (p->type) {
	case PM_P_BOOL:
		return check_bool(r, p, s, ret, err);
	case PM_P_INT:
		return check_int(r, p, s, err);
	case PM_P_SIZE:
		return is_size(s)
			       ? 0
			       : bad(r, p, err,
					 "no size; write a number with K, M, G or T, as in 8G, or +2G "
					 "for so much more");
	case PM_P_BYTES:
		return check_bytes(r, p, s, ret, err);
	case PM_P_URL:
		return is_url(s) ? 0 : bad(r, p, err, "no URL of http or https");
	default:
		return check_text(r, p, s, err);
	}
}

/* ---- which ---- */

/* Names that could have been meant: those for this kind of guest. */
static int unknown(const struct pm_op_request *r, const char *name, struct pm_error *err)
{
	const char *v[PM_OP_MOST_PARAMS] = { NULL };
	cleanup_buf struct pm_buf all = PM_BUF(2048);
	const char *near;
	size_t n = 0;

	for (const struct pm_param *p = r->op->params; p->name; p++) {
		if ((p->flags & PM_P_CT && r->guest != PM_CT) ||
			(p->flags & PM_P_VM && r->guest != PM_VM))
			continue;
		v[n++] = p->name;
		pm_buf_addf(&all, "%s%s", n > 1 ? ", " : "", p->name);
	}
	near = pm_nearest(name, v, n);
	if (near)
		return pm_error_set(err, PM_E_USAGE,
			"%s has no parameter \"%.60s\"; did you mean %s?", pm_op_words(r), name,
			near);
	return pm_error_set(err, PM_E_USAGE, "%s has no parameter \"%.60s\"; it takes %s",
		pm_op_words(r), name, n > 0 ? pm_buf_str(&all) : "none");
}

static int check_kind(const struct pm_op_request *r, const struct pm_param *p, struct pm_error *err)
{
	if (p->flags & PM_P_CT && r->guest == PM_VM)
		return bad(r, p, err, "only containers have it");
	if (p->flags & PM_P_VM && r->guest == PM_CT)
		return bad(r, p, err, "only virtual machines have it");
	return 0;
}

/* A key of PVE's own, whatever it is called: passed on when it could be one. */
static int check_own_key(
	const struct pm_op_request *r, const struct pm_op_arg *v, struct pm_error *err)
{
	size_t n = strspn(v->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-_");

	if (n == 0 || n > 64 || v->name[n] != '\0')
		return pm_error_set(
			err, PM_E_USAGE, "%s: \"%.60s\" is no key of PVE", pm_op_words(r), v->name);
	if (!v->value || !*v->value)
		return pm_error_set(err, PM_E_USAGE,
			"%s: %s needs a value; PVE takes an empty one for none%s", pm_op_words(r),
			v->name,
			pm_op_param(r->op, "delete") ? " (to unset it, delete the key)" : "");
	for (const struct pm_op_arg *other = r->ask->v; other < v; other++) {
		if (strcmp(other->name, v->name) == 0)
			return pm_error_set(
				err, PM_E_USAGE, "%s: %s is given twice", pm_op_words(r), v->name);
	}
	return 0;
}

static int check_param(struct pm_op_request *r, const struct pm_param *p, const struct pm_op_arg *v,
	struct pm_error *err)
{
	const char **slot = &r->value[p - r->op->params], *value;
	const char *text = v->value ? v->value : (p->type == PM_P_BOOL ? "1" : "");
	int code = check_kind(r, p, err);

	if (code < 0)
		return code;
	if (!*text)
		return bad(r, p, err, "needs a value");
	if (*slot && !(p->flags & PM_P_MANY))
		return bad(r, p, err, "is given twice");
	code = check_value(r, p, text, &value, err);
	if (code == 0)
		*slot = *slot ? pm_arena_printf(r->a, "%s,%s", *slot, value) : value;
	return code;
}

static int check_required(const struct pm_op_request *r, struct pm_error *err)
{
	for (unsigned i = 0; r->op->params[i].name; i++) {
		const struct pm_param *p = &r->op->params[i];

		if (p->flags & PM_P_REQUIRED && !r->value[i] && check_kind(r, p, err) == 0)
			return pm_error_set(err, PM_E_USAGE, "%s needs %s: %s", pm_op_words(r),
				p->name, p->doc);
	}
	return 0;
}

/* A change of a configuration that changes nothing: PVE answers with an error, too. */
static int check_change(const struct pm_op_request *r, struct pm_error *err)
{
	if (!r->op->operation || strcmp(r->op->operation, "update") != 0)
		return 0;
	for (size_t i = 0; i < r->ask->n; i++) {
		const struct pm_param *p = pm_op_param(r->op, r->ask->v[i].name);

		if (!p || !(p->flags & (PM_P_PATH | PM_P_SAFE)))
			return 0;
	}
	return pm_error_set(
		err, PM_E_USAGE, "%s: name at least one key to set or to delete", pm_op_words(r));
}

/* A file is called there as it is here. */
static void set_filename(struct pm_op_request *r)
{
	const char *file = pm_op_value(r, "file"), *slash;

	if (!file || pm_op_value(r, "filename"))
		return;
	slash = strrchr(file, '/');
	pm_op_set_value(r, "filename", slash ? slash + 1 : file);
}

static int set_guest(struct pm_op_request *r, struct pm_error *err)
{
	switch (r->op->kind) {
	case PM_OK_BOTH:
		r->guest = r->ask->guest;
		break;
	case PM_OK_CT:
		r->guest = PM_CT;
		break;
	case PM_OK_VM:
		r->guest = PM_VM;
		break;
	case PM_OK_NONE:
		r->guest = PM_NO_GUEST;
		return 0;
	}
	if (r->guest != PM_CT && r->guest != PM_VM)
		return pm_error_set(err, PM_E_USAGE,
			"%s: is it about a container or a virtual machine?", r->op->verb);
	return 0;
}

int pm_op_check(struct pm_op_request *r, struct pm_error *err)
{
	int code;

	r->op = pm_op(r->ask->op);
	code = set_guest(r, err);
	for (size_t i = 0; i < r->ask->n && code == 0; i++) {
		const struct pm_op_arg *v = &r->ask->v[i];
		const struct pm_param *p = pm_op_param(r->op, v->name);

		if (p)
			code = check_param(r, p, v, err);
		else
			code = r->op->any_keys ? check_own_key(r, v, err)
					       : unknown(r, v->name, err);
	}
	if (code == 0)
		code = check_required(r, err);
	set_filename(r);
	return code < 0 ? code : check_change(r, err);
}
