/* Requests as others send them to us: strict, since nobody needs what is sloppy here, and what two readers could
 * understand in two ways is refused. */
#include "net/request.h"

#include <string.h>
#include <strings.h>

#include "base/num.h"

struct words {
	const char *s;
	size_t n;
};

static bool is_word(struct words w, const char *word)
{
	return strlen(word) == w.n && strncasecmp(w.s, word, w.n) == 0;
}

static bool copy(char *out, size_t size, struct words w)
{
	if (w.n >= size)
		return false;
	memcpy(out, w.s, w.n);
	out[w.n] = '\0';
	return true;
}

/* The part up to `end`, which is taken off together with it; what is left when there is none. */
static struct words cut(struct words *w, char end)
{
	const char *at = memchr(w->s, end, w->n);
	struct words part = { w->s, at ? (size_t)(at - w->s) : w->n };
	size_t used = part.n + (at != NULL);

	w->s += used;
	w->n -= used;
	return part;
}

static struct words trim(struct words w)
{
	while (w.n > 0 && (w.s[0] == ' ' || w.s[0] == '\t')) {
		w.s++;
		w.n--;
	}
	while (w.n > 0 && strchr(" \t\r", w.s[w.n - 1]))
		w.n--;
	return w;
}

/* "POST /hook?x HTTP/1.1" */
static void parse_line(struct words line, struct pm_request *q)
{
	struct words method = cut(&line, ' '), target = cut(&line, ' ');
	struct words path = cut(&target, '?');

	if (line.n != 8 || memcmp(line.s, "HTTP/1.", 7) != 0 || path.n == 0 || path.s[0] != '/' ||
		method.n == 0 || memchr(path.s, '\0', path.n) ||
		!copy(q->method, sizeof(q->method), method))
		q->status = 400;
	else if (!copy(q->path, sizeof(q->path), path))
		q->status = 404;
}

static void parse_length(struct words value, size_t *body, struct pm_request *q)
{
	char text[24];
	int64_t n;

	if (!copy(text, sizeof(text), value) || pm_parse_int(text, 0, INT64_MAX, &n) < 0 ||
		*body != 0)
		q->status = 400;
	else if (n > (int64_t)PM_REQUEST_BODY)
		q->status = 413;
	else
		*body = (size_t)n;
}

static void parse_header(struct words line, size_t *body, struct pm_request *q)
{
	struct words name = cut(&line, ':'), value = trim(line);

	if (name.n == 0 || memchr(name.s, ' ', name.n) || memchr(name.s, '\t', name.n)) {
		q->status = 400;
	} else if (is_word(name, "host")) {
		if (q->host[0] != '\0' || !copy(q->host, sizeof(q->host), value))
			q->status = 400;
	} else if (is_word(name, "content-length")) {
		parse_length(value, body, q);
	} else if (is_word(name, "transfer-encoding")) {
		q->status = 411;
	} else if (is_word(name, "origin")) {
		q->foreign = true;
	} else if (is_word(name, "sec-fetch-site")) {
		q->foreign |= !is_word(value, "none") && !is_word(value, "same-origin");
	}
}

bool pm_request_parse(const char *s, size_t n, struct pm_request *ret)
{
	const char *end = memmem(s, n, "\r\n\r\n", 4);
	struct words head = { s, end ? (size_t)(end - s) + 2 : 0 };
	size_t body = 0;

	memset(ret, 0, sizeof(*ret));
	if (!end) {
		ret->length = n;
		ret->status = 431;
		return n >= PM_REQUEST_HEAD;
	}
	ret->length = head.n + 2;
	parse_line(trim(cut(&head, '\n')), ret);
	while (head.n > 0 && ret->status == 0)
		parse_header(cut(&head, '\n'), &body, ret);
	if (ret->status == 0 && ret->host[0] == '\0')
		ret->status = 400;
	if (ret->status == 0)
		ret->length += body;
	return ret->status != 0 || n >= ret->length;
}
