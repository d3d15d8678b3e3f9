/* The registry of figures: for each row of the table the combinations of labels that were seen, in the
 * order they came. Values are whole numbers; the unit of the row makes decimals of them when they are
 * written, so that nothing is ever rounded. */
#include "base/metrics.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/vec.h"

#define SERIES_MOST 64
#define LABEL_BYTES 64

struct series {
	char label[PM_METRIC_LABELS][LABEL_BYTES];
	int64_t value;   /* of a histogram: the sum */
	uint64_t *count; /* of a histogram: for each bound, and one for what is above all */
};

struct family {
	const struct pm_metric *row;
	PM_VEC(struct series) series;
};

struct pm_metrics {
	pthread_mutex_t mutex;
	struct family *family;
	size_t n;
};

/* ---- series ---- */

static void copy_label(char out[LABEL_BYTES], const char *s)
{
	const char *text = s ? s : "";
	size_t n = pm_utf8_valid(text, strnlen(text, LABEL_BYTES - 1));

	memcpy(out, text, n);
	out[n] = '\0';
}

static struct series *find(struct family *f, char label[PM_METRIC_LABELS][LABEL_BYTES])
{
	for (size_t i = 0; i < f->series.n; i++) {
		struct series *s = &f->series.v[i];
		unsigned same = 0;

		while (same < PM_METRIC_LABELS && strcmp(s->label[same], label[same]) == 0)
			same++;
		if (same == PM_METRIC_LABELS)
			return s;
	}
	return NULL;
}

static struct series *add_series(struct family *f, char label[PM_METRIC_LABELS][LABEL_BYTES])
{
	struct series s = { .value = 0 };

	memcpy(s.label, label, sizeof(s.label));
	if (f->row->type == PM_HISTOGRAM)
		s.count = pm_xcalloc(f->row->nbounds + 1, sizeof(*s.count));
	pm_vec_push(&f->series, s);
	return &f->series.v[f->series.n - 1];
}

/* The series of these labels; of "other" when there would be too many. */
static struct series *series_of(struct family *f, const char *const *labels)
{
	char label[PM_METRIC_LABELS][LABEL_BYTES] = { { 0 } };
	unsigned most = f->row->series > 0 ? f->row->series : SERIES_MOST;
	struct series *s;

	for (unsigned i = 0; i < PM_METRIC_LABELS; i++)
		if (f->row->labels[i] && labels)
			copy_label(label[i], labels[i]);
	s = find(f, label);
	if (s)
		return s;
	if (f->series.n + 1 >= most && f->row->labels[0]) {
		for (unsigned i = 0; i < PM_METRIC_LABELS; i++)
			if (f->row->labels[i])
				copy_label(label[i], "other");
		s = find(f, label);
	}
	return s ? s : add_series(f, label);
}

static void forget(struct family *f)
{
	for (size_t i = 0; i < f->series.n; i++)
		free(f->series.v[i].count);
	f->series.n = 0;
}

/* ---- life ---- */

struct pm_metrics *pm_metrics_new(const struct pm_metric *rows, size_t n)
{
	struct pm_metrics *m = pm_xcalloc(1, sizeof(*m));

	(void)pthread_mutex_init(&m->mutex, NULL);
	m->family = pm_xcalloc(n, sizeof(*m->family));
	m->n = n;
	for (size_t i = 0; i < n; i++) {
		m->family[i].row = &rows[i];
		if (!rows[i].labels[0])
			(void)series_of(&m->family[i], NULL);
	}
	return m;
}

void pm_metrics_free(struct pm_metrics *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->n; i++) {
		forget(&m->family[i]);
		pm_vec_done(&m->family[i].series);
	}
	free(m->family);
	(void)pthread_mutex_destroy(&m->mutex);
	free(m);
}

/* ---- values ---- */

static struct series *lock(struct pm_metrics *m, unsigned row, const char *const *labels)
{
	pm_assert(row < m->n);
	(void)pthread_mutex_lock(&m->mutex);
	return series_of(&m->family[row], labels);
}

void pm_metric_add(struct pm_metrics *m, unsigned row, const char *const *labels, int64_t by)
{
	struct series *s = lock(m, row, labels);

	s->value += by;
	(void)pthread_mutex_unlock(&m->mutex);
}

void pm_metric_set(struct pm_metrics *m, unsigned row, const char *const *labels, int64_t value)
{
	struct series *s = lock(m, row, labels);

	s->value = value;
	(void)pthread_mutex_unlock(&m->mutex);
}

void pm_metric_observe(struct pm_metrics *m, unsigned row, const char *const *labels, int64_t value)
{
	struct series *s = lock(m, row, labels);
	const struct pm_metric *r = m->family[row].row;
	unsigned i = 0;

	pm_assert(r->type == PM_HISTOGRAM);
	while (i < r->nbounds && value > r->bounds[i])
		i++;
	s->count[i]++;
	s->value += value;
	(void)pthread_mutex_unlock(&m->mutex);
}

void pm_metric_forget(struct pm_metrics *m, unsigned row)
{
	pm_assert(row < m->n);
	(void)pthread_mutex_lock(&m->mutex);
	forget(&m->family[row]);
	if (!m->family[row].row->labels[0])
		(void)series_of(&m->family[row], NULL);
	(void)pthread_mutex_unlock(&m->mutex);
}

/* ---- text ---- */

/* A whole number of units as a decimal: 1500 of 1000 as 1.5. */
static void add_number(struct pm_buf *out, int64_t value, int64_t unit)
{
	uint64_t rest, u = unit > 0 ? (uint64_t)unit : 1;
	uint64_t v = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

	(void)pm_buf_addf(out, "%s%" PRIu64, value < 0 ? "-" : "", v / u);
	rest = v % u;
	if (rest > 0)
		(void)pm_buf_addc(out, '.');
	for (; rest > 0; rest %= u) {
		rest *= 10;
		(void)pm_buf_addc(out, (char)('0' + rest / u));
	}
}

/* Backslash, newline and (in labels) quotes are escaped. */
static void add_escaped(struct pm_buf *out, const char *s, bool label)
{
	for (; *s != '\0'; s++) {
		if (*s == '\n')
			(void)pm_buf_adds(out, "\\n");
		else if (*s == '\\' || (label && *s == '"'))
			(void)pm_buf_addf(out, "\\%c", *s);
		else
			(void)pm_buf_addc(out, *s);
	}
}

static void add_sample(struct pm_buf *out, const struct pm_metric *r, const char *suffix,
	const struct series *s, const int64_t *le)
{
	char sign = '{';

	(void)pm_buf_addf(out, "%s%s", r->name, suffix);
	for (unsigned i = 0; i < PM_METRIC_LABELS && r->labels[i]; i++) {
		(void)pm_buf_addf(out, "%c%s=\"", sign, r->labels[i]);
		add_escaped(out, s->label[i], true);
		(void)pm_buf_addc(out, '"');
		sign = ',';
	}
	if (suffix[0] == '_' && suffix[1] == 'b') {
		(void)pm_buf_addf(out, "%cle=\"", sign);
		if (le)
			add_number(out, *le, r->unit);
		else
			(void)pm_buf_adds(out, "+Inf");
		(void)pm_buf_addc(out, '"');
		sign = ',';
	}
	(void)pm_buf_adds(out, sign == ',' ? "} " : " ");
}

static void add_histogram(struct pm_buf *out, const struct pm_metric *r, const struct series *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i <= r->nbounds; i++) {
		sum += s->count[i];
		add_sample(out, r, "_bucket", s, i < r->nbounds ? &r->bounds[i] : NULL);
		(void)pm_buf_addf(out, "%" PRIu64 "\n", sum);
	}
	add_sample(out, r, "_sum", s, NULL);
	add_number(out, s->value, r->unit);
	(void)pm_buf_addc(out, '\n');
	add_sample(out, r, "_count", s, NULL);
	(void)pm_buf_addf(out, "%" PRIu64 "\n", sum);
}

static const char *type_name(const struct pm_metric *r)
{
	static const char *const names[] = { "counter", "gauge", "histogram" };

	return names[r->type];
}

void pm_metrics_write(struct pm_metrics *m, struct pm_buf *out)
{
	(void)pthread_mutex_lock(&m->mutex);
	for (size_t i = 0; i < m->n; i++) {
		const struct family *f = &m->family[i];

		if (f->series.n == 0)
			continue;
		(void)pm_buf_addf(out, "# HELP %s ", f->row->name);
		add_escaped(out, f->row->doc, false);
		(void)pm_buf_addf(out, "\n# TYPE %s %s\n", f->row->name, type_name(f->row));
		for (size_t k = 0; k < f->series.n; k++) {
			if (f->row->type == PM_HISTOGRAM) {
				add_histogram(out, f->row, &f->series.v[k]);
				continue;
			}
			add_sample(out, f->row, "", &f->series.v[k], NULL);
			add_number(out, f->series.v[k].value, f->row->unit);
			(void)pm_buf_addc(out, '\n');
		}
	}
	(void)pthread_mutex_unlock(&m->mutex);
}

void pm_metrics_docs(const struct pm_metric *rows, size_t n, struct pm_buf *out)
{
	(void)pm_buf_adds(out, "| name | type | labels | meaning |\n|---|---|---|---|\n");
	for (size_t i = 0; i < n; i++) {
		(void)pm_buf_addf(out, "| `%s` | %s |", rows[i].name, type_name(&rows[i]));
		for (unsigned k = 0; k < PM_METRIC_LABELS && rows[i].labels[k]; k++)
			(void)pm_buf_addf(out, "%s `%s`", k > 0 ? "," : "", rows[i].labels[k]);
		(void)pm_buf_addf(out, " | %s |\n", rows[i].doc);
	}
}
