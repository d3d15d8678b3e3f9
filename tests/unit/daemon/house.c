/* The house that tests of the daemon live in. */
#include "house.h"

#include <unistd.h>

const char *house_config(struct house *h, const char *set, const char *sync)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);

	(void)pm_buf_addf(&text,
		"apiVersion: podmox/v1\nkind: Config\nset: %s\nclusters:\n  - name: sim\n"
		"    hosts: [pve1, pve2]\n    auth: {username: root, password: \"%s\"}\n"
		"    vmids: 200-299\njournal: {dir: %s/state}\naudit: {file: %s/audit.jsonl}\n%s",
		set, pm_sim_password(h->sim), h->dir, h->dir, sync);
	return pm_test_file(h->dir, "podmox.yaml", pm_buf_str(&text));
}

static void configure(struct house *h, const char *sync)
{
	struct pm_diags diags;
	struct pm_error err;

	pm_diags_init(&diags, h->arena);
	assert_ok(pm_config_open(house_config(h, "home", sync), &h->config, &diags, &err), &err);
}

void house_start(struct house *h, const char *sync)
{
	struct pm_sim_options so = {
		.clock = &h->clock.clock, .nodes = 2, .seed = 1, .no_401_delay = true
	};
	struct pm_error err;

	memset(h, 0, sizeof(*h));
	pm_test_clock_init(&h->clock);
	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0);
	h->arena = pm_arena_new(0);
	h->dir = pm_test_dir();
	assert_ok(pm_sim_new(&h->sim, &so, &err), &err);
	h->wire = pm_sim_transport_new(h->sim, &h->clock.clock);
	configure(h, sync);
	(void)snprintf(h->folder, sizeof(h->folder), "%s/m", h->dir);
	(void)pm_test_file(h->dir, "m/a.yaml", HOUSE_POD("a", "201", ""));
	(void)pm_test_file(h->dir, "m/b.yaml", HOUSE_POD("b", "202", ""));
	h->o = (struct pm_daemon_opts){ .config = h->config,
		.dir = h->folder,
		.transport = h->wire,
		.clock = &h->clock.clock,
		.seed = 1 };
}

void house_open(struct house *h)
{
	const struct pm_board_opts bo = {
		.set = "home", .journal_dir = h->config->journal_dir, .clock = &h->clock.clock
	};
	struct pm_error err;

	h->board = pm_board_new(&bo);
	assert_ok(pm_keeper_open(&h->keeper, &h->o, h->board, &h->cancel, &err), &err);
}

void house_done(struct house *h)
{
	if (h->keeper.rc)
		pm_keeper_close(&h->keeper);
	pm_board_free(h->board);
	pm_transport_free(h->wire);
	pm_config_free(h->config);
	pm_sim_free(h->sim);
	pm_arena_free(h->arena);
}

void house_cycle(struct house *h, unsigned reasons)
{
	pm_keeper_cycle(&h->keeper, reasons, &h->out);
}

const char *house_control(struct house *h, const char *line)
{
	static char out[4096];

	if (pm_sim_control(h->sim, line, out, sizeof(out)) < 0)
		fail_msg("%s: %s", line, out);
	return out;
}

void house_good(const struct house *h)
{
	if (h->out.failed)
		fail_msg("the cycle failed: %s (%s)", h->out.err.msg, h->out.err.where);
}

void house_put(struct house *h, const char *name, const char *text)
{
	cleanup_buf struct pm_buf path = PM_BUF(0);

	(void)pm_buf_addf(&path, "m/%s", name);
	if (text) {
		(void)pm_test_file(h->dir, pm_buf_str(&path), text);
		return;
	}
	pm_buf_clear(&path);
	(void)pm_buf_addf(&path, "%s/%s", h->folder, name);
	assert_int_equal(unlink(pm_buf_str(&path)), 0);
}

/* What stands on stderr between the two calls. */
int house_divert(FILE **ret)
{
	int old = dup(STDERR_FILENO);

	*ret = tmpfile();
	assert_non_null(*ret);
	assert_true(old >= 0);
	(void)fflush(stderr);
	assert_true(dup2(fileno(*ret), STDERR_FILENO) >= 0);
	pm_log_setup(PM_LOG_DEBUG, false);
	return old;
}

char *house_undivert(FILE *f, int old)
{
	char *text = calloc(1, 65536);

	pm_log_setup(PM_LOG_WARNING, false);
	(void)fflush(stderr);
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	assert_int_equal(close(old), 0);
	rewind(f);
	assert_true(fread(text, 1, 65535, f) > 0);
	(void)fclose(f);
	return text;
}

struct pm_board_view house_view(struct house *h)
{
	struct pm_board_view v;

	pm_board_view(h->board, h->arena, PM_BOARD_ALL, &v);
	return v;
}
