/* A client of PVE over scripted answers, for the tests of this room; and the recordings. */
#ifndef PM_TEST_PVE_CLIENT_H
#define PM_TEST_PVE_CLIENT_H

#include "fake_transport.h"
#include "pm_test.h"
#include "pve/pve_priv.h"

struct json_object;

struct client {
	struct pm_arena *arena;
	struct pm_test_clock clock;
	struct pm_cancel cancel;
	struct pm_job job;
	struct pm_transport *net;
	struct pm_rec *cluster;
	struct pm_list allow;
	struct pm_audit *audit;
	bool offline;
	struct pm_pve *pve;
	struct pm_error err;
};

/** Hosts separated by blanks. Logs in as root@pam with a password, and gets a ticket where it asks. */
void client_start(struct client *c, const char *hosts);
/** The same as a token. */
void client_start_token(struct client *c, const char *hosts);
/** The record only: the caller changes it and opens. */
void client_prepare(struct client *c, const char *hosts, bool token);
void client_open(struct client *c);
void client_stop(struct client *c);

/** Adds a rule; path below /api2/json. */
void client_answer(struct client *c, const char *method, const char *path, const char *body);
void client_status(struct client *c, const char *method, const char *path, int status,
	const char *reason, const char *body);
void client_fail(
	struct client *c, const char *host, const char *path, enum pm_code code, bool maybe_sent);

size_t client_count(struct client *c, const char *method, const char *path);
/** The body of the i-th such request; "" when there was none. */
const char *client_body(struct client *c, size_t i, const char *method, const char *path);
const char *client_host(struct client *c, size_t i, const char *method, const char *path);
const char *client_headers(struct client *c, size_t i, const char *method, const char *path);

/** A GET through pm_pve_call; 0 or -code in c->err. */
int client_get(struct client *c, const char *path);

/** A manifest's value into a record, as text of PVE. */
void put(struct client *c, struct pm_rec *r, unsigned field, const char *text);
/** An entry of a numbered list, as a property string. */
void put_entry(
	struct client *c, struct pm_rec *spec, unsigned field, unsigned slot, const char *text);
struct pm_obj *want_new(struct client *c, const char *ns, const char *name);
/** A live guest out of an answer of /pending; the rows inside the brackets. */
struct pm_obj *have_new(struct client *c, unsigned vmid, const char *rows);

/** Where the facts about PVE are; skips the test when PVE_FACTS is not set. Ask before there is anything
 * to free. */
const char *recordings(void);

/** Calls fn for each recorded exchange with an answer. Returns how many there were. */
typedef void recorded_fn(void *arg, const char *name, const char *method, const char *path,
	int status, const char *reason, struct json_object *body);
size_t each_recorded(recorded_fn *fn, void *arg);

#endif
