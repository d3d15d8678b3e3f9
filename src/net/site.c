/* Sites and their queues. A queue has a line for each batch that has calls in it, and they take turns:
 * one caller's ten thousand calls do not hold up another one's single call. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "io_priv.h"

#define DEFAULT_READS  6
#define DEFAULT_WRITES 2

/** The calls of one batch that wait in one queue. */
struct pm_line {
	struct pm_line *next;
	const void *batch;
	struct pm_call *first, **last;
};

static struct pm_line *line_new(struct pm_queue *q, const void *batch)
{
	struct pm_line *l = q->spare;

	if (l)
		q->spare = l->next;
	else
		l = pm_xcalloc(1, sizeof(*l));
	*l = (struct pm_line){ .batch = batch };
	l->last = &l->first;
	if (q->last)
		q->last->next = l;
	else
		q->first = l;
	q->last = l;
	return l;
}

static void line_done(struct pm_queue *q, struct pm_line *l)
{
	l->next = q->spare;
	q->spare = l;
}

void pm_queue_push(struct pm_queue *q, struct pm_call *c)
{
	struct pm_line *l = q->last;

	/* A batch comes in one piece: its line is the last one or not there yet. */
	if (!l || l->batch != c->batch)
		l = line_new(q, c->batch);
	c->next = NULL;
	*l->last = c;
	l->last = &c->next;
}

struct pm_call *pm_queue_pop(struct pm_queue *q)
{
	struct pm_line *l = q->first;
	struct pm_call *c = l->first;

	l->first = c->next;
	if (l->first && !l->next)
		return c;
	q->first = l->next;
	if (!q->first)
		q->last = NULL;
	l->next = NULL;
	if (l->first) {
		q->last->next = l;
		q->last = l;
	} else {
		line_done(q, l);
	}
	return c;
}

struct pm_call *pm_queue_drop(struct pm_queue *q, const void *batch)
{
	struct pm_line *before = NULL, *l = q->first;
	struct pm_call *c;

	for (; l && l->batch != batch; l = l->next)
		before = l;
	if (!l)
		return NULL;
	*(before ? &before->next : &q->first) = l->next;
	if (q->last == l)
		q->last = before;
	c = l->first;
	line_done(q, l);
	return c;
}

static bool same_trust(const struct pm_site *s, const struct pm_host *h)
{
	if (s->insecure != h->insecure || s->nfingerprints != h->nfingerprints ||
		!pm_str_eq(s->ca_file, h->ca_file))
		return false;
	for (unsigned i = 0; i < s->nfingerprints; i++) {
		if (strcmp(s->fingerprints[i], h->fingerprints[i]) != 0)
			return false;
	}
	return true;
}

static struct pm_site *site_new(const struct pm_host *h, bool alone)
{
	struct pm_site *s = pm_xcalloc(1, sizeof(*s));
	size_t n;

	s->url = pm_xstrdup(h->url);
	n = strlen(s->url);
	while (n > 0 && s->url[n - 1] == '/')
		s->url[--n] = '\0';
	s->ca_file = h->ca_file ? pm_xstrdup(h->ca_file) : NULL;
	s->insecure = h->insecure;
	s->alone = alone;
	s->nfingerprints = h->nfingerprints;
	s->fingerprints = pm_xcalloc(h->nfingerprints, sizeof(char *));
	for (unsigned i = 0; i < h->nfingerprints; i++)
		s->fingerprints[i] = pm_xstrdup(h->fingerprints[i]);
	return s;
}

static bool same_url(const char *site, const char *host)
{
	size_t n = strlen(site);

	return strncmp(site, host, n) == 0 && host[n + strspn(host + n, "/")] == '\0';
}

struct pm_site *pm_site_of(struct pm_sites *all, const struct pm_host *h)
{
	struct pm_site *s = NULL;
	bool alone = false;

	for (size_t i = 0; i < all->n && !s; i++) {
		if (!same_url(all->v[i]->url, h->url))
			continue;
		if (same_trust(all->v[i], h))
			s = all->v[i];
		alone = true;
	}
	if (!s) {
		s = site_new(h, alone);
		pm_vec_push(all, s); /* NOLINT(bugprone-sizeof-expression): pointers they are */
	}
	s->queue[PM_PROBES].most = 1;
	s->queue[PM_READS].most = h->reads > 0 ? h->reads : DEFAULT_READS;
	s->queue[PM_WRITES].most = h->writes > 0 ? h->writes : DEFAULT_WRITES;
	return s;
}

static void queue_free(struct pm_queue *q)
{
	struct pm_line *l;

	while ((l = q->spare) != NULL) {
		q->spare = l->next;
		free(l);
	}
}

void pm_site_free(struct pm_site *s)
{
	for (int i = 0; i < PM_LANES; i++)
		queue_free(&s->queue[i]);
	for (unsigned i = 0; i < s->nfingerprints; i++)
		free(s->fingerprints[i]);
	free(s->fingerprints);
	free(s->ca_file);
	free(s->url);
	free(s);
}
