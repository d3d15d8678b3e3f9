/* A client of the configured cluster for commands that call PVE directly: configuration, network, audit
 * log and session, without the pipeline of manifests. */
#include <stdio.h>
#include <string.h>

#include "cli/cli_priv.h"

static int open_transport(struct pm_client *c, bool writes, struct pm_error *err)
{
	struct pm_net_opts o = { .clock = &pm_clock_system,
		.requests_per_second =
			(unsigned)pm_rec_int(c->config->cluster, PM_CLUSTER_RATE, 0) };
	int r = pm_io_start(&o, &c->io, err);

	if (r == 0)
		c->transport = writes ? c->io : pm_transport_readonly(c->io);
	return r;
}

static int open_audit(struct pm_client *c, struct pm_error *err)
{
	if (pm_audit_open(c->config->audit_file, &c->audit, err) < 0)
		return pm_error_wrap(err, "the audit log");
	pm_audit_rotate(c->audit, c->config->audit_rotate, c->config->audit_keep);
	return 0;
}

static int open_pve(const struct pm_args *a, struct pm_client *c, struct pm_error *err)
{
	const struct pm_value *allow = pm_rec_get(c->config->rec, PM_CONFIG_POLICY_ALLOW);
	struct pm_pve_opts o = { .cluster = c->config->cluster,
		.config_dir = c->config->dir,
		.allow = allow->state == PM_SET ? allow->u.list : NULL,
		.audit = c->audit,
		.transport = c->transport,
		.clock = &pm_clock_system,
		.no_cache = a->no_cache };

	return pm_pve_open(&o, &c->pve, err);
}

int pm_client_open(const struct pm_args *a, bool writes, struct pm_client *c, struct pm_error *err)
{
	int r;

	memset(c, 0, sizeof(*c));
	c->verbose = a->verbose;
	pm_cli_job(&c->job);
	r = pm_cli_config(a, &c->job, &c->config, err);
	if (r == 0)
		r = open_transport(c, writes, err);
	if (r == 0 && writes)
		r = open_audit(c, err);
	return r < 0 ? r : open_pve(a, c, err);
}

void pm_cli_statistics(const struct pm_pve_stats *pve, const struct pm_net_stats *net)
{
	(void)fprintf(stderr,
		"podmox: %llu requests, %llu failed, %llu bytes; %llu connections, %llu resumed; "
		"%llu logins, %llu failovers\n",
		(unsigned long long)net->requests, (unsigned long long)net->failed,
		(unsigned long long)net->bytes_in, (unsigned long long)net->connections,
		(unsigned long long)net->handshakes_resumed, (unsigned long long)pve->logins,
		(unsigned long long)pve->failovers);
	(void)fprintf(stderr,
		"podmox: cache: %llu hits, %llu misses, %llu joined, %llu dropped, %u kept, the "
		"oldest for %llu ms\n",
		(unsigned long long)pve->hits, (unsigned long long)pve->misses,
		(unsigned long long)pve->joined, (unsigned long long)pve->dropped, pve->entries,
		(unsigned long long)pve->oldest_ms);
}

static void tell_statistics(struct pm_client *c)
{
	struct pm_pve_stats pve = { 0 };
	struct pm_net_stats net = { 0 };

	pm_pve_stats(c->pve, &pve);
	pm_io_stats(c->io, &net);
	pm_cli_statistics(&pve, &net);
}

void pm_client_close(struct pm_client *c)
{
	if (c->verbose && c->pve != NULL)
		tell_statistics(c);
	pm_pve_free(c->pve);
	pm_audit_close(c->audit);
	pm_transport_free(c->transport != NULL ? c->transport : c->io);
	pm_config_free(c->config);
	pm_arena_free(c->job.arena);
	memset(c, 0, sizeof(*c));
}
