/* Tasks and their life. */
#ifndef PM_SIM_TASK_PRIV_H
#define PM_SIM_TASK_PRIV_H

#include "sim/call_priv.h"

struct sim_task {
	char *upid, *type, *id, *user;
	unsigned node;
	unsigned pid, pstart;
	int64_t start_s, end_s;
	uint64_t begun_ns, due_ns, give_up_ns;
	enum { SIM_WAITING, SIM_RUNNING, SIM_ENDED } state;
	unsigned vmid;     /* whose config lock it needs; 0: none */
	bool qemu;         /* it is about a virtual machine */
	int64_t ms;        /* how long it takes; -1: as usual */
	char *status;      /* exit status */
	char *fails;       /* it ends with this text */
	struct pm_buf log; /* lines */
	struct sim_conf args;
	unsigned warnings; /* so many were logged */
	bool more; /* set by end(): it is not over, and is to be asked again after more_ms */
	int64_t more_ms;
	void (*begin)(struct pm_sim *s, struct sim_task *t);
	void (*end)(struct pm_sim *s, struct sim_task *t);
	void (*undo)(struct pm_sim *s, struct sim_task *t); /* it failed or was cancelled */
};

/** A new task of the call's user on its executing node; begins at the next advance. */
struct sim_task *pm_s_task(struct sim_call *c, const char *type, const char *id, unsigned vmid);
struct sim_task *pm_s_task_new(struct pm_sim *s, unsigned node, const char *user, const char *type,
	const char *id, unsigned vmid);
/** Starts it and answers with its UPID. */
void pm_s_task_go(struct sim_call *c, struct sim_task *t);
void pm_s_task_start(struct pm_sim *s, struct sim_task *t);
void pm_s_task_fail(struct sim_task *t, const char *fmt, ...) PM_PRINTF(2, 3);
void pm_s_task_log(struct sim_task *t, const char *fmt, ...) PM_PRINTF(2, 3);
void pm_s_task_warn(struct sim_task *t, const char *fmt, ...) PM_PRINTF(2, 3); /* "WARN: ..." */
void pm_s_task_arg(struct sim_task *t, const char *k, const char *v);
const char *pm_s_task_get(const struct sim_task *t, const char *k);
void pm_s_task_cancel(struct pm_sim *s, struct sim_task *t);
struct sim_task *pm_s_task_find(const struct pm_sim *s, const char *upid);
void pm_s_task_free(struct sim_task *t);
void pm_s_tasks_advance(struct pm_sim *s);
uint64_t pm_s_tasks_next(const struct pm_sim *s);

#endif
