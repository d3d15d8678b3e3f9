/* Writing JSON. A writer knows one thing: whether a comma is due. */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/text_priv.h"

static void add_escaped(struct pm_buf *out, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t";
	static const char to[] = "\"\\bfnrt";
	const char *at = c != '\0' ? strchr(from, c) : NULL;

	if (at)
		(void)pm_buf_addf(out, "\\%c", to[at - from]);
	else
		(void)pm_buf_addf(out, "\\u%04x", c);
}

static void add_string(struct pm_buf *out, const char *s, size_t n)
{
	size_t plain = 0, at = 0;

	(void)pm_buf_addc(out, '"');
	while (at < n) {
		unsigned char c = (unsigned char)s[at];
		uint32_t wide = 0;
		size_t len = 1;

		if (c >= 0x80)
			len = pm_utf8_next(s + at, n - at, &wide);
		if (c >= 0x20 && c != '"' && c != '\\' && wide != PM_BAD_CHAR) {
			at += len;
			continue;
		}
		(void)pm_buf_add(out, s + plain, at - plain);
		if (wide == PM_BAD_CHAR)
			(void)pm_buf_adds(out, "\xef\xbf\xbd");
		else
			add_escaped(out, c);
		plain = ++at;
	}
	(void)pm_buf_add(out, s + plain, n - plain);
	(void)pm_buf_addc(out, '"');
}

/* What comes before every value: a comma where one is due, and the key. */
static void begin(struct pm_jwrite *w, const char *key)
{
	if (w->comma)
		(void)pm_buf_addc(w->out, ',');
	if (key) {
		add_string(w->out, key, strlen(key));
		(void)pm_buf_addc(w->out, ':');
	}
	w->comma = true;
}

static void open_with(struct pm_jwrite *w, const char *key, char c)
{
	begin(w, key);
	(void)pm_buf_addc(w->out, c);
	w->comma = false;
}

static void close_with(struct pm_jwrite *w, char c)
{
	(void)pm_buf_addc(w->out, c);
	w->comma = true;
}

void pm_jw_object(struct pm_jwrite *w, const char *key)
{
	open_with(w, key, '{');
}

void pm_jw_object_end(struct pm_jwrite *w)
{
	close_with(w, '}');
}

void pm_jw_array(struct pm_jwrite *w, const char *key)
{
	open_with(w, key, '[');
}

void pm_jw_array_end(struct pm_jwrite *w)
{
	close_with(w, ']');
}

void pm_jw_raw(struct pm_jwrite *w, const char *key, const char *json)
{
	begin(w, key);
	(void)pm_buf_adds(w->out, json);
}

void pm_jw_strn(struct pm_jwrite *w, const char *key, const char *s, size_t n)
{
	begin(w, key);
	add_string(w->out, s, n);
}

void pm_jw_str(struct pm_jwrite *w, const char *key, const char *s)
{
	if (s)
		pm_jw_strn(w, key, s, strlen(s));
	else
		pm_jw_raw(w, key, "null");
}

void pm_jw_int(struct pm_jwrite *w, const char *key, int64_t i)
{
	begin(w, key);
	(void)pm_buf_addf(w->out, "%" PRId64, i);
}

void pm_jw_bool(struct pm_jwrite *w, const char *key, bool b)
{
	pm_jw_raw(w, key, b ? "true" : "false");
}
