/* Servers that do not answer, or answer nonsense: each look ends, with an error that says where it hung. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "source_test.h"

/* Answers each connection with one text, or with nothing for as long as it lasts. */
struct server {
	int listener, bell[2];
	unsigned port;
	const char *answer; /* NULL: silence */
	pthread_t thread;
};

static void serve_one(struct server *s, int fd)
{
	char block[4096];
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
		{ .fd = s->bell[0], .events = POLLIN } };

	while (poll(p, 2, -1) > 0 && !p[1].revents) {
		if (recv(fd, block, sizeof(block), 0) <= 0)
			break;
		if (!s->answer)
			continue;
		(void)send(fd, s->answer, strlen(s->answer), MSG_NOSIGNAL);
		break;
	}
	(void)close(fd);
}

static void *serve(void *arg)
{
	struct server *s = arg;
	struct pollfd p[2] = { { .fd = s->listener, .events = POLLIN },
		{ .fd = s->bell[0], .events = POLLIN } };

	while (poll(p, 2, -1) > 0 && !p[1].revents) {
		int fd = accept(s->listener, NULL, NULL);

		if (fd >= 0)
			serve_one(s, fd);
	}
	return NULL;
}

static void server_start(struct server *s, const char *answer)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);

	s->answer = answer;
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listener, (struct sockaddr *)&a, n), 0);
	assert_int_equal(getsockname(s->listener, (struct sockaddr *)&a, &n), 0);
	assert_int_equal(listen(s->listener, 8), 0);
	assert_int_equal(pipe(s->bell), 0);
	s->port = ntohs(a.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_end(struct server *s)
{
	(void)close(s->bell[1]);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->bell[0]);
	(void)close(s->listener);
}

/* Time that passes each time somebody asks for it: slow for servers that answer. */
static uint64_t pace_ms;

static uint64_t hurried(void *self)
{
	return *(uint64_t *)self += pace_ms * PM_MS_NS;
}

static int64_t wall(PM_UNUSED void *self)
{
	return 1000;
}

static int no_wait(PM_UNUSED void *self, PM_UNUSED uint64_t ns, PM_UNUSED struct pm_cancel *cancel)
{
	return 0;
}

static int look_at(struct world *w, struct server *s, const char *scheme)
{
	uint64_t ns = PM_S_NS;
	struct pm_clock clock = {
		.self = &ns, .mono_ns = hurried, .wall_ms = wall, .wait = no_wait
	};
	struct pm_source_opts o = { .rec = w->rec,
		.config_dir = w->dir,
		.set = "other",
		.journal_dir = w->journal,
		.clock = &clock };
	int r;

	pace_ms = s->answer ? 10 : 20000;
	world_set(w, PM_CONFIG_GIT_URL,
		pm_arena_printf(w->arena, "%s127.0.0.1:%u/infra.git", scheme, s->port));
	pm_source_free(w->source);
	w->source = NULL;
	assert_ok(pm_source_open(&o, &w->source, &w->err), &w->err);
	r = world_look(w);
	pm_source_free(w->source);
	w->source = NULL;
	return r;
}

#define HTTP "http://"
#define SSH  "ssh://git@"
#define HEAD "HTTP/1.1 200 OK\r\nConnection: close\r\n"
#define TYPE "Content-Type: application/x-git-upload-pack-advertisement\r\n"

PM_TEST(wire_gives_up_on_a_silent_server)
{
	struct world *w = world_new();
	struct server s;

	server_start(&s, NULL);
	assert_err(look_at(w, &s, HTTP), PM_E_TIMEOUT, &w->err, "source.git.limits.time");
	server_end(&s);
	world_free(w);
}

PM_TEST(wire_gives_up_on_a_silent_ssh_server)
{
	struct world *w = world_new();
	struct server s;

	server_start(&s, NULL);
	assert_err(look_at(w, &s, SSH), PM_E_TIMEOUT, &w->err, "source.git.limits.time");
	server_end(&s);
	world_free(w);
}

PM_TEST(wire_names_an_ssh_server_that_is_none)
{
	struct world *w = world_new();
	struct server s;

	server_start(&s, "I am something else entirely.\r\n");
	assert_err(look_at(w, &s, SSH), PM_E_UNREACHABLE, &w->err, "infra.git: ");
	server_end(&s);
	world_free(w);
}

PM_TEST(wire_names_what_a_server_answers)
{
	static const struct {
		const char *answer;
		enum pm_code code;
		const char *says;
	} rows[] = {
		{ "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", PM_E_AUTH,
			"set source.git.auth.token" },
		{ "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", PM_E_PERMISSION, "403" },
		{ "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno", PM_E_NOTFOUND,
			"no such repository" },
		{ "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", PM_E_BUSY, "503" },
		{ "HTTP/1.1 302 No\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
			PM_E_UNREACHABLE, NULL },
		{ HEAD "Content-Type: text/html\r\n\r\n<html>welcome</html>", PM_E_PROTOCOL,
			"no Git server" },
		{ HEAD TYPE "\r\n", PM_E_PROTOCOL, NULL },
		{ HEAD TYPE "\r\nzzzz", PM_E_PROTOCOL, NULL },
		{ HEAD TYPE "\r\n001e# service=git-upload-pack\n0000ffff", PM_E_PROTOCOL, NULL },
		{ HEAD TYPE "Content-Length: 100\r\n\r\n001e# service", PM_E_UNREACHABLE, NULL },
		{ "not http at all\r\n\r\n", PM_E_UNREACHABLE, NULL },
		{ "", PM_E_UNREACHABLE, NULL },
	};
	struct world *w = world_new();

	for (unsigned i = 0; i < PM_COUNT(rows); i++) {
		struct server s;

		server_start(&s, rows[i].answer);
		assert_err(look_at(w, &s, HTTP), rows[i].code, &w->err, rows[i].says);
		server_end(&s);
	}
	world_free(w);
}

PM_TEST(wire_says_that_nobody_listens)
{
	struct world *w = world_new();
	struct server s;

	server_start(&s, NULL);
	server_end(&s);
	assert_err(look_at(w, &s, HTTP), PM_E_UNREACHABLE, &w->err, "infra.git");
	assert_err(look_at(w, &s, SSH), PM_E_UNREACHABLE, &w->err, "infra.git");
	world_free(w);
}
