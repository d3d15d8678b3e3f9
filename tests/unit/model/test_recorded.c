/* Tests against configurations that Proxmox VE really returned: ${PVE_FACTS}/pve-api/recordings. Without
 * that folder they are skipped. */
#include <dirent.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/model_priv.h"
#include "pm_test.h"

/* Keys of a configuration that are no settings. */
static const char *const others[] = { "digest", "lxc", "lock", "parent", "snaptime", "snapstate",
	"template", "description", "meta", "cipassword", NULL };

static bool is_other(const char *key)
{
	for (unsigned i = 0; others[i]; i++) {
		if (!strcmp(key, others[i]))
			return true;
	}
	return pm_str_starts(key, "unused");
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* An item without its key, where it may stand so. */
static char *bare(const struct pm_kind *k, char *item)
{
	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];

		if (f->flags & (PM_F_BARE | PM_F_HEAD) && pm_str_starts(item, f->key) &&
			item[strlen(f->key)] == '=')
			return item + strlen(f->key) + 1;
	}
	return item;
}

/* Items in the order of their letters: the same record, whoever wrote it. */
static void normal_form(const struct pm_kind *k, const char *text, struct pm_buf *out)
{
	cleanup_free char *copy = pm_xstrdup(text);
	char *items[64], *save = NULL;
	size_t n = 0;

	for (char *p = strtok_r(copy, ",", &save); p && n < 64; p = strtok_r(NULL, ",", &save))
		items[n++] = bare(k, p);
	qsort(items, n, sizeof(*items), compare);
	for (size_t i = 0; i < n; i++)
		pm_buf_addf(out, "%s%s", i ? "," : "", items[i]);
}

static void check_record(struct pm_arena *a, const struct pm_field *f, const char *text)
{
	cleanup_buf struct pm_buf printed = PM_BUF(0);
	cleanup_buf struct pm_buf merged = PM_BUF(0);
	cleanup_buf struct pm_buf want = PM_BUF(0);
	cleanup_buf struct pm_buf have = PM_BUF(0);
	struct pm_rec *r = NULL;
	struct pm_error err;

	assert_ok(pm_rec_parse(a, f->sub, text, strlen(text), &r, &err), &err);
	pm_rec_format(r, &printed);
	normal_form(f->sub, text, &want);
	normal_form(f->sub, pm_buf_str(&printed), &have);
	if (strcmp(text, " ") != 0)
		assert_string_equal(pm_buf_str(&have), pm_buf_str(&want));
	/* Nothing wanted: the text stays as it is. */
	pm_rec_merge(pm_rec_new(a, f->sub), r, NULL, &merged);
	assert_string_equal(pm_buf_str(&merged), text);
	/* What is there, wanted: the text stays as it is, too. */
	pm_buf_clear(&merged);
	pm_rec_merge(r, r, NULL, &merged);
	assert_string_equal(pm_buf_str(&merged), text);
}

/* One setting; counts it. */
static void check_setting(
	const struct pm_kind *k, const char *key, struct json_object *value, unsigned *count)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	cleanup_buf struct pm_buf text = PM_BUF(0);
	unsigned slot;
	const struct pm_field *f = pm_field_by_slot_key(k, key, strlen(key), &slot);
	const char *s = json_object_get_string(value);
	size_t n = json_object_is_type(value, json_type_string)
			   ? (size_t)json_object_get_string_len(value)
			   : strlen(s);
	struct pm_value v = { 0 };
	struct pm_error err;

	if (is_other(key))
		return;
	if (!f)
		fail_msg("PVE's %s is no row", key);
	(*count)++;
	if (f->type == PM_T_PROPS) {
		check_record(a, f, s);
		return;
	}
	assert_ok(pm_value_decode(a, f, s, n, &v, &err), &err);
	pm_value_format(f, PM_PVE, &v, &text);
	if (text.len != n || memcmp(pm_buf_str(&text), s, n) != 0) {
		struct pm_value back = { 0 };

		assert_ok(pm_value_decode(a, f, pm_buf_str(&text), text.len, &back, &err), &err);
		if (!pm_value_equal(f, &v, &back))
			fail_msg("%s: '%s' became '%s'", key, s, pm_buf_str(&text));
	}
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* GET of a guest's config or pending that went well: its settings. */
static void check_exchange(struct json_object *exchange, unsigned *count)
{
	struct json_object *request = pm_json_get(exchange, "request");
	struct json_object *response = pm_json_get(exchange, "response");
	const char *path = request ? pm_json_str(request, "path") : NULL;
	struct json_object *data =
		response ? pm_json_get(pm_json_get(response, "body"), "data") : NULL;
	const struct pm_kind *k = path && strstr(path, "/qemu/") ? &pm_kind_vm : &pm_kind_pod;

	if (!path || !(strstr(path, "/lxc/") || k == &pm_kind_vm) ||
		pm_json_int(response, "status", 0) != 200 ||
		strcmp(pm_json_str(request, "method"), "GET") != 0 || !data)
		return;
	if (ends_with(path, "/config") && json_object_is_type(data, json_type_object)) {
		json_object_object_foreach(data, key, value) check_setting(k, key, value, count);
	} else if (ends_with(path, "/pending") && json_object_is_type(data, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(data); i++) {
			struct json_object *entry = json_object_array_get_idx(data, i);
			const char *key = pm_json_str(entry, "key");

			if (pm_json_get(entry, "value"))
				check_setting(k, key, pm_json_get(entry, "value"), count);
			if (pm_json_get(entry, "pending"))
				check_setting(k, key, pm_json_get(entry, "pending"), count);
		}
	}
}

static void check_file(const char *path, unsigned *count)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	cleanup_json struct json_object *all = NULL;
	struct pm_error err;

	assert_ok(pm_file_read(AT_FDCWD, path, 16 << 20, &text, &err), &err);
	assert_ok(pm_json_parse(pm_buf_str(&text), text.len, &all, &err), &err);
	for (size_t i = 0; i < json_object_array_length(all); i++)
		check_exchange(json_object_array_get_idx(all, i), count);
}

PM_TEST(recorded_configurations_are_understood)
{
	const char *facts = getenv("PVE_FACTS");
	char folder[1024], path[2048];
	unsigned files = 0, count = 0;
	struct dirent *e;
	DIR *d;

	if (!facts)
		skip();
	(void)snprintf(folder, sizeof(folder), "%s/pve-api/recordings", facts);
	d = opendir(folder);
	assert_non_null(d);
	while ((e = readdir(d))) {
		if (!ends_with(e->d_name, ".json"))
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		check_file(path, &count);
		files++;
	}
	(void)closedir(d);
	assert_true(files > 10);
	assert_true(count > 500);
}
