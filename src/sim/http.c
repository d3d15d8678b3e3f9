/* The server around the core: listeners of the nodes, the control address, the files others read. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/num.h"
#include "sim/http_priv.h"

/* ---- listeners ---- */

static void on_accept(
	struct evconnlistener *ev, evutil_socket_t fd, struct sockaddr *sa, int n, void *arg)
{
	(void)ev;
	(void)sa;
	(void)n;
	pm_s_conn_accept(arg, fd);
}

/* Node i listens on the first address plus i. */
static void address_of(const struct sim_server *v, unsigned node, char out[INET_ADDRSTRLEN])
{
	struct in_addr a;

	(void)inet_pton(AF_INET, v->host, &a);
	a.s_addr = htonl(ntohl(a.s_addr) + node);
	(void)inet_ntop(AF_INET, &a, out, INET_ADDRSTRLEN);
}

/* A socket with the node's address, which refuses connections until somebody listens. */
static int bind_node(struct sim_server *v, unsigned node, struct pm_error *err)
{
	struct sim_listener *l = &v->at[node];
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(l->port) };
	socklen_t n = sizeof(sa);
	char ip[INET_ADDRSTRLEN];
	int on = 1;

	address_of(v, node, ip);
	(void)inet_pton(AF_INET, ip, &sa.sin_addr);
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(l->fd, (struct sockaddr *)&sa, sizeof(sa)) != 0)
		return pm_error_sys(err, errno, "cannot listen on %s:%u for %s", ip, l->port,
			pm_sim_node_name(v->s, node));
	(void)getsockname(l->fd, (struct sockaddr *)&sa, &n);
	l->port = ntohs(sa.sin_port);
	return 0;
}

static int open_port(struct sim_server *v, unsigned node, struct pm_error *err)
{
	struct sim_listener *l = &v->at[node];

	l->ev = evconnlistener_new(
		v->base, on_accept, l, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 512, l->fd);
	if (!l->ev)
		return pm_error_sys(
			err, errno, "cannot listen for %s", pm_sim_node_name(v->s, node));
	l->fd = -1;
	return 0;
}

/* The address stays ours, so that nobody else has it when the node comes back. */
static int close_port(struct sim_server *v, unsigned node, struct pm_error *err)
{
	struct sim_listener *l = &v->at[node];

	evconnlistener_free(l->ev);
	l->ev = NULL;
	l->paused = false;
	pm_s_conns_drop(v, node);
	return bind_node(v, node, err);
}

static int bind_all(struct sim_server *v, uint16_t port, struct pm_error *err)
{
	for (unsigned i = 0; i < pm_sim_nodes(v->s); i++) {
		v->at[i].port = port;
		if (bind_node(v, i, err) != 0)
			return -err->code;
		port = v->at[i].port; /* 0 was the kernel's choice: the same for all */
	}
	return 0;
}

/* ---- certificates ---- */

static SSL_CTX *make_certificate(
	struct sim_server *v, unsigned node, enum pm_sim_cert kind, char fingerprint[96])
{
	bool foreign = kind == PM_SIM_CERT_FOREIGN, other = kind == PM_SIM_CERT_NAME;
	char ip[INET_ADDRSTRLEN];

	address_of(v, node, ip);
	if (foreign && !v->foreign.key)
		pm_s_tls_authority(&v->foreign);
	return pm_s_tls_node(foreign ? &v->foreign : &v->authority,
		other ? "elsewhere" : pm_sim_node_name(v->s, node), other ? "192.0.2.1" : ip,
		kind == PM_SIM_CERT_EXPIRED, fingerprint);
}

/* What the API tells about the certificate that the node shows as its own. */
static void tell_certificate(
	struct sim_server *v, unsigned node, const SSL_CTX *ctx, const char *fingerprint)
{
	cleanup_free char *ca = pm_s_tls_pem(v->authority.cert);
	cleanup_free char *leaf = pm_s_tls_pem(SSL_CTX_get0_certificate(ctx));

	pm_sim_set_fingerprint(v->s, node, fingerprint);
	pm_sim_set_certificate(v->s, node, leaf, ca);
}

static void make_certificates(struct sim_server *v)
{
	pm_s_tls_authority(&v->authority);
	for (unsigned i = 0; i < pm_sim_nodes(v->s); i++) {
		struct sim_listener *l = &v->at[i];

		l->ctx = make_certificate(v, i, PM_SIM_CERT_RIGHT, l->fingerprint);
		tell_certificate(v, i, l->ctx, l->fingerprint);
	}
}

/* The node shows another certificate from now on, or its own again; who is connected is cut off. */
static void follow_certificate(struct sim_server *v, unsigned node)
{
	struct sim_listener *l = &v->at[node];
	char fingerprint[96];
	unsigned change;
	enum pm_sim_cert kind = pm_sim_node_cert(v->s, node, &change);

	if (change == l->cert_change || v->cli->plain)
		return;
	l->cert_change = change;
	pm_s_conns_drop(v, node);
	SSL_CTX_free(l->wrong);
	l->wrong = NULL;
	if (kind != PM_SIM_CERT_RIGHT)
		l->wrong = make_certificate(v, node, kind, fingerprint);
	if (kind == PM_SIM_CERT_RENEWED)
		tell_certificate(v, node, l->wrong, fingerprint);
	else
		tell_certificate(v, node, l->ctx, l->fingerprint);
}

static int follow_port(struct sim_server *v, unsigned node, struct pm_error *err)
{
	struct sim_listener *l = &v->at[node];
	enum pm_sim_port port = pm_sim_node_port(v->s, node);
	bool pause = port == PM_SIM_PAUSED;

	if (port == PM_SIM_CLOSED)
		return l->ev ? close_port(v, node, err) : 0;
	if (!l->ev && open_port(v, node, err) != 0)
		return -err->code;
	if (pause != l->paused) {
		l->paused = pause;
		if (pause)
			evconnlistener_disable(l->ev);
		else
			evconnlistener_enable(l->ev);
		pm_s_conns_hold(v, node, pause);
	}
	return 0;
}

int pm_s_server_follow(struct sim_server *v, struct pm_error *err)
{
	int code = 0;

	for (unsigned i = 0; i < pm_sim_nodes(v->s) && !code; i++) {
		follow_certificate(v, i);
		code = follow_port(v, i, err);
	}
	return code;
}

/* ---- control ---- */

static void control_read(struct bufferevent *bev, void *arg)
{
	struct sim_server *v = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	struct pm_error err;
	char *line;

	while ((line = evbuffer_readln(in, NULL, EVBUFFER_EOL_LF)) != NULL) {
		cleanup_free char *out = pm_xcalloc(1, 1 << 16);

		if (strcmp(line, "counters") == 0)
			(void)snprintf(out, 1 << 16,
				"{\"connections\":%" PRIu64 ",\"requests\":%" PRIu64 "}",
				v->naccepted, v->nanswered);
		else
			(void)pm_sim_control(v->s, line, out, 1 << 16);
		if (strcmp(line, "help") == 0)
			(void)snprintf(out + strlen(out), (1 << 16) - strlen(out), "; counters");
		if (pm_s_server_follow(v, &err) != 0)
			(void)snprintf(out, 1 << 16, "error: %s", err.msg);
		evbuffer_add_printf(bufferevent_get_output(bev), "%s\n", out);
		free(line);
	}
	if (evbuffer_get_length(in) > 65536)
		bufferevent_free(bev);
}

static void control_event(struct bufferevent *bev, short what, void *arg)
{
	(void)arg;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		bufferevent_free(bev);
}

static void on_control(
	struct evconnlistener *ev, evutil_socket_t fd, struct sockaddr *sa, int n, void *arg)
{
	struct sim_server *v = arg;
	struct bufferevent *bev = bufferevent_socket_new(v->base, fd, BEV_OPT_CLOSE_ON_FREE);

	(void)ev;
	(void)sa;
	(void)n;
	bufferevent_setcb(bev, control_read, NULL, control_event, v);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static int unix_address(const char *text, struct sockaddr_un *sa, struct pm_error *err)
{
	const char *path = !strncmp(text, "unix:", 5) ? text + 5 : text;

	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	if (!*path || strlen(path) >= sizeof(sa->sun_path))
		return pm_error_set(
			err, PM_E_USAGE, "control address '%s' is empty or too long", text);
	memcpy(sa->sun_path, path, strlen(path) + 1);
	return 0;
}

static int control_open(struct sim_server *v, struct pm_error *err)
{
	struct sockaddr_un sa;

	if (!v->cli->control)
		return 0;
	if (unix_address(v->cli->control, &sa, err) != 0)
		return -err->code;
	(void)unlink(sa.sun_path);
	v->control = evconnlistener_new_bind(v->base, on_control, v,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16, (struct sockaddr *)&sa,
		sizeof(sa));
	if (!v->control)
		return pm_error_sys(err, errno, "cannot listen on %s", v->cli->control);
	return 0;
}

int pm_s_ctl(int argc, char **argv)
{
	struct sockaddr_un sa;
	struct pm_error err;
	cleanup_buf struct pm_buf line = PM_BUF(0), got = PM_BUF(0);
	int fd cleanup_fd = -1;
	char part[4096];
	ssize_t n;

	if (argc < 2) {
		(void)fputs("usage: podmox-sim ctl unix:PATH COMMAND...\n", stderr);
		return 64;
	}
	if (unix_address(argv[0], &sa, &err) != 0) {
		(void)fprintf(stderr, "podmox-sim: %s\n", err.msg);
		return 64;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0) {
		(void)pm_error_sys(&err, errno, "cannot reach the simulator at %s", argv[0]);
		(void)fprintf(stderr, "podmox-sim: %s\n", err.msg);
		return 1;
	}
	for (int i = 1; i < argc; i++)
		pm_buf_addf(&line, "%s%s", i > 1 ? " " : "", argv[i]);
	pm_buf_addc(&line, '\n');
	if (write(fd, pm_buf_str(&line), line.len) != (ssize_t)line.len)
		return 1;
	while (!strchr(pm_buf_str(&got), '\n') && (n = read(fd, part, sizeof(part))) > 0)
		pm_buf_add(&got, part, (size_t)n);
	(void)fputs(pm_buf_str(&got), stdout);
	return !got.len || !strncmp(pm_buf_str(&got), "error:", 6);
}

/* ---- what others read ---- */

static void say_ready(struct sim_server *v)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);
	struct pm_jwrite w = { .out = &b };
	cleanup_free char *pem = v->cli->plain ? NULL : pm_s_tls_pem(v->authority.cert);
	char ip[INET_ADDRSTRLEN], url[64];

	pm_jw_object(&w, NULL);
	pm_jw_array(&w, "urls");
	for (unsigned i = 0; i < pm_sim_nodes(v->s); i++) {
		address_of(v, i, ip);
		(void)snprintf(url, sizeof(url), "%s://%s:%u", v->cli->plain ? "http" : "https", ip,
			v->at[i].port);
		pm_jw_str(&w, NULL, url);
	}
	pm_jw_array_end(&w);
	pm_jw_str(&w, "user", "root@pam");
	pm_jw_str(&w, "password", pm_sim_password(v->s));
	pm_jw_str(&w, "tokenId", "root@pam!full");
	pm_jw_str(&w, "tokenSecret", pm_sim_token_secret(v->s));
	pm_jw_str(&w, "ca", pem);
	pm_jw_array(&w, "fingerprints");
	for (unsigned i = 0; i < pm_sim_nodes(v->s) && !v->cli->plain; i++)
		pm_jw_str(&w, NULL, v->at[i].fingerprint);
	pm_jw_array_end(&w);
	pm_jw_object_end(&w);
	puts(pm_buf_str(&b));
	(void)fflush(stdout);
}

static int write_config(struct sim_server *v, struct pm_error *err)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);
	char ip[INET_ADDRSTRLEN];

	if (!v->cli->config_out)
		return 0;
	pm_buf_adds(&b,
		"apiVersion: podmox/v1\nkind: Config\nset: sim\nclusters:\n  - name: sim\n    hosts:\n");
	for (unsigned i = 0; i < pm_sim_nodes(v->s); i++) {
		address_of(v, i, ip);
		pm_buf_addf(&b, "      - \"%s%s:%u\"\n", v->cli->plain ? "http://" : "", ip,
			v->at[i].port);
	}
	pm_buf_addf(&b,
		"    auth:\n      username: root\n      realm: pam\n      password: \"%s\"\n",
		pm_sim_password(v->s));
	if (!v->cli->plain)
		pm_buf_adds(&b, "    tls:\n      fingerprints:\n");
	for (unsigned i = 0; i < pm_sim_nodes(v->s) && !v->cli->plain; i++)
		pm_buf_addf(&b, "        - \"%s\"\n", v->at[i].fingerprint);
	pm_buf_adds(&b, "    vmids: 200-299\n");
	return pm_file_write(v->cli->config_out, b.p, b.len, 0600, err);
}

/* ---- life ---- */

static int parse_listen(struct sim_server *v, uint16_t *port, struct pm_error *err)
{
	const char *text = v->cli->listen ? v->cli->listen : "127.0.0.1:8006";
	const char *colon = strrchr(text, ':');
	struct in_addr a;
	int64_t n;

	if (!colon || pm_parse_int(colon + 1, 0, 65535, &n) != 0)
		return pm_error_set(err, PM_E_USAGE, "--listen %s: give ADDRESS:PORT", text);
	(void)snprintf(v->host, sizeof(v->host), "%.*s", (int)(colon - text), text);
	if (!strcmp(v->host, "localhost"))
		(void)snprintf(v->host, sizeof(v->host), "127.0.0.1");
	if (inet_pton(AF_INET, v->host, &a) != 1)
		return pm_error_set(
			err, PM_E_USAGE, "--listen %s: '%s' is no IPv4 address", text, v->host);
	*port = (uint16_t)n;
	return 0;
}

int pm_s_server_new(
	struct sim_server **ret, struct pm_sim *s, const struct sim_cli *cli, struct pm_error *err)
{
	static const struct timeval idle = { .tv_sec = 5 };
	struct sim_server *v = pm_xcalloc(1, sizeof(*v));
	uint16_t port = 0;
	int code;

	v->s = s;
	v->cli = cli;
	v->base = event_base_new();
	v->idle = event_base_init_common_timeout(v->base, &idle);
	for (unsigned i = 0; i < pm_sim_nodes(s); i++) {
		v->at[i].v = v;
		v->at[i].node = i;
		v->at[i].fd = -1;
	}
	code = parse_listen(v, &port, err);
	if (!code && !cli->plain)
		make_certificates(v);
	if (!code)
		code = bind_all(v, port, err);
	if (!code)
		code = pm_s_server_follow(v, err);
	if (!code)
		code = control_open(v, err);
	if (!code && cli->log) {
		int fd = open(cli->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

		v->log = fd >= 0 ? fdopen(fd, "a") : NULL;
		if (!v->log)
			code = pm_error_sys(err, errno, "cannot write the log %s", cli->log);
		else
			(void)setvbuf(v->log, NULL, _IOLBF, 0);
	}
	if (code)
		pm_s_server_free(v);
	else
		*ret = v;
	return code;
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	(void)sig;
	(void)what;
	event_base_loopbreak(arg);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct sim_server *v = arg;
	struct pm_error err;

	(void)fd;
	(void)what;
	(void)pm_sim_advance(v->s);
	if (pm_s_server_follow(v, &err) != 0)
		(void)fprintf(stderr, "podmox-sim: %s\n", err.msg);
	if (pm_sim_save(v->s, &err) != 0)
		(void)fprintf(stderr, "podmox-sim: %s\n", err.msg);
}

int pm_s_server_run(struct sim_server *v, struct pm_error *err)
{
	static const struct timeval second = { .tv_sec = 1 };
	struct event *term = evsignal_new(v->base, SIGTERM, on_signal, v->base);
	struct event *intr = evsignal_new(v->base, SIGINT, on_signal, v->base);
	struct event *tick = event_new(v->base, -1, EV_PERSIST, on_tick, v);
	int code = write_config(v, err);

	(void)signal(SIGPIPE, SIG_IGN);
	if (!code) {
		event_add(term, NULL);
		event_add(intr, NULL);
		event_add(tick, &second);
		say_ready(v);
		event_base_dispatch(v->base);
		code = pm_sim_save(v->s, err);
	}
	event_free(term);
	event_free(intr);
	event_free(tick);
	return code;
}

void pm_s_server_free(struct sim_server *v)
{
	struct sockaddr_un sa;
	struct pm_error err;

	while (v->conns)
		pm_s_conn_free(v->conns);
	for (unsigned i = 0; i < pm_sim_nodes(v->s); i++) {
		if (v->at[i].ev)
			evconnlistener_free(v->at[i].ev);
		if (v->at[i].fd >= 0)
			close(v->at[i].fd);
		SSL_CTX_free(v->at[i].wrong);
		SSL_CTX_free(v->at[i].ctx);
	}
	if (v->control) {
		evconnlistener_free(v->control);
		if (unix_address(v->cli->control, &sa, &err) == 0)
			(void)unlink(sa.sun_path);
	}
	pm_s_tls_authority_done(&v->authority);
	pm_s_tls_authority_done(&v->foreign);
	event_base_free(v->base);
	if (v->log)
		(void)fclose(v->log);
	free(v);
}
