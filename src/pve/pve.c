/* The client: what opening it takes, and what it says about itself. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "pve/pve_priv.h"

int pm_pve_open(const struct pm_pve_opts *o, struct pm_pve **ret, struct pm_error *err)
{
	struct pm_pve *p = pm_xcalloc(1, sizeof(*p));
	int r;

	p->arena = pm_arena_new(4096);
	p->transport = o->transport;
	p->clock = o->clock ? o->clock : &pm_clock_system;
	p->audit = o->audit;
	p->allow = o->allow;
	p->config_dir = o->config_dir ? pm_arena_strdup(p->arena, o->config_dir) : NULL;
	p->cluster = pm_arena_strdup(p->arena, pm_rec_str(o->cluster, PM_CLUSTER_NAME, ""));
	p->no_cache = o->no_cache;
	pm_cache_init(&p->cache, p->clock);
	pm_known_init(&p->known);
	pm_looks_init(&p->looks);
	pm_places_init(&p->places);
	p->timeout_ms = (unsigned)pm_rec_int(o->cluster, PM_CLUSTER_TIMEOUT, 30) * 1000;
	pthread_mutex_init(&p->lock, NULL);
	if (o->seed)
		pm_random_seed(&p->rnd, o->seed);
	else
		pm_random_system(&p->rnd);
	r = pm_hosts_open(&p->hosts, o, err);
	if (r == 0)
		r = pm_session_open(&p->session, p->arena, o, err);
	if (r < 0) {
		pm_pve_free(p);
		return pm_error_wrap(
			err, "cluster %s", pm_rec_str(o->cluster, PM_CLUSTER_NAME, ""));
	}
	*ret = p;
	return 0;
}

void pm_pve_free(struct pm_pve *p)
{
	if (!p)
		return;
	pm_session_done(&p->session);
	pm_hosts_done(&p->hosts);
	pm_cache_done(&p->cache);
	pm_known_done(&p->known);
	pm_looks_done(&p->looks);
	pm_places_done(&p->places);
	pthread_mutex_destroy(&p->lock);
	pm_arena_free(p->arena);
	free(p);
}

bool pm_pve_is_root_pam(const struct pm_pve *p)
{
	return !p->session.token && pm_str_eq(p->session.user, "root@pam");
}

const char *pm_pve_cluster_name(const struct pm_pve *p)
{
	return p->cluster;
}

const char *pm_pve_user(const struct pm_pve *p)
{
	return p->session.user;
}
