/* Errors: what went wrong, as a class, a sentence with place, cause and remedy, and what Proxmox VE said. */
#ifndef PODMOX_ERROR_H
#define PODMOX_ERROR_H

#include <podmox/export.h>

#include <stddef.h>

PODMOX_BEGIN

/** Classes of errors. Functions return them negated. Numbers never change; new ones are added at the end. */
typedef enum podmox_code {
	PODMOX_OK = 0,
	PODMOX_E_INPUT = 1, /* a manifest, configuration or value is wrong */
	PODMOX_E_USAGE = 2, /* an argument is wrong: nothing was sent */
	PODMOX_E_AUTH = 3,  /* login, ticket or token refused; or a certificate we do not trust */
	PODMOX_E_PERMISSION = 4,   /* a privilege is missing: podmox_error_privilege, _acl_path */
	PODMOX_E_NOTFOUND = 5,     /* it does not exist */
	PODMOX_E_EXISTS = 6,       /* it exists already */
	PODMOX_E_INVALID = 7,      /* the cluster refuses a parameter: podmox_error_param */
	PODMOX_E_CONFLICT = 8,     /* changed by somebody else; or in a state that forbids it */
	PODMOX_E_LOCKED = 9,       /* somebody else works on it */
	PODMOX_E_BUSY = 10,        /* rate limited, overloaded, or without quorum */
	PODMOX_E_TIMEOUT = 11,     /* no answer in time */
	PODMOX_E_UNREACHABLE = 12, /* no connection */
	PODMOX_E_TASK = 13,        /* a task ended with an error */
	PODMOX_E_PROTOCOL = 14,    /* an answer that is none of Proxmox VE's */
	PODMOX_E_IO = 15,          /* the local system */
	PODMOX_E_LIMIT = 16,       /* larger than is accepted */
	PODMOX_E_UNSUPPORTED = 17, /* this version cannot do it */
	PODMOX_E_REFUSED = 18,     /* a guard or the allow list forbids it: nothing was sent */
	PODMOX_E_SETLOCKED = 19,   /* another podmox works on the set */
	PODMOX_E_CANCELLED = 20,   /* podmox_client_cancel, or a deadline */
	PODMOX_E_BUG = 70          /* an error in the library itself */
} podmox_code;

typedef struct podmox_error podmox_error;

/** Frees; NULL is fine. */
PODMOX_API void podmox_error_free(podmox_error *e);

/** The class; PODMOX_OK for NULL. */
PODMOX_API podmox_code podmox_error_code(const podmox_error *e);

/** One sentence for people: where, what, and what helps. Never NULL; holds no secret. */
PODMOX_API const char *podmox_error_message(const podmox_error *e);

/** Word of a class: "not-found". Never NULL. */
PODMOX_API const char *podmox_code_name(podmox_code code);

/** May the same call succeed later without anybody doing anything? 1 or 0. */
PODMOX_API int podmox_error_retryable(const podmox_error *e);

/** May the request have reached the cluster although no answer came? Then look before repeating a write. */
PODMOX_API int podmox_error_maybe_sent(const podmox_error *e);

/** HTTP status of the answer; 0: none came. */
PODMOX_API int podmox_error_status(const podmox_error *e);

/** Seconds that the server asks to wait (Retry-After); 0: it did not say. */
PODMOX_API unsigned podmox_error_retry_after(const podmox_error *e);

/** Host, method and path of the request, and Proxmox VE's own words. "" where there are none. */
PODMOX_API const char *podmox_error_host(const podmox_error *e);
PODMOX_API const char *podmox_error_method(const podmox_error *e);
PODMOX_API const char *podmox_error_path(const podmox_error *e);
PODMOX_API const char *podmox_error_text(const podmox_error *e);

/** Of PODMOX_E_PERMISSION: the privilege that is missing and the path it is missing on; "" unknown. */
PODMOX_API const char *podmox_error_privilege(const podmox_error *e);
PODMOX_API const char *podmox_error_acl_path(const podmox_error *e);

/** Of PODMOX_E_INVALID: how many parameters were refused, and the name of the i-th and what is wrong with it.
 * NULL beyond the last. */
PODMOX_API size_t podmox_error_nparams(const podmox_error *e);
PODMOX_API const char *podmox_error_param(const podmox_error *e, size_t i);
PODMOX_API const char *podmox_error_param_text(const podmox_error *e, size_t i);

PODMOX_END

#endif
