/* Every call of PVE that people and programs use by its own name: one row of pve/op.def each. Commands,
 * library, reference pages and tests are loops over these rows. Thread-safe. */
#ifndef PM_PVE_OP_H
#define PM_PVE_OP_H

#include "pve/pve.h"

enum pm_op_id {
#define PM_OP(id, ...) PM_OP_##id,
#include "pve/op.def"
#undef PM_OP
	PM_OP_MAX,
};

/** What a parameter may be; each has its check (security/validate.h) before anything is sent. */
enum pm_param_type {
	PM_P_TEXT,
	PM_P_INT,
	PM_P_BOOL, /* 1/0, true/false, on/off, yes/no; a word without a value is true */
	PM_P_VMID,
	PM_P_NODE,
	PM_P_STORAGE,
	PM_P_VOLID,
	PM_P_UPID,
	PM_P_NAME,  /* of a guest: a DNS name */
	PM_P_ID,    /* of a snapshot or service: PVE's configuration id */
	PM_P_POOL,  /* of a pool: up to three ids with slashes */
	PM_P_SIZE,  /* 8G, +512M */
	PM_P_BYTES, /* 8G; sent as PVE's storages want it: KiB, or with M or G */
	PM_P_URL,
	PM_P_FILE, /* of this machine; becomes the upload */
};

enum {
	PM_P_REQUIRED = 1 << 0,
	PM_P_PATH = 1 << 1, /* stands in the path */
	PM_P_OURS = 1 << 2, /* never sent: it chooses what is sent, or what of the answer is told */
	PM_P_FOUND = 1 << 3, /* looked up when absent: a guest's node, a free VMID, a UPID's node */
	PM_P_CT = 1 << 4,    /* of containers only */
	PM_P_VM = 1 << 5,    /* of virtual machines only */
	PM_P_MANY = 1 << 6,  /* a list: may be given more than once */
	PM_P_SAFE =
		1 << 7, /* with it the same write twice does no harm: a digest, an absolute size */
};

/** One parameter. */
struct pm_param {
	const char *name;   /* ours, on the command line and in the library; NULL ends the list */
	const char *key;    /* of a container's call; NULL: as the name */
	const char *key_vm; /* of a virtual machine's, where it differs; NULL: as key */
	enum pm_param_type type;
	unsigned flags;
	int64_t min, max;    /* of PM_P_INT; of a text its length; both 0: any */
	const char *choices; /* the words it may be, with blanks; NULL: any */
	const char *def;     /* PVE's default as text; NULL: none */
	const char *doc;     /* one sentence */
	const char *since;   /* version of PVE that brought it; NULL: known for long */
};

enum pm_guest_type { PM_NO_GUEST, PM_CT, PM_VM };

/** Which kinds of guest a row is for. */
enum pm_op_kind {
	PM_OK_NONE, /* no guest's call */
	PM_OK_BOTH, /* {type} in the path is lxc or qemu; the nouns are ct and vm */
	PM_OK_CT,
	PM_OK_VM,
};

/** What the answer is. */
enum pm_op_answer_type {
	PM_OA_NONE,  /* nothing: done when answered */
	PM_OA_VALUE, /* an object or a scalar */
	PM_OA_LIST,  /* an array of objects */
	PM_OA_TASK,  /* a UPID; also where PVE sometimes answers null instead: done when answered */
};

struct pm_op {
	const char *noun, *verb; /* "node", "status"; the noun of a guest's call is NULL: ct, vm */
	enum pm_op_kind kind;
	const char *method, *path; /* "/nodes/{node}/{type}/{vmid}/status/start" */
	const char *operation;     /* the policy's word; NULL: reads */
	enum pm_op_answer_type answer;
	bool idempotent; /* a write that may be sent again after a lost answer */
	bool any_keys;   /* takes PVE's own keys besides its parameters */
	const struct pm_param *params;
	const char *columns; /* of the table for people: "vmid name status"; NULL: key and value */
	const char *doc;
	const char *since; /* version of PVE that brought the call; NULL: known for long */
	const char *older; /* its path before that; parameters in it stand nowhere else */
};

/** The row. Never NULL. */
const struct pm_op *pm_op(enum pm_op_id id);
const char *pm_op_name(enum pm_op_id id); /* "GUEST_START" */

/** By words: ("ct", "start"), ("node", "status"). PM_OP_MAX: there is none. *ret_guest says which kind. */
enum pm_op_id pm_op_find(const char *noun, const char *verb, enum pm_guest_type *ret_guest);

/** A parameter's row; NULL: the call has none of that name. */
const struct pm_param *pm_op_param(const struct pm_op *op, const char *name);

/** PVE's key of a parameter for that kind of guest. */
const char *pm_param_key(const struct pm_param *p, enum pm_guest_type guest);

/** The calls as words, NULL-terminated, for commands and completion: verbs of a noun, in the table's
 * order. Static. */
const char *const *pm_op_nouns(void);
size_t pm_op_verbs(const char *noun, const char **ret, size_t n); /* how many there are */

/** name=value; value NULL: a flag that was given. Borrowed. */
struct pm_op_arg {
	const char *name, *value;
};

/** Everything PVE said about a failure, taken apart. Owner: the caller. */
struct pm_fault {
	enum pm_code code;
	int status; /* 0: none came */
	bool retryable;
	char host[128], method[8], path[512];
	char text[1024];                    /* PVE's own words, secrets left out */
	char privilege[128], acl_path[256]; /* of PM_E_PERMISSION: what is missing, and where */
	unsigned retry_after_s;
	unsigned nparams; /* of PM_E_INVALID: what is wrong with which parameter */
	struct {
		char name[64], text[256];
	} param[16];
};

/** Takes an answer of status >= 400 apart. Pure. */
void pm_pve_fault(const struct pm_call *c, struct pm_fault *ret);

struct pm_op_ask {
	enum pm_op_id op;
	enum pm_guest_type guest; /* of rows with kind PM_OK_BOTH */
	const struct pm_op_arg *v;
	size_t n;
	bool fresh;             /* a read: not from the cache */
	struct pm_fault *fault; /* where to put details of a failure; NULL: nowhere */
};

struct pm_op_answer {
	struct json_object *root; /* the whole body; NULL where nothing came */
	struct json_object *data; /* its member; borrowed; may be NULL for null */
	bool is_task;             /* it goes on as `task`: pm_task_wait, pm_task_follow */
	struct pm_task task;
	unsigned vmid; /* of a create or clone: the number it has (found when it was not given) */
};

/** Checks the arguments (-PM_E_USAGE names the parameter and what it takes), finds what is to be found, and
 * sends. A task is not waited for. `v` may hold a name twice only where PVE takes a list. A guest that has
 * moved meanwhile is followed once; a free number that somebody else took first is replaced by the next one
 * as long as PVE's answer proves that nothing was begun. */
int pm_op_run(struct pm_pve *p, struct pm_job *j, const struct pm_op_ask *ask,
	struct pm_op_answer *ret, struct pm_error *err) PM_CHECK;
void pm_op_answer_done(struct pm_op_answer *a);

/** The same without sending: path and form, for tests and --dry-run. What would be looked up stands in the
 * path as {node} and is absent in the form. */
int pm_op_encode(const struct pm_op_ask *ask, struct pm_buf *ret_path, struct pm_buf *ret_form,
	struct pm_error *err) PM_CHECK;

/** Writes the reference page of all calls. */
void pm_op_docs(struct pm_buf *out);

#endif
