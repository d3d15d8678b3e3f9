/* Checks the parameters of a request the way PVE does, with its texts: everything that is wrong at once,
 * one text a key. */
#include "sim/schema_priv.h"

struct checker {
	struct pm_arena *a;
	struct sim_conf *errors;
};

static void bad(struct checker *k, const char *path, const char *fault)
{
	if (!pm_s_conf_has(k->errors, path))
		pm_s_conf_set(k->errors, path, fault);
}

/* "[+-]digits[.digits[e..]]"; `real` allows what follows the digits. */
static bool is_number(const char *s, bool real)
{
	const char *digits;

	s += *s == '+' || *s == '-';
	digits = s;
	s += strspn(s, "0123456789");
	if (real && *s == '.') {
		s++;
		s += strspn(s, "0123456789");
	}
	if (real && s > digits && (*s == 'e' || *s == 'E')) {
		s += 1 + (s[1] == '+' || s[1] == '-');
		s += strspn(s, "0123456789");
	}
	return s > digits && !*s;
}

static double to_double(const char *s)
{
	return strtod(s, NULL);
}

static bool type_fits(enum sim_type type, const char *v)
{
	switch (type) {
	case SIM_T_INTEGER:
		return is_number(v, false);
	case SIM_T_NUMBER:
		return is_number(v, true);
	case SIM_T_BOOLEAN:
		return !strcmp(v, "0") || !strcmp(v, "1");
	default:
		return true;
	}
}

static const char *type_name(enum sim_type type)
{
	static const char *const names[] = { "string", "integer", "number", "boolean", "array",
		"object", "null" };

	return names[type];
}

static void check_value(
	struct checker *k, const struct sim_spec *sp, const char *path, const char *v);

static const struct sim_spec *part_of(const struct sim_specs *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->v[i].name, name))
			return &all->v[i];
	return NULL;
}

static const char *default_key(const struct sim_specs *all)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].default_key)
			return all->v[i].name;
	return NULL;
}

/* The parts of a property string; what is wrong with them in `found`. NULL, or why it is none. */
static const char *split_parts(
	struct checker *k, const struct sim_specs *all, const char *v, struct sim_conf *parts)
{
	const char *def = default_key(all);

	while (*v) {
		size_t n = strcspn(v, ",");
		char *part = pm_arena_strndup(k->a, v, n);
		char *eq = strchr(part, '=');
		const char *key = part, *value = eq ? eq + 1 : part;
		const struct sim_spec *sp;

		v += n;
		v += *v == ',';
		if (!n)
			continue;
		if (eq)
			*eq = '\0';
		else if (def)
			key = def;
		else
			return "value without key, but schema does not define a default key";
		sp = part_of(all, key);
		if (sp && sp->key_alias && sp->alias) {
			pm_s_conf_set(parts, sp->key_alias, key);
			key = sp->alias;
		} else if (sp && sp->alias) {
			key = sp->alias;
		}
		if (pm_s_conf_has(parts, key))
			return pm_arena_printf(
				k->a, "duplicate key in comma-separated list property: %s", key);
		pm_s_conf_set(parts, key, value);
	}
	return NULL;
}

static bool word_is_boolean(const char *v)
{
	static const char *const words[] = { "1", "0", "on", "off", "yes", "no", "true", "false" };

	for (size_t i = 0; i < PM_COUNT(words); i++)
		if (!strcasecmp(words[i], v))
			return true;
	return false;
}

static void check_parts(struct checker *k, const struct sim_specs *all, const char *path,
	const struct sim_conf *parts)
{
	for (size_t i = 0; i < parts->n; i++) {
		const struct sim_spec *sp = part_of(all, parts->v[i].k);
		const char *at = pm_arena_printf(k->a, "%s.%s", path, parts->v[i].k);

		if (!sp)
			bad(k, at,
				"property is not defined in schema and the schema does not allow "
				"additional properties");
		else if (sp->type != SIM_T_BOOLEAN || !word_is_boolean(parts->v[i].v))
			check_value(k, sp, at, parts->v[i].v);
	}
	for (size_t i = 0; i < all->n; i++)
		if (!all->v[i].optional && !all->v[i].alias &&
			!pm_s_conf_has(parts, all->v[i].name))
			bad(k, pm_arena_printf(k->a, "%s.%s", path, all->v[i].name),
				"property is missing and it is not optional");
}

static void check_props(
	struct checker *k, const struct sim_spec *sp, const char *path, const char *v)
{
	struct sim_conf parts cleanup_conf = { 0 }, found cleanup_conf = { 0 };
	struct checker inner = { k->a, &found };
	const char *fault = split_parts(k, sp->sub, v, &parts);
	cleanup_buf struct pm_buf text = PM_BUF(0);

	if (fault) {
		bad(k, path, pm_arena_printf(k->a, "invalid format - %s\n", fault));
		return;
	}
	check_parts(&inner, sp->sub, path, &parts);
	if (!found.n)
		return;
	pm_buf_adds(&text, "invalid format - format error\n");
	for (size_t i = 0; i < found.n; i++)
		pm_buf_addf(&text, "%s: %s\n", found.v[i].k, found.v[i].v);
	bad(k, path, pm_buf_str(&text));
}

static bool check_choice(
	struct checker *k, const struct sim_spec *sp, const char *path, const char *v)
{
	cleanup_buf struct pm_buf all = PM_BUF(0);

	for (size_t i = 0; i < sp->nchoices; i++)
		if (!strcmp(sp->choices[i], v))
			return true;
	for (size_t i = 0; i < sp->nchoices; i++)
		pm_buf_addf(&all, "%s%s", i ? ", " : "", sp->choices[i]);
	bad(k, path,
		pm_arena_printf(k->a, "value '%s' does not have a value in the enumeration '%s'", v,
			pm_buf_str(&all)));
	return false;
}

static size_t characters(const char *v)
{
	size_t n = 0;

	for (; *v; v++)
		n += ((unsigned char)*v & 0xc0) != 0x80;
	return n;
}

static bool check_limits(
	struct checker *k, const struct sim_spec *sp, const char *path, const char *v)
{
	double d = is_number(v, true) ? to_double(v) : 0;

	if (sp->max_length >= 0 && characters(v) > (size_t)sp->max_length)
		bad(k, path,
			pm_arena_printf(k->a, "value may only be %lld characters long",
				(long long)sp->max_length));
	else if (sp->min_length >= 0 && characters(v) < (size_t)sp->min_length)
		bad(k, path,
			pm_arena_printf(k->a, "value must be at least %lld characters long",
				(long long)sp->min_length));
	else if (sp->has_max && is_number(v, true) && d > sp->max)
		bad(k, path,
			pm_arena_printf(k->a, "value must have a maximum value of %.15g", sp->max));
	else if (sp->has_min && is_number(v, true) && d < sp->min)
		bad(k, path,
			pm_arena_printf(k->a, "value must have a minimum value of %.15g", sp->min));
	else
		return true;
	return false;
}

static void check_value(
	struct checker *k, const struct sim_spec *sp, const char *path, const char *v)
{
	const char *fault;

	if (!type_fits(sp->type, v)) {
		bad(k, path,
			pm_arena_printf(k->a, "type check ('%s') failed - got '%s'",
				type_name(sp->type), v));
		return;
	}
	if (sp->sub) {
		check_props(k, sp, path, v);
		return;
	}
	fault = sp->format ? pm_s_format(k->a, sp->format, v) : NULL;
	if (fault) {
		bad(k, path, pm_arena_printf(k->a, "invalid format - %s\n", fault));
		return;
	}
	if (sp->pattern && !pm_s_match(sp->pattern, v, strlen(v))) {
		bad(k, path, "value does not match the regex pattern");
		return;
	}
	if (check_limits(k, sp, path, v) && sp->nchoices)
		check_choice(k, sp, path, v);
}

/* Arrays: wrapped or joined where PVE does so, refused where it does. */
static void check_param(struct checker *k, const struct sim_spec *sp, struct sim_param *p)
{
	if (sp->type == SIM_T_ARRAY) {
		for (unsigned i = 0; sp->items && i < p->nmore; i++)
			if (p->more[i])
				check_value(k, sp->items, pm_arena_printf(k->a, "%s[%u]", p->k, i),
					p->more[i]);
		if (!p->nmore && sp->items)
			check_value(k, sp->items, pm_arena_printf(k->a, "%s[0]", p->k), p->v);
		return;
	}
	if (p->nmore && sp->format && strlen(sp->format) > 5 &&
		!strcmp(sp->format + strlen(sp->format) - 5, "-list")) {
		cleanup_buf struct pm_buf all = PM_BUF(0);

		for (unsigned i = 0; i < p->nmore; i++)
			pm_buf_addf(&all, "%s%s", i ? "," : "", p->more[i] ? p->more[i] : "");
		p->v = pm_arena_strdup(k->a, pm_buf_str(&all));
		p->nmore = 0;
	}
	if (p->nmore)
		bad(k, p->k,
			pm_arena_printf(
				k->a, "type check ('%s') failed - got ARRAY", type_name(sp->type)));
	else
		check_value(k, sp, p->k, p->v);
}

/* How far numbered keys go: PVE builds them in loops that its description does not show. */
static unsigned most_of(const char *stem)
{
	static const struct {
		const char *stem;
		unsigned most;
	} known[] = { { "hostpci", 15 }, { "ide", 3 }, { "ipconfig", 31 }, { "net", 31 },
		{ "numa", 7 }, { "parallel", 2 }, { "sata", 5 }, { "scsi", 30 }, { "serial", 3 },
		{ "usb", 13 }, { "virtio", 15 }, { "virtiofs", 9 }, { "link", 7 } };

	for (size_t i = 0; i < PM_COUNT(known); i++)
		if (!strcmp(known[i].stem, stem))
			return known[i].most;
	return 255;
}

static const struct sim_spec *spec_of(const struct sim_specs *all, const char *key)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct sim_spec *sp = &all->v[i];

		if (!sp->numbered ? !strcmp(sp->name, key)
				  : pm_s_numbered(key, sp->name, most_of(sp->name)) >= 0)
			return sp;
	}
	return NULL;
}

bool pm_s_schema_has(
	const struct sim_schema *d, const char *method, const char *path, const char *param)
{
	const struct sim_method *m = pm_s_schema_method(d, method, path);

	return m && spec_of(&m->params, param);
}

static void check_missing(struct sim_call *c, struct checker *k, const struct sim_specs *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct sim_spec *sp = &all->v[i];

		if (!sp->optional && !sp->numbered && !sp->alias && !pm_s_arg(c, sp->name))
			bad(k, sp->name, "property is missing and it is not optional");
		else if (sp->requires && pm_s_arg(c, sp->name) && !pm_s_arg(c, sp->requires))
			bad(k, sp->requires,
				pm_arena_printf(c->a,
					"missing property - '%s' requires this property",
					sp->name));
	}
}

/* What PVE checks in code, without any description: the little that a request cannot do without. */
static void verify_little(struct sim_call *c)
{
	const char *vmid = pm_s_arg(c, "vmid");
	const char *fault = NULL;

	for (const char *p = c->route->needs; p && *p;) {
		size_t n = strcspn(p, " ");
		const char *k = pm_arena_strndup(c->a, p, n);

		if (!pm_s_arg(c, k))
			pm_s_bad(c, k, "property is missing and it is not optional");
		p += n;
		p += *p == ' ';
	}
	if (vmid && strncmp(c->route->path, "/cluster", 8) != 0 &&
		!strstr(c->route->path, "/vzdump")) { /* which takes a list */
		if (!is_number(vmid, false))
			pm_s_bad(c, "vmid", "type check ('integer') failed - got '%s'", vmid);
		else
			fault = pm_s_format(c->a, "pve-vmid", vmid);
	}
	if (fault)
		pm_s_bad(c, "vmid", "invalid format - %s\n", fault);
}

void pm_s_verify(struct sim_call *c)
{
	struct checker k = { c->a, &c->errors };
	const struct sim_method *m = NULL;

	if (c->s->schema)
		m = pm_s_schema_method(c->s->schema, c->route->method, c->route->path);
	if (!m) {
		verify_little(c);
		return;
	}
	for (size_t i = 0; i < c->p.n; i++) {
		const struct sim_spec *sp = spec_of(&m->params, c->p.v[i].k);

		if (sp && (c->p.v[i].v || c->p.v[i].nmore))
			check_param(&k, sp, &c->p.v[i]);
		else if (!sp && !m->any)
			bad(&k, c->p.v[i].k,
				"property is not defined in schema and the schema does not allow "
				"additional properties");
	}
	check_missing(c, &k, &m->params);
}
