/* A registry of figures for monitoring, and their text as Prometheus reads it.
 *
 * What figures there are is a table of the owner's; the registry holds their values. Labels are bounded: a
 * figure that has as many combinations as its row allows counts every further one under "other".
 * Thread-safe; nothing here waits. */
#ifndef PM_BASE_METRICS_H
#define PM_BASE_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define PM_METRIC_LABELS 2

enum pm_metric_type {
	PM_COUNTER,   /* only grows; its name ends in _total */
	PM_GAUGE,     /* goes up and down */
	PM_HISTOGRAM, /* how often values up to certain bounds were seen */
};

struct pm_metric {
	const char *name, *doc; /* doc: one sentence */
	enum pm_metric_type type;
	int64_t unit; /* a power of ten, so many of a value are shown as 1 (1000: ms as s); 0: 1 */
	const char *labels[PM_METRIC_LABELS]; /* NULL: no such label */
	unsigned series;                      /* most combinations of labels; 0: 64 */
	const int64_t *bounds; /* of a histogram: rising, in the unit of the values */
	unsigned nbounds;
};

struct pm_metrics;

/** The rows are borrowed. Owner: the caller (pm_metrics_free). Figures without labels begin at 0. */
struct pm_metrics *pm_metrics_new(const struct pm_metric *rows, size_t n) PM_CHECK;
void pm_metrics_free(struct pm_metrics *m); /* NULL is fine */

/** Values of the labels of a row, as in PM_LABELS("create", "done"); NULL where it has none. */
#define PM_LABELS(...) ((const char *const[PM_METRIC_LABELS]){ __VA_ARGS__ })

/** Counts. `by` is 0 or more for a counter. */
void pm_metric_add(struct pm_metrics *m, unsigned row, const char *const *labels, int64_t by);
/** Sets a gauge, or a counter that somebody else counts. */
void pm_metric_set(struct pm_metrics *m, unsigned row, const char *const *labels, int64_t value);
/** One more value of a histogram. */
void pm_metric_observe(
	struct pm_metrics *m, unsigned row, const char *const *labels, int64_t value);
/** Takes away what a row holds: for gauges whose labels come and go. */
void pm_metric_forget(struct pm_metrics *m, unsigned row);

/** All figures in Prometheus' text format, version 0.0.4. */
void pm_metrics_write(struct pm_metrics *m, struct pm_buf *out);

/** The rows as a table in Markdown. */
void pm_metrics_docs(const struct pm_metric *rows, size_t n, struct pm_buf *out);

#endif
