/* Inside of this room: the watched folder, the contents of its files that are kept, and Git at work in it. */
#ifndef PM_DAEMON_FILES_PRIV_H
#define PM_DAEMON_FILES_PRIV_H

#include "base/clock.h"
#include "base/vec.h"
#include "manifest/manifest.h"

/* ---- watch.c: which folders may change ---- */

#define PM_WATCH_LINKS 8

/** An entry of a folder above the root: when it changes, the root is another one. */
struct pm_watch_above {
	int wd;
	char name[256];
};

/** What happened since somebody asked last. */
struct pm_named {
	PM_VEC(char *) v; /* entries, by their paths below the root */
	bool only;        /* nothing else changed; false: anything may have */
};

#define PM_NAMED_MOST 64 /* where more changed all is looked at */

void pm_named_done(struct pm_named *n);

struct pm_watch {
	int fd;          /* -1: not watching */
	const char *dir; /* borrowed */
	const char
		*why; /* why it has to be looked at from time to time instead; NULL: it need not */
	unsigned folders; /* watched */
	struct pm_watch_above above[PM_WATCH_LINKS];
	unsigned nabove;
	PM_VEC(char *) below; /* the folder of each number of a watch, from the root; NULL: above */
	struct pm_named named;
};

/** Watches a folder with all below it, from now on. Never fails: `why` says when it is not enough. */
void pm_watch_open(struct pm_watch *w, const char *dir);
void pm_watch_close(struct pm_watch *w);

enum pm_watch_news {
	PM_WATCH_NOTHING, /* nothing that matters */
	PM_WATCH_CHANGED, /* a file */
	PM_WATCH_MOVED,   /* folders changed, or events were lost: open it again, then look */
};

/** Reads all events there are. */
enum pm_watch_news pm_watch_read(struct pm_watch *w);

/** What those events were about that were read since the last call; the caller's to free. After an opening anything
 * may have changed. */
void pm_watch_take(struct pm_watch *w, struct pm_named *ret);

/* ---- store.c: contents, and the last good one of each ---- */

#define PM_STABLE_MS 100 /* a file that changed later than that may be half written */

struct pm_content;

/** How a file looks from outside: as long as it looks the same it is the same. */
struct pm_looks {
	uint64_t dev, ino, size;
	int64_t modified_ns, changed_ns;
};

/** One file. */
struct pm_kept {
	char *path;
	uint64_t path_hash;
	uint64_t glance;         /* of how it looked, in that of the store; 0: not seen */
	struct pm_content *now;  /* NULL: it cannot be read, or is gone with its folder */
	struct pm_content *good; /* the last one that was in force; may be `now`; NULL: none */
	char *why, *hint;        /* why it cannot be read */
	struct pm_looks looks;
	int64_t age_ms;  /* of its last change, when it was looked at */
	bool racy;       /* so young that it may change without looking so */
	bool seen, gone; /* by the walk that is under way */
};

struct pm_store {
	size_t needs; /* most memory a byte of a file needed so far, in eighths of a byte; 0: not known */
	PM_VEC(struct pm_kept *) files; /* sorted by path */
	struct pm_set out;              /* what was not in force when it was taken last */
	uint64_t tree;                  /* over all paths and contents */
	char *missing;                  /* the folder itself cannot be read: why */
	uint64_t glance;                /* over the looks of all files */
	bool linked;                    /* there are symbolic links */
	bool young; /* what the last reading found changed is so young that another one should agree */
	unsigned nread, nparsed;      /* files, since the start */
	const struct pm_clock *clock; /* that files are stamped by; NULL: the system's */
};

void pm_store_done(struct pm_store *s);

/** Reads the files that look changed. What cannot be read any more keeps its place. */
void pm_store_read(struct pm_store *s, const char *dir);

/** The same, where nothing changed since the last reading but what is named. Files that may change without
 * looking so are read too. false: that is not enough, or not certain; read all. */
bool pm_store_look(struct pm_store *s, const char *dir, const struct pm_named *named) PM_CHECK;

/** A number that is another one as soon as a file looks otherwise. Opens no file, and needs no store: any
 * thread. It is `glance` of a store that has just read the same. */
uint64_t pm_store_glance(const char *dir);

/** What is in force: the objects of each file as it is, or as it was when it was last good. They stay the
 * store's, until the next reading. Findings about the present contents go to d. ret_load->whole: every file
 * is as it should be. */
void pm_store_take(struct pm_store *s, const char *dir, struct pm_set *ret,
	struct pm_load *ret_load, struct pm_diags *d);

/** Has the file a text that was good once? */
bool pm_store_has_good(const struct pm_store *s, const char *path);

/* ---- checkout.c: work of Git in the watched folder ---- */

/** What Git, or somebody with it, is at in the work tree that the folder lies in, in words; NULL: nothing,
 * or it lies in none. What is missing from the files meanwhile must not be believed gone. */
const char *pm_checkout_busy(const char *dir);

/** Another number after every checkout, commit or other work of Git on its index; 0: no work tree. */
uint64_t pm_checkout_mark(const char *dir);

#endif
