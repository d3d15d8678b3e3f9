/* One request on its way: its parameters, its route, its answer, and the verification of both. */
#ifndef PM_SIM_CALL_PRIV_H
#define PM_SIM_CALL_PRIV_H

#include "sim/conf_priv.h"

struct sim_param {
	const char *k;
	const char *v;     /* NULL: undefined ("key=") */
	const char **more; /* further values of a repeated key; all of them, v included */
	unsigned nmore;    /* 0: a plain value */
	bool path;         /* came from the path */
};

struct sim_params {
	struct sim_param *v;
	size_t n, cap;
};

struct sim_call;
typedef void (*sim_fn)(struct sim_call *c);

enum sim_route_flags {
	SIM_PROTECTED = 1 << 0, /* answered by pvedaemon */
	SIM_NODE = 1 << 1,      /* executed by the node in the path */
	SIM_WORLD = 1 << 2,     /* no login needed */
	SIM_NO_TOKEN = 1 << 3,  /* not for API tokens */
};

/** One method of the API. */
struct sim_route {
	const char *method;
	const char *path; /* "/nodes/{node}/lxc/{vmid}/config"; a last {name*} takes the rest */
	sim_fn fn;
	unsigned flags;
	const char *perm;  /* "/vms/{vmid} VM.Audit" or "... A|B"; NULL: whoever is logged in */
	const char *needs; /* parameters it cannot do without, separated by blanks; NULL: none */
};

struct sim_user;
struct sim_token;

struct sim_call {
	struct pm_sim *s;
	struct pm_sim_request *q;
	struct pm_sim_reply *r;
	struct pm_arena *a;
	unsigned asked, node; /* who was asked, who executes */
	char *path;           /* decoded, without /api2/json */
	bool extjs;
	const struct sim_route *route;
	struct sim_params p;
	struct sim_conf errors; /* of parameters */
	const char *authid;     /* "root@pam" or "root@pam!t"; NULL: nobody */
	struct sim_user *user;
	struct sim_token *token;
	const char *file; /* of an upload */
	size_t nfile;
	struct pm_buf out;
	struct pm_jwrite w;
	bool failed;
};

/** Value of a parameter; NULL when it is not there or empty. */
const char *pm_s_arg(const struct sim_call *c, const char *k);
bool pm_s_has(const struct sim_call *c, const char *k);
bool pm_s_arg_true(const struct sim_call *c, const char *k);
int64_t pm_s_arg_int(const struct sim_call *c, const char *k, int64_t otherwise);
void pm_s_param_add(struct sim_call *c, const char *k, const char *v, bool path);
int pm_s_params_form(struct sim_call *c, const char *text, size_t n);
bool pm_s_params_json(struct sim_call *c, const char *text, size_t n);
bool pm_s_is_upload(const struct sim_call *c);  /* its body is read as it comes */
bool pm_s_params_multipart(struct sim_call *c); /* false: there is no file in it */
char *pm_s_unescape(struct pm_arena *a, const char *s, size_t n, bool plus);

/** Answers with an error: the text is reason phrase and message. */
void pm_s_fail(struct sim_call *c, int status, const char *fmt, ...) PM_PRINTF(3, 4);
/** A plain answer without JSON. NULL: no body. */
void pm_s_plain(struct sim_call *c, int status, const char *reason, const char *body);
/** Notes a bad parameter; the answer becomes 400 when the handler returns. */
void pm_s_bad(struct sim_call *c, const char *k, const char *fmt, ...) PM_PRINTF(3, 4);
void pm_s_again(struct sim_call *c, uint64_t at_ns);
void pm_s_write_value(struct pm_jwrite *w, const char *key, const char *v); /* SIM_NUL to NUL */

/** A call within another, or of a task: as that user, without login, parameters in the query of the target
 * ("/api2/json/nodes/..."). pm_sim_reply_done() is the caller's. */
void pm_s_subcall(struct pm_sim *s, unsigned node, const char *authid, const char *method,
	const char *target, struct pm_sim_reply *r);

/* ---- verification by PVE's description (schema.c, verify.c, format.c, match.c) ---- */

struct sim_schema;
int pm_s_schema_load(struct sim_schema **ret, const char *path, struct pm_error *err) PM_CHECK;
void pm_s_schema_free(struct sim_schema *d);
bool pm_s_schema_knows(const struct sim_schema *d, const char *method, const char *path);
/** Does the description of a method name that parameter? */
bool pm_s_schema_has(
	const struct sim_schema *d, const char *method, const char *path, const char *param);
void pm_s_verify(struct sim_call *c);
/** Text of what is wrong with a value of a named format, or NULL. In the arena. */
const char *pm_s_format(struct pm_arena *a, const char *format, const char *v);
const char *pm_s_format_vm(
	struct pm_arena *a, const char *format, const char *v); /* those of VMs */

struct sim_pattern;
struct sim_pattern *pm_s_pattern(const char *perl) PM_CHECK; /* NULL: cannot be understood */
bool pm_s_match(const struct sim_pattern *p, const char *text, size_t n);
void pm_s_pattern_free(struct sim_pattern *p);

/* ---- finished bodies ---- */

struct pm_sim_blob {
	unsigned refs;
	size_t n;
	char *p;
	struct pm_sim_blob *gzip;
};

struct pm_sim_blob *pm_s_blob(struct pm_buf *b) PM_CHECK; /* takes the text */
struct pm_sim_blob *pm_s_gzip(const char *p, size_t n) PM_CHECK;
void pm_s_reply_blob(struct sim_call *c, struct pm_sim_blob *b); /* a finished body */

#endif
