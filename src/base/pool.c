/* A few threads and a queue. One mutex guards everything in here. */
#include "base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

struct work {
	struct work *next;
	void (*fn)(void *arg);
	void *arg;
};

struct pm_pool {
	pthread_mutex_t lock;
	pthread_cond_t more; /* work was queued, or the end has come */
	pthread_cond_t idle; /* nothing is queued or running */
	struct work *first, **last;
	unsigned running;
	bool ending;
	unsigned nthreads;
	pthread_t threads[];
};

static void *worker(void *arg)
{
	struct pm_pool *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		struct work *w = p->first;

		if (!w) {
			if (p->ending)
				break;
			pthread_cond_wait(&p->more, &p->lock);
			continue;
		}
		p->first = w->next;
		if (!p->first)
			p->last = &p->first;
		p->running++;
		pthread_mutex_unlock(&p->lock);
		w->fn(w->arg);
		free(w);
		pthread_mutex_lock(&p->lock);
		p->running--;
		if (!p->first && p->running == 0)
			pthread_cond_broadcast(&p->idle);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct pm_pool *pm_pool_new(unsigned threads)
{
	struct pm_pool *p;
	sigset_t all, before;

	if (threads == 0)
		threads = 1;
	p = pm_xcalloc(1, sizeof(*p) + threads * sizeof(p->threads[0]));
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	pthread_cond_init(&p->idle, NULL);
	p->last = &p->first;

	/* A new thread inherits the mask: signals stay with whoever looks after them. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (p->nthreads < threads) {
		if (pthread_create(&p->threads[p->nthreads], NULL, worker, p) != 0)
			break;
		p->nthreads++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	/* Fewer threads than asked for do the same work, only slower. */
	pm_assert(p->nthreads > 0);
	return p;
}

void pm_pool_run(struct pm_pool *p, void (*fn)(void *arg), void *arg)
{
	struct work *w = pm_xcalloc(1, sizeof(*w));

	w->fn = fn;
	w->arg = arg;
	pthread_mutex_lock(&p->lock);
	*p->last = w;
	p->last = &w->next;
	pthread_cond_signal(&p->more);
	pthread_mutex_unlock(&p->lock);
}

void pm_pool_wait(struct pm_pool *p)
{
	pthread_mutex_lock(&p->lock);
	while (p->first || p->running > 0)
		pthread_cond_wait(&p->idle, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

void pm_pool_free(struct pm_pool *p)
{
	if (!p)
		return;
	pm_pool_wait(p);
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->nthreads; i++)
		pthread_join(p->threads[i], NULL);
	pthread_cond_destroy(&p->idle);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
