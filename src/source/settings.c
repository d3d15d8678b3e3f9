/* What the configuration says about the repository, with files of keys read and addresses taken apart. The
 * token is not read here: a file that is renewed counts from the next look on. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "source/source_priv.h"

#define KEYS_MAX ((size_t)1 << 20)

bool pm_source_configured(const struct pm_rec *config)
{
	return pm_rec_str(config, PM_CONFIG_GIT_URL, NULL) != NULL;
}

/* ---- addresses ---- */

/* [USER@]HOST[:PORT]/PATH */
static void split_ssh(struct pm_source_settings *c, const char *s)
{
	size_t n = strcspn(s, "/");
	const char *at = memchr(s, '@', n);
	char *host, *colon;

	c->repo = pm_arena_strdup(c->arena, s + n);
	if (at)
		c->user = pm_arena_strndup(c->arena, s, (size_t)(at - s));
	s = at ? at + 1 : s;
	host = pm_arena_strndup(c->arena, s, strcspn(s, "/"));
	colon = strrchr(host, ':');
	if (host[0] == '[') {
		char *end = strchr(host, ']');

		colon = end && end[1] == ':' ? end + 1 : NULL;
		host++;
		if (end)
			*end = '\0';
	}
	if (colon) {
		*colon = '\0';
		c->port = colon + 1;
	}
	c->host = host;
}

/* USER@HOST:PATH: the path begins where the user is at home. */
static void split_scp(struct pm_source_settings *c, const char *s)
{
	const char *at = strchr(s, '@'), *colon = strchr(s, ':');

	c->user = pm_arena_strndup(c->arena, s, (size_t)(at - s));
	c->host = pm_arena_strndup(c->arena, at + 1, (size_t)(colon - at) - 1);
	c->repo = pm_arena_strdup(c->arena, colon + 1);
}

static int split(struct pm_source_settings *c, struct pm_error *err)
{
	int64_t port;

	if (pm_str_starts(c->url, "http")) {
		c->via = PM_VIA_HTTP;
	} else if (pm_str_starts(c->url, "file://") || c->url[0] == '/') {
		c->via = PM_VIA_FILE;
		c->repo = c->url + (c->url[0] == '/' ? 0 : strlen("file://"));
	} else {
		c->via = PM_VIA_SSH;
		if (pm_str_starts(c->url, "ssh://"))
			split_ssh(c, c->url + strlen("ssh://"));
		else
			split_scp(c, c->url);
		if (c->port && pm_parse_int(c->port, 1, 65535, &port) < 0)
			return pm_error_set(
				err, PM_E_INPUT, "source.git.url: %s is no port", c->port);
	}
	return 0;
}

/* ---- keys and hosts ---- */

static int add_signer(struct pm_source_settings *c, const char *item, struct pm_error *err)
{
	cleanup_buf struct pm_buf text = PM_BUF(KEYS_MAX + 1);
	int r = 0;

	if (item[0] == '/') {
		r = pm_file_read(AT_FDCWD, item, KEYS_MAX, &text, err);
		if (r == 0)
			r = pm_signers_add(&c->signers, pm_buf_str(&text), text.len, err);
		return r < 0 ? pm_error_wrap(err, "source.git.verify.keys: %s", item) : 0;
	}
	r = pm_signers_add(&c->signers, item, strlen(item), err);
	return r < 0 ? pm_error_wrap(err, "source.git.verify.keys") : 0;
}

static int add_known_host(struct pm_source_settings *c, const char *item, struct pm_error *err)
{
	cleanup_buf struct pm_buf text = PM_BUF(KEYS_MAX + 1);

	if (item[0] != '/')
		return pm_buf_addf(&c->known_hosts, "%s\n", item);
	if (pm_file_read(AT_FDCWD, item, KEYS_MAX, &text, err) < 0)
		return pm_error_wrap(err, "source.git.auth.knownHosts");
	return pm_buf_addf(&c->known_hosts, "%s\n", pm_buf_str(&text));
}

static int each_item(struct pm_source_settings *c, const struct pm_value *v,
	int (*add)(struct pm_source_settings *c, const char *item, struct pm_error *err),
	struct pm_error *err)
{
	int r = 0;

	for (size_t i = 0; v->state == PM_SET && i < v->u.list->n && r == 0; i++)
		r = add(c, v->u.list->v[i], err);
	return r;
}

/* ---- who we are ---- */

static const char *absolute(struct pm_source_settings *c, const char *path)
{
	return path[0] == '/' ? path : pm_arena_printf(c->arena, "%s/%s", c->config_dir, path);
}

static void take_token(struct pm_source_settings *c, const struct pm_value *v)
{
	static const enum pm_secret_from from[] = {
		[PM_SECRET_LITERAL] = PM_FROM_TEXT,
		[PM_SECRET_FILE] = PM_FROM_FILE,
		[PM_SECRET_ENV] = PM_FROM_ENV,
		[PM_SECRET_CREDENTIAL] = PM_FROM_CREDENTIAL,
	};

	if (v->state != PM_SET)
		return;
	c->has_token = true;
	c->token_from = from[v->u.secret->from];
	c->token_what = pm_arena_strdup(c->arena, v->u.secret->text);
}

static int take_ssh_key(
	struct pm_source_settings *c, const struct pm_value *v, struct pm_error *err)
{
	const char *dir = secure_getenv("CREDENTIALS_DIRECTORY");

	if (v->state != PM_SET)
		return 0;
	if (v->u.secret->from == PM_SECRET_FILE) {
		c->ssh_key = pm_arena_strdup(c->arena, absolute(c, v->u.secret->text));
		return 0;
	}
	if (!dir || strchr(v->u.secret->text, '/'))
		return pm_error_set(err, PM_E_INPUT,
			"source.git.auth.sshKey: there is no credential %s: systemd gave none to this "
			"process (LoadCredential= of the unit)",
			v->u.secret->text);
	c->ssh_key = pm_arena_printf(c->arena, "%s/%s", dir, v->u.secret->text);
	return 0;
}

/* ---- all of it ---- */

static const char *text_of(
	struct pm_source_settings *c, const struct pm_rec *rec, unsigned row, const char *otherwise)
{
	const char *s = pm_rec_str(rec, row, otherwise);

	return s ? pm_arena_strdup(c->arena, s) : NULL;
}

static void take_limits(struct pm_source_settings *c, const struct pm_rec *rec)
{
	c->interval_ns = PM_S_NS * (uint64_t)pm_rec_int(rec, PM_CONFIG_GIT_INTERVAL, 60);
	c->time_ns = PM_S_NS * (uint64_t)pm_rec_int(rec, PM_CONFIG_GIT_LIMIT_TIME, 120);
	c->size = (uint64_t)pm_rec_int(rec, PM_CONFIG_GIT_LIMIT_SIZE, 256 * PM_MIB);
	c->file_size = (uint64_t)pm_rec_int(rec, PM_CONFIG_GIT_LIMIT_FILE, 64 * PM_MIB);
	c->files = (uint64_t)pm_rec_int(rec, PM_CONFIG_GIT_LIMIT_FILES, 20000);
}

int pm_source_settings(
	struct pm_source_settings *c, const struct pm_source_opts *o, struct pm_error *err)
{
	const struct pm_value *keys = pm_rec_get(o->rec, PM_CONFIG_GIT_KEYS);
	int r;

	*c = (struct pm_source_settings){ .arena = pm_arena_new(4096),
		.known_hosts = PM_BUF(0),
		.signers = { .ssh = PM_BUF(0), .ring = PM_BUF(0) } };
	c->config_dir = pm_arena_strdup(c->arena, o->config_dir);
	c->url = text_of(c, o->rec, PM_CONFIG_GIT_URL, "");
	c->branch = text_of(c, o->rec, PM_CONFIG_GIT_BRANCH, "main");
	c->path = text_of(c, o->rec, PM_CONFIG_GIT_PATH, "");
	c->username = text_of(c, o->rec, PM_CONFIG_GIT_USERNAME, "git");
	c->ca = text_of(c, o->rec, PM_CONFIG_GIT_CA, NULL);
	take_limits(c, o->rec);
	take_token(c, pm_rec_get(o->rec, PM_CONFIG_GIT_TOKEN));
	c->signers.wanted = keys->state == PM_SET;
	r = split(c, err);
	if (r == 0)
		r = take_ssh_key(c, pm_rec_get(o->rec, PM_CONFIG_GIT_SSH_KEY), err);
	if (r == 0)
		r = each_item(c, keys, add_signer, err);
	if (r == 0)
		r = each_item(
			c, pm_rec_get(o->rec, PM_CONFIG_GIT_KNOWN_HOSTS), add_known_host, err);
	return r;
}

void pm_source_settings_done(struct pm_source_settings *c)
{
	pm_buf_done(&c->known_hosts);
	pm_buf_done(&c->signers.ssh);
	pm_buf_done(&c->signers.ring);
	pm_arena_free(c->arena);
	c->arena = NULL;
}
