/* Files that come to a storage from outside: uploads, downloads, images of a registry. */
#include "base/num.h"
#include "sim/sim_priv.h"

#define GUESSED_SIZE INT64_C(1048576) /* of what was never really fetched */

static bool ends_with(const char *s, const char *list)
{
	while (*list) {
		size_t n = strcspn(list, " "), len = strlen(s);

		if (len > n && !strncmp(s + len - n, list, n))
			return true;
		list += n;
		list += *list == ' ';
	}
	return false;
}

static bool extension_fits(const char *content, const char *file)
{
	if (!strcmp(content, "iso"))
		return ends_with(file, ".iso .img");
	if (!strcmp(content, "vztmpl"))
		return ends_with(file, ".tar .tar.gz .tar.xz .tar.zst .tar.bz2");
	return ends_with(file, ".ova .qcow2 .raw .vmdk");
}

static char *clean_name(struct sim_call *c, const char *file)
{
	char *name = pm_arena_strdup(c->a, file);

	for (char *p = name; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-",
			    *p))
			*p = '_';
	return name;
}

/* A task that brings a file; NULL: the storage does not take it, and the call is answered. */
static struct sim_task *file_task(
	struct sim_call *c, const char *type, const char *content, const char *file)
{
	struct sim_storage *st = pm_s_storage_for(c, pm_s_arg(c, "storage"), c->node);
	const char *volid;
	struct sim_task *t;

	if (!st)
		return NULL;
	if (!pm_s_storage_holds(st, content)) {
		pm_s_fail(c, 500, "storage '%s' does not support '%s' content", st->id, content);
		return NULL;
	}
	volid = pm_arena_printf(c->a, "%s:%s/%s", st->id, content, file);
	t = pm_s_task(c, type, !strcmp(type, "imgcopy") ? "" : file, 0);
	pm_s_task_arg(t, "volid", volid);
	pm_s_task_arg(t, "path", pm_s_file_path(c->a, st, volid));
	if (pm_s_storage_shared(st))
		pm_s_task_arg(t, "shared", "1");
	return t;
}

static void file_there(struct pm_sim *s, struct sim_task *t, int64_t size)
{
	const char *volid = pm_s_task_get(t, "volid");
	struct sim_volume *v;

	pm_s_volume_del(s, volid, (int)t->node);
	v = pm_s_volume_add(s, volid, pm_s_task_get(t, "shared") ? -1 : (int)t->node, size);
	if (pm_s_task_get(t, "checksum"))
		pm_s_conf_set(&v->more, "sum", pm_s_task_get(t, "checksum"));
	pm_s_changed(s);
}

/* ---- upload ---- */

/* The file's checksum by the algorithm asked for, in hexadecimal digits; NULL: none is wanted. */
static const char *checksum_of(struct sim_call *c)
{
	const char *name = pm_s_arg(c, "checksum-algorithm");
	char *out = pm_arena_alloc(c->a, 129, 1);

	if (!name || !pm_s_arg(c, "checksum") || !pm_s_digest(name, c->file, c->nfile, out))
		return NULL;
	return out;
}

static void upload_end(struct pm_sim *s, struct sim_task *t)
{
	const char *path = pm_s_task_get(t, "path"), *from = pm_s_task_get(t, "from");
	const char *got = pm_s_task_get(t, "checksum"), *want = pm_s_task_get(t, "expect");
	int64_t size = pm_s_conf_int(&t->args, "size", 0);

	pm_s_task_log(t, "starting file import from: %s", from);
	if (want && strcmp(got, want) != 0) {
		pm_s_task_log(t, "calculating checksum...");
		pm_s_task_fail(t, "checksum mismatch: got '%s' != expect '%s'", got, want);
		return;
	}
	if (want)
		pm_s_task_log(t, "calculating checksum...OK, checksum verified");
	pm_s_task_log(t, "target node: %s", s->node[t->node].name);
	pm_s_task_log(t, "target file: %s", path);
	pm_s_task_log(t, "file size is: %lld", (long long)size);
	pm_s_task_log(t, "command: cp -- %s %s", from, path);
	pm_s_task_log(t, "finished file import successfully");
	file_there(s, t, size);
}

static void upload(struct sim_call *c)
{
	const char *content = pm_s_arg(c, "content"), *file = pm_s_arg(c, "filename");
	const char *sum = checksum_of(c);
	struct sim_task *t;
	char from[33];

	c->r->close = true;
	c->r->relayed = false;
	if (!extension_fits(content, file)) {
		pm_s_bad(c, "filename", "wrong file extension");
		return;
	}
	t = file_task(c, "imgcopy", content, clean_name(c, file));
	if (!t)
		return;
	t->end = upload_end;
	pm_s_random_hex(c->s, from, 32, false);
	pm_s_task_arg(t, "from", pm_arena_printf(c->a, "/var/tmp/pveupload-%s", from));
	pm_s_task_arg(t, "size", pm_arena_printf(c->a, "%zu", c->nfile));
	pm_s_task_arg(t, "checksum", sum);
	pm_s_task_arg(t, "expect", sum ? pm_s_arg(c, "checksum") : NULL);
	pm_s_task_go(c, t);
}

/* ---- downloads ---- */

/* Why a URL cannot be fetched, or NULL: the simulated world has every file that is not named "missing". */
static const char *unreachable(const struct pm_sim *s, const char *url, char out[300])
{
	const char *host = strstr(url, "://") ? strstr(url, "://") + 3 : url;
	int n = (int)strcspn(host, "/");

	if (s->offline && strspn(host, "0123456789.:") == (size_t)n)
		(void)snprintf(
			out, 300, "Connecting to %.*s... failed: Connection refused.", n, host);
	else if (s->offline)
		(void)snprintf(out, 300, "wget: unable to resolve host address '%.*s'",
			(int)strcspn(host, "/:"), host);
	else if (strstr(url, "missing"))
		(void)snprintf(out, 300, "ERROR 404: Not Found.");
	else
		return NULL;
	return out;
}

static void download_end(struct pm_sim *s, struct sim_task *t)
{
	const char *url = pm_s_task_get(t, "url"), *sum = pm_s_task_get(t, "checksum"), *why;
	struct sim_volume *v = pm_s_volume(s, pm_s_task_get(t, "volid"), (int)t->node);
	const char *had = v ? pm_s_conf_get(&v->more, "sum") : NULL;
	char text[300];

	pm_s_task_log(t, "downloading %s to %s", url, pm_s_task_get(t, "path"));
	if (v && !sum) {
		pm_s_task_fail(
			t, "refusing to override existing file '%s'", pm_s_task_get(t, "path"));
		return;
	}
	if (v && had && !strcmp(had, sum)) {
		pm_s_task_log(t, "OK, got correct file already, no need to download");
		return;
	}
	if (v) {
		pm_s_task_fail(t, "checksum mismatch: got '%s' != expect '%s'",
			had ? had : "another", sum);
		return;
	}
	why = unreachable(s, url, text);
	if (why) {
		pm_s_task_fail(t, "download failed: %s", why);
		return;
	}
	if (sum)
		pm_s_task_log(t, "calculating checksum...OK, checksum verified");
	pm_s_task_log(t, "download of '%s' to '%s' finished", url, pm_s_task_get(t, "path"));
	file_there(s, t, GUESSED_SIZE);
}

void pm_s_fetch(struct sim_call *c, const char *content, const char *file, const char *url)
{
	struct sim_task *t = file_task(c, "download", content, file);

	if (!t)
		return;
	t->end = download_end;
	pm_s_task_arg(t, "url", url);
	pm_s_task_arg(t, "checksum", pm_s_arg(c, "checksum"));
	pm_s_task_go(c, t);
}

static void download_url(struct sim_call *c)
{
	const char *file = pm_s_arg(c, "filename"), *content = pm_s_arg(c, "content");

	if (!pm_s_arg(c, "checksum") != !pm_s_arg(c, "checksum-algorithm"))
		pm_s_bad(c, pm_s_arg(c, "checksum") ? "checksum-algorithm" : "checksum",
			"missing property - '%s' requires this property",
			pm_s_arg(c, "checksum") ? "checksum" : "checksum-algorithm");
	else if (!extension_fits(content, file))
		pm_s_bad(c, "filename", "wrong file extension");
	else
		pm_s_fetch(c, content, clean_name(c, file), pm_s_arg(c, "url"));
}

/* ---- registries ---- */

static void pull_end(struct pm_sim *s, struct sim_task *t)
{
	const char *ref = pm_s_task_get(t, "reference"), *path = pm_s_task_get(t, "path");

	if (s->offline || strstr(ref, "missing"))
		pm_s_task_fail(t,
			"command 'skopeo copy docker://%s oci-archive:%s.tmp.%u' failed: exit code 1",
			ref, path, t->pid);
	else
		file_there(s, t, 1085440);
}

static void oci_pull(struct sim_call *c)
{
	const char *ref = pm_s_arg(c, "reference"), *name = pm_s_arg(c, "filename");
	struct sim_task *t;

	if (!name)
		name = strrchr(ref, '/') ? strrchr(ref, '/') + 1 : ref;
	name = pm_arena_printf(c->a, "%s.tar", clean_name(c, name));
	if (pm_s_volume(c->s, pm_arena_printf(c->a, "%s:vztmpl/%s", pm_s_arg(c, "storage"), name),
		    (int)c->node)) {
		pm_s_fail(c, 500, "refusing to override existing file '%s'", name);
		return;
	}
	t = file_task(c, "ociregistrypull", "vztmpl", name);
	if (!t)
		return;
	t->end = pull_end;
	pm_s_task_arg(t, "reference", ref);
	pm_s_task_go(c, t);
}

#define STORAGE  "/nodes/{node}/storage/{storage}"
#define TEMPLATE "/storage/{storage} Datastore.AllocateTemplate"
#define NODE     (SIM_PROTECTED | SIM_NODE)

const struct sim_route pm_s_routes_file[] = {
	{ "POST", STORAGE "/upload", upload, NODE, TEMPLATE, "content filename" },
	{ "POST", STORAGE "/download-url", download_url, NODE, TEMPLATE, "content filename url" },
	{ "POST", STORAGE "/oci-registry-pull", oci_pull, NODE, TEMPLATE, "reference" },
	{ 0 },
};
