/* What a command makes of a daemon: of its answers, of its errors, and of one that is none. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/ask.h"
#include "pm_test.h"

#define PATIENCE (20 * PM_S_NS)

/* A daemon that takes one request and says what it was told to. */
struct fake {
	char path[100];
	int fd;
	pthread_t thread;
	const char *says; /* NULL: nothing, until the caller is gone */
	char got[256];
};

static void *serve(void *arg)
{
	struct fake *f = arg;
	int fd = accept(f->fd, NULL, NULL);
	char rest;
	ssize_t n = recv(fd, f->got, sizeof(f->got) - 1, 0);

	f->got[n > 0 ? n : 0] = '\0';
	if (f->says)
		(void)send(fd, f->says, strlen(f->says), MSG_NOSIGNAL);
	else
		(void)recv(fd, &rest, 1, 0);
	(void)close(fd);
	return NULL;
}

static void start(struct fake *f, const char *says)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	memset(f, 0, sizeof(*f));
	f->says = says;
	(void)snprintf(f->path, sizeof(f->path), "%.80s/sock", pm_test_dir());
	memcpy(a.sun_path, f->path, sizeof(f->path));
	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(f->fd, 1), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

static void end(struct fake *f)
{
	assert_int_equal(pthread_join(f->thread, NULL), 0);
	(void)close(f->fd);
}

PM_TEST(ask_gets_data)
{
	struct json_object *data = NULL;
	struct pm_error err;
	struct fake f;

	start(&f, "{\"v\":1,\"ok\":true,\"data\":{\"ticket\":7}}\n");
	assert_ok(pm_ask(f.path, "\"do\":\"reconcile\"", PATIENCE, &data, &err), &err);
	end(&f);
	assert_string_equal(f.got, "{\"v\":1,\"do\":\"reconcile\"}\n");
	assert_int_equal(pm_json_int(data, "ticket", 0), 7);
	pm_json_putp(&data);
}

static void fails(const char *says, enum pm_code code, const char *part)
{
	struct json_object *data = NULL;
	struct pm_error err;
	struct fake f;

	start(&f, says);
	assert_err(pm_ask(f.path, "\"do\":\"status\"", says ? PATIENCE : PM_MS_NS, &data, &err),
		code, &err, part);
	end(&f);
	assert_null(data);
}

PM_TEST(ask_hands_on_errors)
{
	fails("{\"v\":1,\"ok\":false,\"code\":\"not-found\",\"message\":\"it is not suspended\"}\n",
		PM_E_NOTFOUND, "it is not suspended");
	fails("{\"v\":1,\"ok\":false,\"code\":\"of the future\",\"message\":\"x\"}\n",
		PM_E_PROTOCOL, "x");
	fails("{\"v\":1,\"ok\":false}\n", PM_E_PROTOCOL, "does not say why");
	fails("{\"v\":1,\"ok\":true}\n", PM_E_PROTOCOL, "without data");
	fails("{\"v\":1,\n", PM_E_PROTOCOL, "the answer of the daemon");
	fails("", PM_E_PROTOCOL, "ended while it was being asked");
	fails("{\"v\":1", PM_E_PROTOCOL, "ended while it was being asked");
}

PM_TEST(ask_does_not_wait_for_ever)
{
	fails(NULL, PM_E_TIMEOUT, "does not answer");
}

PM_TEST(ask_says_that_nobody_is_there)
{
	struct json_object *data = NULL;
	struct pm_error err;
	char path[300];
	struct fake f;

	(void)snprintf(path, sizeof(path), "%.80s/nobody", pm_test_dir());
	assert_err(pm_ask(path, "\"do\":\"status\"", PATIENCE, &data, &err), PM_E_UNREACHABLE, &err,
		"start one with podmox watch");
	/* The socket of one that was killed. */
	start(&f, "{\"v\":1,\"ok\":true,\"data\":{}}\n");
	assert_ok(pm_ask(f.path, "\"do\":\"status\"", PATIENCE, &data, &err), &err);
	pm_json_putp(&data);
	end(&f);
	assert_err(pm_ask(f.path, "\"do\":\"status\"", PATIENCE, &data, &err), PM_E_UNREACHABLE,
		&err, "no podmox daemon listens");
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_err(pm_ask(path, "\"do\":\"status\"", PATIENCE, &data, &err), PM_E_LIMIT, &err,
		"longer");
}
