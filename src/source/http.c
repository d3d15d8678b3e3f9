/* Bytes over https: one request for the list of refs, one for each answer of the negotiation. Reads drive
 * curl, so that nothing runs while nobody reads, and what is not read yet waits at the server. */
#include <curl/curl.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "source/source_priv.h"

#define AHEAD_MAX   ((size_t)256 << 10) /* bytes read before somebody asks for them */
#define REQUEST_MAX ((size_t)16 << 20)
#define STEP_MS     50

struct http {
	struct pm_wire wire;
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers;
	char *list_url, *pack_url;
	bool list, sent, paused, over;
	CURLcode result;
	struct pm_buf request, ahead;
	size_t at; /* of `ahead`: already read */
	uint64_t total;
	struct pm_error err; /* of the callback */
	char why[CURL_ERROR_SIZE];
};

static void init_curl(void)
{
	pm_assert(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

/* ---- what comes ---- */

static int judge_status(struct http *h, struct pm_error *err)
{
	const char *url = h->wire.settings->url, *type = NULL;
	long status = 0;

	(void)curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &status);
	(void)curl_easy_getinfo(h->easy, CURLINFO_CONTENT_TYPE, &type);
	if (status == 401 || status == 403)
		return pm_error_set(err, status == 401 ? PM_E_AUTH : PM_E_PERMISSION,
			"%s answers %ld: %s", url, status,
			h->wire.settings->has_token
				? "source.git.auth.token is not accepted, or may not read it"
				: "it wants to know who we are: set source.git.auth.token");
	if (status == 404)
		return pm_error_set(err, PM_E_NOTFOUND,
			"%s answers 404: there is no such repository, or it is hidden from us",
			url);
	if (status == 429 || status >= 500)
		return pm_error_set(err, PM_E_BUSY, "%s answers %ld", url, status);
	if (status != 200)
		return pm_error_set(err, PM_E_PROTOCOL, "%s answers %ld", url, status);
	if (!type || !pm_str_starts(type, "application/x-git-upload-pack-"))
		return pm_error_set(err, PM_E_PROTOCOL,
			"what answers at %s is no Git server that speaks the smart protocol", url);
	return 0;
}

static size_t take(char *p, PM_UNUSED size_t size, size_t n, void *arg)
{
	struct http *h = arg;
	uint64_t most = h->wire.settings->size;

	if (h->ahead.len - h->at > AHEAD_MAX) {
		h->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (h->total == 0 && judge_status(h, &h->err) < 0)
		return 0;
	h->total += n;
	if (h->total > most) {
		(void)pm_error_set(&h->err, PM_E_LIMIT,
			"more than %llu bytes come from %s; raise source.git.limits.size if that is "
			"right",
			(unsigned long long)most, h->wire.settings->url);
		return 0;
	}
	return pm_buf_add(&h->ahead, p, n) == 0 ? n : 0;
}

static int give_up(struct http *h, struct pm_error *err)
{
	const char *why = h->why[0] ? h->why : curl_easy_strerror(h->result);
	const char *url = h->wire.settings->url;

	if (h->err.code != PM_OK) {
		*err = h->err;
		return -(int)err->code;
	}
	switch (h->result) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
		return pm_error_set(err, PM_E_AUTH,
			"%s cannot prove who it is: %s; see source.git.tls.ca", url, why);
	case CURLE_OPERATION_TIMEDOUT:
		return pm_error_set(err, PM_E_TIMEOUT, "%s: %s", url, why);
	default:
		return pm_error_set(err, PM_E_UNREACHABLE, "%s: %s", url, why);
	}
}

/* One step of curl; sets `over` at the end. */
static int step(struct http *h, struct pm_error *err)
{
	struct CURLMsg *m;
	int left, r = pm_source_check(h->wire.job, "reading the repository", err);

	if (r < 0)
		return r;
	if (h->paused) {
		h->paused = false;
		(void)curl_easy_pause(h->easy, CURLPAUSE_CONT);
	}
	(void)curl_multi_perform(h->multi, &left);
	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		h->over = true;
		h->result = m->data.result;
	}
	if (h->over)
		return h->result == CURLE_OK && h->err.code == PM_OK ? 0 : give_up(h, err);
	if (h->ahead.len == h->at)
		(void)curl_multi_poll(h->multi, NULL, 0, STEP_MS, NULL);
	return 0;
}

/* ---- exchanges ---- */

static void quit(struct http *h)
{
	if (h->sent)
		(void)curl_multi_remove_handle(h->multi, h->easy);
	h->sent = false;
}

static int begin(struct pm_wire *w, bool list, PM_UNUSED struct pm_error *err)
{
	struct http *h = (struct http *)w;

	quit(h);
	pm_buf_clear(&h->request);
	pm_buf_clear(&h->ahead);
	h->at = 0;
	h->total = 0;
	h->list = list;
	h->over = h->paused = false;
	h->why[0] = '\0';
	return 0;
}

static int put(struct pm_wire *w, const void *p, size_t n, struct pm_error *err)
{
	struct http *h = (struct http *)w;

	if (pm_buf_add(&h->request, p, n) == 0)
		return 0;
	return pm_error_set(err, PM_E_LIMIT, "the request to %s is too large", w->settings->url);
}

static void send_request(struct http *h)
{
	if (h->list) {
		(void)curl_easy_setopt(h->easy, CURLOPT_HTTPGET, 1L);
		(void)curl_easy_setopt(h->easy, CURLOPT_URL, h->list_url);
	} else {
		(void)curl_easy_setopt(h->easy, CURLOPT_POST, 1L);
		(void)curl_easy_setopt(h->easy, CURLOPT_URL, h->pack_url);
		(void)curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, pm_buf_str(&h->request));
		(void)curl_easy_setopt(
			h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)h->request.len);
	}
	(void)curl_multi_add_handle(h->multi, h->easy);
	h->sent = true;
}

static int get(struct pm_wire *w, void *p, size_t n, size_t *ret, struct pm_error *err)
{
	struct http *h = (struct http *)w;
	int r = 0;

	if (!h->sent)
		send_request(h);
	while (r == 0 && h->at == h->ahead.len && !h->over) {
		pm_buf_clear(&h->ahead);
		h->at = 0;
		r = step(h, err);
	}
	if (r < 0)
		return r;
	if (h->total == 0 && judge_status(h, err) < 0)
		return -(int)err->code;
	if (n > h->ahead.len - h->at)
		n = h->ahead.len - h->at;
	memcpy(p, pm_buf_str(&h->ahead) + h->at, n);
	h->at += n;
	*ret = n;
	return 0;
}

/* ---- life ---- */

static void end(struct pm_wire *w)
{
	struct http *h = (struct http *)w;

	quit(h);
	if (h->easy)
		curl_easy_cleanup(h->easy);
	if (h->multi)
		(void)curl_multi_cleanup(h->multi);
	curl_slist_free_all(h->headers);
	pm_buf_done(&h->request);
	pm_buf_done(&h->ahead);
	free(h->list_url);
	free(h->pack_url);
	free(h);
}

static const struct pm_wire_type http_type = { .stateless = true,
	.begin = begin,
	.write = put,
	.read = get,
	.free = end };

static char *url_of(const char *url, const char *rest)
{
	struct pm_buf b = PM_BUF(0);
	size_t n = strlen(url);

	while (n > 0 && url[n - 1] == '/')
		n--;
	(void)pm_buf_addf(&b, "%.*s%s", (int)n, url, rest);
	return pm_buf_steal(&b);
}

static void set_options(struct http *h, const struct pm_secret *token)
{
	const struct pm_source_settings *c = h->wire.settings;
	bool tls = pm_str_starts(c->url, "https:");

	/* Without "git" some services send their page for people. */
	(void)curl_easy_setopt(h->easy, CURLOPT_USERAGENT, "git/2.0 (podmox)");
	(void)curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->headers);
	(void)curl_easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->why);
	(void)curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, take);
	(void)curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
	(void)curl_easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT, 20L);
	(void)curl_easy_setopt(h->easy, CURLOPT_FOLLOWLOCATION, 1L);
	(void)curl_easy_setopt(h->easy, CURLOPT_MAXREDIRS, 3L);
	(void)curl_easy_setopt(h->easy, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
	(void)curl_easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, tls ? "https" : "http");
	(void)curl_easy_setopt(h->easy, CURLOPT_REDIR_PROTOCOLS_STR, tls ? "https" : "http");
	(void)curl_easy_setopt(h->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (c->ca)
		(void)curl_easy_setopt(h->easy, CURLOPT_CAINFO, c->ca);
	if (!tls)
		(void)curl_easy_setopt(h->easy, CURLOPT_PROXY, "");
	if (!token)
		return;
	/* curl keeps it from other hosts that an answer may send us to. */
	(void)curl_easy_setopt(h->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
	(void)curl_easy_setopt(h->easy, CURLOPT_USERNAME, c->username);
	(void)curl_easy_setopt(h->easy, CURLOPT_PASSWORD, pm_secret_text(token));
}

int pm_http_new(const struct pm_source_settings *c, const struct pm_secret *token,
	const struct pm_source_job *j, struct pm_wire **ret, struct pm_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct http *h;

	(void)pthread_once(&once, init_curl);
	h = pm_xcalloc(1, sizeof(*h));
	h->wire = (struct pm_wire){ .type = &http_type, .settings = c, .job = j };
	h->multi = curl_multi_init();
	h->easy = curl_easy_init();
	if (!h->multi || !h->easy) {
		end(&h->wire);
		return pm_error_set(err, PM_E_IO, "cannot start curl");
	}
	h->request = (struct pm_buf)PM_BUF(REQUEST_MAX);
	h->ahead = (struct pm_buf)PM_BUF(0);
	h->list_url = url_of(c->url, "/info/refs?service=git-upload-pack");
	h->pack_url = url_of(c->url, "/git-upload-pack");
	h->headers = curl_slist_append(
		h->headers, "Content-Type: application/x-git-upload-pack-request");
	h->headers = curl_slist_append(h->headers, "Expect:");
	set_options(h, token);
	*ret = &h->wire;
	return 0;
}
