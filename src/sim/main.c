/* podmox-sim: options, and the client of the control address. */
#include <getopt.h>
#include <signal.h>

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
	"  --control unix:PATH    take orders: resets, locks, dead nodes, changes behind podmox's back\n"
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
	"  --drop-after N         a connection ends after N answers (default 100)\n"
	"  --help, --version\n";

enum opt {
	O_LISTEN = 256,
	O_NODES,
	O_PLAIN,
	O_PASSWORD,
	O_TOKEN,
	O_CONFIG_OUT,
	O_CONTROL,
	O_LOG,
	O_STATE,
	O_SCHEMA,
	O_SEED,
	O_SEED_GUESTS,
	O_SEED_MANIFESTS,
	O_TASK_TIME,
	O_LATENCY,
	O_WORKERS,
	O_STATS_LAG,
	O_NO_401,
	O_FAIL,
	O_DROP,
	O_HELP,
	O_VERSION,
};

static const struct option options[] = {
	{ "listen", required_argument, NULL, O_LISTEN },
	{ "nodes", required_argument, NULL, O_NODES },
	{ "plain", no_argument, NULL, O_PLAIN },
	{ "password", required_argument, NULL, O_PASSWORD },
	{ "token", required_argument, NULL, O_TOKEN },
	{ "config-out", required_argument, NULL, O_CONFIG_OUT },
	{ "control", required_argument, NULL, O_CONTROL },
	{ "log", required_argument, NULL, O_LOG },
	{ "state", required_argument, NULL, O_STATE },
	{ "schema", required_argument, NULL, O_SCHEMA },
	{ "seed", required_argument, NULL, O_SEED },
	{ "seed-guests", required_argument, NULL, O_SEED_GUESTS },
	{ "seed-manifests", required_argument, NULL, O_SEED_MANIFESTS },
	{ "task-time", required_argument, NULL, O_TASK_TIME },
	{ "latency", required_argument, NULL, O_LATENCY },
	{ "workers", required_argument, NULL, O_WORKERS },
	{ "stats-lag", required_argument, NULL, O_STATS_LAG },
	{ "no-401-delay", no_argument, NULL, O_NO_401 },
	{ "fail", required_argument, NULL, O_FAIL },
	{ "drop-after", required_argument, NULL, O_DROP },
	{ "help", no_argument, NULL, O_HELP },
	{ "version", no_argument, NULL, O_VERSION },
	{ 0 },
};

static int number(const char *name, int64_t most, int64_t *ret, struct pm_error *err)
{
	if (pm_parse_int(optarg, 0, most, ret) == 0)
		return 0;
	return pm_error_set(err, PM_E_USAGE, "%s %s: give a number from 0 to %lld", name, optarg,
		(long long)most);
}

static int duration(const char *name, int64_t *ms, struct pm_error *err)
{
	if (pm_parse_millis(optarg, ms) != 0)
		return pm_error_set(err, PM_E_USAGE,
			"%s %s: give a duration, for example 200ms or 10s", name, optarg);
	return 0;
}

static int take_times(struct sim_cli *c, int opt, struct pm_error *err)
{
	int64_t ms = 0;
	int code;

	switch (opt) {
	case O_TASK_TIME:
		code = duration("--task-time", &ms, err);
		c->o.task_ms = ms ? ms : -1;
		return code;
	case O_LATENCY:
		code = duration("--latency", &ms, err);
		c->o.latency_us = ms * 1000;
		return code;
	default:
		code = duration("--stats-lag", &ms, err);
		c->o.stats_lag_ms = ms ? ms : -1;
		return code;
	}
}

static int take_number(struct sim_cli *c, int opt, struct pm_error *err)
{
	int64_t n = 0;
	int code = 0;

	switch (opt) {
	case O_NODES:
		code = number("--nodes", SIM_NODES, &n, err);
		c->o.nodes = (unsigned)n;
		break;
	case O_SEED:
		code = number("--seed", INT64_MAX / 2, &n, err);
		c->o.seed = (uint64_t)n;
		break;
	case O_SEED_GUESTS:
		code = number("--seed-guests", 1000000, &n, err);
		c->o.seed_guests = (unsigned)n;
		break;
	case O_WORKERS:
		code = number("--workers", 1000, &n, err);
		c->o.workers = (unsigned)n;
		break;
	default:
		code = number("--drop-after", 1000000, &n, err);
		c->drop_after = (unsigned)n;
	}
	return code;
}

static void take_text(struct sim_cli *c, int opt)
{
	const char **const where[] = { [O_LISTEN - O_LISTEN] = &c->listen,
		[O_PASSWORD - O_LISTEN] = &c->o.password,
		[O_TOKEN - O_LISTEN] = &c->o.token_secret,
		[O_CONFIG_OUT - O_LISTEN] = &c->config_out,
		[O_CONTROL - O_LISTEN] = &c->control,
		[O_LOG - O_LISTEN] = &c->log,
		[O_STATE - O_LISTEN] = &c->o.state,
		[O_SCHEMA - O_LISTEN] = &c->o.schema,
		[O_SEED_MANIFESTS - O_LISTEN] = &c->o.seed_manifests };

	*where[opt - O_LISTEN] = optarg;
}

static int take(struct sim_cli *c, int opt, struct pm_error *err)
{
	switch (opt) {
	case O_PLAIN:
		c->plain = true;
		return 0;
	case O_NO_401:
		c->o.no_401_delay = true;
		return 0;
	case O_FAIL:
		pm_vec_push(&c->fail, optarg);
		return 0;
	case O_TASK_TIME:
	case O_LATENCY:
	case O_STATS_LAG:
		return take_times(c, opt, err);
	case O_NODES:
	case O_SEED:
	case O_SEED_GUESTS:
	case O_WORKERS:
	case O_DROP:
		return take_number(c, opt, err);
	case '?':
		return pm_error_set(err, PM_E_USAGE, "see podmox-sim --help");
	default:
		take_text(c, opt);
		return 0;
	}
}

static int serve(struct sim_cli *c, struct pm_error *err)
{
	struct sim_server *v = NULL;
	struct pm_sim *s = NULL;
	int code = pm_sim_new(&s, &c->o, err);

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
	int opt, code = 0;

	if (argc > 1 && !strcmp(argv[1], "ctl"))
		return pm_s_ctl(argc - 2, argv + 2);
	while (!code && (opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == O_HELP || opt == O_VERSION) {
			fputs(opt == O_HELP ? usage : "podmox-sim, PVE " SIM_VERSION "\n", stdout);
			return 0;
		}
		code = take(&c, opt, &err);
	}
	if (!code && optind < argc)
		code = pm_error_set(
			&err, PM_E_USAGE, "unexpected '%s'; see podmox-sim --help", argv[optind]);
	c.o.fail = c.fail.v;
	c.o.nfail = c.fail.n;
	if (!code)
		code = serve(&c, &err);
	pm_vec_done(&c.fail);
	if (!code)
		return 0;
	fprintf(stderr, "podmox-sim: error: %s\n", err.msg);
	return pm_code_exit(err.code);
}
