/* Inside of this room: the text being read, the stream of YAML events over it, the keys of a kind as a
 * lookup table, and the reader that all documents of a load share. */
#ifndef PM_MANIFEST_MANIFEST_PRIV_H
#define PM_MANIFEST_MANIFEST_PRIV_H

#include <yaml.h>

#include "base/map.h"
#include "base/vec.h"
#include "manifest/manifest.h"

#define PM_API_VERSION "podmox/v1"

/* ---- findings (find.c) ---- */

/** A line as findings show it. */
struct pm_shown {
	unsigned line;
	const char *text; /* in the arena of the findings; NULL: it is not shown */
	size_t most; /* no caret from this byte on: the line is cut there, or a secret starts */
};

/** One text and where its findings go. */
struct pm_text {
	const char *file; /* lives as long as the arena of the findings */
	const char *s;
	size_t n;
	struct pm_diags *d;
	unsigned errors;       /* found in this text */
	unsigned line;         /* cursor: this line starts */
	size_t at;             /* here */
	struct pm_shown shown; /* the last one */
	struct pm_diag **news; /* findings from here on are this text's */
};

#define PM_TEXT_MAX_ERRORS 500 /* in one text; then it is given up */

void pm_text_init(struct pm_text *t, const char *file, const char *s, size_t n, struct pm_diags *d);

/** Where something stands, 1-based, and how many characters of its first line it takes. */
struct pm_span {
	unsigned line, column, length;
};

struct pm_diag *pm_find(struct pm_text *t, enum pm_severity severity, struct pm_span at,
	const char *fmt, ...) PM_PRINTF(4, 5);
void pm_hint(struct pm_text *t, struct pm_diag *diag, const char *fmt, ...) PM_PRINTF(3, 4);

/** Gives its source line, and the length of what it marks, to a finding that has none. A secret in the
 * line is masked; there is no line when the caret would have to stand on it. */
void pm_text_show(struct pm_text *t, struct pm_diag *diag);

/** The same for the findings that others added since pm_text_init. */
void pm_text_complete(struct pm_text *t);

/** The line from a place on, without its end; NULL: there is no such place. */
const char *pm_text_from(struct pm_text *t, struct pm_span at, size_t *ret_n);

/** Bytes of the character at s, which is valid UTF-8, and which one it is. */
size_t pm_char_at(const char *s, uint32_t *ret);

/** What is wrong with a character in a text, and what to do; NULL: nothing. */
const char *pm_char_fault(uint32_t c, const char **ret_hint);

/** Encoding, control characters and the like; false: there is no use in parsing it. */
bool pm_text_check(struct pm_text *t);

/* ---- events (events.c) ---- */

enum pm_y {
	PM_Y_SCALAR,
	PM_Y_LIST,
	PM_Y_MAP,
	PM_Y_END,   /* of a list or mapping */
	PM_Y_ALIAS, /* only inside of events.c */
	PM_Y_STOP,  /* of the document or of everything; after a failure too */
};

struct pm_yev {
	const char *s; /* of a scalar: NUL-terminated, valid until the next event */
	uint32_t n;
	uint8_t type;                   /* enum pm_y */
	bool plain;                     /* without quotes: may be a number, a boolean or null */
	bool null;                      /* null, ~ or nothing at all */
	const struct pm_anchor *anchor; /* of an alias */
	struct pm_span at;
};

struct pm_anchor {
	uint32_t start, end; /* events of the log; end 0: its node is not complete */
	struct pm_span at;
};

/** A part of the log that is being read instead of the parser. */
struct pm_yframe {
	uint32_t at, end;
	bool alias; /* its events count as expanded */
};

/** The events of one text. Only nodes with an anchor (and those put off by pm_yaml_put_off) are
 * recorded; an alias reads the record again. */
struct pm_yaml {
	struct pm_text *text;
	struct pm_arena *scratch; /* emptied with each document */
	yaml_parser_t parser;
	yaml_event_t raw;
	PM_VEC(struct pm_yev) log;
	struct pm_map anchors; /* those in force, by name */
	unsigned recording;
	struct pm_anchor *open[PM_MANIFEST_MAX_DEPTH + 1]; /* of the collection at that depth */
	struct pm_span
		begun[PM_MANIFEST_MAX_DEPTH + 1]; /* where the collection at that depth starts */
	struct pm_yframe frame[PM_MANIFEST_MAX_DEPTH + 2];
	unsigned nframes, depth, expanded;
	bool failed, ended;
};

/** Starts on a text; what the structure had allocated before is used again. */
void pm_yaml_start(struct pm_yaml *y, struct pm_text *t);
void pm_yaml_stop(struct pm_yaml *y);
void pm_yaml_done(struct pm_yaml *y);

/** Goes to the next document and reads its first event; false: there is none. */
bool pm_yaml_document(struct pm_yaml *y, struct pm_yev *root);

/** The next event; PM_Y_STOP at the end of the document, and again and again after a failure. */
void pm_yaml_next(struct pm_yaml *y, struct pm_yev *e);

/** Passes over the rest of the node whose first event was `e`. */
void pm_yaml_skip(struct pm_yaml *y, const struct pm_yev *e);

/** Reads a whole node into the log, and later reads it from there. Only where no alias is being read. */
struct pm_yframe pm_yaml_put_off(struct pm_yaml *y);
void pm_yaml_resume(struct pm_yaml *y, struct pm_yframe node);

/* ---- keys of a kind (keys.c) ---- */

#define PM_GROUPS_MAX 24

/** What a key stands for: a row, or a group of rows. */
struct pm_key {
	const char *name; /* the last part of the path */
	uint16_t n;
	uint16_t index; /* of the row, or of the group */
	uint8_t parent; /* group; 0: the top */
	bool group;
	uint8_t flat; /* row + 1 of the record whose row this is; 0: the row is the kind's own */
};

struct pm_keys {
	const struct pm_kind *kind;
	struct pm_key *v;
	unsigned n, ngroups;              /* groups count from 1; 0 is the top */
	const char *group[PM_GROUPS_MAX]; /* full paths */
	uint16_t *slot;
	unsigned mask;
};

/** Builds the table in an arena. */
const struct pm_keys *pm_keys_new(struct pm_arena *a, const struct pm_kind *k);
const struct pm_key *pm_keys_find(
	const struct pm_keys *keys, unsigned group, const char *s, size_t n);

/* ---- documents (document.c, decode.c) ---- */

/** One step of the path to a value, for messages. */
struct pm_step_name {
	const char *name;
	int index; /* of a list; -1: none */
};

#define PM_KINDS_MAX 48
#define PM_PATH_MAX  8

struct pm_reader {
	struct pm_arena *arena; /* of the results */
	struct pm_arena *own;   /* of the tables */
	struct pm_text text;
	struct pm_yaml yaml;
	const struct pm_keys *keys[PM_KINDS_MAX];
	unsigned nkeys;
	struct pm_step_name path[PM_PATH_MAX];
	unsigned npath;
	PM_VEC(const char *) items;
	PM_VEC(struct pm_span) spans;
	PM_VEC(void *) recs;  /* struct pm_rec */
	bool config;          /* a configuration is read: the only kind is Config */
	struct pm_rec *found; /* that configuration */
	struct pm_set *set;   /* where objects go */
	unsigned ndocs, nobjects;
	struct pm_error err; /* of the values; here because it is large */
};

void pm_reader_init(struct pm_reader *r, struct pm_arena *a);
void pm_reader_done(struct pm_reader *r);

/** Reads all documents of one text. `file` and `s` must outlive the findings and the call. */
void pm_reader_read(
	struct pm_reader *r, const char *file, const char *s, size_t n, struct pm_diags *d);

/** One record being filled. */
struct pm_filling {
	struct pm_rec *rec;
	const struct pm_keys *keys;
	struct pm_span group[PM_GROUPS_MAX]; /* where each was met; line 0: not yet */
};

/** Reads one pair whose key was read, as a row or group of the record. */
void pm_member_read(struct pm_reader *r, struct pm_filling *fill, const struct pm_yev *key);

/** Reads all pairs of a mapping whose start was read. */
void pm_record_read(struct pm_reader *r, struct pm_rec *rec);

/** Is it text? Otherwise it is reported, and its value is passed over. */
bool pm_is_key(struct pm_reader *r, const struct pm_yev *key);

/** The table of a kind, made when it is first asked for. */
const struct pm_keys *pm_reader_keys(struct pm_reader *r, const struct pm_kind *k);

/** Adds the Pods of a PodSet to the set. What only shows when they are counted out (a number or address
 * beyond what there is) is a finding. (podset.c) */
void pm_podset_expand(struct pm_set *s, const struct pm_obj *of, struct pm_diags *d);

/** Checks what objects say they were called before. (moved.c) */
void pm_moved_check(const struct pm_set *s, struct pm_diags *d);

/** Reports a pair whose key was there before. */
void pm_find_twice(struct pm_reader *r, const struct pm_yev *key, struct pm_span first);

/** Reads a mapping of names to texts whose start was read into r->items, in the order of writing.
 * `f` NULL: labels. false: something was wrong, and reported. */
bool pm_pairs_read(struct pm_reader *r, const char *name, const struct pm_field *f);

/** The help below findings (hint.c): about a key that is none, a value of another form than its row's, a text
 * that should be a record, a value that does not fit, and a value that is missing because a comment starts. */
void pm_hint_key(struct pm_reader *r, struct pm_diag *diag, const struct pm_keys *keys,
	unsigned group, const struct pm_yev *key);
void pm_hint_form(struct pm_reader *r, struct pm_diag *diag, const struct pm_field *f,
	const struct pm_yev *e);
void pm_hint_record(struct pm_reader *r, struct pm_diag *diag, const struct pm_field *f,
	const struct pm_yev *e);
void pm_hint_value(struct pm_reader *r, struct pm_diag *diag, const struct pm_yev *e);
bool pm_hint_comment(struct pm_reader *r, struct pm_diag *diag, struct pm_span key);

/** Is one of the quotes in it that word processors make? */
bool pm_typographic(const char *s, size_t n);
#define PM_HINT_TYPOGRAPHIC "only ' and \" are quotes; an editor has made others of them"

/** "a mapping", "a list", "text": what the node is. */
const char *pm_node_word(const struct pm_yev *e);

#endif
