/* A program that knows nothing but the installed headers: strict C99, and C++. Every public call is taken
 * the address of, so that a name without an implementation does not link; the ones that need no cluster
 * are called with good and bad arguments. */
#include <podmox/podmox.h>

#include <stdio.h>
#include <string.h>

static int failed;

static void check(int good, const char *what)
{
	if (!good) {
		printf("consumer: wrong: %s\n", what);
		failed = 1;
	}
}

static void check_error(int r, podmox_code code, podmox_error *err, const char *text)
{
	check(r == -(int)code, text);
	check(podmox_error_code(err) == code, text);
	check(strstr(podmox_error_message(err), text) != NULL, podmox_error_message(err));
	podmox_error_free(err);
}

static void check_open(void)
{
	podmox_client_options o = PODMOX_CLIENT_OPTIONS_INIT;
	const char *host = "10.0.0.1";
	podmox_client *c = NULL;
	podmox_error *err = NULL;
	int r;

	r = podmox_client_open(&o, &c, &err);
	check_error(r, PODMOX_E_USAGE, err, "no host");
	o.hosts = &host;
	o.nhosts = 1;
	r = podmox_client_open(&o, &c, &err);
	check_error(r, PODMOX_E_USAGE, err, "either username and password");
	o.username = "root";
	r = podmox_client_open(&o, &c, &err);
	check_error(r, PODMOX_E_USAGE, err, "password is not set");
	o.password = "secret-of-the-consumer";
	host = "http://10.0.0.1/";
	r = podmox_client_open(&o, &c, &err);
	check_error(r, PODMOX_E_INPUT, err, "hosts");
	host = "10.0.0.1";
	o.size = 3;
	r = podmox_client_open(&o, &c, &err);
	check_error(r, PODMOX_E_USAGE, err, "size");
	o.size = sizeof(o);
	r = podmox_client_open(&o, &c, NULL);
	check(r == 0, "a client opens without sending anything");
	podmox_client_cancel(c);
	r = podmox_client_get(c, "/version", NULL, NULL, &err);
	check_error(r, PODMOX_E_CANCELLED, err, "logging in");
	r = podmox_client_get(c, "version", NULL, NULL, &err);
	check_error(r, PODMOX_E_USAGE, err, "slash");
	podmox_client_close(c);
	podmox_client_close(NULL);
}

static void count(void *arg, const podmox_audit_record *record)
{
	check(record->size == sizeof(*record), "a record knows its size");
	check(strcmp(record->operation, "start") == 0 && strcmp(record->user, "") == 0,
		"texts are those of the record, or empty");
	++*(size_t *)arg;
}

/* Its only record, whose hash anybody can make anew with sha256sum. */
static void check_audit(void)
{
	static const char log[] =
		"{\"seq\":1,\"time\":\"2026-03-01T12:00:00.000Z\",\"prev\":"
		"\"0000000000000000000000000000000000000000000000000000000000000000\","
		"\"operation\":\"start\",\"result\":\"ok\",\"hash\":"
		"\"0998a4f73aafdf15735258cf194ee23095c14e79dcccd820f1bd7bf0f23ab1dc\"}\n";
	const char *file = "consumer-audit.jsonl";
	podmox_error *err = NULL;
	size_t n = 0;
	FILE *f;
	int r;

	r = podmox_audit_read("/nonexistent/audit.jsonl", 0, count, &n, &err);
	check_error(r, PODMOX_E_NOTFOUND, err, "/nonexistent/audit.jsonl");
	r = podmox_audit_verify("/nonexistent/audit.jsonl", &n, &err);
	check_error(r, PODMOX_E_NOTFOUND, err, "/nonexistent/audit.jsonl");
	r = podmox_audit_read(NULL, 0, count, &n, &err);
	check_error(r, PODMOX_E_USAGE, err, "file");
	f = fopen(file, "w");
	check(f != NULL && fputs(log, f) > 0 && fclose(f) == 0, "a log is written");
	check(podmox_audit_read(file, 5, count, &n, NULL) == 0 && n == 1, "one record is read");
	check(podmox_audit_verify(file, &n, NULL) == 0 && n == 1, "one record is good");
	f = fopen(file, "a");
	check(f != NULL && fputs("more\n", f) > 0 && fclose(f) == 0, "something is added");
	r = podmox_audit_verify(file, &n, &err);
	check_error(r, PODMOX_E_INVALID, err, "consumer-audit.jsonl:2: ");
	check(n == 1, "the records before it are counted");
	(void)remove(file);
}

static void check_security(void)
{
	const char *allow[] = { "start", "stop" };
	podmox_ratelimit *limit = podmox_ratelimit_new(2, 3600000);
	podmox_error *err = NULL;
	uint64_t wait = 0;
	char out[8];
	int r;

	check(podmox_ratelimit_try(limit, NULL) && podmox_ratelimit_try(limit, NULL), "two may go");
	check(!podmox_ratelimit_try(limit, &wait) && wait > 0, "the third waits");
	podmox_ratelimit_reset(limit);
	check(podmox_ratelimit_try(limit, NULL), "after the reset one may go");
	podmox_ratelimit_free(limit);
	check(podmox_ratelimit_new(0, 1) == NULL, "no limiter of nothing");

	check(podmox_validate(PODMOX_VALID_VMID, "100", NULL) == 0, "100 is a VMID");
	r = podmox_validate(PODMOX_VALID_VMID, "99", &err);
	check_error(r, PODMOX_E_INPUT, err, "99");
	check(podmox_validate(PODMOX_VALID_ADDRESS, "fd00::1", NULL) == 0, "an address");
	check(podmox_sanitize("a\nb", out, sizeof(out)) == 3 && strcmp(out, "a?b") == 0,
		"no control characters");
	check(podmox_operation_check(allow, 2, "start", NULL) == 0, "start is allowed");
	r = podmox_operation_check(allow, 2, "delete", &err);
	check_error(r, PODMOX_E_REFUSED, err, "delete");
}

static void check_rest(void)
{
	podmox_value *schema = NULL;
	podmox_task *task = NULL;
	podmox_error *err = NULL;
	int r;

	check(podmox_schema("Pod", &schema, NULL) == 0, "the schema of Pod");
	check(podmox_value_type(schema) == PODMOX_OBJECT && podmox_value_size(schema) > 2,
		"a schema is an object");
	check(podmox_value_key(schema, 0) != NULL && podmox_value_at(schema, 0) != NULL,
		"its first member");
	podmox_value_free(schema);
	r = podmox_schema("Nothing", &schema, &err);
	check_error(r, PODMOX_E_USAGE, err, "Nothing");
	r = podmox_task_open("UPID:", &task, &err);
	check_error(r, PODMOX_E_INPUT, err, "UPID");
	check(podmox_value_type(NULL) == PODMOX_NULL && podmox_value_int(NULL, 7) == 7,
		"nothing is null");
	check(podmox_error_code(NULL) == PODMOX_OK && podmox_error_nparams(NULL) == 0,
		"no error is no error");
	check(strcmp(podmox_version(), PODMOX_VERSION) == 0, "header and library agree");
	check(strcmp(podmox_code_name(PODMOX_E_NOTFOUND), "not-found") == 0, "names of codes");
}

typedef void any_function(void);
static any_function *const all[] = {
#include "names.h"
};

int main(void)
{
	size_t i, n = 0;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		n += all[i] != NULL;
	check(n > 60, "every call has an address");
	check_open();
	check_security();
	check_audit();
	check_rest();
	printf("consumer: %lu calls, %s\n", (unsigned long)n, failed ? "wrong" : "good");
	return failed;
}
