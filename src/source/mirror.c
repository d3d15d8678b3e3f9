/* The mirror: a bare repository of our own that objects are fetched into. libgit2 knows the protocol and the
 * packs; what goes over the wire is read and written by http.c and ssh.c, so that limits, cancelling and
 * secrets are ours. There is no remote in its config, no hook is ever run, and nothing of the system's or
 * the user's Git configuration is read. */
#include <errno.h>
#include <fts.h>
#include <git2.h>
#include <git2/sys/transport.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "source/source_priv.h"

#define TIP       "refs/podmox/tip"
#define PACKS_MAX 200 /* then the mirror is fetched anew: nobody else would tidy it up */

/* The wire as libgit2 wants it. There is one stream; exchanges follow each other. */
struct glue {
	git_smart_subtransport sub;
	git_smart_subtransport_stream stream;
	struct pm_mirror *m;
};

struct pm_mirror {
	const struct pm_source_settings *settings;
	const struct pm_source_job *job;
	char *path;
	git_repository *repo;
	git_remote *remote;
	struct pm_wire *wire; /* borrowed */
	git_smart_subtransport_definition definition;
	struct pm_error err; /* of a callback; code PM_OK: none */
};

/* ---- errors ---- */

int pm_git_error(struct pm_error *err, const char *what)
{
	const git_error *e = git_error_last();
	const char *why = e && e->message ? e->message : "no reason is given";

	if (e && e->klass == GIT_ERROR_OS)
		return pm_error_set(err, PM_E_IO, "%s: %s", what, why);
	return pm_error_set(err, PM_E_PROTOCOL, "%s: %s", what, why);
}

/* What a callback found is nearer to the cause than what libgit2 makes of it. */
static int fail(struct pm_mirror *m, const char *what, struct pm_error *err)
{
	const git_error *e = git_error_last();

	if (m->err.code != PM_OK) {
		*err = m->err;
		m->err.code = PM_OK;
		return -(int)err->code;
	}
	if (e && e->message && strstr(e->message, "object size"))
		return pm_error_set(err, PM_E_LIMIT,
			"%s: a file in its history is larger than source.git.limits.fileSize allows",
			m->settings->url);
	return pm_git_error(err, what);
}

static int stop(struct pm_mirror *m)
{
	git_error_set_str(GIT_ERROR_CALLBACK, m->err.msg);
	return GIT_EUSER;
}

/* ---- the wire ---- */

static int glue_read(git_smart_subtransport_stream *stream, char *p, size_t n, size_t *ret)
{
	struct glue *g = (struct glue *)stream->subtransport;
	struct pm_wire *w = g->m->wire;

	return w->type->read(w, p, n, ret, &g->m->err) < 0 ? stop(g->m) : 0;
}

static int glue_write(git_smart_subtransport_stream *stream, const char *p, size_t n)
{
	struct glue *g = (struct glue *)stream->subtransport;
	struct pm_wire *w = g->m->wire;

	return w->type->write(w, p, n, &g->m->err) < 0 ? stop(g->m) : 0;
}

static void glue_free_stream(PM_UNUSED git_smart_subtransport_stream *stream)
{
}

static int glue_action(git_smart_subtransport_stream **out, git_smart_subtransport *sub,
	PM_UNUSED const char *url, git_smart_service_t action)
{
	struct glue *g = (struct glue *)sub;
	struct pm_wire *w = g->m->wire;

	if (w->type->begin(w, action == GIT_SERVICE_UPLOADPACK_LS, &g->m->err) < 0)
		return stop(g->m);
	*out = &g->stream;
	return 0;
}

static int glue_close(PM_UNUSED git_smart_subtransport *sub)
{
	return 0;
}

static void glue_free(git_smart_subtransport *sub)
{
	free(sub);
}

static int new_glue(git_smart_subtransport **out, PM_UNUSED git_transport *owner, void *mirror)
{
	struct glue *g = pm_xcalloc(1, sizeof(*g));

	g->m = mirror;
	g->sub.action = glue_action;
	g->sub.close = glue_close;
	g->sub.free = glue_free;
	g->stream.subtransport = &g->sub;
	g->stream.read = glue_read;
	g->stream.write = glue_write;
	g->stream.free = glue_free_stream;
	*out = &g->sub;
	return 0;
}

static int new_transport(git_transport **out, git_remote *owner, void *mirror)
{
	struct pm_mirror *m = mirror;

	return git_transport_smart(out, owner, &m->definition);
}

static int on_progress(const git_indexer_progress *p, void *mirror)
{
	struct pm_mirror *m = mirror;

	if (pm_source_check(m->job, "fetching", &m->err) < 0)
		return stop(m);
	if (p->received_bytes <= m->settings->size)
		return 0;
	(void)pm_error_set(&m->err, PM_E_LIMIT,
		"more than %llu bytes come from %s; raise source.git.limits.size if that is right",
		(unsigned long long)m->settings->size, m->settings->url);
	return stop(m);
}

static int on_packing(
	PM_UNUSED int stage, PM_UNUSED uint32_t now, PM_UNUSED uint32_t all, void *mirror)
{
	struct pm_mirror *m = mirror;

	return pm_source_check(m->job, "fetching", &m->err) < 0 ? stop(m) : 0;
}

static void fill_callbacks(struct pm_mirror *m, git_remote_callbacks *cb)
{
	cb->transfer_progress = on_progress;
	cb->pack_progress = on_packing;
	if (m->wire)
		cb->transport = new_transport;
	cb->payload = m;
}

/* ---- opening ---- */

static int set_up_library(const struct pm_source_settings *c)
{
	static const int levels[] = { GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
		GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL };
	int r = git_libgit2_init();

	for (unsigned i = 0; r >= 0 && i < PM_COUNT(levels); i++)
		r = git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
	/* Nothing that a repository holds is ever run: whose it is does not matter. */
	if (r >= 0)
		r = git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	if (r >= 0)
		r = git_libgit2_opts(GIT_OPT_SET_PACK_MAX_OBJECT_SIZE, (size_t)c->file_size);
	if (r >= 0)
		r = git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	return r;
}

static int init(struct pm_mirror *m, struct pm_error *err)
{
	cleanup_buf struct pm_buf hooks = PM_BUF(0);
	git_repository_init_options o;

	pm_remove_all(m->path);
	(void)git_repository_init_options_init(&o, GIT_REPOSITORY_INIT_OPTIONS_VERSION);
	o.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKDIR |
		  GIT_REPOSITORY_INIT_NO_REINIT;
	o.mode = 0700;
	if (git_repository_init_ext(&m->repo, m->path, &o) < 0)
		return pm_git_error(err, "cannot make the mirror of the repository");
	(void)pm_buf_addf(&hooks, "%s/hooks", m->path);
	pm_remove_all(pm_buf_str(&hooks));
	return 0;
}

static bool is_leftover(const FTSENT *e)
{
	size_t n = e->fts_namelen;

	return (n > 5 && strcmp(e->fts_name + n - 5, ".lock") == 0) ||
	       pm_str_starts(e->fts_name, "pack_") || pm_str_starts(e->fts_name, "tmp_") ||
	       pm_str_starts(e->fts_name, ".tmp");
}

/* What a run that was killed left behind: whoever comes here holds the lock. Returns the number of packs. */
static unsigned tidy(struct pm_mirror *m)
{
	char *const roots[] = { m->path, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	unsigned packs = 0;
	FTSENT *e;

	if (!fts)
		return 0;
	while ((e = fts_read(fts)) != NULL) {
		size_t n = e->fts_namelen;

		if (e->fts_info == FTS_F && is_leftover(e))
			(void)unlink(e->fts_accpath);
		else if (n > 5 && strcmp(e->fts_name + n - 5, ".pack") == 0)
			packs++;
	}
	(void)fts_close(fts);
	return packs;
}

/* Is what was fetched last still there? A mirror without a tip is new. */
static bool is_whole(struct pm_mirror *m)
{
	char id[PM_COMMIT_ID] = "";
	git_oid oid;
	int r = git_reference_name_to_id(&oid, m->repo, TIP);

	if (r == GIT_ENOTFOUND)
		return true;
	if (r < 0)
		return false;
	(void)git_oid_tostr(id, sizeof(id), &oid);
	return pm_mirror_has(m, id);
}

int pm_mirror_open(const char *dir, const struct pm_source_settings *c,
	const struct pm_source_job *j, struct pm_mirror **ret, struct pm_error *err)
{
	struct pm_buf path = PM_BUF(0);
	struct pm_mirror *m;
	int r = 0;

	if (set_up_library(c) < 0) {
		r = pm_git_error(err, "cannot start libgit2");
		(void)git_libgit2_shutdown();
		return r;
	}
	m = pm_xcalloc(1, sizeof(*m));
	(void)pm_buf_addf(&path, "%s/mirror", dir);
	m->path = pm_buf_steal(&path);
	m->settings = c;
	m->job = j;
	m->definition = (git_smart_subtransport_definition){ .callback = new_glue, .param = m };
	if (tidy(m) > PACKS_MAX || git_repository_open_bare(&m->repo, m->path) < 0 ||
		!is_whole(m)) {
		git_repository_free(m->repo);
		m->repo = NULL;
		r = init(m, err);
	}
	if (r < 0)
		pm_mirror_free(m);
	else
		*ret = m;
	return r;
}

void pm_mirror_free(struct pm_mirror *m)
{
	if (!m)
		return;
	pm_mirror_hang_up(m);
	git_repository_free(m->repo);
	free(m->path);
	free(m);
	(void)git_libgit2_shutdown();
}

/* ---- asking and fetching ---- */

void pm_mirror_hang_up(struct pm_mirror *m)
{
	git_remote_free(m->remote);
	m->remote = NULL;
	m->wire = NULL;
}

static int find_tip(struct pm_mirror *m, char ret[PM_COMMIT_ID], struct pm_error *err)
{
	cleanup_buf struct pm_buf name = PM_BUF(0);
	const git_remote_head **heads;
	size_t n;

	(void)pm_buf_addf(&name, "refs/heads/%s", m->settings->branch);
	if (git_remote_ls(&heads, &n, m->remote) < 0)
		return fail(m, m->settings->url, err);
	for (size_t i = 0; i < n; i++) {
		if (!pm_str_eq(heads[i]->name, pm_buf_str(&name)))
			continue;
		(void)git_oid_tostr(ret, PM_COMMIT_ID, &heads[i]->oid);
		return 0;
	}
	return pm_error_set(err, PM_E_NOTFOUND, "there is no branch %s at %s%s",
		m->settings->branch, m->settings->url,
		n == 0 ? ": the repository is empty" : "; see source.git.branch");
}

static int check_folder(const struct pm_source_settings *c, struct pm_error *err)
{
	struct stat st;

	if (stat(c->repo, &st) < 0)
		return pm_error_sys(err, errno, "cannot read the repository %s", c->repo);
	if (!S_ISDIR(st.st_mode))
		return pm_error_set(
			err, PM_E_NOTFOUND, "%s is no repository: it is a file", c->repo);
	return 0;
}

/* Without a look for rewritten addresses in the config: there are none, and libgit2 1.5 loses 20 KiB for
 * each line that it compares with their pattern. */
static int new_remote(struct pm_mirror *m, const char *url)
{
	git_remote_create_options o;

	(void)git_remote_create_options_init(&o, GIT_REMOTE_CREATE_OPTIONS_VERSION);
	o.repository = m->repo;
	o.flags = GIT_REMOTE_CREATE_SKIP_INSTEADOF | GIT_REMOTE_CREATE_SKIP_DEFAULT_FETCHSPEC;
	return git_remote_create_with_opts(&m->remote, url, &o);
}

int pm_mirror_ask(
	struct pm_mirror *m, struct pm_wire *wire, char ret[PM_COMMIT_ID], struct pm_error *err)
{
	git_remote_callbacks cb;
	/* The address is the wire's business. */
	const char *url = wire ? "https://repository.invalid/" : m->settings->repo;
	int r = wire ? 0 : check_folder(m->settings, err);

	if (r < 0)
		return r;
	pm_mirror_hang_up(m);
	m->err.code = PM_OK;
	m->wire = wire;
	m->definition.rpc = wire && wire->type->stateless;
	if (new_remote(m, url) < 0)
		return fail(m, m->settings->url, err);
	(void)git_remote_init_callbacks(&cb, GIT_REMOTE_CALLBACKS_VERSION);
	fill_callbacks(m, &cb);
	if (git_remote_connect(m->remote, GIT_DIRECTION_FETCH, &cb, NULL, NULL) < 0)
		return fail(m, m->settings->url, err);
	return find_tip(m, ret, err);
}

int pm_mirror_fetch(struct pm_mirror *m, const char *id, struct pm_error *err)
{
	git_fetch_options o;
	cleanup_buf struct pm_buf spec = PM_BUF(0);
	git_strarray specs = { .count = 1 };
	git_reference *ref = NULL;
	git_oid oid;
	char *text;

	(void)pm_buf_addf(&spec, "+refs/heads/%s:" TIP, m->settings->branch);
	text = spec.p;
	specs.strings = &text;
	(void)git_fetch_options_init(&o, GIT_FETCH_OPTIONS_VERSION);
	o.download_tags = GIT_REMOTE_DOWNLOAD_TAGS_NONE;
	o.update_fetchhead = 0;
	fill_callbacks(m, &o.callbacks);
	if (git_remote_download(m->remote, &specs, &o) < 0)
		return fail(m, "fetching", err);
	if (!pm_mirror_has(m, id))
		return pm_error_set(err, PM_E_PROTOCOL,
			"%s does not send the commit %s that it names", m->settings->url, id);
	if (git_oid_fromstr(&oid, id) < 0 ||
		git_reference_create(&ref, m->repo, TIP, &oid, 1, NULL) < 0)
		return fail(m, "cannot write to the mirror", err);
	git_reference_free(ref);
	return 0;
}

/* ---- commits ---- */

static git_commit *commit_of(struct pm_mirror *m, const char *id)
{
	git_commit *c = NULL;
	git_oid oid;

	if (!pm_is_commit(id) || git_oid_fromstr(&oid, id) < 0 ||
		git_commit_lookup(&c, m->repo, &oid) < 0)
		return NULL;
	return c;
}

bool pm_mirror_has(struct pm_mirror *m, const char *id)
{
	git_commit *c = commit_of(m, id);
	git_tree *tree = NULL;
	bool whole = c && git_commit_tree(&tree, c) == 0;

	git_tree_free(tree);
	git_commit_free(c);
	return whole;
}

void pm_mirror_subject(struct pm_mirror *m, const char *id, struct pm_buf *ret)
{
	git_commit *c = commit_of(m, id);
	const char *message = c ? git_commit_message(c) : NULL;

	if (message) {
		message += strspn(message, "\n ");
		pm_text_visible(ret, message, strcspn(message, "\r\n"));
	}
	git_commit_free(c);
}

/* Headers of a raw commit whose name begins with "gpgsig", whichever. */
static unsigned count_signatures(const char *header)
{
	unsigned n = 0;

	for (const char *s = header; s && *s; s = strchr(s, '\n')) {
		s += *s == '\n';
		if (pm_str_starts(s, "gpgsig"))
			n++;
	}
	return n;
}

int pm_mirror_signature(struct pm_mirror *m, const char *id, struct pm_buf *ret_signature,
	struct pm_buf *ret_data, struct pm_error *err)
{
	git_buf signature = GIT_BUF_INIT, data = GIT_BUF_INIT;
	git_commit *c = commit_of(m, id);
	unsigned n = c ? count_signatures(git_commit_raw_header(c)) : 0;
	git_oid oid;
	int r = 0;

	if (!c)
		return pm_git_error(err, "reading a commit");
	git_commit_free(c);
	if (n == 0)
		return 0;
	if (n > 1)
		return pm_error_set(err, PM_E_REFUSED,
			"it holds more than one signature, of which only one would be checked");
	if (git_oid_fromstr(&oid, id) < 0 ||
		git_commit_extract_signature(&signature, &data, m->repo, &oid, "gpgsig") < 0)
		r = pm_error_set(err, PM_E_REFUSED, "its signature cannot be read");
	if (r == 0) {
		(void)pm_buf_add(ret_signature, signature.ptr, signature.size);
		(void)pm_buf_addc(ret_signature, '\n');
		(void)pm_buf_add(ret_data, data.ptr, data.size);
	}
	git_buf_dispose(&signature);
	git_buf_dispose(&data);
	return r;
}

bool pm_mirror_follows(struct pm_mirror *m, const char *id, const char *before)
{
	git_oid a, b;

	if (strcmp(id, before) == 0)
		return true;
	return pm_mirror_has(m, before) && git_oid_fromstr(&a, id) == 0 &&
	       git_oid_fromstr(&b, before) == 0 && git_graph_descendant_of(m->repo, &a, &b) == 1;
}

int pm_mirror_export(struct pm_mirror *m, const char *id, const char *to, struct pm_error *err)
{
	struct pm_export e = { .repo = m->repo, .settings = m->settings, .job = m->job };

	return pm_tree_export(&e, id, to, err);
}
