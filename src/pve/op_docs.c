/* The reference page of all calls: a row for each call, parameter and error, each with the header, the
 * command and the test. tests/lint/calls.sh proves that what it names exists. */
#include <string.h>

#include "base/mem.h"
#include "pve/op_priv.h"
#include "security/validate.h"

#define HEADERS "../../include/podmox/"
#define TESTS   "../../tests/unit/"

/* ---- links ---- */

/* Area of a call in the library, and its header. */
static const char *area(const struct pm_op *op)
{
	return op->kind == PM_OK_NONE ? op->noun : "guest";
}

static const char *header(const struct pm_op *op)
{
	const char *a = area(op);

	return strcmp(a, "cluster") == 0 || strcmp(a, "pool") == 0 ? "client" : a;
}

static void add_header(struct pm_buf *out, const struct pm_op *op)
{
	pm_buf_addf(out, "[podmox_%s_%s](" HEADERS "%s.h)", area(op), op->verb, header(op));
}

static void add_test(struct pm_buf *out, enum pm_op_id id)
{
	pm_buf_addf(out, "[call_%s](" TESTS "pve/test_calls.c)", pm_op_name(id));
}

/* The commands of a call, as one cell: "podmox ct start", "podmox vm start". */
static void add_command(struct pm_buf *out, const struct pm_op *op, const struct pm_param *p)
{
	static const char *const guests[] = { "ct", "vm" };
	bool first = true;

	for (unsigned i = 0; i < PM_COUNT(guests); i++) {
		bool ct = i == 0;

		if (op->kind == (ct ? PM_OK_VM : PM_OK_CT) || (op->kind == PM_OK_NONE && i > 0) ||
			(p && p->flags & (ct ? PM_P_VM : PM_P_CT)))
			continue;
		/* The command is graceful without it. */
		pm_buf_addf(out, "%s`podmox %s %s%s%s%s`", first ? "" : ", ",
			op->kind == PM_OK_NONE ? op->noun : guests[i], op->verb,
			op == pm_op(PM_OP_GUEST_STOP) ? " --force" : "", p ? " --" : "",
			p ? p->name : "");
		first = false;
	}
}

/* ---- calls ---- */

static void add_answer(struct pm_buf *out, const struct pm_op *op)
{
	static const char *const answers[] = { "nothing", "a value", "a list", "a task" };

	pm_buf_adds(out, answers[op->answer]);
}

static void add_errors(struct pm_buf *out, const struct pm_op *op)
{
	bool first = true;

	for (unsigned code = 1; code < PM_CODE_MAX; code++) {
		if (!pm_op_can_fail(op, (enum pm_code)code))
			continue;
		pm_buf_addf(out, "%s%s", first ? "" : ", ", pm_code_name((enum pm_code)code));
		first = false;
	}
}

static void add_call(struct pm_buf *out, enum pm_op_id id)
{
	const struct pm_op *op = pm_op(id);

	pm_buf_addf(out, "| %s%s%s | `%s %s` | ", op->doc, op->since ? " Since PVE " : "",
		op->since ? op->since : "", op->method, op->path);
	add_answer(out, op);
	pm_buf_addf(out, " | %s | ", op->operation ? op->operation : "reads");
	add_errors(out, op);
	pm_buf_adds(out, " | ");
	add_header(out, op);
	pm_buf_adds(out, " | ");
	add_command(out, op, NULL);
	pm_buf_adds(out, " | ");
	add_test(out, id);
	pm_buf_adds(out, " |\n");
}

/* ---- parameters ---- */

static const char *takes_what(enum pm_param_type type)
{
	static const char *const words[] = { [PM_P_TEXT] = "text",
		[PM_P_INT] = "integer",
		[PM_P_BOOL] = "yes or no",
		[PM_P_VMID] = "VMID",
		[PM_P_NODE] = "node",
		[PM_P_STORAGE] = "storage",
		[PM_P_VOLID] = "volume",
		[PM_P_UPID] = "UPID",
		[PM_P_NAME] = "DNS name",
		[PM_P_ID] = "name",
		[PM_P_POOL] = "pool",
		[PM_P_SIZE] = "size, or +size",
		[PM_P_BYTES] = "size",
		[PM_P_URL] = "URL",
		[PM_P_FILE] = "file" };

	return words[type];
}

static void add_takes(struct pm_buf *out, const struct pm_param *p)
{
	pm_buf_adds(out, takes_what(p->type));
	if (p->type == PM_P_INT && (p->min != 0 || p->max != 0)) {
		if (p->max == INT64_MAX)
			pm_buf_addf(out, ", %lld or more", (long long)p->min);
		else
			pm_buf_addf(out, ", %lld to %lld", (long long)p->min, (long long)p->max);
	} else if (p->max > 0) {
		pm_buf_addf(out, ", at most %lld bytes", (long long)p->max);
	}
	for (const char *s = p->choices; s && *s;) {
		size_t n = strcspn(s, " ");

		pm_buf_addf(out, "%s`%.*s`", s == p->choices ? ": " : ", ", (int)n, s);
		s += n + (s[n] == ' ');
	}
	if (p->flags & PM_P_MANY)
		pm_buf_adds(out, "; more than once");
	if (p->flags & PM_P_CT)
		pm_buf_adds(out, "; containers only");
	if (p->flags & PM_P_VM)
		pm_buf_adds(out, "; virtual machines only");
}

static void add_default(struct pm_buf *out, const struct pm_param *p)
{
	if (p->flags & PM_P_REQUIRED)
		pm_buf_adds(out, "required");
	else if (p->flags & PM_P_FOUND)
		pm_buf_adds(out, "looked up");
	else
		pm_buf_addf(out, "%s", p->def ? p->def : "none");
}

static void add_param(struct pm_buf *out, enum pm_op_id id, const struct pm_param *p)
{
	const struct pm_op *op = pm_op(id);

	pm_buf_addf(out, "| %s | %s%s%s | ", p->name, p->doc, p->since ? " Since PVE " : "",
		p->since ? p->since : "");
	add_takes(out, p);
	pm_buf_adds(out, " | ");
	add_default(out, p);
	pm_buf_adds(out, " | usage");
	if (!(p->flags & (PM_P_OURS | PM_P_FILE)))
		pm_buf_adds(out, ", invalid");
	if (strcmp(p->name, "digest") == 0)
		pm_buf_adds(out, ", conflict");
	if (p->type == PM_P_VMID && p->flags & PM_P_FOUND)
		pm_buf_adds(out, ", exists");
	if (p->type == PM_P_FILE)
		pm_buf_adds(out, ", io");
	pm_buf_adds(out, " | ");
	add_header(out, op);
	pm_buf_adds(out, " | ");
	add_command(out, op, p);
	pm_buf_adds(out, " | ");
	add_test(out, id);
	pm_buf_adds(out, " |\n");
}

static void add_params(struct pm_buf *out, enum pm_op_id id)
{
	const struct pm_op *op = pm_op(id);

	if (!op->params[0].name && !op->any_keys)
		return;
	pm_buf_adds(out,
		"\n| Parameter | Meaning | Takes | Default | Errors | Header | Command | Test |\n"
		"|---|---|---|---|---|---|---|---|\n");
	for (const struct pm_param *p = op->params; p->name; p++)
		add_param(out, id, p);
	if (!op->any_keys)
		return;
	pm_buf_adds(out,
		"| *key* | Any key of PVE's own for this call, passed on as it is. | text | none "
		"| usage, invalid, limit | ");
	add_header(out, op);
	pm_buf_adds(out, " | ");
	add_command(out, op, NULL);
	pm_buf_adds(out, " | ");
	add_test(out, id);
	pm_buf_adds(out, " |\n");
}

/* "ct start, vm start" */
static void add_title(struct pm_buf *out, const struct pm_op *op)
{
	switch (op->kind) {
	case PM_OK_BOTH:
		pm_buf_addf(out, "ct %s, vm %s", op->verb, op->verb);
		break;
	case PM_OK_CT:
		pm_buf_addf(out, "ct %s", op->verb);
		break;
	case PM_OK_VM:
		pm_buf_addf(out, "vm %s", op->verb);
		break;
	case PM_OK_NONE:
		pm_buf_addf(out, "%s %s", op->noun, op->verb);
		break;
	}
}

static void add_calls(struct pm_buf *out)
{
	for (unsigned i = 0; i < PM_OP_MAX; i++) {
		pm_buf_adds(out, "\n### ");
		add_title(out, pm_op((enum pm_op_id)i));
		pm_buf_adds(out,
			"\n\n| Call | PVE | Answer | Operation | Errors | Header | Command | "
			"Test |\n|---|---|---|---|---|---|---|---|\n");
		add_call(out, (enum pm_op_id)i);
		add_params(out, (enum pm_op_id)i);
	}
}

/* ---- everything else of the client: rows that no table of calls has ---- */

struct row {
	const char *name, *doc, *def, *errors, *symbol, *header, *command, *test, *file;
};

#define OPTION(name, doc, def, errors, field, test, file)                           \
	{                                                                           \
		name, doc, def, errors, "podmox_client_options." field, "client.h", \
			"podmox doctor", test, file                                 \
	}

static const struct row options[] = {
	OPTION("hosts", "Hosts of the cluster, each a name or address with an optional port.",
		"required", "input, unreachable", "hosts", "hosts_become_urls", "pve/test_hosts.c"),
	OPTION("port", "Port of hosts that name none.", "8006", "input", "port",
		"hosts_become_urls", "pve/test_hosts.c"),
	OPTION("username", "User to log in as.", "none", "input, authentication", "username",
		"the_user_is_who_the_record_says", "pve/test_session.c"),
	OPTION("password", "Password of the user.", "none", "input, authentication", "password",
		"a_wrong_password_is_tried_once", "pve/test_session.c"),
	OPTION("realm", "Realm of the user.", "pam", "authentication", "realm",
		"a_wrong_realm_is_named", "pve/test_session.c"),
	OPTION("token id", "API token, as user@realm!name.", "none", "input, authentication",
		"token_id", "a_token_needs_no_login", "pve/test_session.c"),
	OPTION("token secret", "Secret of the token.", "none", "input, authentication",
		"token_secret", "a_wrong_token_is_tried_once", "pve/test_session.c"),
	OPTION("CA", "File with the CA of the hosts' certificates.", "the system's CAs",
		"input, authentication", "ca_file", "trust_a_ca", "net/test_trust.c"),
	OPTION("fingerprints",
		"SHA-256 of certificates; a host that has none of them is not spoken to.", "none",
		"authentication", "fingerprints", "trust_a_pinned_fingerprint", "net/test_trust.c"),
	OPTION("verify", "Check certificates.", "yes", "authentication", "insecure",
		"trust_everybody_when_asked_to", "net/test_trust.c"),
	OPTION("time-out", "Seconds to wait for one answer.", "30", "timeout", "timeout_s",
		"io_gives_up_on_silence", "net/test_io.c"),
	OPTION("reads in flight", "Reads at once, for each host.", "6", "input", "reads_in_flight",
		"io_takes_limits_from_the_host", "net/test_queue.c"),
	OPTION("writes in flight", "Writes at once, for each host.", "2", "input",
		"writes_in_flight", "io_takes_limits_from_the_host", "net/test_queue.c"),
	OPTION("requests per second", "Most requests a second, over all hosts.", "no limit", "busy",
		"requests_per_second", "io_waits_for_the_limiter", "net/test_queue.c"),
	OPTION("cache", "Answers that are not too old for their kind are given again.", "yes",
		"none", "no_cache", "an_answer_is_good_for_a_while", "pve/test_cache.c"),
	OPTION("allow list", "Operations that are allowed.", "all", "refused", "allow",
		"the_policy_stands_before_every_write", "pve/test_call.c"),
	OPTION("audit log", "File that every write is recorded in.", "none", "io, invalid",
		"audit_file", "writes_are_in_the_audit_log_without_values", "pve/test_call.c"),
};

static const struct row basics[] = {
	{ "open", "Prepare a client.", "", "usage, input, io", "podmox_client_open", "client.h",
		"podmox doctor", "what_is_missing_is_told_when_opening", "pve/test_session.c" },
	{ "authenticate", "Log in now, or prove the token.", "", "authentication, unreachable",
		"podmox_client_authenticate", "client.h", "podmox doctor",
		"a_ticket_is_fetched_once_and_sent_encoded", "pve/test_session.c" },
	{ "get", "Any read of the API.", "", "as the call", "podmox_client_get", "client.h",
		"podmox api get", "data_of_an_answer_is_handed_out", "pve/test_call.c" },
	{ "post", "Any POST; operation api.", "", "as the call, refused", "podmox_client_post",
		"client.h", "podmox api post", "writes_carry_the_csrf_token",
		"pve/test_session.c" },
	{ "put", "Any PUT; operation api.", "", "as the call, refused", "podmox_client_put",
		"client.h", "podmox api put", "writes_are_tried_again_only_where_nothing_happened",
		"pve/test_call.c" },
	{ "delete", "Any DELETE; operation api.", "", "as the call, refused",
		"podmox_client_delete", "client.h", "podmox api delete",
		"the_policy_stands_before_every_write", "pve/test_call.c" },
	{ "close", "End the client.", "", "none", "podmox_client_close", "client.h",
		"podmox doctor", "io_starts_and_ends_idle", "net/test_io.c" },
	{ "wait", "Follow a task to its end, line by line of its log.", "",
		"task, timeout, cancelled", "podmox_task_wait", "task.h", "podmox task wait",
		"lines_are_told_once_as_they_come", "pve/test_follow.c" },
};

static const struct row limiter[] = {
	{ "max requests", "How many in each window.", "required", "none", "podmox_ratelimit_new",
		"security.h", "podmox doctor", "bucket_gives_what_is_in_it", "net/test_limit.c" },
	{ "window", "Length of the window in milliseconds.", "required", "none",
		"podmox_ratelimit_new", "security.h", "podmox doctor", "bucket_keeps_every_window",
		"net/test_limit.c" },
	{ "try acquire", "Take one if there is one, or say when there will be.", "", "none",
		"podmox_ratelimit_try", "security.h", "podmox doctor", "bucket_takes_many_threads",
		"net/test_limit.c" },
	{ "reset", "All may be taken again.", "", "none", "podmox_ratelimit_reset", "security.h",
		"podmox doctor", "bucket_is_full_again_after_a_reset", "net/test_limit.c" },
};

static const struct row security[] = {
	{ "sanitise", "A text made safe for logs and terminals.", "", "none", "podmox_sanitize",
		"security.h", "podmox task log", "sanitize_replaces_what_harms",
		"security/test_validate.c" },
	{ "validate operation", "Is an operation on an allow list?", "all when empty", "refused",
		"podmox_operation_check", "security.h", "podmox doctor", "policy_says_how_to_allow",
		"security/test_secret.c" },
	{ "get audit logs", "The last records of the log.", "all", "io, invalid",
		"podmox_audit_read", "security.h", "podmox audit", "read_gives_the_last_records",
		"security/test_rotate.c" },
	{ "verify audit log", "Is the chain whole?", "", "io, invalid", "podmox_audit_verify",
		"security.h", "podmox audit verify", "audit_names_the_changed_line",
		"security/test_audit.c" },
};

/* By class: who checks it, and a command that takes one. */
static const struct {
	const char *symbol, *command, *test;
} validators[PM_VALID_MAX] = {
	[PM_VALID_VMID] = { "PODMOX_VALID_VMID", "podmox ct status",
		"validate_numbers_at_their_bounds" },
	[PM_VALID_NODE] = { "PODMOX_VALID_NODE", "podmox node status", "validate_node_names" },
	[PM_VALID_HOST] = { "PODMOX_VALID_HOST", "podmox doctor", "validate_hosts" },
	[PM_VALID_NAME] = { "PODMOX_VALID_NAME", "podmox ct clone", "validate_guest_names" },
	[PM_VALID_STORAGE] = { "PODMOX_VALID_STORAGE", "podmox storage status",
		"validate_storages_ids_and_pools" },
	[PM_VALID_ID] = { "PODMOX_VALID_ID", "podmox ct snapshot",
		"validate_storages_ids_and_pools" },
	[PM_VALID_ADDRESS] = { "PODMOX_VALID_ADDRESS", "podmox validate", "validate_addresses" },
	[PM_VALID_CIDR] = { "PODMOX_VALID_CIDR", "podmox validate", "validate_addresses" },
	[PM_VALID_PORT] = { "PODMOX_VALID_PORT", "podmox doctor",
		"validate_numbers_at_their_bounds" },
	[PM_VALID_MEMORY] = { "PODMOX_VALID_MEMORY", "podmox validate",
		"validate_numbers_at_their_bounds" },
	[PM_VALID_CORES] = { "PODMOX_VALID_CORES", "podmox validate",
		"validate_numbers_at_their_bounds" },
	[PM_VALID_VOLID] = { "PODMOX_VALID_VOLID", "podmox storage rm", "validate_volumes" },
	[PM_VALID_UPID] = { "PODMOX_VALID_UPID", "podmox task status", "validate_upids" },
	[PM_VALID_POOL] = { "PODMOX_VALID_POOL", "podmox pool create",
		"validate_storages_ids_and_pools" },
};

static void add_rows(struct pm_buf *out, const char *title, const struct row *v, size_t n)
{
	pm_buf_addf(out,
		"\n## %s\n\n| Name | Meaning | Default | Errors | Header | Command | Test |\n"
		"|---|---|---|---|---|---|---|\n",
		title);
	for (size_t i = 0; i < n; i++)
		pm_buf_addf(out,
			"| %s | %s | %s | %s | [%s](" HEADERS "%s) | `%s` | [%s](" TESTS "%s) |\n",
			v[i].name, v[i].doc, v[i].def, v[i].errors, v[i].symbol, v[i].header,
			v[i].command, v[i].test, v[i].file);
}

static void add_validators(struct pm_buf *out)
{
	pm_buf_adds(out, "\n## Validators\n\n| Of | Allows | Errors | Header | Command | Test |\n"
			 "|---|---|---|---|---|---|\n");
	for (unsigned i = 0; i < PM_VALID_MAX; i++)
		pm_buf_addf(out,
			"| %s | %s | input | [%s](" HEADERS "security.h) | `%s` | [%s](" TESTS
			"security/test_validate.c) |\n",
			pm_valid_name((enum pm_valid)i), pm_valid_doc((enum pm_valid)i),
			validators[i].symbol, validators[i].command, validators[i].test);
}

/* ---- errors ---- */

/* Of the library: "PODMOX_E_NOTFOUND". */
static const char *const symbols[] = {
#define PM_CODE(id, name, retryable, exit_status, doc) [PM_##id] = #id,
#include "base/codes.def"
#undef PM_CODE
};

static void add_classes(struct pm_buf *out)
{
	pm_buf_adds(out,
		"\n## Errors\n\nThe classes of errors. The test of each call brings about every "
		"class that the call can give; `texts_become_codes` holds the words of PVE.\n\n"
		"| Class | Meaning | Worth trying again | Exit status | Header | Command | "
		"Test |\n|---|---|---|---|---|---|---|\n");
	for (unsigned i = 1; i < PM_CODE_MAX; i++) {
		enum pm_code code = (enum pm_code)i;

		pm_buf_addf(out,
			"| %s | %s | %s | %d | [PODMOX_%s](" HEADERS
			"error.h) | `podmox api get` | [texts_become_codes](" TESTS
			"pve/test_errors.c) |\n",
			pm_code_name(code), pm_code_doc(code),
			pm_code_retryable(code) ? "yes" : "no", pm_code_exit(code), symbols[i]);
	}
}

void pm_op_docs(struct pm_buf *out)
{
	pm_buf_adds(out,
		"# Calls\n\n"
		"Every call of the client, made from its tables by `make generate`. A call is one function "
		"of the library, one\ncommand and one test; parameters have the same names in both. What is "
		"not given is not sent, so that PVE's own\ndefault applies. `make lint` proves that every "
		"header, command and test named here exists.\n");
	add_rows(out, "Options of a client", options, PM_COUNT(options));
	add_rows(out, "The client", basics, PM_COUNT(basics));
	pm_buf_adds(out, "\n## Calls by name\n");
	add_calls(out);
	add_classes(out);
	add_rows(out, "Rate limiter", limiter, PM_COUNT(limiter));
	add_validators(out);
	add_rows(out, "Security", security, PM_COUNT(security));
}
