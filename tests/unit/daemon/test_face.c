/* The face of the daemon: the local socket, HTTP and systemd's notify protocol, each with a client in the same
 * thread. The board behind it is filled by hand. */
#include <arpa/inet.h>
#include <event2/event.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "daemon/daemon_priv.h"
#include "daemon/face_priv.h"
#include "pm_test.h"

struct head {
	struct pm_arena *arena;
	struct pm_config *config;
	const char *dir;
	char socket[200];
	struct event_base *base;
	struct pm_board *board;
	struct pm_face *face;
	unsigned woken, asked;
	struct pm_buf in; /* what the client got */
};

static void on_wake(void *arg)
{
	((struct head *)arg)->woken++;
}

static void on_asked(void *arg)
{
	((struct head *)arg)->asked++;
}

static void configure(struct head *h, const char *more)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct pm_diags diags;
	struct pm_error err;

	(void)pm_buf_addf(&text,
		"apiVersion: podmox/v1\nkind: Config\nset: home\nclusters:\n  - name: sim\n"
		"    hosts: [pve1]\n    auth: {username: root, password: {fromEnv: X}}\n"
		"agent:\n  socket: %s\n%s",
		h->socket, more);
	pm_diags_init(&diags, h->arena);
	assert_ok(pm_config_open(pm_test_file(h->dir, "podmox.yaml", pm_buf_str(&text)), &h->config,
			  &diags, &err),
		&err);
}

/* Everything but the face itself. */
static void prepare(struct head *h, const char *more)
{
	struct pm_board_opts bo = { .set = "home",
		.cluster = "sim",
		.folder = "/srv/manifests",
		.wake = on_asked,
		.wake_arg = h };

	memset(h, 0, sizeof(*h));
	h->arena = pm_arena_new(0);
	h->dir = pm_test_dir();
	(void)snprintf(h->socket, sizeof(h->socket), "%s/run/sock", h->dir);
	configure(h, more);
	h->base = event_base_new();
	h->board = pm_board_new(&bo);
	h->in = (struct pm_buf)PM_BUF(0);
}

static int open_face(struct head *h, struct pm_error *err)
{
	struct pm_face_opts o = {
		.base = h->base, .board = h->board, .config = h->config, .wake = on_wake, .arg = h
	};

	return pm_face_open(&o, &h->face, err);
}

static void start(struct head *h, const char *more)
{
	struct pm_error err;

	prepare(h, more);
	assert_ok(open_face(h, &err), &err);
}

static void done(struct head *h)
{
	pm_face_close(h->face);
	pm_board_free(h->board);
	event_base_free(h->base);
	pm_config_free(h->config);
	pm_arena_free(h->arena);
	pm_buf_done(&h->in);
}

/* ---- a client ---- */

static int reach(const struct head *h)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	memcpy(a.sun_path, h->socket, strlen(h->socket));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static int reach_http(const struct head *h)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	unsigned port = 0;

	assert_int_equal(sscanf(h->face->address, "127.0.0.1:%u", &port), 1);
	a.sin_port = htons((uint16_t)port);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void turn(struct head *h)
{
	(void)event_base_loop(h->base, EVLOOP_NONBLOCK);
}

/* Lets the daemon work until the client has a whole answer: up to `end`, or until the connection is closed
 * (NULL). */
static const char *get(struct head *h, int fd, const char *end)
{
	pm_buf_clear(&h->in);
	for (int i = 0; i < 100000; i++) {
		char part[4096];
		ssize_t n;

		turn(h);
		n = recv(fd, part, sizeof(part), 0);
		if (n > 0)
			(void)pm_buf_add(&h->in, part, (size_t)n);
		if (n == 0 || (end && h->in.len > 0 && strstr(h->in.p, end)))
			return pm_buf_str(&h->in);
	}
	fail_msg("no answer; so far: %s", pm_buf_str(&h->in));
	return NULL;
}

static void put(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* One request over a connection of its own. */
static const char *ask(struct head *h, const char *line)
{
	int fd = reach(h);
	const char *answer;

	put(fd, line);
	answer = get(h, fd, "\n");
	(void)close(fd);
	turn(h);
	return answer;
}

static const char *http(struct head *h, const char *text)
{
	int fd = reach_http(h);
	const char *answer;

	put(fd, text);
	answer = get(h, fd, NULL);
	(void)close(fd);
	return answer;
}

/* ---- the local socket ---- */

PM_TEST(face_answers_status)
{
	const struct pm_revision r = { .id = "tree:0123456789abcdef", .at_ms = 1000 };
	const struct pm_board_object o[] = {
		{ .id = "Pod/shop/web", .sync = PM_SYNC_OK, .verb = PM_V_KEEP },
		{ .id = "Pod/shop/db",
			.sync = PM_SYNC_HELD,
			.verb = PM_V_UPDATE,
			.why = "a window" },
	};
	struct head h;

	start(&h, "");
	pm_board_wanted(h.board, &r);
	pm_board_objects(h.board, o, 2);
	assert_has(ask(&h, "{\"v\":1,\"do\":\"status\"}\n"), "\"ok\":true");
	assert_has(pm_buf_str(&h.in), "\"wanted\":{\"id\":\"tree:0123456789abcdef\"");
	assert_has(pm_buf_str(&h.in), "\"inPlace\":false");
	assert_has(pm_buf_str(&h.in), "\"id\":\"Pod/shop/db\",\"state\":\"held\"");
	assert_null(strstr(pm_buf_str(&h.in), "Pod/shop/web"));
	assert_has(ask(&h, "{\"v\":1,\"do\":\"status\",\"all\":true}\n"), "Pod/shop/web");
	pm_board_applied(h.board, &r);
	assert_has(ask(&h, "{\"v\":1,\"do\":\"status\"}\n"), "\"inPlace\":true");
	done(&h);
}

PM_TEST(face_takes_requests)
{
	struct head h;

	start(&h, "");
	assert_has(ask(&h, "{\"v\":1,\"do\":\"suspend\",\"object\":\"Pod/shop/web\","
			   "\"seconds\":60,\"reason\":\"disk\"}\n"),
		"\"object\":\"Pod/shop/web\",\"until\":\"20");
	assert_int_equal(h.asked, 1);
	assert_has(ask(&h, "{\"v\":1,\"do\":\"status\"}\n"), "\"reason\":\"disk\",\"by\":\"uid ");
	assert_has(ask(&h, "{\"v\":1,\"do\":\"suspend\",\"seconds\":-1}\n"), "\"code\":\"usage\"");
	assert_has(ask(&h, "{\"v\":1,\"do\":\"resume\",\"object\":\"Pod/shop/web\"}\n"),
		"\"ok\":true");
	assert_has(ask(&h, "{\"v\":1,\"do\":\"resume\",\"object\":\"Pod/shop/web\"}\n"),
		"\"code\":\"not-found\"");
	assert_has(ask(&h, "{\"v\":1,\"do\":\"reconcile\"}\n"), "\"ticket\":1");
	assert_has(ask(&h, "{\"v\":1,\"do\":\"approve\",\"revision\":\"abcdef12\"}\n"),
		"\"code\":\"not-found\"");
	assert_has(ask(&h, "{\"v\":1,\"do\":\"history\"}\n"), "\"what\":\"suspended\"");
	assert_has(ask(&h, "{\"v\":1,\"do\":\"history\",\"limit\":1}\n"), "\"entries\":[{");
	assert_null(strstr(pm_buf_str(&h.in), "suspended"));
	assert_has(ask(&h, "{\"v\":1,\"do\":\"history\",\"object\":\"Pod/no/ne\"}\n"),
		"\"entries\":[]");
	assert_has(ask(&h, "{\"v\":1,\"do\":\"history\",\"limit\":0}\n"), "\"code\":\"usage\"");
	done(&h);
}

PM_TEST(face_approves_what_is_held)
{
	const struct pm_revision r = { .id = "0123456789abcdef0123456789abcdef01234567" };
	struct head h;

	start(&h, "");
	pm_board_hold(h.board, &r, "the history was rewritten");
	assert_has(ask(&h, "{\"v\":1,\"do\":\"approve\"}\n"), "\"revision\":\"0123456789abcdef");
	assert_true(pm_board_is_approved(h.board, r.id));
	done(&h);
}

PM_TEST(face_refuses_bad_requests)
{
	char *text = pm_xcalloc(1, 20001);
	struct head h;
	int fd;

	start(&h, "");
	assert_has(ask(&h, "{\"v\":2,\"do\":\"status\"}\n"), "\"code\":\"unsupported\"");
	assert_has(ask(&h, "{\"v\":1,\"do\":\"dance\"}\n"), "knows no request \\\"dance\\\"");
	assert_has(ask(&h, "{\"v\":1}\n"), "knows no request");
	assert_has(ask(&h, "hello\n"), "\"code\":\"protocol\"");
	assert_has(ask(&h, "[1]\n"), "\"code\":\"protocol\"");
	/* The second part of it may meet a closed door. */
	memset(text, 'x', 20000);
	fd = reach(&h);
	(void)send(fd, text, 20000, MSG_NOSIGNAL);
	assert_has(get(&h, fd, "\n"), "\"code\":\"limit\"");
	(void)close(fd);
	free(text);
	done(&h);
}

/* Requests may come in pieces, and several at once; each gets its line. */
PM_TEST(face_takes_requests_as_they_come)
{
	struct head h;
	int fd;

	start(&h, "");
	fd = reach(&h);
	put(fd, "{\"v\":1,\"do\":");
	turn(&h);
	put(fd, "\"reconcile\"}\n{\"v\":1,\"do\":\"reconcile\"}\n{\"v\":1,\"do\":\"recon");
	assert_has(get(&h, fd, "\"ticket\":2"), "\"ticket\":1");
	put(fd, "cile\"}\n");
	assert_has(get(&h, fd, "\n"), "\"ticket\":3");
	(void)close(fd);
	done(&h);
}

/* More callers than there is room for: the last ones wait until somebody goes. */
PM_TEST(face_bounds_its_callers)
{
	struct head h;
	int fd[70];

	start(&h, "");
	for (size_t i = 0; i < PM_COUNT(fd); i++) {
		fd[i] = reach(&h);
		put(fd[i], "{\"v\":1,\"do\":\"reconcile\"}\n");
		turn(&h);
	}
	for (int i = 0; i < 200; i++)
		turn(&h);
	assert_int_equal(h.asked, 64);
	for (size_t i = 0; i < 6; i++)
		(void)close(fd[i]);
	for (int i = 0; i < 200; i++)
		turn(&h);
	assert_int_equal(h.asked, 70);
	for (size_t i = 6; i < PM_COUNT(fd); i++)
		(void)close(fd[i]);
	done(&h);
}

static bool nobody(struct pm_peer *p)
{
	(void)p;
	return true;
}

static size_t nothing(struct pm_peer *p, const char *s, size_t n)
{
	(void)p;
	(void)s;
	(void)n;
	return 0;
}

/* Who asks nothing is sent away when his time is over. */
PM_TEST(face_loses_patience)
{
	struct head h;
	struct pm_server_opts o = { .peers = 4, .bytes = 100, .greet = nobody, .take = nothing };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct pm_server *s;
	int fd, peer = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	char c;

	prepare(&h, "");
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s/s", h.dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 4), 0);
	o.base = h.base;
	s = pm_server_new(&o, fd);
	assert_int_equal(connect(peer, (struct sockaddr *)&a, sizeof(a)), 0);
	for (int i = 0; i < 100 && recv(peer, &c, 1, 0) != 0; i++)
		turn(&h);
	assert_int_equal(recv(peer, &c, 1, 0), 0);
	(void)close(peer);
	pm_server_free(s);
	done(&h);
}

PM_TEST(face_keeps_its_place)
{
	struct pm_error err;
	struct head h, other;
	struct stat st;

	start(&h, "");
	assert_int_equal(lstat(h.socket, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	/* A second daemon with the same socket. */
	prepare(&other, "");
	(void)snprintf(other.socket, sizeof(other.socket), "%s", h.socket);
	pm_config_free(other.config);
	configure(&other, "");
	assert_err(open_face(&other, &err), PM_E_EXISTS, &err, "another podmox listens");
	/* What stands there in the end is no longer ours. */
	assert_int_equal(unlink(h.socket), 0);
	assert_ok(open_face(&other, &err), &err);
	done(&h);
	assert_int_equal(lstat(other.socket, &st), 0);
	(void)snprintf(h.socket, sizeof(h.socket), "%s", other.socket);
	done(&other);
	assert_int_equal(lstat(h.socket, &st), -1);
}

PM_TEST(face_clears_up_after_a_crash)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct pm_error err;
	struct head h;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	prepare(&h, "");
	(void)pm_test_file(h.dir, "run/sock", "a file");
	assert_err(open_face(&h, &err), PM_E_EXISTS, &err, "no socket");
	assert_int_equal(unlink(h.socket), 0);
	memcpy(a.sun_path, h.socket, strlen(h.socket));
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	(void)close(fd);
	assert_ok(open_face(&h, &err), &err);
	assert_has(ask(&h, "{\"v\":1,\"do\":\"status\"}\n"), "\"ok\":true");
	done(&h);
}

PM_TEST(face_knows_its_group)
{
	char more[64], text[1024];
	struct group entry, *own = NULL;
	struct pm_error err;
	struct stat st;
	struct head h;

	prepare(&h, "  group: no-such-group-here\n");
	assert_err(open_face(&h, &err), PM_E_INPUT, &err, "there is no group no-such-group-here");
	done(&h);
	assert_int_equal(getgrgid_r(getegid(), &entry, text, sizeof(text), &own), 0);
	if (!own)
		skip();
	(void)snprintf(more, sizeof(more), "  group: %s\n", own->gr_name);
	start(&h, more);
	assert_int_equal(lstat(h.socket, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	done(&h);
}

/* ---- HTTP ---- */

#define LISTEN "  listen: 127.0.0.1:1\n  hosts: [podmox.lan]\n"

static void start_http(struct head *h)
{
	struct pm_error err;

	prepare(h, LISTEN);
	/* Port 0 is none that the configuration takes: the face is opened without, then HTTP alone. */
	pm_config_free(h->config);
	configure(h, "  hosts: [podmox.lan]\n");
	assert_ok(open_face(h, &err), &err);
	assert_ok(pm_http_open(h->face, "127.0.0.1:0", &h->face->http, &err), &err);
}

PM_TEST(face_serves_http)
{
	struct head h;

	start_http(&h);
	assert_has(http(&h, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
		"HTTP/1.1 200 OK\r\n");
	assert_has(pm_buf_str(&h.in), "\r\n\r\nok\n");
	assert_has(http(&h, "GET /metrics?x=y HTTP/1.0\r\nhost: LOCALHOST:80\r\n\r\n"),
		"text/plain; version=0.0.4");
	assert_has(pm_buf_str(&h.in), "\npodmox_cycles_total{result=\"ok\"} 0\n");
	assert_has(pm_buf_str(&h.in),
		"\npodmox_http_requests_total{path=\"/healthz\",code=\"200\"} 1\n");
	assert_has(
		http(&h, "HEAD /status HTTP/1.1\r\nHost: [::1]:9470\r\n\r\n"), "application/json");
	assert_null(strstr(pm_buf_str(&h.in), "\"set\""));
	assert_has(
		http(&h, "GET /status HTTP/1.1\r\nHost: podmox.lan\r\n\r\n"), "\"set\":\"home\"");
	assert_has(http(&h, "DELETE /status HTTP/1.1\r\nHost: localhost\r\n\r\n"),
		"HTTP/1.1 405 Method Not Allowed\r\n");
	assert_has(pm_buf_str(&h.in), "Allow: GET, HEAD\r\n");
	assert_has(http(&h, "GET /etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n"), " 404 ");
	assert_has(http(&h, "GET /status HTTP/1.1\r\nHost: evil.example\r\n\r\n"), " 421 ");
	assert_has(
		http(&h, "GET /status HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n"), " 421 ");
	done(&h);
}

PM_TEST(face_says_when_it_is_ready)
{
	const struct pm_board_cluster c = { .name = "sim", .known = true, .quorate = true };
	struct pm_board_cluster paused = c;
	struct head h;

	start_http(&h);
	assert_has(http(&h, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"), " 503 ");
	pm_board_cluster(h.board, &c);
	assert_has(http(&h, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"), " 200 ");
	paused.paused = "no quorum";
	pm_board_cluster(h.board, &paused);
	assert_has(http(&h, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"), "no quorum");
	pm_board_cluster(h.board, &c);
	pm_board_source(h.board, "the remote is away");
	assert_has(
		http(&h, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"), "the remote is away");
	pm_board_source(h.board, NULL);
	pm_face_stopping(h.face);
	assert_has(http(&h, "GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"), "ending");
	done(&h);
}

PM_TEST(face_takes_a_hook)
{
	struct head h;
	int fd;

	start_http(&h);
	fd = reach_http(&h);
	put(fd, "POST /hook HTTP/1.1\r\nHost: localhost\r\nContent-Length: 11\r\n\r\n{\"a\":");
	for (int i = 0; i < 50; i++)
		turn(&h);
	assert_int_equal(h.woken, 0);
	put(fd, "\"bcd\"}");
	assert_has(get(&h, fd, NULL), " 202 ");
	(void)close(fd);
	assert_int_equal(h.woken, 1);
	assert_has(http(&h, "GET /hook HTTP/1.1\r\nHost: localhost\r\n\r\n"), "Allow: POST");
	assert_has(http(&h, "POST /hook HTTP/1.1\r\nHost: localhost\r\nOrigin: http://x\r\n\r\n"),
		" 403 ");
	assert_has(http(&h, "POST /hook HTTP/1.1\r\nHost: localhost\r\n"
			    "Sec-Fetch-Site: cross-site\r\n\r\n"),
		" 403 ");
	assert_int_equal(h.woken, 1);
	assert_has(http(&h, "POST /hook HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: none\r\n\r\n"),
		" 421 ");
	done(&h);
}

/* ---- systemd ---- */

/* A socket in systemd's place; abstract, so that its path has a length of its own. */
static int be_systemd(char name[64], bool abstract, const char *dir)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t n;

	if (abstract)
		(void)snprintf(name, 64, "@podmox-test-%d", (int)getpid());
	else
		(void)snprintf(name, 64, "%.50s/notify", dir);
	n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name) + !abstract);
	memcpy(a.sun_path, name, strlen(name) + 1);
	if (abstract)
		a.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	return fd;
}

static const char *told(int fd)
{
	static char text[4096];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void forget_systemd(int fd)
{
	(void)close(fd);
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
}

PM_TEST(face_tells_systemd)
{
	struct head h;
	char name[64];
	int fd;

	prepare(&h, "");
	fd = be_systemd(name, true, h.dir);
	{
		struct pm_error err;

		assert_ok(open_face(&h, &err), &err);
	}
	pm_face_ready(h.face);
	assert_string_equal(told(fd), "READY=1");
	assert_has(told(fd), "STATUS=starting; 0 of 0 objects in sync");
	pm_face_news(h.face);
	assert_string_equal(told(fd), "");
	pm_board_doing(h.board, PM_DOING_WAITING, "two\nlines");
	pm_face_news(h.face);
	assert_has(told(fd), "STATUS=waiting (two lines)");
	pm_face_reloading(h.face);
	assert_has(told(fd), "RELOADING=1\nMONOTONIC_USEC=");
	pm_face_ready(h.face);
	assert_string_equal(told(fd), "READY=1");
	pm_face_stopping(h.face);
	assert_string_equal(told(fd), "STOPPING=1");
	done(&h);
	forget_systemd(fd);
}

/* The watchdog is fed while something moves or nothing has to; not when a cycle hangs. */
PM_TEST(face_feeds_the_watchdog_by_progress)
{
	struct pm_board_view v = { .doing = PM_DOING_WAITING };
	struct pm_pulse pulse = { 0 };
	const char *dir = pm_test_dir();
	struct pm_notify n;
	char name[64];
	int fd = be_systemd(name, false, dir);

	(void)setenv("WATCHDOG_USEC", "10000000", 1);
	(void)setenv("WATCHDOG_PID", "1", 1);
	pm_notify_open(&n);
	assert_int_equal(n.watchdog, 0);
	pm_notify_close(&n);
	(void)unsetenv("WATCHDOG_PID");
	pm_notify_open(&n);
	assert_int_equal(n.watchdog, 10 * PM_S_NS);

	assert_true(pm_notify_feed(&n, pm_pulse_still(&pulse, &v, 1 * PM_S_NS)));
	assert_string_equal(told(fd), "WATCHDOG=1");
	assert_true(pm_notify_feed(&n, pm_pulse_still(&pulse, &v, 100 * PM_S_NS)));
	assert_string_equal(told(fd), "WATCHDOG=1");
	v.doing = PM_DOING_APPLYING;
	assert_true(pm_notify_feed(&n, pm_pulse_still(&pulse, &v, 109 * PM_S_NS)));
	assert_string_equal(told(fd), "WATCHDOG=1");
	v.counts.progress++;
	assert_true(pm_notify_feed(&n, pm_pulse_still(&pulse, &v, 118 * PM_S_NS)));
	assert_true(pm_notify_feed(&n, pm_pulse_still(&pulse, &v, 127 * PM_S_NS)));
	assert_string_equal(told(fd), "WATCHDOG=1");
	assert_string_equal(told(fd), "WATCHDOG=1");
	assert_false(pm_notify_feed(&n, pm_pulse_still(&pulse, &v, 128 * PM_S_NS)));
	assert_false(pm_notify_feed(&n, pm_pulse_still(&pulse, &v, 200 * PM_S_NS)));
	assert_string_equal(told(fd), "");
	v.counts.progress++;
	assert_true(pm_notify_feed(&n, pm_pulse_still(&pulse, &v, 300 * PM_S_NS)));
	assert_string_equal(told(fd), "WATCHDOG=1");
	pm_notify_close(&n);
	forget_systemd(fd);
}

/* Who waits for a task of an hour asks again and again: that is movement, too. */
PM_TEST(face_sees_waits_as_movement)
{
	struct pm_test_clock inner;
	struct pm_board_view v;
	struct pm_beating b;
	struct head h;

	prepare(&h, "");
	pm_test_clock_init(&inner);
	pm_board_view(h.board, h.arena, 0, &v);
	assert_int_equal(pm_wait_ns(pm_beating_init(&b, &inner.clock, h.board), PM_S_NS, NULL), 0);
	assert_int_equal(pm_mono_ns(&b.clock), pm_mono_ns(&inner.clock));
	assert_int_equal(pm_wall_ms(&b.clock), pm_wall_ms(&inner.clock));
	assert_int_equal(atomic_load(&inner.waits), 1);
	{
		uint64_t before = v.counts.progress;

		pm_board_view(h.board, h.arena, 0, &v);
		assert_int_equal(v.counts.progress, before + 1);
	}
	done(&h);
}

PM_TEST(face_lives_without_systemd)
{
	struct pm_notify n;

	(void)unsetenv("NOTIFY_SOCKET");
	pm_notify_open(&n);
	assert_int_equal(n.fd, -1);
	pm_notify_send(&n, "READY=1");
	pm_notify_close(&n);
	(void)setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	pm_notify_open(&n);
	assert_int_equal(n.fd, -1);
	(void)setenv("NOTIFY_SOCKET", "/nowhere/notify", 1);
	pm_notify_open(&n);
	assert_int_equal(n.fd, -1);
	(void)unsetenv("NOTIFY_SOCKET");
}

/* ---- figures ---- */

PM_TEST(face_measures)
{
	const struct pm_board_cycle good = { .code = PM_OK, .began_ms = 1000, .ended_ms = 1200 },
				    bad = { .code = PM_E_TASK, .began_ms = 2000, .ended_ms = 9000 };
	struct head h;

	start_http(&h);
	pm_board_cycle(h.board, &good);
	pm_face_news(h.face);
	pm_face_news(h.face);
	pm_board_cycle(h.board, &bad);
	pm_face_news(h.face);
	pm_board_action(h.board, PM_V_UPDATE, PM_FAILED);
	pm_face_watching(h.face, 7, NULL);
	pm_face_events(h.face, 3);
	(void)http(&h, "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
	assert_has(h.in.p, "podmox_cycle_duration_seconds_sum 7.2\n");
	assert_has(h.in.p, "podmox_cycle_duration_seconds_bucket{le=\"0.25\"} 1\n");
	assert_has(h.in.p, "podmox_last_success_timestamp_seconds 1.2\n");
	assert_has(h.in.p, "podmox_last_cycle_success 0\n");
	assert_has(h.in.p, "podmox_cycles_total{result=\"failed\"} 1\n");
	assert_has(h.in.p, "podmox_actions_total{verb=\"update\",outcome=\"failed\"} 1\n");
	assert_has(h.in.p, "podmox_inotify_watches 7\n");
	assert_has(h.in.p, "podmox_inotify_wakeups_total 3\n");
	assert_null(strstr(h.in.p, "process_resident_memory_bytes 0\n"));
	assert_null(strstr(h.in.p, "process_open_fds 0\n"));
	done(&h);
}
