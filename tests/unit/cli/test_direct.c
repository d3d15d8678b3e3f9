/* The words of a direct call: which call they mean, and which argument is which. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli_priv.h"
#include "pm_test.h"

struct words {
	struct pm_args a;
	struct pm_direct d;
	struct pm_error err;
};

/* Parses "ct start 100" as the command line would. */
static int parse(struct words *w, char *line)
{
	char name[] = "podmox";
	char *argv[32] = { name };
	int argc = 1;
	char *save = NULL;
	int r;

	memset(w, 0, sizeof(*w));
	for (char *s = strtok_r(line, " ", &save); s != NULL; s = strtok_r(NULL, " ", &save))
		argv[argc++] = s;
	if (!pm_args_parse(argc, argv, &w->a, &w->err))
		return w->err.code != PM_OK ? -(int)w->err.code : -PM_E_BUG;
	w->d.arena = pm_arena_new(0);
	r = pm_direct_parse(&w->a, &w->d, &w->err);
	return r < 0 ? r : pm_direct_values(&w->d, false, &w->err);
}

static void done(struct words *w)
{
	pm_direct_done(&w->d);
	pm_arena_free(w->d.arena);
	pm_args_done(&w->a);
}

/* The line must mean that call with these arguments, as "vmid=100 force". */
static void means(const char *line, enum pm_op_id id, const char *expect)
{
	struct pm_buf got = PM_BUF(0);
	char *copy = strdup(line);
	struct words w;

	assert_ok(parse(&w, copy), &w.err);
	assert_int_equal(w.d.id, id);
	for (size_t i = 0; i < w.d.args.n; i++)
		(void)pm_buf_addf(&got, "%s%s%s%s", i > 0 ? " " : "", w.d.args.v[i].name,
			w.d.args.v[i].value != NULL ? "=" : "",
			w.d.args.v[i].value != NULL ? w.d.args.v[i].value : "");
	assert_string_equal(pm_buf_str(&got), expect);
	pm_buf_done(&got);
	done(&w);
	free(copy);
}

static void refused(const char *line, const char *part)
{
	char *copy = strdup(line);
	struct words w;

	assert_err(parse(&w, copy), PM_E_USAGE, &w.err, part);
	done(&w);
	free(copy);
}

PM_TEST(direct_words_by_place)
{
	means("ct start 100", PM_OP_GUEST_START, "vmid=100");
	means("vm start 100", PM_OP_GUEST_START, "vmid=100");
	means("ct snapshot 100 before", PM_OP_SNAP_CREATE, "vmid=100 snapname=before");
	means("storage content pve1/local", PM_OP_STORAGE_CONTENT, "node=pve1 storage=local");
	means("storage content pve1 local", PM_OP_STORAGE_CONTENT, "node=pve1 storage=local");
	means("storage content --node pve1 local", PM_OP_STORAGE_CONTENT,
		"node=pve1 storage=local");
	means("storage rm local:iso/a=b.iso --node pve1", PM_OP_STORAGE_RM,
		"node=pve1 volid=local:iso/a=b.iso");
	means("ct create 100 pve1", PM_OP_GUEST_CREATE, "vmid=100 node=pve1");
	means("ct create --node pve1", PM_OP_GUEST_CREATE, "node=pve1");
}

PM_TEST(direct_options_and_assignments)
{
	means("ct clone 100 --newid 5 --full", PM_OP_GUEST_CLONE, "newid=5 full vmid=100");
	means("ct clone --newid=5 100", PM_OP_GUEST_CLONE, "newid=5 vmid=100");
	means("ct clone newid=5 name=a=b 100", PM_OP_GUEST_CLONE, "newid=5 name=a=b vmid=100");
	means("ct clone 100 --full=0", PM_OP_GUEST_CLONE, "full=0 vmid=100");
	means("ct set 100 net0=name=eth0,bridge=vmbr0 --delete mp0", PM_OP_CT_SET,
		"net0=name=eth0,bridge=vmbr0 delete=mp0 vmid=100");
	means("-o json ct -v list --no-cache", PM_OP_GUEST_LIST, "");
	means("ct start -- 100", PM_OP_GUEST_START, "vmid=100");
}

PM_TEST(direct_stop_is_graceful)
{
	means("ct stop 100", PM_OP_GUEST_SHUTDOWN, "vmid=100");
	means("ct stop 100 --force", PM_OP_GUEST_STOP, "vmid=100");
	means("ct stop 100 --timeout 5", PM_OP_GUEST_SHUTDOWN, "timeout=5 vmid=100");
	means("ct delete 100 --force", PM_OP_GUEST_DELETE, "force vmid=100");
	refused("ct start 100 --force", "unknown option --force of ct start");
}

PM_TEST(direct_mistakes)
{
	refused("--version", "version is a command: podmox version");
	refused("--verison", "unknown option --verison");
	refused("ct", "needs a verb: list, ");
	refused("ct strat 100", "did you mean start?");
	refused("ct frobnicate", "it knows: list, ");
	refused("ct clone 100 --nwid 5", "did you mean --newid?");
	refused("ct clone 100 --newid", "--newid needs a value: VMID");
	refused("ct clone 100 nwid=5", "did you mean newid?");
	refused("ct create 100 --memory 512", "memory=VALUE");
	refused("ct start 100 101", "unexpected argument \"101\"");
	refused("ct start 100 -x", "unknown option");
	refused("ct start 100 -- --node", "unexpected argument \"--node\"");
	refused("ct migrate 100 pve2 --with-local-disks", "of ct migrate");
	refused("task stat", "did you mean status?");
}

PM_TEST(direct_secrets_stand_elsewhere)
{
	refused("ct create 100 --node pve1 password=geheim", "password=@env:NAME");
	refused("vm set 100 cipassword=geheim", "cipassword=@file:PATH");
	means("ct create 100 --node pve1 password=@env:X", PM_OP_GUEST_CREATE,
		"node=pve1 password=@env:X vmid=100");
}

PM_TEST(direct_values_are_read)
{
	const char *path = pm_test_file(pm_test_dir(), "note", "by hand\n");
	char line[512];
	struct words w;

	(void)snprintf(line, sizeof(line), "ct set 100 description=@file:%s", path);
	assert_ok(parse(&w, line), &w.err);
	assert_ok(pm_direct_values(&w.d, true, &w.err), &w.err);
	assert_string_equal(w.d.args.v[0].value, "by hand");
	done(&w);
	(void)snprintf(line, sizeof(line), "ct set 100 description=@file:%s.not", path);
	assert_ok(parse(&w, line), &w.err);
	assert_true(pm_direct_values(&w.d, true, &w.err) < 0);
	assert_has(w.err.msg, "description");
	done(&w);
}

/* Every parameter of every call can be said, and the help names all that the call takes. */
PM_TEST(direct_rows_have_words)
{
	const char *const *nouns = pm_op_nouns();

	for (; *nouns != NULL; nouns++) {
		const char *verbs[64];
		size_t n = pm_direct_verbs(*nouns, verbs, PM_COUNT(verbs));

		assert_true(n > 0 && n < PM_COUNT(verbs));
		assert_non_null(pm_command_named(*nouns));
		for (size_t i = 0; i < n; i++) {
			enum pm_guest_type guest;
			enum pm_op_id id = pm_op_find(*nouns, verbs[i], &guest);

			if (id == PM_OP_MAX)
				continue;
			for (const struct pm_param *p = pm_op(id)->params; p->name != NULL; p++)
				assert_string_not_equal(pm_param_word(p), "VALUE");
		}
	}
}
