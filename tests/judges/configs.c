/* Configurations that PVE returned or that stand in PVE's own tests, through decode, encode, decode: what PVE
 * says must come out of a live object as it went in, and out of a manifest that was written of it too. A
 * key that is neither a row nor refused with a reason is a fault.
 * Usage: configs EXPECT FILE...; a .json file holds recordings, any other is a configuration file of PVE.
 * A line of EXPECT is "KEY TEXT": a fault of that key with that piece of text is known; `#` starts a comment. */
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "manifest/manifest.h"
#include "model/marker.h"
#include "pve/pve.h"
#include "table.h"

#define IMAGE "local:vztmpl/any.tar.zst"

/* What a configuration holds besides settings. */
static const char *const others[] = { "digest", "lxc", "parent", "snaptime", "snapstate", "vmstate",
	"runningmachine", "runningcpu", "running-nets-host-mtu", "meta", "lock", "template", NULL };

struct known {
	char *key, *text;
	unsigned used;
};

struct judge {
	PM_VEC(struct known) known;
	unsigned configs, settings, spelt, faults, expected;
	const char *file, *section; /* being judged */
};

/* ---- faults ---- */

static void take_known(void *arg, char *line)
{
	struct judge *x = arg;
	char *blank = strchr(line, ' ');

	if (!blank)
		return;
	*blank = '\0';
	pm_vec_push(&x->known,
		((struct known){ .key = pm_xstrdup(line), .text = pm_xstrdup(blank + 1) }));
}

static void PM_PRINTF(3, 4) fault(struct judge *x, const char *key, const char *fmt, ...)
{
	char what[1000];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < x->known.n; i++) {
		struct known *k = &x->known.v[i];

		if (strcmp(k->key, key) != 0 || !strstr(what, k->text))
			continue;
		k->used++;
		x->expected++;
		return;
	}
	x->faults++;
	printf("%s%s%s: %s: %s\n", x->file, *x->section ? ":" : "", x->section, key, what);
}

/* ---- one configuration as an answer of /pending ---- */

struct config {
	struct json_object *rows;
	const struct pm_kind *kind;
};

static void add_row(struct json_object *rows, const char *key, const char *value, size_t n)
{
	struct json_object *row = json_object_new_object();

	json_object_object_add(row, "key", json_object_new_string(key));
	json_object_object_add(row, "value", json_object_new_string_len(value, (int)n));
	json_object_array_add(rows, row);
}

static struct pm_obj *decode(
	struct pm_arena *a, const struct pm_kind *k, struct json_object *rows, struct pm_error *err)
{
	struct json_object *all = json_object_new_object();
	struct pm_obj *o = pm_obj_new(a, k);
	const char *text;
	char *copy;
	int r;

	add_row(rows, "digest", "0000", 4);
	json_object_object_add(all, "data", json_object_get(rows));
	text = json_object_to_json_string_ext(all, JSON_C_TO_STRING_PLAIN);
	copy = pm_arena_strdup(a, text);
	o->live = pm_new(a, struct pm_live);
	o->name = "any";
	o->ns = "default";
	r = pm_pve_decode_pending(a, k, copy, strlen(copy), o, err);
	json_object_put(all);
	return r < 0 ? NULL : o;
}

/* ---- and back ---- */

static void encode_row(const struct pm_field *f, const struct pm_value *v, struct json_object *rows)
{
	size_t n = f->count > 0 ? v->u.recs->n : 1;

	for (size_t i = 0; i < n; i++) {
		cleanup_buf struct pm_buf text = PM_BUF(0);
		const char *key = f->key;
		char out[16];

		if (f->count > 0) {
			pm_rec_format(v->u.recs->v[i], &text);
			key = pm_slot_key(f, v->u.recs->v[i]->slot, out);
		} else {
			pm_value_format(f, PM_PVE, v, &text);
		}
		add_row(rows, key, pm_buf_str(&text), text.len);
	}
}

static struct json_object *encode(const struct pm_rec *spec)
{
	struct json_object *rows = json_object_new_array();

	for (unsigned i = 0; i < spec->kind->nfields; i++) {
		const struct pm_field *f = &spec->kind->fields[i];

		if (f->key && spec->val[i].state == PM_SET)
			encode_row(f, &spec->val[i], rows);
	}
	return rows;
}

/* `how`: what the second one went through. */
static void compare(
	struct judge *x, const struct pm_rec *first, const struct pm_rec *second, const char *how)
{
	for (unsigned i = 0; i < first->kind->nfields; i++) {
		const struct pm_field *f = &first->kind->fields[i];
		const struct pm_value *a = &first->val[i], *b = &second->val[i];
		cleanup_buf struct pm_buf was = PM_BUF(0), is = PM_BUF(0);

		if (!f->key || (a->state != PM_SET && b->state != PM_SET))
			continue;
		if (a->state == b->state && pm_value_equal(f, a, b) && pm_value_equal(f, b, a))
			continue;
		pm_value_format(f, PM_PVE, a, &was);
		pm_value_format(f, PM_PVE, b, &is);
		fault(x, f->key, "%s: '%s' became '%s'", how, pm_buf_str(&was), pm_buf_str(&is));
	}
}

/* ---- one setting ---- */

static bool is_other(const char *key)
{
	for (unsigned i = 0; others[i]; i++) {
		if (strcmp(others[i], key) == 0)
			return true;
	}
	return pm_str_starts(key, "unused");
}

/* Does an item of one property string stand in another? */
static bool stands_in(const char *item, size_t n, const char *text)
{
	for (const char *s = text; *s; s += strcspn(s, ",")) {
		s += *s == ',';
		if (strcspn(s, ",") == n && strncmp(s, item, n) == 0)
			return true;
	}
	return false;
}

/* Is it a row of the record, or a word of its head, as in virtio=BC:24:11:00:00:01? */
static bool is_part(const struct pm_kind *k, const char *s, size_t n)
{
	if (pm_field_by_key(k, s, n))
		return true;
	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];

		for (unsigned j = 0; f->flags & PM_F_HEAD && f->choices && f->choices[j]; j++)
			if (strlen(f->choices[j]) == n && strncmp(f->choices[j], s, n) == 0)
				return true;
	}
	return false;
}

/* Every part of a property string must be known, and stay when nothing is wanted. */
static void judge_record(
	struct judge *x, const char *key, const struct pm_field *f, const struct pm_rec *r)
{
	cleanup_buf struct pm_buf printed = PM_BUF(0), merged = PM_BUF(0);

	pm_rec_format(r, &printed);
	for (const char *s = r->raw; *s; s += strcspn(s, ",")) {
		size_t n, equals;

		s += *s == ',';
		n = strcspn(s, ",");
		equals = strcspn(s, "=");
		if (n > 0 && equals < n && !is_part(f->sub, s, equals))
			fault(x, key, "PVE's %.*s is no row of %s", (int)equals, s, f->sub->name);
		else if (n > 0 && !stands_in(s, n, pm_buf_str(&printed)))
			x->spelt++;
	}
	pm_rec_merge(r, r, NULL, &merged);
	if (strcmp(pm_buf_str(&merged), r->raw) != 0)
		fault(x, key, "'%s' merged with itself became '%s'", r->raw, pm_buf_str(&merged));
}

static void judge_records(struct judge *x, const struct pm_rec *spec)
{
	for (unsigned i = 0; i < spec->kind->nfields; i++) {
		const struct pm_field *f = &spec->kind->fields[i];
		const struct pm_value *v = &spec->val[i];

		if (f->type != PM_T_PROPS || !f->key || v->state != PM_SET)
			continue;
		if (f->count == 0)
			judge_record(x, f->key, f, v->u.rec);
		for (size_t j = 0; f->count > 0 && j < v->u.recs->n; j++)
			judge_record(x, f->key, f, v->u.recs->v[j]);
	}
}

static void judge_keys(struct judge *x, const struct config *c)
{
	for (size_t i = 0; i < json_object_array_length(c->rows); i++) {
		const char *key = pm_json_str(json_object_array_get_idx(c->rows, i), "key"), *why;
		unsigned slot;

		if (is_other(key))
			continue;
		x->settings++;
		why = pm_refused_why(c->kind, pm_str_starts(key, "lxc.") ? "options.lxc" : key);
		if (!pm_field_by_slot_key(c->kind, key, strlen(key), &slot) && !why)
			fault(x, key, "neither a row nor refused");
	}
}

/* ---- through a manifest ---- */

/* What no configuration of PVE says, but every manifest has to. */
static bool is_needed(const struct pm_diag *d)
{
	return strstr(d->msg, " is required") || strstr(d->msg, " needs ");
}

static void judge_manifest(struct judge *x, struct pm_arena *a, struct pm_obj *o)
{
	struct pm_set one = { .arena = a }, back = { .arena = a };
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct pm_diags d;
	struct pm_value *image = &o->spec->val[PM_G_IMAGE];

	pm_diags_init(&d, a);
	if (o->kind == &pm_kind_pod) {
		image->state = PM_SET;
		image->u.s = IMAGE;
	}
	o->live = NULL;
	pm_set_add(&one, o);
	pm_manifest_write(&one, &text);
	pm_manifest_parse(a, "written", pm_buf_str(&text), text.len, &back, &d);
	for (const struct pm_diag *e = d.first; e; e = e->next) {
		if (e->severity == PM_ERROR && !is_needed(e))
			fault(x, "manifest", "%s", e->msg);
	}
	if (back.n == 1)
		compare(x, o->spec, back.v[0]->spec, "written and read");
	else
		fault(x, "manifest", "%zu objects were read", back.n);
	pm_set_done(&one);
	pm_set_done(&back);
}

static void judge_config(struct judge *x, const struct config *c)
{
	PM_CLEANUP(pm_arena_freep) struct pm_arena *a = pm_arena_new(0);
	struct json_object *again;
	struct pm_obj *first, *second;
	struct pm_error err;

	x->configs++;
	judge_keys(x, c);
	first = decode(a, c->kind, c->rows, &err);
	if (!first) {
		fault(x, "decode", "%s", err.msg);
		return;
	}
	judge_records(x, first->spec);
	again = encode(first->spec);
	second = decode(a, c->kind, again, &err);
	if (second)
		compare(x, first->spec, second->spec, "encoded and decoded");
	else
		fault(x, "encode", "%s", err.msg);
	json_object_put(again);
	judge_manifest(x, a, first);
}

/* ---- where configurations come from ---- */

static const struct pm_kind *kind_named(const char *type)
{
	return strcmp(type, "lxc") == 0 ? &pm_kind_pod : pm_kind_find("VirtualMachine");
}

/* A file of /etc/pve: "key: value", "# description", "[section]". */
static void judge_text(struct judge *x, const struct pm_kind *kind, char *text)
{
	cleanup_buf struct pm_buf notes = PM_BUF(0);
	struct config c = { json_object_new_array(), kind };
	char *line, *rest, section[128] = "";

	x->section = section;
	for (line = strtok_r(text, "\n", &rest);; line = strtok_r(NULL, "\n", &rest)) {
		char *colon = line ? strchr(line, ':') : NULL;

		if (!line || *line == '[') {
			if (notes.len > 0)
				add_row(c.rows, "description", pm_buf_str(&notes), notes.len);
			if (json_object_array_length(c.rows) > 0 &&
				!pm_str_starts(section, "[special"))
				judge_config(x, &c);
			json_object_put(c.rows);
			c.rows = json_object_new_array();
			pm_buf_clear(&notes);
			if (!line)
				break;
			(void)snprintf(section, sizeof(section), "%s", line);
		} else if (*line == '#') {
			(void)pm_buf_addf(&notes, "%s\n", line + 1);
		} else if (colon && colon > line) {
			*colon++ = '\0';
			while (*colon == ' ')
				colon++;
			add_row(c.rows, line, colon, strlen(colon));
		}
	}
	json_object_put(c.rows);
}

static void take_value(struct json_object *rows, const char *key, struct json_object *v)
{
	const char *s = json_object_get_string(v);

	if (json_object_is_type(v, json_type_array) || json_object_is_type(v, json_type_object))
		return;
	add_row(rows, key, s,
		json_object_is_type(v, json_type_string) ? (size_t)json_object_get_string_len(v)
							 : strlen(s));
}

/* GET of config (an object), or of pending (a list): in force, and what waits. */
static void judge_answer(struct judge *x, const struct pm_kind *kind, struct json_object *data)
{
	static const char *const members[] = { "value", "pending" };
	bool list = json_object_is_type(data, json_type_array);

	for (unsigned m = 0; m < (list ? PM_COUNT(members) : 1); m++) {
		struct config c = { json_object_new_array(), kind };

		for (size_t i = 0; list && i < json_object_array_length(data); i++) {
			struct json_object *row = json_object_array_get_idx(data, i);
			struct json_object *v = pm_json_get(row, members[m]);
			const char *key = pm_json_str(row, "key");

			if (v && key && strcmp(key, "digest") != 0)
				take_value(c.rows, key, v);
		}
		if (!list) {
			json_object_object_foreach(data, key, v)
			{
				if (strcmp(key, "digest") != 0)
					take_value(c.rows, key, v);
			}
		}
		if (json_object_array_length(c.rows) > 0)
			judge_config(x, &c);
		json_object_put(c.rows);
	}
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static void judge_exchange(struct judge *x, struct json_object *entry)
{
	struct json_object *req = pm_json_get(entry, "request"),
			   *res = pm_json_get(entry, "response"),
			   *data = pm_json_get(pm_json_get(res, "body"), "data");
	const char *method = pm_json_str(req, "method"), *path = pm_json_str(req, "path");
	const struct pm_kind *kind;

	if (!method || !path || strcmp(method, "GET") != 0 ||
		pm_json_int(res, "status", 0) != 200 || !data ||
		(!ends_with(path, "/config") && !ends_with(path, "/pending")) ||
		(!strstr(path, "/lxc/") && !strstr(path, "/qemu/")))
		return;
	kind = kind_named(strstr(path, "/lxc/") ? "lxc" : "qemu");
	x->section = pm_json_str(entry, "name");
	x->section = x->section ? x->section : "";
	if (kind)
		judge_answer(x, kind, data);
}

static int judge_file(struct judge *x, const char *path)
{
	PM_CLEANUP(pm_json_putp) struct json_object *list = NULL;
	cleanup_buf struct pm_buf text = PM_BUF(0);
	const char *slash = strrchr(path, '/');
	const struct pm_kind *kind;
	struct pm_error err;

	if (pm_file_read(AT_FDCWD, path, (size_t)64 << 20, &text, &err) < 0) {
		fprintf(stderr, "%s: %s\n", path, err.msg);
		return -1;
	}
	x->file = slash ? slash + 1 : path;
	if (!ends_with(path, ".json")) {
		kind = kind_named(strstr(path, "pve-container") ? "lxc" : "qemu");
		x->file = path;
		if (kind && text.len > 0)
			judge_text(x, kind, text.p);
		return 0;
	}
	if (pm_json_parse(text.p, text.len, &list, &err) < 0) {
		fprintf(stderr, "%s: %s\n", path, err.msg);
		return -1;
	}
	for (size_t i = 0; i < json_object_array_length(list); i++)
		judge_exchange(x, json_object_array_get_idx(list, i));
	return 0;
}

int main(int argc, char **argv)
{
	struct judge x = { .configs = 0, .section = "" };
	int status = argc < 3 || table_read(argv[1], take_known, &x) < 0;

	for (int i = 2; i < argc && status == 0; i++)
		status = judge_file(&x, argv[i]) < 0;
	for (size_t i = 0; i < x.known.n; i++) {
		free(x.known.v[i].key);
		free(x.known.v[i].text);
	}
	pm_vec_done(&x.known);
	printf("configs: %u configurations, %u settings, %u parts spelt another way, %u known exceptions, %u faults\n",
		x.configs, x.settings, x.spelt, x.expected, x.faults);
	return status || x.faults > 0 || x.configs == 0;
}
