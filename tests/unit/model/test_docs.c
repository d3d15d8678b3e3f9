/* Tests of model/schema.c and model/docs.c: what is generated is complete, and JSON where it says so. */
#include "model/docs.h"

#include <json-c/json.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "model/model_priv.h"
#include "pm_test.h"

static struct json_object *schema(const struct pm_kind *k)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);
	struct json_object *o = NULL;
	struct pm_error err;

	pm_schema_write(k, &b);
	assert_ok(pm_json_parse(pm_buf_str(&b), b.len, &o, &err), &err);
	assert_int_equal(b.p[b.len - 1], '\n');
	return o;
}

/* The schema of a dotted path below an object's properties, through records; NULL: none. */
static struct json_object *below(struct json_object *o, const char *path)
{
	char name[64];

	while (o && *path) {
		size_t n = strcspn(path, ".");
		struct json_object *items = pm_json_get(o, "items");

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
		o = pm_json_get(pm_json_get(items ? items : o, "properties"), name);
		path += n + (path[n] == '.');
	}
	return o;
}

static void has_rows(struct json_object *o, const struct pm_kind *k)
{
	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];
		struct json_object *row = below(o, f->name);

		if (f->flags & PM_F_FLAT) {
			has_rows(row, f->sub);
			continue;
		}
		if (f->flags & PM_F_INNER) {
			assert_null(row);
			continue;
		}
		assert_non_null(row);
		assert_string_equal(pm_json_str(row, "description"), f->doc);
		if (f->key)
			assert_string_equal(pm_json_str(row, "x-podmox-key"), f->key);
		if (f->sub)
			has_rows(row, f->sub);
	}
}

PM_TEST(schema_has_every_row)
{
	cleanup_json struct json_object *pod = schema(&pm_kind_pod);
	cleanup_json struct json_object *vm = schema(&pm_kind_vm);
	cleanup_json struct json_object *config = schema(&pm_kind_config);

	has_rows(below(vm, "spec"), &pm_kind_vm);
	has_rows(below(pod, "spec"), &pm_kind_pod);
	has_rows(config, &pm_kind_config);
}

PM_TEST(schema_of_all_kinds)
{
	cleanup_json struct json_object *all = schema(NULL);
	struct json_object *kinds = pm_json_get(all, "oneOf");

	assert_int_equal(json_object_array_length(kinds), 4);
	assert_string_equal(pm_json_str(json_object_array_get_idx(kinds, 3), "title"), "Config");
}

PM_TEST(schema_states_facts)
{
	cleanup_json struct json_object *pod = schema(&pm_kind_pod);
	struct json_object *spec = below(pod, "spec");

	assert_int_equal(pm_json_int(below(spec, "resources.cores"), "maximum", 0), 8192);
	assert_string_equal(pm_json_str(below(spec, "resources.memory"), "default"), "512Mi");
	assert_true(pm_json_bool(below(spec, "unprivileged"), "default", false));
	assert_string_equal(pm_json_str(below(spec, "rootfs.size"), "x-podmox-impact"), "resize");
	assert_string_equal(
		pm_json_str(below(spec, "network.interfaces.ip"), "x-podmox-impact"), "live");
	assert_string_equal(pm_json_str(below(spec, "network.interfaces.tag"), "x-podmox-impact"),
		"live, link flaps");
	assert_false(pm_json_bool(spec, "additionalProperties", true));
	assert_non_null(pm_json_get(pm_json_get(spec, "x-podmox-refused"), "options.lock"));
}

PM_TEST(docs_name_every_row)
{
	for (unsigned k = 0; pm_kinds[k]; k++) {
		cleanup_buf struct pm_buf b = PM_BUF(0);

		pm_docs_write(pm_kinds[k], &b);
		for (unsigned i = 0; i < pm_kinds[k]->nfields; i++) {
			if (!(pm_kinds[k]->fields[i].flags & PM_F_FLAT))
				assert_has(pm_buf_str(&b), pm_kinds[k]->fields[i].doc);
		}
	}
}

PM_TEST(docs_have_rows_of_equal_width)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);
	unsigned cells = 0;

	pm_docs_write(&pm_kind_pod, &b);
	for (const char *line = pm_buf_str(&b); *line; line += strcspn(line, "\n") + 1) {
		unsigned n = 0;

		for (const char *p = line; *p != '\n'; p++)
			n += *p == '|' && (p == line || p[-1] != '\\');
		if (cells && n && n != cells)
			fail_msg("%.100s", line);
		cells = n;
	}
}

static void explains(const char *path, const char *part)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);
	struct pm_error err;

	assert_ok(pm_explain(path, &b, &err), &err);
	assert_has(pm_buf_str(&b), part);
}

PM_TEST(explain_knows_rows_groups_kinds_and_metadata)
{
	explains("Pod", "rootfs");
	explains("pod.spec", "rootfs");
	explains("Pod.spec.rootfs.size", "cannot be undone");
	explains("Pod.spec.rootfs", "mountoptions");
	explains("Pod.spec.resources", "cpulimit");
	explains("Pod.spec.resources.memory", "512Mi");
	explains("Pod.resources.memory", "512Mi");
	explains("Pod.spec.network", "interfaces");
	explains("Pod.spec.network.dns.servers", "needs a restart");
	explains("Pod.spec.network.interfaces.tag", "from 1 to 4094");
	explains("Pod.spec.lifecycle.replace", "one of never, allow");
	explains("Pod.metadata", "namespace");
	explains("Pod.metadata.namespace", "default");
	explains("VirtualMachine.spec.cpu", "hv-vendor-id");
	explains("VirtualMachine.spec.cpu", "sockets");
	explains("VirtualMachine.spec.cpu.type", "cputype of cpu");
	explains("vm.disks", "ideN, sataN, scsiN, virtioN");
	explains("vm.disks.discard", "discard of ideN");
	explains("vm.memory.size", "hotplug");
	explains("Config", "clusters");
	explains("Config.sync.interval", "5m");
	explains("Config.clusters.auth", "tokenId");
	explains("Config.clusters.auth.tokenId", "user@pve!name");
}

PM_TEST(explain_knows_every_path_it_lists)
{
	cleanup_buf struct pm_buf all = PM_BUF(0);
	unsigned n = 0;

	pm_explain_paths(&all);
	for (char *p = all.p; *p; n++) {
		char *end = strchr(p, '\n');
		cleanup_buf struct pm_buf b = PM_BUF(0);
		struct pm_error err;

		*end = '\0';
		assert_ok(pm_explain(p, &b, &err), &err);
		assert_true(b.len > 10);
		p = end + 1;
	}
	assert_true(n > 130);
}

PM_TEST(explain_helps_with_what_it_does_not_know)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);
	struct pm_error err;

	assert_err(pm_explain("Pod.spec.resources.memroy", &b, &err), PM_E_USAGE, &err,
		"did you mean Pod.spec.resources.memory?");
	assert_err(pm_explain("Pod.spec.options.lock", &b, &err), PM_E_USAGE, &err, "is no field");
	assert_err(pm_explain("Pod.spec.options.memory", &b, &err), PM_E_USAGE, &err,
		"use resources.memory");
	assert_err(pm_explain("Pot", &b, &err), PM_E_USAGE, &err, "did you mean Pod?");
	assert_err(pm_explain("", &b, &err), PM_E_USAGE, &err, "nothing called");
	assert_err(
		pm_explain("Pod.metadata.nmae", &b, &err), PM_E_USAGE, &err, "Pod.metadata.name");
	assert_int_equal(b.len, 0);
}

/* A row that says when a change takes effect says where that is known from, and has its line in the page. */
static void check_source(const struct pm_field *f, const struct pm_field *in, const char *page)
{
	char name[128];

	if (f->flags & (PM_F_OWN | PM_F_INNER) || !pm_impact(f, in))
		return;
	if (!f->source && !(in && in->source))
		fail_msg("%s%s%s names no source", in ? in->name : "", in ? "." : "", f->name);
	(void)snprintf(name, sizeof(name), "| `%s%s%s%s` |", in ? in->name : "",
		in && in->count > 0 ? "[]" : "", in ? "." : "", f->name);
	if (!strstr(page, name))
		fail_msg("%s has no line", name);
}

static void check_sources(const struct pm_kind *k, const char *page)
{
	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];

		for (unsigned j = 0; f->type == PM_T_PROPS && j < f->sub->nfields; j++)
			check_source(&f->sub->fields[j], f, page);
		if (f->type != PM_T_PROPS)
			check_source(f, NULL, page);
	}
}

PM_TEST(impact_page_names_every_source)
{
	cleanup_buf struct pm_buf page = PM_BUF(0);

	pm_impact_docs(&page);
	check_sources(&pm_kind_pod, pm_buf_str(&page));
	check_sources(&pm_kind_vm, pm_buf_str(&page));
}
