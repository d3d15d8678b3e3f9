/* What PVE says a parameter must be; filled by schema.c, used by verify.c. */
#ifndef PM_SIM_SCHEMA_PRIV_H
#define PM_SIM_SCHEMA_PRIV_H

#include <fcntl.h>

#include "sim/sim_priv.h"

enum sim_type {
	SIM_T_STRING,
	SIM_T_INTEGER,
	SIM_T_NUMBER,
	SIM_T_BOOLEAN,
	SIM_T_ARRAY,
	SIM_T_OBJECT,
	SIM_T_NULL,
};

struct sim_spec;

struct sim_specs {
	struct sim_spec *v;
	size_t n;
};

/** One parameter, or one part of a property string. */
struct sim_spec {
	const char *name; /* without "[n]" */
	enum sim_type type;
	bool optional, numbered, default_key, has_min, has_max;
	double min, max;
	int64_t min_length, max_length; /* -1: none */
	const char **choices;
	size_t nchoices;
	const char *format, *requires, *alias, *key_alias;
	struct sim_pattern *pattern;
	struct sim_specs *sub; /* the parts of a property string */
	struct sim_spec *items;
};

struct sim_method {
	struct sim_specs params;
	bool any; /* further parameters are taken */
};

const struct sim_method *pm_s_schema_method(
	const struct sim_schema *d, const char *method, const char *path);

#endif
