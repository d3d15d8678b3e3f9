/* One error by value. Texts are formatted aside first: an argument may be the old message. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"

static const struct {
	const char *name, *doc;
	bool retryable;
	int exit_status;
} codes[PM_CODE_MAX] = {
#define PM_CODE(id, name, retryable, exit_status, doc) \
	[PM_##id] = { name, doc, (retryable) != 0, exit_status },
#include "base/codes.def"
#undef PM_CODE
};

static bool known(enum pm_code code)
{
	return (unsigned)code < PM_CODE_MAX;
}

bool pm_code_retryable(enum pm_code code)
{
	return known(code) && codes[code].retryable;
}

int pm_code_exit(enum pm_code code)
{
	return known(code) ? codes[code].exit_status : 1;
}

const char *pm_code_name(enum pm_code code)
{
	return known(code) ? codes[code].name : "unknown";
}

const char *pm_code_doc(enum pm_code code)
{
	return known(code) ? codes[code].doc : "";
}

/* Copies what fits; cuts between two characters and says so with dots. */
static void copy_cut(char *out, size_t size, const struct pm_buf *text)
{
	size_t n = text->len;

	if (n >= size || text->full) {
		n = n < size - 4 ? n : size - 4;
		n = pm_utf8_valid(pm_buf_str(text), n);
		memcpy(out + n, "...", 4);
	} else {
		out[n] = '\0';
	}
	memcpy(out, pm_buf_str(text), n);
}

static PM_PRINTF(2, 0) void add_visible(struct pm_buf *out, const char *fmt, va_list ap)
{
	cleanup_buf struct pm_buf raw = PM_BUF(2048);

	(void)pm_buf_addv(&raw, fmt, ap);
	pm_text_visible(out, pm_buf_str(&raw), raw.len);
}

static void put(struct pm_error *err, enum pm_code code, int sys_errno, const struct pm_buf *text)
{
	memset(err, 0, sizeof(*err));
	err->code = code;
	err->sys_errno = sys_errno;
	copy_cut(err->msg, sizeof(err->msg), text);
}

#undef pm_error_set
int pm_error_set(struct pm_error *err, enum pm_code code, const char *fmt, ...)
{
	cleanup_buf struct pm_buf text = PM_BUF(2048);
	va_list ap;

	va_start(ap, fmt);
	add_visible(&text, fmt, ap);
	va_end(ap);
	put(err, code, 0, &text);
	return -(int)code;
}

int pm_error_sys(struct pm_error *err, int sys_errno, const char *fmt, ...)
{
	cleanup_buf struct pm_buf text = PM_BUF(2048);
	char reason[128];
	va_list ap;

	va_start(ap, fmt);
	add_visible(&text, fmt, ap);
	va_end(ap);
	(void)pm_buf_addf(&text, ": %s", strerror_r(sys_errno, reason, sizeof(reason)));
	put(err, PM_E_IO, sys_errno, &text);
	return -PM_E_IO;
}

int pm_error_wrap(struct pm_error *err, const char *fmt, ...)
{
	cleanup_buf struct pm_buf text = PM_BUF(2048);
	va_list ap;

	va_start(ap, fmt);
	add_visible(&text, fmt, ap);
	va_end(ap);
	(void)pm_buf_addf(&text, ": %s", err->msg);
	copy_cut(err->msg, sizeof(err->msg), &text);
	return -(int)err->code;
}

int pm_error_where(struct pm_error *err, const char *fmt, ...)
{
	cleanup_buf struct pm_buf text = PM_BUF(1024);
	va_list ap;

	va_start(ap, fmt);
	add_visible(&text, fmt, ap);
	va_end(ap);
	copy_cut(err->where, sizeof(err->where), &text);
	return -(int)err->code;
}

int pm_error_at(struct pm_error *err, struct pm_pos pos)
{
	err->line = pos.line;
	err->column = pos.column;
	return pm_error_where(err, "%s", pos.file ? pos.file : "");
}
