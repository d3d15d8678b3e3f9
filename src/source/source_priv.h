/* Inside of this room: settings, the wire to a server, processes, signatures, the mirror, the state. */
#ifndef PM_SOURCE_SOURCE_PRIV_H
#define PM_SOURCE_SOURCE_PRIV_H

#include <pthread.h>

#include "base/buf.h"
#include "base/random.h"
#include "base/vec.h"
#include "security/security.h"
#include "source/source.h"

/* ---- settings.c: what the configuration says ---- */

enum pm_source_via { PM_VIA_HTTP, PM_VIA_SSH, PM_VIA_FILE };

/** Keys that may sign. */
struct pm_signers {
	bool wanted;        /* commits are checked */
	struct pm_buf ssh;  /* lines of an allowed-signers file; empty: none */
	struct pm_buf ring; /* an OpenPGP keyring, binary; empty: none */
};

struct pm_source_settings {
	struct pm_arena *arena; /* of all texts */
	const char *url, *branch;
	const char *path; /* below the repository; "": all of it */
	enum pm_source_via via;
	const char *user, *host, *port, *repo; /* of ssh; user and port may be NULL */
	const char *username;
	bool has_token;
	enum pm_secret_from token_from;
	const char *token_what, *config_dir;
	const char *ssh_key;       /* file; NULL: ssh's own */
	const char *ca;            /* file; NULL: the system's */
	struct pm_buf known_hosts; /* text of a known_hosts file; empty: ssh's own files */
	struct pm_signers signers;
	uint64_t interval_ns, time_ns;
	uint64_t size, file_size, files;
};

int pm_source_settings(struct pm_source_settings *c, const struct pm_source_opts *o,
	struct pm_error *err) PM_CHECK;
void pm_source_settings_done(struct pm_source_settings *c);

/** What ends a look: a cancel with the deadline of the look, and the clock that both go by. */
struct pm_source_job {
	struct pm_cancel *cancel;
	const struct pm_clock *clock;
};

/** 0, or -PM_E_TIMEOUT or -PM_E_CANCELLED: `what` was being done. */
int pm_source_check(const struct pm_source_job *j, const char *what, struct pm_error *err) PM_CHECK;

/* ---- child.c: other programs, without a shell ---- */

/** A running program. */
struct pm_child {
	int pid, pidfd;
	int errors; /* a file that its stderr goes to */
};

/** Starts argv[0], found in $PATH, with these for stdin and stdout. It inherits no other descriptor, and of
 * the environment only PATH, HOME and SSH_AUTH_SOCK. */
int pm_child_start(struct pm_child *c, const char *const argv[], int in, int out,
	struct pm_error *err) PM_CHECK;

/** Waits for its end; *ret_status: exit status, 128 + n after signal n. When the job is cancelled it is
 * killed, and the result is pm_source_check()'s. */
int pm_child_wait(struct pm_child *c, const struct pm_source_job *j, int *ret_status,
	struct pm_error *err) PM_CHECK;

/** What it wrote to stderr, made safe, in one line: for messages. */
void pm_child_errors(const struct pm_child *c, struct pm_buf *ret);

/** Kills it when it still runs, and frees all. */
void pm_child_end(struct pm_child *c);

/** Runs a program with this as stdin until it ends; its stdout goes to `out`. */
struct pm_child_run {
	const char *const *argv;
	const char *in;
	size_t n;
	struct pm_buf out, errors;
	int status;
};
int pm_child_run(
	struct pm_child_run *run, const struct pm_source_job *j, struct pm_error *err) PM_CHECK;
void pm_child_run_done(struct pm_child_run *run);

/* ---- sign.c: signatures of commits ---- */

/** Makes a keyring (appended to s->ring) or lines (s->ssh) of one setting: a key, or a text with several. */
int pm_signers_add(struct pm_signers *s, const char *text, size_t n, struct pm_error *err) PM_CHECK;

struct pm_signed {
	const char *signature, *data; /* signature "": there is none */
	size_t ndata;
};

/** Did one of the keys sign it? `dir` is a folder of our own for the files that the programs read. 0: the
 * fingerprint of the key is added to ret. -PM_E_REFUSED: not signed, or by somebody else, or changed since.
 * Any other code: it could not be found out. */
int pm_signers_check(const struct pm_signers *s, const char *dir, const struct pm_signed *what,
	const struct pm_source_job *j, struct pm_buf *ret, struct pm_error *err) PM_CHECK;

/* ---- http.c and ssh.c: bytes to and from a server's git-upload-pack ---- */

struct pm_wire;

struct pm_wire_type {
	bool stateless; /* each exchange is one of its own */
	/** Begins an exchange; `list`: the one that begins with the server's list of refs. */
	int (*begin)(struct pm_wire *w, bool list, struct pm_error *err);
	int (*write)(struct pm_wire *w, const void *p, size_t n, struct pm_error *err);
	/** *ret 0: the end. */
	int (*read)(struct pm_wire *w, void *p, size_t n, size_t *ret, struct pm_error *err);
	void (*free)(struct pm_wire *w);
};
struct pm_wire {
	const struct pm_wire_type *type;
	const struct pm_source_settings *settings;
	const struct pm_source_job *job;
};

/** Neither speaks to the server before begin(). `token` may be NULL; it is borrowed. */
int pm_http_new(const struct pm_source_settings *c, const struct pm_secret *token,
	const struct pm_source_job *j, struct pm_wire **ret, struct pm_error *err) PM_CHECK;
/** `dir`: where a known_hosts file may be written. */
int pm_ssh_new(const struct pm_source_settings *c, const char *dir, const struct pm_source_job *j,
	struct pm_wire **ret, struct pm_error *err) PM_CHECK;

/* ---- mirror.c and tree.c: all that speaks to libgit2 ---- */

#define PM_COMMIT_ID 41 /* bytes of a name with its NUL */

struct pm_mirror;

/** Opens the mirror below `dir`, or makes it (anew when it is damaged). The caller holds the lock. */
int pm_mirror_open(const char *dir, const struct pm_source_settings *c,
	const struct pm_source_job *j, struct pm_mirror **ret, struct pm_error *err) PM_CHECK;
void pm_mirror_free(struct pm_mirror *m);

/** Asks for the last commit of the branch and leaves its name in `ret`. -PM_E_NOTFOUND: there is no such
 * branch. The connection stays open for a fetch. `wire` NULL: the repository is a folder. */
int pm_mirror_ask(struct pm_mirror *m, struct pm_wire *wire, char ret[PM_COMMIT_ID],
	struct pm_error *err) PM_CHECK;

/** Fetches what was asked for, over the same connection. */
int pm_mirror_fetch(struct pm_mirror *m, const char *id, struct pm_error *err) PM_CHECK;
void pm_mirror_hang_up(struct pm_mirror *m);

/** Is the commit there, with its tree? */
bool pm_mirror_has(struct pm_mirror *m, const char *id);

/** The first line of its message, made safe. */
void pm_mirror_subject(struct pm_mirror *m, const char *id, struct pm_buf *ret);

/** Its signature and what was signed. -PM_E_REFUSED: it is made to look signed. */
int pm_mirror_signature(struct pm_mirror *m, const char *id, struct pm_buf *ret_signature,
	struct pm_buf *ret_data, struct pm_error *err) PM_CHECK;

/** Is `id` the same as `before`, or does it come after it? A commit that is not there comes after none. */
bool pm_mirror_follows(struct pm_mirror *m, const char *id, const char *before);

/** Writes the files of a commit below settings.path into the folder `to`, which does not exist: blobs as
 * they are, no filters, no submodules, no link that leads out. A folder that remains after a failure is the
 * caller's to remove. */
int pm_mirror_export(
	struct pm_mirror *m, const char *id, const char *to, struct pm_error *err) PM_CHECK;

/* tree.c, for mirror.c */
struct git_repository;
struct pm_export {
	struct git_repository *repo;
	const struct pm_source_settings *settings;
	const struct pm_source_job *job;
};
int pm_tree_export(
	const struct pm_export *e, const char *id, const char *to, struct pm_error *err) PM_CHECK;

/** The last error of libgit2 as one of ours. */
int pm_git_error(struct pm_error *err, const char *what);

/* ---- state.c: what is kept over restarts ---- */

struct pm_source_kept {
	char accepted[PM_COMMIT_ID]; /* "": none */
	char held[PM_COMMIT_ID];     /* that may be approved */
	char approved[PM_COMMIT_ID]; /* in a file of its own, for which nobody needs the lock */
	char subject[128], signer[128];
	int64_t accepted_ms, good_ms;
};

/** What stands in the files; all empty where there are none. */
int pm_kept_read(const char *dir, struct pm_source_kept *ret, struct pm_error *err) PM_CHECK;

/** Writes all but what is approved. */
int pm_kept_write(const char *dir, const struct pm_source_kept *k, struct pm_error *err) PM_CHECK;

/** Writes, or with NULL removes, what is approved. */
int pm_kept_approve(const char *dir, const char *id, struct pm_error *err) PM_CHECK;

/** Is it the name of a commit, 40 hex digits? */
bool pm_is_commit(const char *s);

/** Takes the lock of `dir`; waits until the job ends. *ret is closed to let go. */
int pm_source_lock(
	const char *dir, const struct pm_source_job *j, int *ret, struct pm_error *err) PM_CHECK;

/* ---- trees.c: the folders of commits ---- */

/** Makes sure that the tree of a commit is there, complete. */
int pm_trees_make(const char *dir, struct pm_mirror *m, const struct pm_source_settings *c,
	const char *id, struct pm_error *err) PM_CHECK;

/** Makes `current` the tree of a commit; NULL: of none. */
int pm_trees_switch(const char *dir, const struct pm_source_settings *c, const char *id,
	struct pm_error *err) PM_CHECK;

/** Folder of the manifests of a commit; NULL: by the name that stays the same. */
void pm_trees_folder(
	const char *dir, const struct pm_source_settings *c, const char *id, struct pm_buf *ret);

/** Keeps everybody from removing the tree of a commit, until the descriptor is closed; -1: there is none. */
int pm_trees_pin(const char *dir, const struct pm_source_settings *c, const char *id);

/** Removes trees that nobody needs, but the one of `keep` ("": none). */
void pm_trees_tidy(const char *dir, const struct pm_source_settings *c, const char *keep);

/** Removes a file, or a folder with all that is in it; links are not followed. What cannot be removed stays. */
void pm_remove_all(const char *path);

/* ---- source.c and thread.c: the source itself ---- */

/** What is told of it. */
struct pm_source_view {
	char id[PM_COMMIT_ID]; /* in force; "": nothing */
	char subject[128], signer[128];
	char held[PM_COMMIT_ID], held_subject[128], held_why[700], error[700];
	bool approvable;
	int64_t accepted_ms, good_ms;
	enum pm_code code;
	unsigned failures;
	uint64_t looks;
};

struct pm_source {
	struct pm_source_settings settings;
	const struct pm_clock *clock;
	char *base; /* folder of all it keeps */
	char *dir;  /* to load */
	bool peek;
	/* Of whoever looks. */
	int pin[2];
	char pinned[PM_COMMIT_ID];
	char refused[PM_COMMIT_ID]; /* judged by this process, and held */
	/* The thread. */
	pthread_t thread;
	bool running;
	struct pm_cancel cancel;
	struct pm_random random;
	void (*news)(void *arg);
	void *news_arg;
	/* Guards all that follows; held for copies only. */
	pthread_mutex_t mutex;
	pthread_cond_t work;
	bool woken;
	struct pm_source_view view;
	uint64_t changes;
	int64_t next_ms;
};

void pm_source_thread_init(struct pm_source *s, uint64_t seed);
void pm_source_thread_done(struct pm_source *s);
void pm_source_thread_news(struct pm_source *s);

#endif
