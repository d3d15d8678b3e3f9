/* Many threads on one client, for the benchmark:
 *
 *   client CONFIG PATHS THREADS SECONDS
 *
 * Every thread reads one path after the other for so long, each starting at another place of the list; each
 * read is one blocking call. Prints "go" when all have begun, and in the end one line of JSON: how many calls
 * were made, how many failed, the CPU of the process while they were made, how long the slowest took. */
#include <json-c/json.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/vec.h"
#include "pve/pve.h"
#include "recon/recon.h"

#define LATE_NS (100 * PM_MS_NS)

struct bench {
	struct pm_pve *pve;
	PM_VEC(char *) paths;
	uint64_t until_ns;
	unsigned threads;
	pthread_barrier_t ready;
};

struct worker {
	struct bench *b;
	pthread_t thread;
	struct pm_arena *arena;
	size_t at;
	uint64_t calls, failed, late, slowest_ns, total_ns;
	struct pm_error why;
};

static void call_once(struct worker *w, const char *path)
{
	struct pm_job job = { .arena = w->arena, .clock = &pm_clock_system };
	struct pm_pve_call c = { .method = "GET", .path = path };
	struct json_object *o = NULL;
	struct pm_error err;
	uint64_t since = pm_mono_ns(&pm_clock_system), took;
	int r = pm_pve_call(w->b->pve, &job, &c, &o, &err);

	took = pm_mono_ns(&pm_clock_system) - since;
	(void)json_object_put(o);
	w->calls++;
	w->total_ns += took;
	w->late += took > LATE_NS;
	if (took > w->slowest_ns)
		w->slowest_ns = took;
	if (r < 0 && w->failed++ == 0)
		w->why = err;
}

static const char *next_path(struct worker *w)
{
	const char *path = w->b->paths.v[w->at];

	w->at = (w->at + 1) % w->b->paths.n;
	return path;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	/* Connections, the login and which node a host is are not measured. */
	call_once(w, "/cluster/status");
	call_once(w, next_path(w));
	w->calls = w->late = w->slowest_ns = w->total_ns = 0;
	(void)pthread_barrier_wait(&w->b->ready);
	(void)pthread_barrier_wait(&w->b->ready);
	while (pm_mono_ns(&pm_clock_system) < w->b->until_ns)
		call_once(w, next_path(w));
	return NULL;
}

static double cpu_s(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void run(struct bench *b, double seconds)
{
	struct worker *w = pm_xcalloc(b->threads, sizeof(*w)), sum = { 0 };
	uint64_t since;
	double cpu, wall;

	for (unsigned i = 0; i < b->threads; i++) {
		w[i].b = b;
		w[i].arena = pm_arena_new(4096);
		w[i].at = b->paths.n * i / b->threads;
		pm_assert(pthread_create(&w[i].thread, NULL, work, &w[i]) == 0);
	}
	(void)pthread_barrier_wait(&b->ready);
	cpu = cpu_s();
	since = pm_mono_ns(&pm_clock_system);
	b->until_ns = since + (uint64_t)(seconds * 1e9);
	(void)puts("go");
	(void)fflush(stdout);
	(void)pthread_barrier_wait(&b->ready);
	for (unsigned i = 0; i < b->threads; i++) {
		(void)pthread_join(w[i].thread, NULL);
		pm_arena_free(w[i].arena);
		sum.calls += w[i].calls;
		sum.failed += w[i].failed;
		sum.late += w[i].late;
		sum.total_ns += w[i].total_ns;
		if (w[i].slowest_ns > sum.slowest_ns)
			sum.slowest_ns = w[i].slowest_ns;
		if (w[i].failed > 0)
			(void)fprintf(stderr, "%s: %s\n", w[i].why.where, w[i].why.msg);
	}
	wall = (double)(pm_mono_ns(&pm_clock_system) - since) / 1e9;
	(void)printf("{\"calls\": %llu, \"failed\": %llu, \"late\": %llu, \"slowest_ms\": %.1f, "
		     "\"rate\": %.1f, \"cpu_us\": %.2f}\n",
		(unsigned long long)sum.calls, (unsigned long long)sum.failed,
		(unsigned long long)sum.late, (double)sum.slowest_ns / 1e6,
		(double)sum.calls / wall, (cpu_s() - cpu) * 1e6 / (double)sum.calls);
	free(w);
}

static bool read_paths(struct bench *b, const char *file)
{
	char line[512];
	FILE *f = fopen(file, "re");

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		pm_vec_push(&b->paths, pm_xstrdup(line));
	}
	if (f)
		(void)fclose(f);
	return b->paths.n > 0;
}

static int open_client(
	struct bench *b, const struct pm_config *cfg, struct pm_transport *t, struct pm_error *err)
{
	struct pm_pve_opts o = { .cluster = cfg->cluster,
		.config_dir = cfg->dir,
		.transport = t,
		.clock = &pm_clock_system,
		.no_cache = true };

	return pm_pve_open(&o, &b->pve, err);
}

int main(int argc, char **argv)
{
	struct bench b = { .threads = 0 };
	struct pm_config *cfg = NULL;
	struct pm_transport *t = NULL;
	struct pm_arena *arena = pm_arena_new(4096);
	struct pm_diags diags;
	struct pm_error err;
	int64_t threads = 0, seconds = 0;

	if (argc != 5 || pm_parse_int(argv[3], 1, 1000, &threads) != 0 ||
		pm_parse_int(argv[4], 1, 3600, &seconds) != 0 || !read_paths(&b, argv[2]))
		return 64;
	b.threads = (unsigned)threads;
	pm_diags_init(&diags, arena);
	if (pm_config_open(argv[1], &cfg, &diags, &err) < 0 || pm_io_start(NULL, &t, &err) < 0 ||
		open_client(&b, cfg, t, &err) < 0) {
		(void)fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	pm_assert(pthread_barrier_init(&b.ready, NULL, b.threads + 1) == 0);
	run(&b, (double)seconds);
	pm_pve_free(b.pve);
	pm_transport_free(t);
	pm_config_free(cfg);
	pm_arena_free(arena);
	return 0;
}
