/* Many threads on one client, mixed reads and writes, while hosts are killed, paused, restarted, rate
 * limited and given wrong certificates. Each thread owns one container and keeps account of what it
 * wrote; at the end, with everything healed, the cluster must hold just that: no write lost, none done
 * twice, and nobody may have hung.
 *
 *   chaos CONFIG CONTROL-SOCKET SECONDS SEED [THREADS]
 */
#include <podmox/podmox.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MOST_THREADS 64
#define FIRST_VMID   1000
#define NODES        3
#define HANG_S       90 /* nobody needs that long for one call: time-outs are 2 s */

struct worker {
	pthread_t thread;
	unsigned index;
	uint64_t random;
	podmox_guest ct;
	long note, note_maybe;   /* description on the guest; one that may be there instead */
	long grown, grown_maybe; /* resizes of 1 GiB: done; sent without knowing */
	long snapshots, reads, bad_reads, writes, unknown;
	_Atomic long since; /* when its call began, in seconds; 0: none under way */
	char trouble[600];  /* "" none */
};

static podmox_client *client;
static struct worker workers[MOST_THREADS];
static unsigned nworkers = 32;
static const char *control_path;
static atomic_bool ending;

static long now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)t.tv_sec + 1;
}

/* xorshift: repeatable for a seed. */
static unsigned below(uint64_t *state, unsigned n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (unsigned)(*state % n);
}

static uint64_t number(const char *text)
{
	unsigned long long n = 0;

	if (sscanf(text, "%llu", &n) != 1)
		fprintf(stderr, "chaos: \"%s\" is no number\n", text);
	return n;
}

/* ---- the simulator's control ---- */

static void control(const char *order)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char answer[512];
	ssize_t n;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", control_path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
		dprintf(fd, "%s\n", order) < 0) {
		fprintf(stderr, "chaos: control: %s\n", strerror(errno));
		abort();
	}
	shutdown(fd, SHUT_WR);
	n = read(fd, answer, sizeof(answer) - 1);
	answer[n > 0 ? n : 0] = '\0';
	if (strncmp(answer, "error", 5) == 0)
		fprintf(stderr, "chaos: %s: %s\n", order, answer);
	close(fd);
}

static void pause_ms(int ms)
{
	poll(NULL, 0, ms);
}

/* One node at a time is harmed, so that somebody always answers. */
static void harm(uint64_t *random, unsigned count[])
{
	static const char *const orders[][2] = {
		{ "host-kill", "host-start" },
		{ "host-pause", "host-continue" },
		{ "cert-wrong", "cert-right" },
		{ "rate-limit", "rate-limit-clear" },
	};
	unsigned what = below(random, 4), node = 1 + below(random, NODES);
	char order[64];

	snprintf(order, sizeof(order), "%s pve%u%s", orders[what][0], node,
		what == 3 ? " 30 1" : "");
	control(order);
	count[what]++;
	pause_ms(200 + (int)below(random, 1300));
	snprintf(order, sizeof(order), "%s pve%u", orders[what][1], node);
	control(order);
	pause_ms((int)below(random, 400));
}

/* ---- one thread's work ---- */

static void trouble(struct worker *w, const char *what, const char *text)
{
	if (w->trouble[0] == '\0')
		snprintf(w->trouble, sizeof(w->trouble), "container %u: %s: %s", w->ct.vmid, what,
			text);
}

/* Did the call fail in a way that proves that nothing was done? */
static bool surely_not(const podmox_error *err)
{
	return !podmox_error_maybe_sent(err);
}

static bool passing(const podmox_error *err)
{
	podmox_code c = podmox_error_code(err);

	return podmox_error_retryable(err) || c == PODMOX_E_AUTH || c == PODMOX_E_CONFLICT;
}

static void read_any(struct worker *w)
{
	struct worker *other = &workers[below(&w->random, nworkers)];
	podmox_error *err = NULL;
	podmox_value *v = NULL;
	char want[32];

	w->reads++;
	if (podmox_guest_config(client, other->ct, NULL, &v, &err) < 0) {
		w->bad_reads++;
		if (!passing(err))
			trouble(w, "read", podmox_error_message(err));
		podmox_error_free(err);
		return;
	}
	snprintf(want, sizeof(want), "w%u", other->index);
	if (strcmp(podmox_value_get_text(v, "hostname", ""), want) != 0)
		trouble(w, "another guest's answer", podmox_value_json(v));
	podmox_value_free(v);
}

/* The number in the description; -1: it could not be read. */
static long read_note(struct worker *w)
{
	podmox_error *err = NULL;
	podmox_value *v = NULL;
	long n = 0;

	if (podmox_guest_config(client, w->ct, NULL, &v, &err) < 0) {
		if (!passing(err))
			trouble(w, "read", podmox_error_message(err));
		podmox_error_free(err);
		return -1;
	}
	if (sscanf(podmox_value_get_text(v, "description", "n=0"), "n=%ld", &n) != 1)
		trouble(w, "strange description", podmox_value_json(v));
	podmox_value_free(v);
	return n;
}

static void check_note(struct worker *w)
{
	long n = read_note(w);
	char text[80];

	if (n < 0)
		return;
	if (n != w->note && (w->note_maybe == 0 || n != w->note_maybe)) {
		snprintf(text, sizeof(text), "there is %ld, written was %ld, perhaps %ld", n,
			w->note, w->note_maybe);
		trouble(w, "lost write", text);
	}
	w->note = n;
	w->note_maybe = 0;
}

static void write_note(struct worker *w)
{
	char text[32];
	podmox_param params[] = { { "description", text }, { NULL, NULL } };
	podmox_error *err = NULL;
	long next = w->note + 1;

	if (w->note_maybe != 0) {
		check_note(w);
		return;
	}
	snprintf(text, sizeof(text), "n=%ld", next);
	w->writes++;
	if (podmox_guest_set(client, w->ct, params, NULL, &err) == 0) {
		w->note = next;
		check_note(w);
		return;
	}
	if (!surely_not(err)) {
		w->note_maybe = next;
		w->unknown++;
	} else if (!passing(err)) {
		trouble(w, "set", podmox_error_message(err));
	}
	podmox_error_free(err);
}

/* Waits until the task has ended, whatever happens in between. 0, or the code of its failure. */
static int follow(struct worker *w, podmox_task *t)
{
	podmox_error *err = NULL;
	podmox_code code;

	for (;;) {
		int r = podmox_task_wait(client, t, NULL, NULL, &err);

		if (r == 0)
			return 0;
		code = podmox_error_code(err);
		if (podmox_task_exit(t)[0] != '\0' || !passing(err)) {
			if (code != PODMOX_E_LOCKED && code != PODMOX_E_TASK)
				trouble(w, "task", podmox_error_message(err));
			podmox_error_free(err);
			return (int)code;
		}
		podmox_error_free(err);
		err = NULL;
	}
}

/* A write that would show if it were done twice. */
static void grow(struct worker *w)
{
	podmox_param params[] = { { "disk", "rootfs" }, { "size", "+1G" }, { NULL, NULL } };
	podmox_error *err = NULL;
	podmox_task *t = NULL;

	w->writes++;
	if (podmox_guest_resize(client, w->ct, params, &t, &err) == 0) {
		w->grown += !t || follow(w, t) == 0;
		podmox_task_free(t);
		return;
	}
	if (!surely_not(err)) {
		w->grown_maybe++;
		w->unknown++;
	} else if (!passing(err)) {
		trouble(w, "resize", podmox_error_message(err));
	}
	podmox_error_free(err);
}

static void snapshot(struct worker *w)
{
	char name[32];
	podmox_param params[] = { { "snapname", name }, { NULL, NULL } };
	podmox_error *err = NULL;
	podmox_task *t = NULL;

	snprintf(name, sizeof(name), "s%ld", w->snapshots++);
	w->writes++;
	if (podmox_guest_snapshot(client, w->ct, params, &t, &err) == 0) {
		if (t)
			(void)follow(w, t);
		podmox_task_free(t);
		return;
	}
	if (!surely_not(err))
		w->unknown++;
	else if (!passing(err))
		trouble(w, "snapshot", podmox_error_message(err));
	podmox_error_free(err);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (!ending && w->trouble[0] == '\0') {
		unsigned dice = below(&w->random, 100);

		w->since = now_s();
		if (dice < 70)
			read_any(w);
		else if (dice < 88)
			write_note(w);
		else if (dice < 97)
			grow(w);
		else
			snapshot(w);
	}
	w->since = 0;
	return NULL;
}

/* ---- before and after ---- */

static bool create(struct worker *w)
{
	char name[16], node[16];
	podmox_param params[] = { { "node", node }, { "hostname", name },
		{ "ostemplate", "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst" },
		{ "rootfs", "local-lvm:1" }, { "unprivileged", "1" }, { NULL, NULL } };
	podmox_error *err = NULL;

	snprintf(name, sizeof(name), "w%u", w->index);
	snprintf(node, sizeof(node), "pve%u", 1 + w->index % NODES);
	w->ct = (podmox_guest){ PODMOX_CT, FIRST_VMID + w->index };
	if (podmox_guest_create(client, w->ct, params, NULL, &err) == 0)
		return true;
	fprintf(stderr, "chaos: create: %s\n", podmox_error_message(err));
	podmox_error_free(err);
	return false;
}

static long size_of(struct worker *w)
{
	podmox_error *err = NULL;
	podmox_value *v = NULL;
	const char *at;
	long size = -1;

	if (podmox_guest_config(client, w->ct, NULL, &v, &err) < 0) {
		trouble(w, "the end", podmox_error_message(err));
		podmox_error_free(err);
		return -1;
	}
	at = strstr(podmox_value_get_text(v, "rootfs", ""), "size=");
	if (!at || sscanf(at, "size=%ldG", &size) != 1)
		trouble(w, "strange rootfs", podmox_value_json(v));
	podmox_value_free(v);
	return size;
}

static void judge(struct worker *w)
{
	long size;
	char text[120];

	if (w->trouble[0] != '\0')
		return;
	check_note(w);
	size = size_of(w);
	if (size < 1 + w->grown || size > 1 + w->grown + w->grown_maybe) {
		snprintf(text, sizeof(text), "%ld GiB after %ld growths and %ld of unknown end",
			size, w->grown, w->grown_maybe);
		trouble(w, size < 1 + w->grown ? "lost write" : "doubled write", text);
	}
}

static int count_guests(void)
{
	podmox_error *err = NULL;
	podmox_value *v = NULL;
	int n;

	if (podmox_guest_list(client, workers[0].ct, NULL, &v, &err) < 0) {
		fprintf(stderr, "chaos: list: %s\n", podmox_error_message(err));
		podmox_error_free(err);
		return -1;
	}
	n = (int)podmox_value_size(v);
	podmox_value_free(v);
	return n;
}

/* Nobody may stand in one call for so long. */
static bool somebody_hangs(void)
{
	for (unsigned i = 0; i < nworkers; i++) {
		long since = workers[i].since;

		if (since != 0 && now_s() - since > HANG_S) {
			fprintf(stderr, "chaos: thread %u hangs\n", i);
			return true;
		}
	}
	return false;
}

static bool begin(uint64_t seed)
{
	for (unsigned i = 0; i < nworkers; i++) {
		workers[i].index = i;
		workers[i].random = seed * 7919 + i + 1;
		if (!create(&workers[i]))
			return false;
	}
	for (unsigned i = 0; i < nworkers; i++) {
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			return false;
	}
	return true;
}

static int report(const unsigned harms[4])
{
	long reads = 0, bad = 0, writes = 0, unknown = 0;
	int failed = 0;

	for (unsigned i = 0; i < nworkers; i++) {
		struct worker *w = &workers[i];

		judge(w);
		reads += w->reads;
		bad += w->bad_reads;
		writes += w->writes;
		unknown += w->unknown;
		if (w->trouble[0] != '\0') {
			printf("chaos: %s\n", w->trouble);
			failed++;
		}
	}
	if (count_guests() != (int)nworkers) {
		printf("chaos: there are %d guests, %u were made\n", count_guests(), nworkers);
		failed++;
	}
	printf("chaos: killed %u, paused %u, wrong certificate %u, rate limited %u\n", harms[0],
		harms[1], harms[2], harms[3]);
	printf("chaos: %ld reads (%ld without an answer), %ld writes (%ld of unknown end), %d faults found\n",
		reads, bad, writes, unknown, failed);
	return failed;
}

int main(int argc, char **argv)
{
	podmox_error *err = NULL;
	unsigned harms[4] = { 0 };
	uint64_t seed;
	long end;

	if (argc < 5) {
		fprintf(stderr, "usage: %s CONFIG CONTROL-SOCKET SECONDS SEED [THREADS]\n",
			argv[0]);
		return 64;
	}
	control_path = argv[2];
	seed = number(argv[4]);
	if (argc > 5)
		nworkers = (unsigned)number(argv[5]) % (MOST_THREADS + 1);
	if (podmox_client_open_file(argv[1], &client, &err) < 0) {
		fprintf(stderr, "chaos: %s\n", podmox_error_message(err));
		podmox_error_free(err);
		return 1;
	}
	if (!begin(seed))
		return 1;
	end = now_s() + (long)number(argv[3]);
	seed = seed * 2654435761u + 1;
	while (now_s() < end) {
		harm(&seed, harms);
		if (somebody_hangs())
			return 1;
	}
	control("heal");
	atomic_store(&ending, true);
	for (unsigned i = 0; i < nworkers; i++)
		pthread_join(workers[i].thread, NULL);
	if (report(harms) > 0)
		return 1;
	podmox_client_close(client);
	return 0;
}
