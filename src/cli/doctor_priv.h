/* What the checks of podmox doctor share: the findings, and the cluster as they see it. */
#ifndef PM_CLI_DOCTOR_PRIV_H
#define PM_CLI_DOCTOR_PRIV_H

#include "cli/cli_priv.h"

enum pm_check_level { PM_FINE, PM_DOUBT, PM_PROBLEM, PM_CHECK_LEVELS };

/** One finding; texts live in the doctor's arena. */
struct pm_check {
	enum pm_check_level level;
	const char *topic, *text, *remedy; /* remedy NULL: nothing is to be done */
};

struct pm_doctor {
	const struct pm_args *a;
	struct pm_arena *arena; /* the client's */
	struct pm_client client;
	struct pm_set want; /* of the manifests; empty: none were given */
	unsigned nfiles;
	unsigned version; /* of the oldest node: 902 is 9.2; 0: not known */
	unsigned ndirs;   /* folders that hold manifests */
	PM_VEC(struct pm_check) checks;
};

void pm_doctor_add(struct pm_doctor *d, enum pm_check_level level, const char *topic,
	const char *remedy, const char *fmt, ...) PM_PRINTF(5, 6);

/** A read. `query` NULL: none. The caller frees *ret with pm_json_putp. */
int pm_doctor_get(struct pm_doctor *d, const char *path, const char *query,
	struct json_object **ret, struct pm_error *err) PM_CHECK;

/** Each host: does it answer, is its certificate trusted and until when, what does its clock say? */
void pm_doctor_hosts(struct pm_doctor *d);

/** Who are we? false: nobody lets us in, and nothing else can be asked. */
bool pm_doctor_who(struct pm_doctor *d);

/** Quorum, nodes, their versions and clocks; what the version lacks. */
void pm_doctor_cluster(struct pm_doctor *d);

/** Are there free numbers in the range? */
void pm_doctor_numbers(struct pm_doctor *d);

/** Privileges that the account misses for what the manifests hold. */
void pm_doctor_rights(struct pm_doctor *d);

/** Audit log, journal, and the limits of the daemon on this machine. */
void pm_doctor_local(struct pm_doctor *d);

#endif
