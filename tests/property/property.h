/* Property tests of the whole pipeline: random manifests, a simulated cluster, and what must hold whatever
 * they say. A *trial* is a set of objects, each in a first and a second version, with things that somebody
 * does to the guests in between; it is made of a seed alone, so a seed repeats it.
 *
 *	roll.c     makes values, records and objects by the rows of the field table
 *	mend.c     what rows cannot say: rules between fields, and the second version of an object
 *	trial.c    puts trials together, copies them, writes them as manifests
 *	cluster.c  reads what the simulator holds, and compares it
 *	run.c      runs a trial and says which property does not hold
 *	shrink.c   makes a trial that fails as small as it gets
 *	main.c     many trials in several processes */
#ifndef PM_TEST_PROPERTY_H
#define PM_TEST_PROPERTY_H

#include "base/random.h"
#include "recon/world.h"

/* ---- chance ---- */

struct dice {
	struct pm_arena *a;
	struct pm_random rnd;
	unsigned member;  /* whose values are made: addresses differ from object to object */
	unsigned density; /* how many of eight rows are set */
	const struct pm_field *list; /* whose entries are being made */
};
unsigned pm_roll(struct dice *d, unsigned below);
bool pm_roll_one_in(struct dice *d, unsigned n);

/** A value of the row, of entry `entry` of its list; false: it is not to be set. */
bool pm_roll_value(struct dice *d, const struct pm_kind *k, const struct pm_field *f,
	unsigned entry, struct pm_value *ret);

/** A record with random rows, and by the rules between its rows. */
struct pm_rec *pm_roll_rec(struct dice *d, const struct pm_kind *k, unsigned entry) PM_CHECK;

/** May the row be null? */
bool pm_may_be_null(const struct pm_field *f);

/** Changes what the checks of manifests would refuse. */
void pm_mend(struct dice *d, struct pm_rec *r);

/** A second version of a record: what can be changed in place is, here and there. */
struct pm_rec *pm_roll_second(struct dice *d, const struct pm_rec *first) PM_CHECK;

/** The value of a row by its name; NULL: the kind has no such row. */
struct pm_value *pm_at(struct pm_rec *r, const char *name);

/* ---- trials ---- */

/** Somebody writes `text` to a key behind podmox's back. */
struct poke {
	const struct pm_field *row; /* of the kind; its key, or that of a list without the number */
	const char *ident;          /* entry of a list; NULL: none */
	bool whole; /* the whole value, or a new entry; else appended to what is there */
	const char *sub, *text;
};

/** One object of a trial. */
struct member {
	struct pm_obj *x, *y; /* NULL: not there yet, not there any more */
	bool foreign;         /* handed back to nobody once it is there */
	struct poke *poke;
	size_t npoke;
};

struct trial {
	struct pm_arena *arena;
	uint64_t seed;
	struct member *v;
	size_t n;
	bool restart; /* --allow-restart */
	bool hasty;   /* no time passes between the runs: what the inventory says is old */
};

struct trial *pm_trial_new(uint64_t seed) PM_CHECK;
void pm_trial_free(struct trial *t);
struct trial *pm_trial_copy(const struct trial *t) PM_CHECK;

/** A record with records of its own; texts and lists are shared. */
struct pm_rec *pm_copy_rec(struct pm_arena *a, const struct pm_rec *from) PM_CHECK;

/** Specs in it by kind; ends when there is no such kind. */
unsigned pm_trial_count(const struct trial *t, const struct pm_kind *k);

/** Are all manifests of it such as the reader takes? *ret_why in the trial's arena. */
bool pm_trial_valid(const struct trial *t, const char **ret_why);

/** The first (0) or second (1) version as manifests; without foreign members when `own`. */
void pm_trial_write(const struct trial *t, int version, bool own, struct pm_buf *out);

/** Both versions and what is done in between, for people. */
void pm_trial_print(const struct trial *t, struct pm_buf *out);

/* ---- places in a record, for the shrinking ---- */

struct spot {
	const char
		*path; /* "network.interfaces[eth0].tag", entries as "network.interfaces[eth0]" */
	const struct pm_field *f;
	struct pm_value *v;
	struct pm_recs *list; /* an entry: where it is; NULL: a value */
	size_t at;
	bool required;
};
struct spots {
	struct pm_arena *a;
	PM_VEC(struct spot) v;
};
void pm_spots(struct spots *s, struct pm_rec *r);
void pm_spot_drop(const struct spot *s);

/* ---- running ---- */

struct failure {
	char property[64]; /* "": everything holds */
	struct pm_buf text;
};

/** What a run was made of. */
struct tally {
	uint64_t compared, skipped; /* guests that were compared with those of y alone */
	uint64_t poked;             /* values written behind podmox's back */
	uint64_t requests;
};

/** true: every property holds. `log` NULL: requests are not written down. */
bool pm_trial_run(const struct trial *t, struct failure *f, struct tally *tally, FILE *log);

/** The same in a process of its own: a crash is a failure, too. */
bool pm_trial_try(const struct trial *t, struct failure *f);

/** The smallest trial that was found in which the same property does not hold. */
struct trial *pm_shrink(const struct trial *t, const struct failure *f) PM_CHECK;

/* ---- what the cluster holds ---- */

struct setting {
	const char *key, *value;
	size_t n;
};
struct guest {
	unsigned vmid;
	const char *id; /* "Pod/shop/web" of the marker that is its own; NULL: nobody's */
	const char *node, *type, *pool;
	bool running;
	struct setting *v;
	size_t n;
};
struct guests {
	struct pm_arena *a;
	struct guest *v;
	size_t n;
};

void pm_guests_read(struct world *w, struct pm_arena *a, struct guests *ret);
void pm_guest_read(struct world *w, struct pm_arena *a, struct guest *g); /* once more */
struct guest *pm_guest_find(const struct guests *g, const char *id);
const struct setting *pm_setting(const struct guest *g, const char *key);

/** Does both guests' state mean the same, where `spec` speaks of it or PVE has no word of its own? Adds
 * what differs to `out`. */
bool pm_guests_same(struct pm_arena *a, const struct pm_obj *spec, const struct guest *is,
	const struct guest *alone, struct pm_buf *out);

/** Is everything that neither version speaks of in `after` as it was in `before`? */
bool pm_guest_untouched(struct pm_arena *a, const struct pm_obj *x, const struct pm_obj *y,
	const struct guest *before, const struct guest *after, struct pm_buf *out);

/** Are both the same but for the digest? */
bool pm_guest_equal(const struct guest *before, const struct guest *after, struct pm_buf *out);

#endif
