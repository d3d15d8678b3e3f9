/* What is measured: the table of metrics.def, filled from the board and from what the system says of this
 * process. Nothing is counted twice: what the board counts is taken over as it stands there. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/num.h"
#include "daemon/face_priv.h"
#include "version.h"

static const int64_t cycle_ms[] = { 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000,
	300000, 1800000 };

static const struct pm_metric rows[PM_FIG_MAX] = {
#define PM_METRIC(id, word, kind, text, ...) \
	[PM_FIG_##id] = { .name = (word), .type = (kind), .doc = (text), ##__VA_ARGS__ },
#include "daemon/metrics.def"
#undef PM_METRIC
};

struct pm_metrics *pm_figures_new(void)
{
	struct pm_metrics *m = pm_metrics_new(rows, PM_FIG_MAX);

	pm_metric_set(m, PM_FIG_BUILD, PM_LABELS(PM_VERSION), 1);
	return m;
}

void pm_figures_docs(struct pm_buf *out)
{
	(void)pm_buf_adds(out,
		"<!-- Made by `make generate` from src/daemon/metrics.def; do not edit. -->\n\n"
		"# Metrics\n\n"
		"What the daemon shows at `/metrics` (see `agent.listen`). Labels are bounded: however "
		"large the\ncluster, a scrape has a few hundred lines. Alert rules and a dashboard stand "
		"in\n[docs/monitoring](../monitoring/README.md).\n\n");
	pm_metrics_docs(rows, PM_FIG_MAX, out);
}

static void set(struct pm_metrics *m, enum pm_figure id, int64_t value)
{
	pm_metric_set(m, id, NULL, value);
}

static void set_one(struct pm_metrics *m, enum pm_figure id, const char *label, int64_t value)
{
	pm_metric_set(m, id, PM_LABELS(label), value);
}

/* ---- the process ---- */

/* Pages: of the address space, then those in memory. */
static void set_memory(struct pm_metrics *m)
{
	static const enum pm_figure figures[] = { PM_FIG_VIRTUAL, PM_FIG_RSS };
	FILE *f cleanup_file = fopen("/proc/self/statm", "re");
	long page = sysconf(_SC_PAGESIZE);
	char line[128], *rest = line;

	if (!f || !fgets(line, sizeof(line), f) || page <= 0)
		return;
	for (size_t i = 0; i < PM_COUNT(figures); i++) {
		const char *word = strsep(&rest, " ");
		int64_t pages;

		if (!word || pm_parse_int(word, 0, INT64_MAX / page, &pages) < 0)
			return;
		set(m, figures[i], pages * page);
	}
}

static unsigned entries_of(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	if (!d)
		return 0;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone */
	for (const struct dirent *e = readdir(d); e; e = readdir(d))
		n += e->d_name[0] != '.';
	(void)closedir(d);
	return n;
}

static void set_process(struct pm_metrics *m)
{
	struct rlimit limit;
	struct rusage usage;
	unsigned fds = entries_of("/proc/self/fd");

	set_memory(m);
	/* One of them is the folder that is being read. */
	set(m, PM_FIG_FDS, fds > 0 ? fds - 1 : 0);
	set(m, PM_FIG_THREADS, entries_of("/proc/self/task"));
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		set(m, PM_FIG_FDS_MOST, (int64_t)limit.rlim_cur);
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		set(m, PM_FIG_CPU,
			(int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
				usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* ---- the board ---- */

static const char *outcome_name(unsigned o)
{
	static const char *const names[PM_OUTCOME_MAX] = { [PM_DONE] = "done",
		[PM_NOTHING] = "nothing",
		[PM_FAILED] = "failed",
		[PM_SKIPPED] = "skipped",
		[PM_STALE] = "stale" };

	return names[o];
}

static void set_counts(struct pm_metrics *m, const struct pm_board_counts *c)
{
	set_one(m, PM_FIG_CYCLES, "ok", (int64_t)(c->cycles - c->cycles_failed));
	set_one(m, PM_FIG_CYCLES, "failed", (int64_t)c->cycles_failed);
	set_one(m, PM_FIG_PHASE_TOOK, "read", (int64_t)c->read_ms);
	set_one(m, PM_FIG_PHASE_TOOK, "apply", (int64_t)c->apply_ms);
	for (unsigned v = 0; v < PM_VERB_MAX; v++)
		for (unsigned o = 0; o < PM_OUTCOME_MAX; o++)
			if (v != PM_V_KEEP)
				pm_metric_set(m, PM_FIG_ACTIONS,
					PM_LABELS(pm_verb_name(v), outcome_name(o)),
					(int64_t)c->actions[v][o]);
	set(m, PM_FIG_DRIFT, (int64_t)c->drifts);
	set_one(m, PM_FIG_NOTIFICATIONS, "sent", (int64_t)c->notified);
	set_one(m, PM_FIG_NOTIFICATIONS, "failed", (int64_t)c->notify_failed);
	set(m, PM_FIG_FILES_READ, (int64_t)c->files_read);
	set(m, PM_FIG_FILES_PARSED, (int64_t)c->files_parsed);
}

static void set_requests(struct pm_metrics *m, const struct pm_net_stats *net)
{
	static const char *const classes[] = { "none", "1xx", "2xx", "3xx", "4xx", "5xx" };

	for (unsigned i = 0; i < net->nhosts; i++)
		for (unsigned k = 0; k < PM_COUNT(classes); k++)
			if (net->host[i].answers[k] > 0)
				pm_metric_set(m, PM_FIG_REQUESTS,
					PM_LABELS(net->host[i].host, classes[k]),
					(int64_t)net->host[i].answers[k]);
}

static void set_client(struct pm_metrics *m, const struct pm_board_counts *c)
{
	set_requests(m, &c->net);
	set(m, PM_FIG_CONNECTIONS, (int64_t)c->net.connections);
	set(m, PM_FIG_BYTES_IN, (int64_t)c->net.bytes_in);
	set(m, PM_FIG_LOGINS, (int64_t)c->pve.logins);
	set(m, PM_FIG_FAILOVERS, (int64_t)c->pve.failovers);
	set_one(m, PM_FIG_CACHE, "hit", (int64_t)c->pve.hits);
	set_one(m, PM_FIG_CACHE, "miss", (int64_t)c->pve.misses);
	set_one(m, PM_FIG_CACHE, "joined", (int64_t)c->pve.joined);
	set(m, PM_FIG_CACHE_DROPPED, (int64_t)c->pve.dropped);
	set(m, PM_FIG_CACHE_ENTRIES, c->pve.entries);
	set(m, PM_FIG_CACHE_AGE, (int64_t)c->pve.oldest_ms);
}

static void set_cluster(struct pm_metrics *m, const struct pm_board_view *v)
{
	const struct pm_board_cluster *c = &v->cluster;
	unsigned online = 0;

	for (unsigned i = 0; i < c->nnodes; i++)
		online += c->node[i].online;
	set(m, PM_FIG_QUORATE, c->quorate);
	set(m, PM_FIG_PAUSED, c->paused || v->lock_holder);
	set_one(m, PM_FIG_NODES, "online", online);
	set_one(m, PM_FIG_NODES, "offline", c->nnodes - online);
	set(m, PM_FIG_GUESTS, c->nguests);
	set(m, PM_FIG_CLUSTER_AT, c->at_ms);
}

void pm_figures_collect(struct pm_metrics *m, const struct pm_board_view *v)
{
	set(m, PM_FIG_START, v->started_ms);
	set(m, PM_FIG_OBSERVE, v->observe);
	set(m, PM_FIG_CYCLE_AT, v->last.ended_ms);
	set(m, PM_FIG_CYCLE_OK, v->last.number > 0 && v->last.code == PM_OK);
	set(m, PM_FIG_SWEEP_AT, v->sweep_ms);
	for (unsigned i = 0; i < PM_SYNC_MAX; i++)
		set_one(m, PM_FIG_OBJECTS, pm_sync_name(i), v->sync[i]);
	set(m, PM_FIG_FILES_BROKEN, (int64_t)v->nfiles);
	set(m, PM_FIG_SUSPENSIONS, (int64_t)v->nsuspensions);
	set(m, PM_FIG_IN_PLACE, pm_told_in_place(v));
	set(m, PM_FIG_WANTED_AT, v->wanted.at_ms);
	set(m, PM_FIG_APPLIED_AT, v->applied.at_ms);
	set(m, PM_FIG_APPROVAL, v->held.id != NULL);
	set(m, PM_FIG_SOURCE_OK, !v->source_why && v->good_ms > 0);
	set(m, PM_FIG_SOURCE_AT, v->good_ms);
	set(m, PM_FIG_CONFIG_OK, v->config_why == NULL);
	set_counts(m, &v->counts);
	set_client(m, &v->counts);
	set_cluster(m, v);
	set_process(m);
}

void pm_figures_cycle(struct pm_metrics *m, const struct pm_board_cycle *c)
{
	pm_metric_observe(m, PM_FIG_CYCLE_TOOK, NULL, c->ended_ms - c->began_ms);
	if (c->code == PM_OK)
		set(m, PM_FIG_CYCLE_GOOD_AT, c->ended_ms);
}
