/* --fail: which requests go wrong, and how. "METHOD PATH:KIND[:N|@N]" */
#include "base/num.h"
#include "sim/sim_priv.h"

/* "*" takes one part of a path, a last one all the rest. */
static bool fits_path(const char *pattern, const char *text)
{
	for (; *pattern; pattern++, text++) {
		if (*pattern == '*') {
			size_t n = 0;

			if (!pattern[1])
				return true;
			do {
				if (fits_path(pattern + 1, text + n))
					return true;
			} while (text[n] && text[n++] != '/');
			return false;
		}
		if (*pattern != *text)
			return false;
	}
	return !*text;
}

static int kind_of(struct sim_rule *r, const char *kind, struct pm_error *err)
{
	static const struct {
		const char *name;
		enum pm_sim_fault fault;
	} known[] = { { "refused", PM_SIM_REFUSED }, { "cut", PM_SIM_CUT },
		{ "timeout", PM_SIM_TIMEOUT }, { "lost", PM_SIM_LOST } };
	int64_t status;

	for (size_t i = 0; i < PM_COUNT(known); i++)
		if (!strcmp(known[i].name, kind)) {
			r->fault = known[i].fault;
			return 0;
		}
	if (pm_parse_int(kind, 400, 599, &status) != 0)
		return pm_error_set(err, PM_E_USAGE,
			"--fail %s: '%s' is no kind of failure: give refused, cut, timeout, lost or a status "
			"from 400 to 599",
			r->text, kind);
	r->status = (int)status;
	return 0;
}

static int count_of(struct sim_rule *r, char sign, const char *number, struct pm_error *err)
{
	int64_t n;

	if (pm_parse_int(number, 1, 1000000, &n) != 0)
		return pm_error_set(err, PM_E_USAGE,
			"--fail %s: '%s' is no count: give a number from 1", r->text, number);
	if (sign == '@') {
		r->first = (unsigned)n;
		r->left = 1;
	} else {
		r->left = (unsigned)n;
	}
	return 0;
}

int pm_s_rule_parse(struct pm_sim *s, const char *text, struct pm_error *err)
{
	struct sim_rule *r = pm_xcalloc(1, sizeof(*r));
	cleanup_free char *copy = pm_xstrdup(text);
	char *blank = strchr(copy, ' '), *colon = strchr(copy, ':'), *more;

	pm_vec_push(&s->rules, r);
	r->text = pm_xstrdup(text);
	r->first = 1;
	r->left = UINT32_MAX;
	if (!blank || !colon || colon < blank || blank[1] != '/')
		return pm_error_set(err, PM_E_USAGE,
			"--fail %s: write it as 'METHOD /PATH:KIND', for example 'POST /nodes/*/lxc:500:2'",
			text);
	*blank = *colon = '\0';
	r->method = pm_xstrdup(copy);
	r->path = pm_xstrdup(blank + 1);
	more = colon + 1 + strcspn(colon + 1, ":@");
	if (*more) {
		char sign = *more;

		*more = '\0';
		if (count_of(r, sign, more + 1, err) != 0)
			return -PM_E_USAGE;
	}
	return kind_of(r, colon + 1, err);
}

struct sim_rule *pm_s_rule_for(struct pm_sim *s, const char *method, const char *target)
{
	cleanup_buf struct pm_buf path = PM_BUF(0);
	const char *p = target;

	if (!s->rules.n)
		return NULL;
	if (!strncmp(p, "/api2/", 6)) {
		p += 6;
		p += strcspn(p, "/");
	}
	pm_buf_add(&path, p, strcspn(p, "?"));
	for (size_t i = 0; i < s->rules.n; i++) {
		struct sim_rule *r = s->rules.v[i];

		if (!r->left || (strcmp(r->method, "*") != 0 && strcmp(r->method, method) != 0) ||
			!fits_path(r->path, pm_buf_str(&path)))
			continue;
		if (++r->seen < r->first)
			continue;
		if (r->left != UINT32_MAX)
			r->left--;
		return r;
	}
	return NULL;
}

void pm_s_rules_free(struct pm_sim *s)
{
	for (size_t i = 0; i < s->rules.n; i++) {
		free(s->rules.v[i]->text);
		free(s->rules.v[i]->method);
		free(s->rules.v[i]->path);
		free(s->rules.v[i]);
	}
	pm_vec_done(&s->rules);
}
