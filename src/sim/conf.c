/* Sorted text maps: guest configurations, property strings, arguments of tasks. Sorted because PVE
 * writes its files so, and because the digest is taken over that text. */
#include "sim/sim_priv.h"

static size_t conf_find(const struct sim_conf *c, const char *k, bool *found)
{
	size_t lo = 0, hi = c->n;

	*found = false;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		int d = strcmp(c->v[mid].k, k);

		if (d == 0) {
			*found = true;
			return mid;
		}
		if (d < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const char *pm_s_conf_get(const struct sim_conf *c, const char *k)
{
	bool found;
	size_t i = conf_find(c, k, &found);

	return found ? c->v[i].v : NULL;
}

bool pm_s_conf_has(const struct sim_conf *c, const char *k)
{
	bool found;

	(void)conf_find(c, k, &found);
	return found;
}

void pm_s_conf_set(struct sim_conf *c, const char *k, const char *v)
{
	bool found;
	size_t i = conf_find(c, k, &found);
	char *copy = v ? pm_xstrdup(v) : NULL;

	if (found && c->v) {
		free(c->v[i].v);
		c->v[i].v = copy;
		return;
	}
	pm_vec_push(c, ((struct sim_kv){ 0 }));
	memmove(&c->v[i + 1], &c->v[i], (c->n - 1 - i) * sizeof(*c->v));
	c->v[i] = (struct sim_kv){ .k = pm_xstrdup(k), .v = copy };
}

bool pm_s_conf_del(struct sim_conf *c, const char *k)
{
	bool found;
	size_t i = conf_find(c, k, &found);

	if (!found)
		return false;
	free(c->v[i].k);
	free(c->v[i].v);
	c->n--;
	memmove(&c->v[i], &c->v[i + 1], (c->n - i) * sizeof(*c->v));
	return true;
}

void pm_s_conf_done(struct sim_conf *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].k);
		free(c->v[i].v);
	}
	pm_vec_done(c);
}

bool pm_s_conf_same(const struct sim_conf *a, const struct sim_conf *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i].k, b->v[i].k) != 0 || !a->v[i].v != !b->v[i].v ||
			(a->v[i].v && strcmp(a->v[i].v, b->v[i].v) != 0))
			return false;
	return true;
}

void pm_s_conf_copy(struct sim_conf *to, const struct sim_conf *from)
{
	struct sim_conf fresh = { 0 };

	for (size_t i = 0; i < from->n; i++)
		pm_s_conf_set(&fresh, from->v[i].k, from->v[i].v);
	pm_s_conf_done(to);
	*to = fresh;
}

bool pm_s_props(struct sim_conf *c, const char *text, const char *def)
{
	while (*text) {
		size_t n = strcspn(text, ",");
		cleanup_buf struct pm_buf part = PM_BUF(0);
		const char *eq;

		pm_buf_add(&part, text, n);
		eq = strchr(pm_buf_str(&part), '=');
		if (eq) {
			part.p[eq - part.p] = '\0';
			pm_s_conf_set(c, part.p, eq + 1);
		} else if (n > 0 && def && !pm_s_conf_has(c, def)) {
			pm_s_conf_set(c, def, part.p);
		} else if (n > 0) {
			return false;
		}
		text += n;
		text += *text == ',';
	}
	return true;
}

char *pm_s_props_text(const struct sim_conf *c, const char *def, const char *first)
{
	struct pm_buf out = PM_BUF(0);
	const char *bare = def ? pm_s_conf_get(c, def) : NULL;
	const char *required = first ? pm_s_conf_get(c, first) : NULL;

	if (bare)
		pm_buf_adds(&out, bare);
	if (required)
		pm_buf_addf(&out, "%s%s=%s", out.len ? "," : "", first, required);
	for (size_t i = 0; i < c->n; i++) {
		if ((def && !strcmp(c->v[i].k, def)) || (first && !strcmp(c->v[i].k, first)))
			continue;
		pm_buf_addf(&out, "%s%s=%s", out.len ? "," : "", c->v[i].k, c->v[i].v);
	}
	return pm_buf_steal(&out);
}

int pm_s_numbered(const char *key, const char *stem, unsigned most)
{
	size_t n = strlen(stem), digits = strlen(key) - (strlen(key) < n ? strlen(key) : n);
	unsigned value = 0;

	if (strncmp(key, stem, n) != 0 || digits < 1 || digits > 3 || (digits > 1 && key[n] == '0'))
		return -1;
	for (size_t i = n; key[i]; i++) {
		if (key[i] < '0' || key[i] > '9')
			return -1;
		value = value * 10 + (unsigned)(key[i] - '0');
	}
	return value <= most ? (int)value : -1;
}

bool pm_s_true(const char *s)
{
	return s && (!strcmp(s, "1") || !strcasecmp(s, "on") || !strcasecmp(s, "yes") ||
			    !strcasecmp(s, "true"));
}

int64_t pm_s_parse_size(const char *s)
{
	double value = 0, place = 1;
	bool fraction = false;

	if (*s < '0' || *s > '9')
		return -1;
	for (; (*s >= '0' && *s <= '9') || (*s == '.' && !fraction); s++) {
		if (*s == '.') {
			fraction = true;
			continue;
		}
		if (fraction)
			value += (*s - '0') * (place /= 10);
		else
			value = value * 10 + (*s - '0');
	}
	for (const char *unit = "KMGT"; *s; unit++) {
		if (!*unit || s[1])
			return -1;
		value *= 1024;
		if (*unit == *s)
			break;
	}
	return value < 9e18 ? (int64_t)value : -1;
}

char *pm_s_format_size(int64_t bytes, char out[32])
{
	static const char units[] = "TGMK";
	int64_t unit = INT64_C(1) << 40;

	for (size_t i = 0; units[i]; i++, unit /= 1024)
		if (bytes % unit == 0) {
			(void)snprintf(out, 32, "%lld%c", (long long)(bytes / unit), units[i]);
			return out;
		}
	(void)snprintf(out, 32, "%lld", (long long)bytes);
	return out;
}
