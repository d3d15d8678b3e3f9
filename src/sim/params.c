/* Parameters of a request as pveproxy reads them: query, form or JSON body, with its quirks. A pair is
 * cut at every "=", so that an unencoded one silently shortens the value; ";" separates like "&"; a
 * repeated key becomes an array. */
#include <json-c/json.h>

#include "base/num.h"
#include "sim/sim_priv.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* A value may hold NUL (env does): it is kept as SIM_NUL, and a real SIM_NUL as its neighbour, which
 * no parameter may hold either. */
static char kept(char c)
{
	if (c == '\0')
		return SIM_NUL;
	return c == SIM_NUL ? SIM_NUL - 1 : c;
}

char *pm_s_unescape(struct pm_arena *a, const char *s, size_t n, bool plus)
{
	char *out = pm_arena_strndup(a, s, n), *to = out;

	for (size_t i = 0; i < n; i++) {
		int hi = n - i > 2 && s[i] == '%' ? hex_digit(s[i + 1]) : -1;
		int lo = hi >= 0 ? hex_digit(s[i + 2]) : -1;

		if (lo >= 0) {
			*to++ = kept((char)(hi * 16 + lo));
			i += 2;
			continue;
		}
		*to++ = plus && s[i] == '+' ? ' ' : s[i];
	}
	*to = '\0';
	return out;
}

static struct sim_param *find_param(const struct sim_params *p, const char *k)
{
	for (size_t i = 0; i < p->n; i++)
		if (!strcmp(p->v[i].k, k))
			return &p->v[i];
	return NULL;
}

static void param_more(struct sim_call *c, struct sim_param *p, const char *v)
{
	unsigned n = p->nmore ? p->nmore : 1;
	const char **all = pm_new_n(c->a, const char *, n + 1);

	if (p->nmore)
		memcpy(all, p->more, n * sizeof(*all));
	else
		all[0] = p->v;
	all[n] = v;
	p->more = all;
	p->nmore = n + 1;
}

void pm_s_param_add(struct sim_call *c, const char *k, const char *v, bool path)
{
	pm_vec_push(&c->p, ((struct sim_param){ .k = k, .v = v, .path = path }));
}

int pm_s_params_form(struct sim_call *c, const char *text, size_t n)
{
	const char *end = text + n;
	size_t had = c->p.n;

	while (text < end) {
		size_t len = 0, klen = 0, vlen = 0;
		struct sim_param *known = NULL;
		const char *k, *v = NULL;

		while (text + len < end && text[len] != '&' && text[len] != ';')
			len++;
		while (klen < len && text[klen] != '=')
			klen++;
		while (klen + 1 + vlen < len && text[klen + 1 + vlen] != '=')
			vlen++;
		k = pm_s_unescape(c->a, text, klen, true);
		if (vlen)
			v = pm_s_unescape(c->a, text + klen + 1, vlen, true);
		for (size_t i = had; i < c->p.n; i++)
			if (!strcmp(c->p.v[i].k, k))
				known = &c->p.v[i];
		if (known)
			param_more(c, known, v);
		else if (klen && strcmp(k, "_dc") != 0)
			pm_s_param_add(c, k, v, false);
		text += len + 1;
	}
	return 0;
}

static const char *json_scalar(struct sim_call *c, struct json_object *o)
{
	char *copy;
	size_t n;

	if (!o)
		return NULL;
	if (json_object_is_type(o, json_type_boolean))
		return json_object_get_boolean(o) ? "1" : "0";
	n = json_object_is_type(o, json_type_string) ? (size_t)json_object_get_string_len(o)
						     : strlen(json_object_get_string(o));
	copy = pm_arena_alloc(c->a, n + 1, 1);
	for (size_t i = 0; i < n; i++)
		copy[i] = kept(json_object_get_string(o)[i]);
	copy[n] = '\0';
	return copy;
}

static void json_member(struct sim_call *c, const char *k, struct json_object *o)
{
	pm_s_param_add(c, pm_arena_strdup(c->a, k), NULL, false);
	if (!json_object_is_type(o, json_type_array)) {
		c->p.v[c->p.n - 1].v = json_scalar(c, o);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(o); i++) {
		const char *v = json_scalar(c, json_object_array_get_idx(o, i));

		if (i == 0)
			c->p.v[c->p.n - 1].v = v;
		else
			param_more(c, &c->p.v[c->p.n - 1], v);
	}
	if (json_object_array_length(o) == 1) {
		c->p.v[c->p.n - 1].more = pm_new_n(c->a, const char *, 1);
		c->p.v[c->p.n - 1].more[0] = c->p.v[c->p.n - 1].v;
		c->p.v[c->p.n - 1].nmore = 1;
	}
}

bool pm_s_params_json(struct sim_call *c, const char *text, size_t n)
{
	struct json_object *o cleanup_json = NULL;
	struct pm_error err;

	if (pm_json_parse(text, n, &o, &err) != 0)
		return false;
	if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, k, v) json_member(c, k, v);
	}
	return true;
}

const char *pm_s_arg(const struct sim_call *c, const char *k)
{
	const struct sim_param *p = find_param(&c->p, k);

	return p ? p->v : NULL;
}

bool pm_s_has(const struct sim_call *c, const char *k)
{
	return find_param(&c->p, k) != NULL;
}

bool pm_s_arg_true(const struct sim_call *c, const char *k)
{
	return pm_s_true(pm_s_arg(c, k));
}

int64_t pm_s_arg_int(const struct sim_call *c, const char *k, int64_t otherwise)
{
	const char *v = pm_s_arg(c, k);
	int64_t i;

	return v && pm_parse_int(v, INT64_MIN / 2, INT64_MAX / 2, &i) == 0 ? i : otherwise;
}

void pm_s_write_value(struct pm_jwrite *w, const char *key, const char *v)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);

	if (!v || !strchr(v, SIM_NUL)) {
		pm_jw_str(w, key, v);
		return;
	}
	pm_buf_adds(&b, v);
	for (size_t i = 0; i < b.len; i++)
		if (b.p[i] == SIM_NUL)
			b.p[i] = '\0';
	pm_jw_strn(w, key, b.p, b.len);
}

/* ---- multipart/form-data: fields, and one file named "filename" ---- */

/* The value of one attribute of a Content-Disposition line, quoted or not; NULL: not there. */
static const char *attribute(struct sim_call *c, const char *line, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = strpbrk(line, ";,\r"); p && *p != '\r'; p = strpbrk(p, ";,\r")) {
		p += strspn(p, ";, \t");
		if (strncmp(p, name, n) != 0 || p[n] != '=')
			continue;
		p += n + 1;
		if (*p == '"')
			return pm_arena_strndup(c->a, p + 1, strcspn(p + 1, "\"\r"));
		return pm_arena_strndup(c->a, p, strcspn(p, ";, \r"));
	}
	return NULL;
}

/* false: a part that makes pveproxy give up. */
static bool take_part(struct sim_call *c, const char *head, const char *data, size_t n)
{
	const char *line = strcasestr(head, "content-disposition:");
	const char *name, *file;

	if (!line || strncmp(line + 20 + strspn(line + 20, " "), "form-data", 9) != 0)
		return false;
	name = attribute(c, line, "name");
	file = attribute(c, line, "filename");
	if (!name || (file && *file && strcmp(name, "filename") != 0))
		return false;
	if (!file || !*file) {
		pm_s_param_add(c, name, pm_arena_strndup(c->a, data, n), false);
		return true;
	}
	pm_s_param_add(c, name, file, false);
	c->file = data;
	c->nfile = n;
	return true;
}

/* What comes after "boundary=", as pveproxy reads it: quotes are part of it. */
static const char *boundary_of(struct sim_call *c)
{
	const char *at = strstr(c->q->content_type, "boundary=");

	at = at ? at + 9 : "";
	return pm_arena_strndup(c->a, at, strcspn(at, ";, "));
}

bool pm_s_params_multipart(struct sim_call *c)
{
	const char *boundary = boundary_of(c), *end = c->q->body + c->q->nbody, *p, *mark;
	size_t n;

	if (!*boundary)
		return false;
	mark = pm_arena_printf(c->a, "\r\n--%s", boundary);
	n = strlen(mark);
	p = memmem(c->q->body, c->q->nbody, mark + 2, n - 2);
	for (p = p ? p + n - 2 : end; end - p > 4 && strncmp(p, "--", 2) != 0;) {
		const char *data = memmem(p, (size_t)(end - p), "\r\n\r\n", 4), *stop;

		stop = data ? memmem(data + 4, (size_t)(end - data - 4), mark, n) : NULL;
		if (!stop || !take_part(c, pm_arena_strndup(c->a, p, (size_t)(data - p)), data + 4,
				     (size_t)(stop - data - 4)))
			return false;
		p = stop + n;
	}
	return c->file != NULL;
}
