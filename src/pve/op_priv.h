/* Inside of the calls: one that has been checked, and what the files that do it ask of each other. */
#ifndef PM_PVE_OP_PRIV_H
#define PM_PVE_OP_PRIV_H

#include "pve/op.h"
#include "pve/pve_priv.h"

#define PM_OP_MOST_PARAMS 32

/** A call whose arguments have been checked. */
struct pm_op_request {
	const struct pm_op_ask *ask;
	const struct pm_op *op;
	enum pm_guest_type guest;             /* PM_NO_GUEST: it concerns none */
	bool older;                           /* for a PVE that is older than op->since */
	struct pm_arena *a;                   /* of what is made of the arguments */
	const char *value[PM_OP_MOST_PARAMS]; /* as PVE writes it, by parameter; NULL: not given */
};

/* ---- op_args.c ---- */

/** Checks ask->v; r->ask and r->a are set. */
int pm_op_check(struct pm_op_request *r, struct pm_error *err) PM_CHECK;

/** "ct start" */
const char *pm_op_words(const struct pm_op_request *r);

/* ---- op_encode.c ---- */

/** Value of a parameter; NULL: not given, or the call has none of that name. */
const char *pm_op_value(const struct pm_op_request *r, const char *name);
void pm_op_set_value(struct pm_op_request *r, const char *name, const char *value);

void pm_op_add_path(const struct pm_op_request *r, struct pm_buf *out);
void pm_op_add_form(const struct pm_op_request *r, struct pm_buf *out);

/* ---- op_where.c ---- */

/** Fills in what is looked up: nodes, storages, free numbers. `fresh`: the inventory is read anew. */
int pm_op_look_up(struct pm_pve *p, struct pm_job *j, struct pm_op_request *r, bool fresh,
	struct pm_error *err) PM_CHECK;

/** Takes the next free number instead of the one that was taken meanwhile. */
int pm_op_next_number(struct pm_pve *p, struct pm_job *j, struct pm_op_request *r, const char *name,
	struct pm_error *err) PM_CHECK;

/** The parameter that is a new guest's number and was not given by the caller; NULL: none. */
const char *pm_op_own_number(const struct pm_op_request *r);

/* ---- op_errors.c ---- */

/** Can the call (or the end of its task) fail so? */
bool pm_op_can_fail(const struct pm_op *op, enum pm_code code);

/* ---- errors.c, op_fault.c: what PVE says ---- */

/** Appends a text of PVE as part of a sentence: lines joined, empty ones and Perl's places left out, and
 * nothing that could be a secret of ours. */
void pm_fault_text(struct pm_buf *out, const char *s, size_t n);

/** Is the text one that errors.def knows? */
bool pm_fault_known(const char *text);

/** Appends a text with everything that looks like a password, a ticket or a token left out. */
void pm_fault_mask(struct pm_buf *out, const char *s);

/** Of a parameter whose value is a secret: what stands in quotes may be that value. */
bool pm_fault_is_secret(const char *key);
void pm_fault_hide_quoted(struct pm_buf *out, const char *s);

/** What is missing where, of "Permission check failed (/vms/100, VM.Audit)". Borrowed from the text. */
struct pm_lacking {
	const char *path, *privilege;
	size_t npath, nprivilege;
};
bool pm_fault_privilege(const char *text, struct pm_lacking *ret);

#endif
