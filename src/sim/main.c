/* podmox-sim: options, and the client of the control address. */
#include <stddef.h>

#include "base/num.h"
#include "sim/http_priv.h"

static const char usage[] =
	"usage: podmox-sim [options]\n"
	"       podmox-sim ctl unix:PATH COMMAND...     talk to a running one (\"help\" lists the commands)\n"
	"\n"
	"  --listen ADDRESS:PORT  where pve1 listens (default 127.0.0.1:8006; port 0: chosen by the kernel)\n"
	"  --nodes N              pve1 to pveN on ADDRESS and those after it, same port (default 1)\n"
	"  --plain                HTTP without TLS\n"
	"  --password TEXT        of root@pam (default podmox-sim)\n"
	"  --token TEXT           secret of root@pam!full (default: made up)\n"
	"  --config-out FILE      write a podmox.yaml that points here\n"
	"  --control unix:PATH    take orders: resets, locks, dead nodes, wrong certificates, rate limits\n"
	"  --log FILE             one JSON object a request\n"
	"  --state FILE           load the cluster from there, keep it there\n"
	"  --schema FILE          PVE's schema.json: verify every parameter by it\n"
	"  --seed N               everything random is repeatable\n"
	"  --seed-guests N        start with N containers\n"
	"  --seed-manifests DIR   write a manifest for each of them\n"
	"  --task-time DURATION   how long a task takes (default 200ms)\n"
	"  --latency DURATION     service time of a request (default none)\n"
	"  --workers N            requests a node serves at a time when there is a latency (default 3)\n"
	"  --stats-lag DURATION   how often statistics are collected (default 10s; 0s: always fresh)\n"
	"  --no-401-delay         a 401 comes at once, not after 3 s\n"
	"  --fail RULE            'METHOD PATH:KIND[:N|@N]'; KIND is refused, cut, timeout, lost or a status\n"
	"  --down NODE[,NODE]     nodes that are gone from the start\n"
	"  --drop-after N         a connection ends after N answers (default 100)\n"
	"  --help, --version\n";

enum kind {
	K_TEXT,    /* const char * */
	K_FLAG,    /* bool */
	K_COUNT,   /* unsigned */
	K_SEED,    /* uint64_t */
	K_TIME,    /* milliseconds, int64_t; 0 becomes -1, which the core takes for "none" */
	K_LATENCY, /* microseconds, int64_t */
	K_FAIL,    /* one more rule */
	K_HELP,
	K_VERSION,
};

static const struct opt {
	const char *name;
	enum kind kind;
	size_t at; /* in struct sim_cli */
	int64_t most;
} options[] = {
	{ "listen", K_TEXT, offsetof(struct sim_cli, listen), 0 },
	{ "nodes", K_COUNT, offsetof(struct sim_cli, o.nodes), SIM_NODES },
	{ "plain", K_FLAG, offsetof(struct sim_cli, plain), 0 },
	{ "password", K_TEXT, offsetof(struct sim_cli, o.password), 0 },
	{ "token", K_TEXT, offsetof(struct sim_cli, o.token_secret), 0 },
	{ "config-out", K_TEXT, offsetof(struct sim_cli, config_out), 0 },
	{ "control", K_TEXT, offsetof(struct sim_cli, control), 0 },
	{ "log", K_TEXT, offsetof(struct sim_cli, log), 0 },
	{ "state", K_TEXT, offsetof(struct sim_cli, o.state), 0 },
	{ "schema", K_TEXT, offsetof(struct sim_cli, o.schema), 0 },
	{ "seed", K_SEED, offsetof(struct sim_cli, o.seed), INT64_MAX / 2 },
	{ "seed-guests", K_COUNT, offsetof(struct sim_cli, o.seed_guests), 1000000 },
	{ "seed-manifests", K_TEXT, offsetof(struct sim_cli, o.seed_manifests), 0 },
	{ "task-time", K_TIME, offsetof(struct sim_cli, o.task_ms), 0 },
	{ "latency", K_LATENCY, offsetof(struct sim_cli, o.latency_us), 0 },
	{ "workers", K_COUNT, offsetof(struct sim_cli, o.workers), 1000 },
	{ "stats-lag", K_TIME, offsetof(struct sim_cli, o.stats_lag_ms), 0 },
	{ "no-401-delay", K_FLAG, offsetof(struct sim_cli, o.no_401_delay), 0 },
	{ "fail", K_FAIL, 0, 0 },
	{ "down", K_TEXT, offsetof(struct sim_cli, o.down), 0 },
	{ "drop-after", K_COUNT, offsetof(struct sim_cli, drop_after), 1000000 },
	{ "help", K_HELP, 0, 0 },
	{ "version", K_VERSION, 0, 0 },
};

static int take_count(const struct opt *o, const char *value, void *at, struct pm_error *err)
{
	int64_t n;

	if (pm_parse_int(value, 0, o->most, &n) != 0)
		return pm_error_set(err, PM_E_USAGE, "--%s %s: give a number from 0 to %lld",
			o->name, value, (long long)o->most);
	if (o->kind == K_SEED)
		*(uint64_t *)at = (uint64_t)n;
	else
		*(unsigned *)at = (unsigned)n;
	return 0;
}

static int take_time(const struct opt *o, const char *value, int64_t *at, struct pm_error *err)
{
	int64_t ms;

	if (pm_parse_millis(value, &ms) != 0)
		return pm_error_set(err, PM_E_USAGE,
			"--%s %s: give a duration, for example 200ms or 10s", o->name, value);
	*at = o->kind == K_LATENCY ? ms * 1000 : ms ? ms : -1;
	return 0;
}

/* `value` is NULL where the option takes none. */
static int take(struct sim_cli *c, const struct opt *o, const char *value, struct pm_error *err)
{
	void *at = (char *)c + o->at;

	switch (o->kind) {
	case K_TEXT:
		*(const char **)at = value;
		return 0;
	case K_FLAG:
		*(bool *)at = true;
		return 0;
	case K_FAIL:
		pm_vec_push(&c->fail, value);
		return 0;
	case K_COUNT:
	case K_SEED:
		return take_count(o, value, at, err);
	default:
		return take_time(o, value, at, err);
	}
}

/* The option an argument names; its value after "=" goes to *value. */
static const struct opt *option_of(const char *arg, const char **value)
{
	size_t n = strcspn(arg, "=");

	*value = NULL;
	if (strncmp(arg, "--", 2) != 0)
		return NULL;
	for (size_t i = 0; i < PM_COUNT(options); i++)
		if (strlen(options[i].name) == n - 2 && !strncmp(options[i].name, arg + 2, n - 2)) {
			*value = arg[n] ? arg + n + 1 : NULL;
			return &options[i];
		}
	return NULL;
}

/* 0, 1 when there is nothing more to do, or an error. */
static int read_options(struct sim_cli *c, int argc, char **argv, struct pm_error *err)
{
	for (int i = 1; i < argc; i++) {
		const char *value;
		const struct opt *o = option_of(argv[i], &value);
		bool alone = o && (o->kind == K_FLAG || o->kind == K_HELP || o->kind == K_VERSION);

		if (!o || (alone && value))
			return pm_error_set(
				err, PM_E_USAGE, "unexpected '%s'; see podmox-sim --help", argv[i]);
		if (o->kind == K_HELP || o->kind == K_VERSION) {
			(void)fputs(o->kind == K_HELP ? usage : "podmox-sim, PVE " SIM_VERSION "\n",
				stdout);
			return 1;
		}
		if (!alone && !value && i + 1 < argc)
			value = argv[++i];
		if (!alone && !value)
			return pm_error_set(err, PM_E_USAGE, "%s needs a value", argv[i]);
		if (take(c, o, value, err) != 0)
			return -err->code;
	}
	return 0;
}

static int serve(struct sim_cli *c, struct pm_error *err)
{
	struct sim_server *v = NULL;
	struct pm_sim *s = NULL;
	int code;

	c->o.fail = c->fail.v;
	c->o.nfail = c->fail.n;
	code = pm_sim_new(&s, &c->o, err);
	if (!code)
		code = pm_s_server_new(&v, s, c, err);
	if (!code) {
		code = pm_s_server_run(v, err);
		pm_s_server_free(v);
	}
	pm_sim_free(s);
	return code;
}

int main(int argc, char **argv)
{
	struct sim_cli c = { 0 };
	struct pm_error err;
	int code;

	if (argc > 1 && !strcmp(argv[1], "ctl"))
		return pm_s_ctl(argc - 2, argv + 2);
	code = read_options(&c, argc, argv, &err);
	if (!code)
		code = serve(&c, &err);
	pm_vec_done(&c.fail);
	if (code >= 0)
		return 0;
	(void)fprintf(stderr, "podmox-sim: error: %s\n", err.msg);
	return pm_code_exit(err.code);
}
