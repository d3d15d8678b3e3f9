/* Sorted text maps: configurations, property strings, arguments. */
#ifndef PM_SIM_CONF_PRIV_H
#define PM_SIM_CONF_PRIV_H

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/vec.h"
#include "sim/sim.h"

#define SIM_NUL '\x1f' /* stands for NUL inside values, which no other value may hold */

struct sim_kv {
	char *k, *v; /* v NULL: given, but without a value */
};

struct sim_conf {
	struct sim_kv *v;
	size_t n, cap;
};

#define cleanup_conf PM_CLEANUP(pm_s_conf_done)

const char *pm_s_conf_get(const struct sim_conf *c, const char *k);
bool pm_s_conf_has(const struct sim_conf *c, const char *k);
void pm_s_conf_set(struct sim_conf *c, const char *k, const char *v);
bool pm_s_conf_del(struct sim_conf *c, const char *k);                 /* was it there? */
void pm_s_conf_copy(struct sim_conf *to, const struct sim_conf *from); /* replaces */
bool pm_s_conf_same(const struct sim_conf *a, const struct sim_conf *b);
void pm_s_conf_done(struct sim_conf *c);

/** Property string to map: a part without "=" goes to `def`. false: bad. */
bool pm_s_props(struct sim_conf *c, const char *text, const char *def);
/** Canonical text: `def` bare, then `first`, then the others in order. free() it. */
char *pm_s_props_text(const struct sim_conf *c, const char *def, const char *first) PM_CHECK;

/** The stem's length when `key` is stem + number up to `most` ("net12"), else -1; number into *n. */
int pm_s_numbered(const char *key, const char *stem, unsigned most);
bool pm_s_true(const char *s); /* 1 on yes true */

char *pm_s_format_size(int64_t bytes, char out[32]);
int64_t pm_s_parse_size(const char *s); /* -1: bad */

#endif
