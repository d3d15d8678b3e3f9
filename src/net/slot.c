/* One transfer in one libcurl handle. Handles are used again and again; between two calls only what
 * differs is told to libcurl, since every option told costs more than looking whether it must be. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "io_priv.h"
#include "wire_priv.h"

#define TIMEOUT_MS 30000
#define CONNECT_MS 10000
#define MAX_BODY   ((size_t)64 << 20)
/* PVE closes a connection after 5 idle seconds. libcurl compares whole seconds with "more than", so
 * this one lets none be used again from the fourth second on. */
#define MAX_IDLE_S  3L
#define SEND_BUFFER 16384L /* PVE takes no more than that in headers; libcurl's least */

/* "HTTP/1.1 595 No route to host": PVE says what is wrong in the reason. */
static void read_status(struct pm_slot *s, const char *p, size_t n)
{
	struct pm_call *c = s->call;
	const char *end = p + n, *sp = memchr(p, ' ', n);

	while (end > p && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
		end--;
	s->status = 0;
	c->reason[0] = '\0';
	if (!sp || end - sp < 4)
		return;
	for (int i = 1; i <= 3; i++)
		s->status = s->status * 10 + (sp[i] - '0');
	if (end - sp <= 5)
		return;
	sp += 5; /* the blank, three digits, a blank */
	n = (size_t)(end - sp);
	if (n >= sizeof(c->reason))
		n = sizeof(c->reason) - 1;
	n = pm_utf8_valid(sp, n);
	memcpy(c->reason, sp, n);
	c->reason[n] = '\0';
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct pm_slot *s = arg;

	n *= size;
	s->bytes += n;
	if (n > 5 && memcmp(p, "HTTP/", 5) == 0)
		read_status(s, p, n);
	if (s->new_tls) {
		s->new_tls = false;
		s->resumed = pm_tls_resumed(s->easy);
	}
	return n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct pm_slot *s = arg;
	struct pm_buf *in = &s->call->body_in;

	n *= size;
	s->bytes += n;
	if (in->len == 0) {
		curl_off_t length = -1;

		(void)curl_easy_getinfo(s->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
		if (length > 0 && pm_buf_reserve(in, (size_t)length) < 0)
			s->too_big = true;
	}
	if (s->too_big || pm_buf_add(in, p, n) < 0) {
		s->too_big = true;
		return 0;
	}
	return n;
}

/* A host that does not answer at all is given up after its second SYN: three seconds. One that is only slow
 * with TLS has CONNECT_MS. */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	static const int again = 1;

	(void)purpose;
	if (arg)
		pm_wire_opened(arg, fd);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &again, sizeof(again));
	return CURL_SOCKOPT_OK;
}

static int on_close(void *arg, curl_socket_t fd)
{
	if (arg)
		pm_wire_closed(arg, fd);
	return close(fd);
}

struct pm_slot *pm_slot_new(struct pm_site *site, CURLSH *share, struct pm_wire *w)
{
	struct pm_slot *s = pm_xcalloc(1, sizeof(*s));
	CURL *e = curl_easy_init();

	pm_assert(e);
	s->site = site;
	s->easy = e;
	s->url = (struct pm_buf)PM_BUF(1 << 20);
	(void)curl_easy_setopt(e, CURLOPT_PRIVATE, s);
	(void)curl_easy_setopt(e, CURLOPT_SHARE, share);
	(void)curl_easy_setopt(e, CURLOPT_ERRORBUFFER, s->message);
	(void)curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(e, CURLOPT_HEADERDATA, s);
	(void)curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(e, CURLOPT_WRITEDATA, s);
	(void)curl_easy_setopt(e, CURLOPT_SOCKOPTFUNCTION, on_socket);
	(void)curl_easy_setopt(e, CURLOPT_SOCKOPTDATA, w);
	(void)curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	(void)curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, w);
	(void)curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
	(void)curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	/* Else libcurl looks through the environment before every request. */
	(void)curl_easy_setopt(e, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(e, CURLOPT_USERAGENT, "podmox");
	(void)curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, MAX_IDLE_S);
	(void)curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	(void)curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER);
	/* A cancelled call does not wait for a name server. */
	(void)curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	if (site->alone) {
		(void)curl_easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
		(void)curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, 1L);
		s->fresh = true;
	}
	pm_tls_setup(s);
	return s;
}

void pm_slot_free(struct pm_slot *s)
{
	if (s->sending)
		pm_upload_end(s);
	curl_easy_cleanup(s->easy);
	pm_buf_done(&s->url);
	pm_vec_done(&s->headers);
	free(s);
}

static int set_method(struct pm_slot *s, struct pm_error *err)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "DELETE" };
	const struct pm_call *c = s->call;
	size_t m = 0;
	bool form;

	while (m < PM_COUNT(methods) && strcmp(c->method, methods[m]) != 0)
		m++;
	form = m == 1 || m == 2;
	if (m == 1 && c->upload && !c->body) {
		s->method = NULL; /* a form that is not encoded as others are */
		(void)curl_easy_setopt(s->easy, CURLOPT_CUSTOMREQUEST, NULL);
		return pm_upload_begin(s, err);
	}
	if (m == PM_COUNT(methods) || (c->body && !form) || c->upload)
		return pm_error_set(err, PM_E_BUG, "%s%s cannot be sent", c->method,
			c->body || c->upload ? " with a body" : "");
	if (form) {
		const char *body = c->body ? c->body : "";

		(void)curl_easy_setopt(s->easy, CURLOPT_POST, 1L);
		(void)curl_easy_setopt(
			s->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
		(void)curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, body);
	}
	if (s->method == methods[m])
		return 0;
	if (!form)
		(void)curl_easy_setopt(s->easy, CURLOPT_HTTPGET, 1L);
	(void)curl_easy_setopt(s->easy, CURLOPT_CUSTOMREQUEST, m < 2 ? NULL : methods[m]);
	s->method = methods[m];
	return 0;
}

static int add_header(struct pm_slot *s, const char *text, struct pm_error *err)
{
	if (text[strcspn(text, "\r\n")] != '\0')
		return pm_error_set(err, PM_E_INPUT,
			"a header of the request would hold a line break; is there one in the token "
			"or the password?");
	/* libcurl only reads the list, and the text outlives the transfer. */
	pm_vec_push(&s->headers, ((struct curl_slist){ .data = (char *)text }));
	return 0;
}

static int set_headers(struct pm_slot *s, struct pm_error *err)
{
	const char *const *h = s->call->headers;
	int r = 0;

	s->headers.n = 0;
	if (s->call->body || s->call->upload)
		r = add_header(s, "Expect:", err);
	for (; r == 0 && h && *h; h++)
		r = add_header(s, *h, err);
	if (r < 0)
		return r;
	for (size_t i = 1; i < s->headers.n; i++)
		s->headers.v[i - 1].next = &s->headers.v[i];
	(void)curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers.n > 0 ? s->headers.v : NULL);
	return 0;
}

unsigned pm_call_timeout_ms(const struct pm_call *c)
{
	return c->timeout_ms > 0 ? c->timeout_ms : TIMEOUT_MS;
}

static void set_timing(struct pm_slot *s)
{
	const struct pm_call *c = s->call;
	/* A file takes as long as it takes; see pm_upload_left_ms. */
	unsigned timeout_ms = c->upload ? 0 : pm_call_timeout_ms(c);
	/* libcurl repeats a request by itself when a connection it used before dies without a word; only
	 * a new connection keeps it from sending a create twice. */
	bool fresh = s->site->alone || (s->lane == PM_WRITES && !c->idempotent);

	if (timeout_ms != s->timeout_ms)
		(void)curl_easy_setopt(s->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	s->timeout_ms = timeout_ms;
	if (fresh != s->fresh)
		(void)curl_easy_setopt(s->easy, CURLOPT_FRESH_CONNECT, fresh ? 1L : 0L);
	s->fresh = fresh;
}

static void forget(struct pm_slot *s)
{
	struct pm_call *c = s->call;

	s->status = 0;
	s->bytes = 0;
	s->too_big = s->new_tls = s->resumed = false;
	s->distrust = NULL;
	s->seen[0] = s->message[0] = '\0';
	c->status = 0;
	c->reason[0] = '\0';
	c->retry_after_s = 0;
	c->body_in.max = c->max_body > 0 ? c->max_body : MAX_BODY;
	pm_buf_clear(&c->body_in);
}

int pm_slot_begin(struct pm_slot *s, struct pm_error *err)
{
	const struct pm_call *c = s->call;
	CURLcode bad;
	int r;

	forget(s);
	pm_buf_clear(&s->url);
	(void)pm_buf_adds(&s->url, s->site->url);
	(void)pm_buf_adds(&s->url, c->path);
	if (c->path[0] != '/' || s->url.full)
		return pm_error_set(err, PM_E_BUG, "this is no path to ask for");
	bad = curl_easy_setopt(s->easy, CURLOPT_URL, s->url.p);
	if (bad != CURLE_OK)
		return pm_error_set(err, PM_E_BUG, "%s", curl_easy_strerror(bad));
	set_timing(s);
	r = set_headers(s, err);
	if (r < 0)
		return r;
	return set_method(s, err);
}

void pm_call_fail(struct pm_call *c, const struct pm_error *err)
{
	pm_call_done(c);
	c->err = *err;
	(void)pm_error_where(&c->err, "%s %s %.*s", c->host->name, c->method,
		(int)strcspn(c->path, "?"), c->path);
}

static const char *system_reason(const struct pm_slot *s, char *out, size_t size)
{
	long number = 0;

	(void)curl_easy_getinfo(s->easy, CURLINFO_OS_ERRNO, &number);
	return number > 0 ? strerror_r((int)number, out, size) : s->message;
}

static int set_error(const struct pm_slot *s, CURLcode result, bool sent, struct pm_error *err)
{
	const char *url = s->site->url,
		   *text = s->message[0] ? s->message : curl_easy_strerror(result);
	char reason[128];

	if (s->distrust)
		return pm_tls_distrust(s, err);
	if (s->too_big)
		return pm_error_set(err, PM_E_LIMIT, "the answer is larger than %zu bytes",
			s->call->body_in.max);
	switch (result) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return pm_error_set(err, PM_E_UNREACHABLE,
			"%s cannot be reached: its name is not known; check the address", url);
	case CURLE_COULDNT_CONNECT:
		return pm_error_set(err, PM_E_UNREACHABLE, "%s cannot be reached: %s", url,
			system_reason(s, reason, sizeof(reason)));
	case CURLE_SSL_CONNECT_ERROR:
		return pm_error_set(err, PM_E_UNREACHABLE, "no TLS with %s: %s", url, text);
	case CURLE_PEER_FAILED_VERIFICATION:
		return pm_tls_distrust(s, err);
	case CURLE_SSL_CACERT_BADFILE:
		return pm_error_set(err, PM_E_INPUT, "the CA file %s cannot be used: %s",
			s->site->ca_file ? s->site->ca_file : "of the system", text);
	case CURLE_OPERATION_TIMEDOUT:
		if (!sent)
			return pm_error_set(err, PM_E_TIMEOUT, "no connection to %s in time", url);
		return pm_error_set(err, PM_E_TIMEOUT, "no complete answer within %u.%03u s",
			s->timeout_ms / 1000, s->timeout_ms % 1000);
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		return pm_error_set(err, PM_E_UNREACHABLE, "the connection broke: %s", text);
	case CURLE_URL_MALFORMAT:
		return pm_error_set(err, PM_E_INPUT, "%s is no URL: %s", url, text);
	default:
		return pm_error_set(err, sent ? PM_E_PROTOCOL : PM_E_INPUT,
			sent ? "this is no answer of a web server: %s" : "cannot be asked for: %s",
			text);
	}
}

/* A success has a body; where none and no length came, the connection broke after the head. (Over TLS
 * libcurl takes a connection that just ends for the end of an answer without a length.) */
static bool broke_off(const struct pm_slot *s)
{
	curl_off_t length = -1;

	if (s->status / 100 != 2 || s->status == 204 || s->call->body_in.len > 0)
		return false;
	(void)curl_easy_getinfo(s->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	return length < 0;
}

static void answered(struct pm_slot *s)
{
	struct pm_call *c = s->call;
	curl_off_t wait_s = 0;

	c->status = s->status;
	c->err.code = PM_OK;
	if (s->status < 400)
		return;
	(void)curl_easy_getinfo(s->easy, CURLINFO_RETRY_AFTER, &wait_s);
	c->retry_after_s = wait_s > 86400 ? 86400 : (unsigned)wait_s;
}

static bool was_sent(const struct pm_slot *s)
{
	long sent = 0;

	(void)curl_easy_getinfo(s->easy, CURLINFO_REQUEST_SIZE, &sent);
	return sent > 0;
}

void pm_slot_end(struct pm_slot *s, CURLcode result)
{
	struct pm_error err;

	if (result == CURLE_OK && broke_off(s))
		result = CURLE_PARTIAL_FILE;
	if (result == CURLE_OK) {
		answered(s);
	} else if (pm_upload_broke(s, &err)) {
		pm_call_fail(s->call, &err);
	} else {
		bool sent = was_sent(s);

		(void)set_error(s, result, sent, &err);
		err.maybe_sent = sent;
		pm_call_fail(s->call, &err);
	}
	if (s->sending)
		pm_upload_end(s);
}

static void give_up(struct pm_slot *s, struct pm_error *err)
{
	err->maybe_sent = was_sent(s);
	pm_call_fail(s->call, err);
	if (s->sending)
		pm_upload_end(s);
}

void pm_slot_cancel(struct pm_slot *s)
{
	struct pm_error err;

	(void)pm_error_set(&err, PM_E_CANCELLED, "cancelled while waiting for the answer");
	give_up(s, &err);
}

void pm_slot_stalled(struct pm_slot *s)
{
	unsigned ms = pm_call_timeout_ms(s->call);
	struct pm_error err;

	(void)pm_error_set(&err, PM_E_TIMEOUT,
		"nothing of %s was taken by the server, and no answer came, for %u.%03u s",
		s->call->upload->path, ms / 1000, ms % 1000);
	give_up(s, &err);
}
