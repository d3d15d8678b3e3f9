/* The form of the audit log. A line is an object whose last member is the SHA-256 of everything before
 * that member, so `head -c` and `sha256sum` are enough to check it by hand. */
#include "chain_priv.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"

#define MAX_TEXT ((size_t)1000) /* of one member; what is longer is cut */

static const char hash_member[] = ",\"hash\":\"";
/* The member, 64 digits, quote, brace. */
#define HASH_TAIL (sizeof(hash_member) - 1 + 64 + 2)

char *pm_sha256_hex(const void *p, size_t n, char out[65])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	pm_assert(EVP_Digest(p, n, md, &len, EVP_sha256(), NULL) == 1 && len == 32);
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = hex[md[i] >> 4];
		out[2 * i + 1] = hex[md[i] & 15];
	}
	out[64] = '\0';
	return out;
}

void pm_chain_start(struct pm_chain *c)
{
	c->seq = 0;
	memset(c->hash, '0', 64);
	c->hash[64] = '\0';
}

static void add_text(struct pm_jwrite *w, const char *key, const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (n == 0)
		return;
	if (n > MAX_TEXT)
		n = pm_utf8_valid(s, MAX_TEXT);
	pm_jw_strn(w, key, s, n);
}

void pm_chain_record(struct pm_chain *c, struct pm_buf *line, int64_t wall_ms,
	const struct pm_audit_record *r, const struct pm_chain_extra *x)
{
	static const struct pm_chain_extra nothing;
	struct pm_jwrite w = { .out = line };
	char time[32];

	pm_jw_object(&w, NULL);
	pm_jw_int(&w, "seq", (int64_t)++c->seq);
	pm_jw_str(&w, "time", pm_format_time(wall_ms, time));
	pm_jw_str(&w, "prev", c->hash);
	x = x ? x : &nothing;
	add_text(&w, "torn", x->torn);
	add_text(&w, "previous", x->previous);
	add_text(&w, "oldest", x->oldest);
	add_text(&w, "operation", r->operation);
	add_text(&w, "object", r->object);
	add_text(&w, "user", r->user);
	add_text(&w, "host", r->host);
	add_text(&w, "method", r->method);
	add_text(&w, "path", r->path);
	add_text(&w, "keys", r->keys);
	add_text(&w, "result", r->result);
	add_text(&w, "details", r->details);
	(void)pm_sha256_hex(line->p, line->len, c->hash);
	(void)pm_buf_addf(line, "%s%s\"}\n", hash_member, c->hash);
	pm_assert(!line->full);
}

static bool read_hex(const struct pm_jread *j, char out[PM_HEX])
{
	if (j->n != 64)
		return false;
	memcpy(out, j->s, 64);
	out[64] = '\0';
	return strspn(out, "0123456789abcdef") == 64;
}

/* The name of a file in the folder of the log. */
static bool read_name(const struct pm_jread *j, char out[PM_AUDIT_NAME])
{
	if (j->n == 0 || j->n >= PM_AUDIT_NAME || memchr(j->s, '/', j->n) ||
		memchr(j->s, '\0', j->n))
		return false;
	memcpy(out, j->s, j->n);
	out[j->n] = '\0';
	return true;
}

/* Of one member; what says nothing about the chain is passed over. */
static bool read_member(struct pm_jread *j, struct pm_link *l)
{
	char key[12] = "", digits[24] = "";
	enum pm_json_event e;
	int64_t seq = 0;

	if (j->n < sizeof(key))
		memcpy(key, j->s, j->n);
	e = pm_jread_next(j);
	if (strcmp(key, "seq") == 0 && e == PM_J_NUMBER && j->n < sizeof(digits)) {
		memcpy(digits, j->s, j->n);
		if (pm_parse_int(digits, 1, INT64_MAX, &seq) < 0)
			return false;
		l->seq = (uint64_t)seq;
		return true;
	}
	if (strcmp(key, "prev") == 0)
		return e == PM_J_STRING && read_hex(j, l->prev);
	if (strcmp(key, "torn") == 0)
		return e == PM_J_STRING && read_hex(j, l->torn);
	if (strcmp(key, "previous") == 0)
		return e == PM_J_STRING && read_name(j, l->previous);
	if (strcmp(key, "oldest") == 0)
		return e == PM_J_STRING && read_name(j, l->oldest);
	return pm_jread_skip(j, e);
}

bool pm_chain_read(const char *line, size_t n, struct pm_link *ret)
{
	cleanup_buf struct pm_buf copy = PM_BUF(PM_AUDIT_LINE);
	enum pm_json_event e;
	struct pm_jread j;
	size_t body;

	memset(ret, 0, sizeof(*ret));
	if (n < HASH_TAIL || n >= PM_AUDIT_LINE)
		return false;
	body = n - HASH_TAIL;
	(void)pm_sha256_hex(line, body, ret->hash);
	if (memcmp(line + body, hash_member, sizeof(hash_member) - 1) != 0 ||
		memcmp(line + n - 66, ret->hash, 64) != 0 || memcmp(line + n - 2, "\"}", 2) != 0)
		return false;
	(void)pm_buf_add(&copy, line, n);
	pm_jread_init(&j, copy.p, copy.len);
	if (pm_jread_next(&j) != PM_J_OBJECT)
		return false;
	while ((e = pm_jread_next(&j)) == PM_J_KEY) {
		if (!read_member(&j, ret))
			return false;
	}
	return e == PM_J_OBJECT_END && pm_jread_next(&j) == PM_J_END && ret->seq > 0 &&
	       ret->prev[0] != '\0';
}

bool pm_chain_follow(struct pm_chain *c, const struct pm_link *l)
{
	if (l->seq != c->seq + 1 || strcmp(l->prev, c->hash) != 0)
		return false;
	c->seq = l->seq;
	memcpy(c->hash, l->hash, sizeof(c->hash));
	return true;
}
