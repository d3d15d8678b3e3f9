/* The local socket: one JSON object a line each way, any number of them over a connection. The file's mode
 * keeps strangers out, and the kernel says who a caller is; both have to agree with the configuration.
 *
 *	{"v":1,"do":"suspend","object":"Pod/shop/web","seconds":7200,"reason":"disk swap"}
 *	{"v":1,"ok":true,"data":{...}}
 *	{"v":1,"ok":false,"code":"not-found","message":"..."} */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/face_priv.h"

#define PEERS_MOST    64
#define REQUEST_BYTES ((size_t)8192)
#define PATIENCE_S    60 /* a connection that asks nothing is closed then */
#define ENTRIES       50 /* of the history, when nothing else was asked for */
#define ENTRIES_MOST  10000
#define SECONDS_MOST  ((int64_t)10 * 366 * 86400)

/* ---- requests ---- */

/** One request under way. */
struct asking {
	struct pm_face *f;
	struct json_object *o;
	const char *by;
	struct pm_arena *arena;
	struct pm_jwrite w; /* of the answer, inside its object */
};

static int do_status(struct asking *q, struct pm_error *err)
{
	struct pm_board_view v;

	(void)err;
	pm_face_view(q->f, q->arena, PM_BOARD_OBJECTS | PM_BOARD_FILES, &v);
	pm_told_status(&q->w, "data", &v, pm_json_bool(q->o, "all", false));
	return 0;
}

static int do_history(struct asking *q, struct pm_error *err)
{
	int64_t limit = pm_json_int(q->o, "limit", ENTRIES);
	struct pm_board_view v;

	if (limit < 1 || limit > ENTRIES_MOST)
		return pm_error_set(
			err, PM_E_USAGE, "limit is a number from 1 to %d", ENTRIES_MOST);
	pm_face_view(q->f, q->arena, PM_BOARD_HISTORY, &v);
	pm_told_history(&q->w, "data", &v, pm_json_str(q->o, "object"), (size_t)limit);
	return 0;
}

static int do_suspend(struct asking *q, struct pm_error *err)
{
	struct pm_board_suspension s = { .object = pm_json_str(q->o, "object"),
		.reason = pm_json_str(q->o, "reason"),
		.by = q->by };
	int64_t seconds = pm_json_int(q->o, "seconds", 0);
	char until[32];
	int r;

	if (seconds < 0 || seconds > SECONDS_MOST)
		return pm_error_set(err, PM_E_USAGE, "a suspension lasts ten years at most");
	s.at_ms = pm_wall_ms(&pm_clock_system);
	s.until_ms = seconds > 0 ? s.at_ms + seconds * 1000 : 0;
	r = pm_board_suspend(q->f->o.board, &s, err);
	if (r < 0)
		return r;
	pm_jw_object(&q->w, "data");
	pm_jw_str(&q->w, "object", s.object);
	pm_jw_str(&q->w, "until", s.until_ms > 0 ? pm_format_time(s.until_ms, until) : NULL);
	pm_jw_str(&q->w, "reason", s.reason);
	pm_jw_str(&q->w, "by", s.by);
	pm_jw_object_end(&q->w);
	return 0;
}

static int do_resume(struct asking *q, struct pm_error *err)
{
	const char *object = pm_json_str(q->o, "object");
	int r = pm_board_resume(q->f->o.board, object, q->by, err);

	if (r < 0)
		return r;
	pm_jw_object(&q->w, "data");
	pm_jw_str(&q->w, "object", object);
	pm_jw_object_end(&q->w);
	return 0;
}

static int do_reconcile(struct asking *q, struct pm_error *err)
{
	(void)err;
	pm_jw_object(&q->w, "data");
	pm_jw_int(&q->w, "ticket", (int64_t)pm_board_reconcile(q->f->o.board, q->by));
	pm_jw_object_end(&q->w);
	return 0;
}

static int do_approve(struct asking *q, struct pm_error *err)
{
	const char *revision = pm_json_str(q->o, "revision");
	struct pm_board_view v;
	int r;

	/* Read before: afterwards it is not held any more. */
	pm_face_view(q->f, q->arena, 0, &v);
	r = pm_board_approve(q->f->o.board, revision, q->by, err);
	if (r < 0)
		return r;
	pm_jw_object(&q->w, "data");
	pm_jw_str(&q->w, "revision", v.held.id ? v.held.id : revision);
	pm_jw_object_end(&q->w);
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct asking *q, struct pm_error *err);
	bool asks; /* changes what the daemon does */
} commands[] = {
	{ "status", do_status, false },
	{ "history", do_history, false },
	{ "suspend", do_suspend, true },
	{ "resume", do_resume, true },
	{ "reconcile", do_reconcile, true },
	{ "approve", do_approve, true },
};

static void tell_asked(const struct asking *q, const char *name)
{
	const char *object = pm_json_str(q->o, "object");
	const struct pm_kv kv[] = { PM_KV_S("for", name), PM_KV_S("by", q->by),
		PM_KV_S("object", object) };

	if (pm_log_enabled(PM_LOG_INFO))
		pm_log_write(PM_LOG_INFO, "asked", kv, object ? 3 : 2);
}

static int run(struct asking *q, const char **ret_name, struct pm_error *err)
{
	const char *name = pm_json_str(q->o, "do");

	*ret_name = "unknown";
	if (pm_json_int(q->o, "v", 0) != 1)
		return pm_error_set(err, PM_E_UNSUPPORTED,
			"this daemon speaks version 1 of the protocol: podmox and the daemon are of "
			"different versions");
	for (size_t i = 0; i < PM_COUNT(commands); i++) {
		if (!pm_str_eq(name, commands[i].name))
			continue;
		*ret_name = name;
		if (commands[i].asks)
			tell_asked(q, name);
		return commands[i].run(q, err);
	}
	return pm_error_set(
		err, PM_E_UNSUPPORTED, "this daemon knows no request \"%s\"", name ? name : "");
}

/* ---- lines ---- */

static void answer_error(struct pm_peer *p, const struct pm_error *err)
{
	cleanup_buf struct pm_buf out = PM_BUF(0);
	struct pm_jwrite w = { .out = &out };

	pm_jw_object(&w, NULL);
	pm_jw_int(&w, "v", 1);
	pm_jw_bool(&w, "ok", false);
	pm_jw_str(&w, "code", pm_code_name(err->code));
	pm_jw_str(&w, "message", err->msg);
	pm_jw_object_end(&w);
	(void)pm_buf_addc(&out, '\n');
	pm_peer_send(p, out.p, out.len);
}

static void answer(struct pm_peer *p, struct json_object *o)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	cleanup_buf struct pm_buf out = PM_BUF(0);
	struct asking q = { .f = pm_peer_arg(p), .o = o, .arena = a, .w = { .out = &out } };
	const char *name;
	struct pm_error err;
	size_t ignored;
	int r;

	q.by = pm_peer_note(p, &ignored);
	pm_jw_object(&q.w, NULL);
	pm_jw_int(&q.w, "v", 1);
	pm_jw_bool(&q.w, "ok", true);
	r = run(&q, &name, &err);
	pm_jw_object_end(&q.w);
	(void)pm_buf_addc(&out, '\n');
	if (r == 0 && out.full)
		r = pm_error_set(&err, PM_E_LIMIT, "the answer is too long");
	if (r < 0)
		answer_error(p, &err);
	else
		pm_peer_send(p, out.p, out.len);
	pm_metric_add(q.f->metrics, PM_FIG_CONTROL,
		PM_LABELS(name, r < 0 ? pm_code_name(err.code) : "ok"), 1);
}

static size_t on_line(struct pm_peer *p, const char *s, size_t n)
{
	const char *end = memchr(s, '\n', n);
	struct json_object *o cleanup_json = NULL;
	struct pm_error err;

	if (!end)
		return 0;
	n = (size_t)(end - s) + 1;
	if (pm_json_parse(s, n, &o, &err) == 0 && pm_json_get(o, "v")) {
		answer(p, o);
		return n;
	}
	(void)pm_error_set(&err, PM_E_PROTOCOL,
		"a request is one line with one JSON object that has a v; this is none");
	answer_error(p, &err);
	pm_peer_end(p);
	return n;
}

static void on_long_line(struct pm_peer *p)
{
	struct pm_error err;

	(void)pm_error_set(&err, PM_E_LIMIT, "a request may have %zu bytes", REQUEST_BYTES);
	answer_error(p, &err);
}

/* ---- who asks ---- */

static bool is_in_group(int fd, const struct ucred *who, int64_t gid)
{
	gid_t groups[256];
	socklen_t n = sizeof(groups);

	if (gid < 0)
		return false;
	if ((int64_t)who->gid == gid)
		return true;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) < 0)
		return false;
	for (size_t i = 0; i < n / sizeof(groups[0]); i++)
		if ((int64_t)groups[i] == gid)
			return true;
	return false;
}

/* The name of a user for people. Only the local file is read: other directories of users may be far away,
 * and nothing here waits. */
static void name_of(uid_t uid, char *out, size_t size)
{
	FILE *f cleanup_file = fopen("/etc/passwd", "re");
	struct passwd entry, *found = NULL;
	char text[4096];

	(void)snprintf(out, size, "uid %u", (unsigned)uid);
	while (f && fgetpwent_r(f, &entry, text, sizeof(text), &found) == 0)
		if (found->pw_uid == uid) {
			(void)snprintf(out, size, "uid %u (%s)", (unsigned)uid, found->pw_name);
			return;
		}
}

static bool on_peer(struct pm_peer *p)
{
	const struct pm_face *f = pm_peer_arg(p);
	struct ucred who = { .uid = (uid_t)-1 };
	socklen_t n = sizeof(who);
	struct pm_error err;
	char *note;
	size_t size;

	if (getsockopt(pm_peer_fd(p), SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
		return false;
	note = pm_peer_note(p, &size);
	name_of(who.uid, note, size);
	if (who.uid == 0 || who.uid == geteuid() || is_in_group(pm_peer_fd(p), &who, f->gid))
		return true;
	pm_warning("somebody who may not asks over the socket", PM_KV_S("by", note));
	(void)pm_error_set(&err, PM_E_PERMISSION,
		"only root, the user of the daemon and members of agent.group may ask it");
	answer_error(p, &err);
	pm_peer_end(p);
	return true;
}

/* ---- the socket ---- */

static int address_of(const char *path, struct sockaddr_un *ret, struct pm_error *err)
{
	size_t n = strlen(path);

	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	if (n >= sizeof(ret->sun_path))
		return pm_error_set(err, PM_E_LIMIT,
			"the path of a socket may have %zu bytes; %s is longer: set agent.socket",
			sizeof(ret->sun_path) - 1, path);
	memcpy(ret->sun_path, path, n);
	return 0;
}

/* What a daemon that was killed left behind is removed; what somebody listens on, or is no socket, stays. */
static int remove_stale(const struct sockaddr_un *address, struct pm_error *err)
{
	int fd cleanup_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const char *path = address->sun_path;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : pm_error_sys(err, errno, "cannot listen at %s", path);
	if (!S_ISSOCK(st.st_mode))
		return pm_error_set(err, PM_E_EXISTS,
			"cannot listen at %s: something that is no socket stands there", path);
	if (fd < 0)
		return pm_error_sys(err, errno, "cannot make a socket");
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
		errno != ECONNREFUSED)
		return pm_error_set(err, PM_E_EXISTS,
			"another podmox listens at %s: one of the two needs another agent.socket",
			path);
	if (unlink(path) < 0 && errno != ENOENT)
		return pm_error_sys(err, errno, "cannot remove the old socket %s", path);
	return 0;
}

static int make_folder(const char *path, struct pm_error *err)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return 0;
	(void)snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	return pm_dir_make(folder, 0755, err);
}

static int find_group(const char *name, int64_t *ret, struct pm_error *err)
{
	struct group entry, *found = NULL;
	char text[16384];
	int r = getgrnam_r(name, &entry, text, sizeof(text), &found);

	if (r == 0 && found) {
		*ret = (int64_t)entry.gr_gid;
		return 0;
	}
	if (r != 0)
		return pm_error_sys(err, r, "cannot look up the group %s", name);
	return pm_error_set(err, PM_E_INPUT,
		"agent.group: there is no group %s on this machine; make it, or name another",
		name);
}

/* The mode of a socket's file is that of the socket at the moment it is bound: no moment in which others may
 * connect, and no change of the umask, which all threads share. */
static int bind_at(int fd, const struct sockaddr_un *address, int64_t gid, struct pm_error *err)
{
	const char *path = address->sun_path;
	struct stat st;

	if (fchmod(fd, 0600) < 0 ||
		bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
		lstat(path, &st) < 0)
		return pm_error_sys(err, errno, "cannot listen at %s", path);
	if (gid < 0)
		return 0;
	/* A service that may not change owners runs in the right group. */
	if ((int64_t)st.st_gid != gid && chown(path, (uid_t)-1, (gid_t)gid) < 0)
		return pm_error_sys(err, errno, "cannot give %s to agent.group", path);
	if (chmod(path, 0660) < 0)
		return pm_error_sys(err, errno, "cannot give %s to agent.group", path);
	return 0;
}

static void note_place(struct pm_place *place, const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return;
	(void)snprintf(place->path, sizeof(place->path), "%s", path);
	place->dev = st.st_dev;
	place->ino = st.st_ino;
}

void pm_control_leave(const struct pm_place *place)
{
	struct stat st;

	if (place->path[0] != '\0' && lstat(place->path, &st) == 0 && st.st_dev == place->dev &&
		st.st_ino == place->ino)
		(void)unlink(place->path);
}

int pm_control_open(struct pm_face *f, const char *path, const char *group, struct pm_server **ret,
	struct pm_error *err)
{
	struct pm_server_opts o = { .base = f->o.base,
		.peers = PEERS_MOST,
		.bytes = REQUEST_BYTES,
		.patience = PATIENCE_S,
		.greet = on_peer,
		.take = on_line,
		.too_long = on_long_line,
		.arg = f };
	struct sockaddr_un address;
	int fd cleanup_fd = -1;
	int r = address_of(path, &address, err);

	if (r == 0 && group)
		r = find_group(group, &f->gid, err);
	if (r == 0)
		r = make_folder(path, err);
	if (r == 0)
		r = remove_stale(&address, err);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return pm_error_sys(err, errno, "cannot make a socket");
	r = bind_at(fd, &address, f->gid, err);
	if (r < 0)
		return r;
	note_place(&f->place, path);
	if (listen(fd, PEERS_MOST) < 0)
		return pm_error_sys(err, errno, "cannot listen at %s", path);
	*ret = pm_server_new(&o, pm_take_fd(&fd));
	return 0;
}
