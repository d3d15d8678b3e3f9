/* The program's own log. Each event is made into one line first and written at once, so that lines of
 * several threads never mix. */
#include "base/log.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/journal.h"
#include "base/json.h"
#include "base/text.h"

#define LINE_MAX_BYTES 8192

static atomic_int level_most = PM_LOG_WARNING;
static atomic_bool as_json;

static const char *const level_names[] = { "error", "warning", "info", "debug" };

void pm_log_setup(enum pm_level most, bool json)
{
	atomic_store(&level_most, (int)most);
	atomic_store(&as_json, json);
}

bool pm_log_enabled(enum pm_level level)
{
	return (int)level <= atomic_load_explicit(&level_most, memory_order_relaxed);
}

/* A value that could be taken for several goes in quotes. */
static void add_value(struct pm_buf *out, const char *s)
{
	bool quotes = s[0] == '\0' || strpbrk(s, " \"=\t\n") != NULL;

	if (quotes)
		(void)pm_buf_addc(out, '"');
	for (size_t n; *s != '\0'; s += n) {
		n = strcspn(s, "\"");
		pm_text_visible(out, s, n);
		if (s[n] == '"') {
			(void)pm_buf_adds(out, "\\\"");
			n++;
		}
	}
	if (quotes)
		(void)pm_buf_addc(out, '"');
}

void pm_log_text(struct pm_buf *out, const char *msg, const struct pm_kv *kv, unsigned n)
{
	pm_text_visible(out, msg, strlen(msg));
	for (unsigned i = 0; i < n; i++) {
		(void)pm_buf_addf(out, " %s=", kv[i].key);
		if (kv[i].s)
			add_value(out, kv[i].s);
		else
			(void)pm_buf_addf(out, "%" PRId64, kv[i].i);
	}
}

static void write_json(struct pm_buf *out, enum pm_level level, const char *msg,
	const struct pm_kv *kv, unsigned n)
{
	struct pm_jwrite w = { .out = out };
	char now[32];

	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "time", pm_format_time(pm_wall_ms(&pm_clock_system), now));
	pm_jw_str(&w, "level", level_names[level]);
	pm_jw_str(&w, "msg", msg);
	for (unsigned i = 0; i < n; i++) {
		if (kv[i].s)
			pm_jw_str(&w, kv[i].key, kv[i].s);
		else
			pm_jw_int(&w, kv[i].key, kv[i].i);
	}
	pm_jw_object_end(&w);
}

void pm_log_write(enum pm_level level, const char *msg, const struct pm_kv *kv, unsigned n)
{
	cleanup_buf struct pm_buf line = PM_BUF(LINE_MAX_BYTES);

	if (!atomic_load(&as_json) && pm_journal_write(level, msg, kv, n))
		return;
	if (atomic_load(&as_json)) {
		write_json(&line, level, msg, kv, n);
	} else {
		(void)pm_buf_addf(&line, "%s ", level_names[level]);
		pm_log_text(&line, msg, kv, n);
	}
	/* A line that is too long is no JSON any more: the message alone is. */
	if (line.full && atomic_load(&as_json)) {
		pm_buf_clear(&line);
		write_json(&line, level, msg, NULL, 0);
	}
	(void)fprintf(stderr, "%s\n", pm_buf_str(&line));
}
