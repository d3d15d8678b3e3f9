/* Errors of the library: the inner error and what PVE said, kept for the caller. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "lib/lib_priv.h"

struct podmox_error {
	struct pm_error e;
	struct pm_fault fault; /* code PM_OK: no answer came */
	char message[sizeof(((struct pm_error *)0)->where) + sizeof(((struct pm_error *)0)->msg) +
		     2];
};

static const podmox_code codes[PM_CODE_MAX] = {
	[PM_OK] = PODMOX_OK,
	[PM_E_INPUT] = PODMOX_E_INPUT,
	[PM_E_USAGE] = PODMOX_E_USAGE,
	[PM_E_AUTH] = PODMOX_E_AUTH,
	[PM_E_PERMISSION] = PODMOX_E_PERMISSION,
	[PM_E_NOTFOUND] = PODMOX_E_NOTFOUND,
	[PM_E_EXISTS] = PODMOX_E_EXISTS,
	[PM_E_INVALID] = PODMOX_E_INVALID,
	[PM_E_CONFLICT] = PODMOX_E_CONFLICT,
	[PM_E_LOCKED] = PODMOX_E_LOCKED,
	[PM_E_BUSY] = PODMOX_E_BUSY,
	[PM_E_TIMEOUT] = PODMOX_E_TIMEOUT,
	[PM_E_UNREACHABLE] = PODMOX_E_UNREACHABLE,
	[PM_E_TASK] = PODMOX_E_TASK,
	[PM_E_PROTOCOL] = PODMOX_E_PROTOCOL,
	[PM_E_IO] = PODMOX_E_IO,
	[PM_E_LIMIT] = PODMOX_E_LIMIT,
	[PM_E_UNSUPPORTED] = PODMOX_E_UNSUPPORTED,
	[PM_E_REFUSED] = PODMOX_E_REFUSED,
	[PM_E_SETLOCKED] = PODMOX_E_SETLOCKED,
	[PM_E_CANCELLED] = PODMOX_E_CANCELLED,
	[PM_E_BUG] = PODMOX_E_BUG,
};

static podmox_code public_code(enum pm_code code)
{
	return codes[code];
}

int pm_lib_fail(podmox_error **ret, const struct pm_error *err, const struct pm_fault *fault)
{
	podmox_error *e;

	if (ret) {
		e = pm_xcalloc(1, sizeof(*e));
		e->e = *err;
		if (fault)
			e->fault = *fault;
		(void)snprintf(e->message, sizeof(e->message), "%s%s%s", err->where,
			err->where[0] ? ": " : "", err->msg);
		*ret = e;
	}
	return -(int)public_code(err->code);
}

void podmox_error_free(podmox_error *e)
{
	free(e);
}

podmox_code podmox_error_code(const podmox_error *e)
{
	return e ? public_code(e->e.code) : PODMOX_OK;
}

const char *podmox_error_message(const podmox_error *e)
{
	return e ? e->message : "";
}

const char *podmox_code_name(podmox_code code)
{
	for (unsigned i = 0; i < PM_CODE_MAX; i++) {
		if (codes[i] == code)
			return pm_code_name((enum pm_code)i);
	}
	return "unknown";
}

int podmox_error_retryable(const podmox_error *e)
{
	return e && pm_code_retryable(e->e.code);
}

int podmox_error_maybe_sent(const podmox_error *e)
{
	return e && e->e.maybe_sent;
}

int podmox_error_status(const podmox_error *e)
{
	return e ? e->e.http_status : 0;
}

unsigned podmox_error_retry_after(const podmox_error *e)
{
	return e ? e->fault.retry_after_s : 0;
}

const char *podmox_error_host(const podmox_error *e)
{
	return e ? e->fault.host : "";
}

const char *podmox_error_method(const podmox_error *e)
{
	return e ? e->fault.method : "";
}

const char *podmox_error_path(const podmox_error *e)
{
	return e ? e->fault.path : "";
}

const char *podmox_error_text(const podmox_error *e)
{
	return e ? e->fault.text : "";
}

const char *podmox_error_privilege(const podmox_error *e)
{
	return e ? e->fault.privilege : "";
}

const char *podmox_error_acl_path(const podmox_error *e)
{
	return e ? e->fault.acl_path : "";
}

size_t podmox_error_nparams(const podmox_error *e)
{
	return e ? e->fault.nparams : 0;
}

const char *podmox_error_param(const podmox_error *e, size_t i)
{
	return i < podmox_error_nparams(e) ? e->fault.param[i].name : NULL;
}

const char *podmox_error_param_text(const podmox_error *e, size_t i)
{
	return i < podmox_error_nparams(e) ? e->fault.param[i].text : NULL;
}
