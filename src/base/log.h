/* Log of the program itself, on stderr: one call an event, a constant message, facts as pairs.
 * Only cli, daemon, recon and exec log at info and above; pve warns of a host that is not trusted.
 * Thread-safe. */
#ifndef PM_BASE_LOG_H
#define PM_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum pm_level { PM_LOG_ERROR, PM_LOG_WARNING, PM_LOG_INFO, PM_LOG_DEBUG };

/** One fact. Build with the PM_KV_* macros. */
struct pm_kv {
	const char *key;
	const char *s; /* NULL: it is the number */
	int64_t i;
};

#define PM_KV_S(k, v) pm_kv_s((k), (v))
#define PM_KV_I(k, v) ((struct pm_kv){ .key = (k), .i = (int64_t)(v) })

/** NULL counts as "". */
static inline struct pm_kv pm_kv_s(const char *key, const char *s)
{
	return (struct pm_kv){ .key = key, .s = s ? s : "" };
}

/** Level from which on nothing is written, and the form: text ("level msg key=value") or JSON lines. */
void pm_log_setup(enum pm_level most, bool json);
bool pm_log_enabled(enum pm_level level);

void pm_log_write(enum pm_level level, const char *msg, const struct pm_kv *kv, unsigned n);

/** Appends the line of an event without its level: `created object=Pod/shop/web`. */
struct pm_buf;
void pm_log_text(struct pm_buf *out, const char *msg, const struct pm_kv *kv, unsigned n);

#define pm_log(level, msg, ...)                                                       \
	do {                                                                          \
		if (pm_log_enabled(level)) {                                          \
			const struct pm_kv pm_kv_[] = { { 0 }, ##__VA_ARGS__ };       \
			pm_log_write((level), (msg), pm_kv_ + 1,                      \
				(unsigned)(sizeof(pm_kv_) / sizeof(pm_kv_[0])) - 1U); \
		}                                                                     \
	} while (0)
#define pm_error(msg, ...)   pm_log(PM_LOG_ERROR, msg, ##__VA_ARGS__)
#define pm_warning(msg, ...) pm_log(PM_LOG_WARNING, msg, ##__VA_ARGS__)
#define pm_info(msg, ...)    pm_log(PM_LOG_INFO, msg, ##__VA_ARGS__)
#define pm_debug(msg, ...)   pm_log(PM_LOG_DEBUG, msg, ##__VA_ARGS__)

#endif
