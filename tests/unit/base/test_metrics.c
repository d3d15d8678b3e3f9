/* The registry of figures: values, units, labels and their bounds, and the text that Prometheus reads. */
#include <pthread.h>
#include <stdio.h>

#include "base/metrics.h"
#include "pm_test.h"

enum { CYCLES, OBJECTS, TOOK, AGE };

static const int64_t bounds[] = { 500, 1000, 2500 };
static const struct pm_metric rows[] = {
	[CYCLES] = { .name = "t_cycles_total",
		.doc = "Cycles\\ that\nended.",
		.type = PM_COUNTER,
		.labels = { "result", "why" },
		.series = 3 },
	[OBJECTS] = { .name = "t_objects", .doc = "Objects.", .type = PM_GAUGE },
	[TOOK] = { .name = "t_took_seconds",
		.doc = "How long it took.",
		.type = PM_HISTOGRAM,
		.unit = 1000,
		.bounds = bounds,
		.nbounds = PM_COUNT(bounds) },
	[AGE] = { .name = "t_age_seconds", .doc = "Age.", .type = PM_GAUGE, .unit = 1000 },
};

static void check(struct pm_metrics *m, const char *part)
{
	cleanup_buf struct pm_buf out = PM_BUF(0);

	pm_metrics_write(m, &out);
	assert_has(pm_buf_str(&out), part);
}

PM_TEST(metrics_begin_at_zero)
{
	struct pm_metrics *m = pm_metrics_new(rows, PM_COUNT(rows));
	cleanup_buf struct pm_buf out = PM_BUF(0);

	pm_metrics_write(m, &out);
	assert_string_equal(pm_buf_str(&out),
		"# HELP t_objects Objects.\n# TYPE t_objects gauge\nt_objects 0\n"
		"# HELP t_took_seconds How long it took.\n# TYPE t_took_seconds histogram\n"
		"t_took_seconds_bucket{le=\"0.5\"} 0\nt_took_seconds_bucket{le=\"1\"} 0\n"
		"t_took_seconds_bucket{le=\"2.5\"} 0\nt_took_seconds_bucket{le=\"+Inf\"} 0\n"
		"t_took_seconds_sum 0\nt_took_seconds_count 0\n"
		"# HELP t_age_seconds Age.\n# TYPE t_age_seconds gauge\nt_age_seconds 0\n");
	pm_metrics_free(m);
}

PM_TEST(metrics_count_by_labels)
{
	struct pm_metrics *m = pm_metrics_new(rows, PM_COUNT(rows));

	pm_metric_add(m, CYCLES, PM_LABELS("ok", "files \"x\""), 1);
	pm_metric_add(m, CYCLES, PM_LABELS("ok", "files \"x\""), 2);
	check(m, "# HELP t_cycles_total Cycles\\\\ that\\nended.\n");
	check(m, "t_cycles_total{result=\"ok\",why=\"files \\\"x\\\"\"} 3\n");
	pm_metric_forget(m, CYCLES);
	check(m, "# HELP t_objects");
	pm_metric_set(m, OBJECTS, NULL, -7);
	check(m, "\nt_objects -7\n");
	pm_metrics_free(m);
}

/* However many labels come, there are never more series than the row allows. */
PM_TEST(metrics_bound_their_labels)
{
	struct pm_metrics *m = pm_metrics_new(rows, PM_COUNT(rows));
	cleanup_buf struct pm_buf out = PM_BUF(0);
	unsigned lines = 0;
	char name[16];

	for (int i = 0; i < 50; i++) {
		(void)snprintf(name, sizeof(name), "r%d", i);
		pm_metric_add(m, CYCLES, PM_LABELS(name, "x"), 1);
	}
	check(m, "t_cycles_total{result=\"r1\",why=\"x\"} 1\n");
	check(m, "t_cycles_total{result=\"other\",why=\"other\"} 48\n");
	pm_metrics_write(m, &out);
	for (const char *s = pm_buf_str(&out); (s = strstr(s, "\nt_cycles_total{")) != NULL; s++)
		lines++;
	assert_int_equal(lines, 3);
	pm_metrics_free(m);
}

PM_TEST(metrics_histograms_add_up)
{
	struct pm_metrics *m = pm_metrics_new(rows, PM_COUNT(rows));

	pm_metric_observe(m, TOOK, NULL, 500);
	pm_metric_observe(m, TOOK, NULL, 501);
	pm_metric_observe(m, TOOK, NULL, 9000);
	check(m, "t_took_seconds_bucket{le=\"0.5\"} 1\nt_took_seconds_bucket{le=\"1\"} 2\n"
		 "t_took_seconds_bucket{le=\"2.5\"} 2\nt_took_seconds_bucket{le=\"+Inf\"} 3\n"
		 "t_took_seconds_sum 10.001\nt_took_seconds_count 3\n");
	pm_metric_set(m, AGE, NULL, -1050);
	check(m, "t_age_seconds -1.05\n");
	pm_metrics_free(m);
}

static void *count(void *arg)
{
	for (int i = 0; i < 1000; i++)
		pm_metric_add(arg, CYCLES, PM_LABELS("ok", "x"), 1);
	return NULL;
}

PM_TEST(metrics_count_from_threads)
{
	struct pm_metrics *m = pm_metrics_new(rows, PM_COUNT(rows));
	pthread_t thread[4];

	for (size_t i = 0; i < PM_COUNT(thread); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, count, m), 0);
	for (size_t i = 0; i < PM_COUNT(thread); i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	check(m, "t_cycles_total{result=\"ok\",why=\"x\"} 4000\n");
	pm_metrics_free(m);
}

PM_TEST(metrics_have_a_page)
{
	cleanup_buf struct pm_buf out = PM_BUF(0);

	pm_metrics_docs(rows + OBJECTS, 2, &out);
	assert_has(pm_buf_str(&out), "| `t_took_seconds` | histogram | | How long it took. |\n");
}
