/* Storages, volumes and pools. */
#ifndef PM_SIM_STORE_PRIV_H
#define PM_SIM_STORE_PRIV_H

#include "sim/call_priv.h"

struct sim_storage {
	char *id, *type;
	struct sim_conf conf;
};

struct sim_volume {
	char *volid;
	const char *content, *format; /* constants */
	int64_t size, used, ctime;
	unsigned vmid;        /* 0: nobody's */
	int node;             /* -1: on every node */
	struct sim_conf more; /* notes, protected, sum, config of a backup */
};

struct sim_storage *pm_s_storage(const struct pm_sim *s, const char *id);
struct sim_storage *pm_s_storage_add(struct pm_sim *s, const char *id, const char *type);
bool pm_s_storage_on(const struct sim_storage *st, const char *node);
bool pm_s_storage_is_dir(const struct sim_storage *st);
bool pm_s_storage_holds(const struct sim_storage *st, const char *content);
bool pm_s_storage_shared(const struct sim_storage *st);
const char *pm_s_storage_path(const struct sim_storage *st);
/** The storage of a volid, checked to be usable on the node; fails the call otherwise. */
struct sim_storage *pm_s_storage_for(struct sim_call *c, const char *id, unsigned node);
struct sim_volume *pm_s_volume(const struct pm_sim *s, const char *volid, int node);
struct sim_volume *pm_s_volume_add(struct pm_sim *s, const char *volid, int node, int64_t size);
/** A new disk image with a name of the storage's kind; prefix "vm" or "base". size 0: a subvolume. */
struct sim_volume *pm_s_volume_new(
	struct pm_sim *s, struct sim_storage *st, unsigned vmid, unsigned node, int64_t size);
/** The same of a format: raw, qcow2, vmdk, subvol. */
struct sim_volume *pm_s_volume_alloc(struct pm_sim *s, struct sim_storage *st, unsigned vmid,
	unsigned node, const char *format, int64_t size);
const char *pm_s_file_path(struct pm_arena *a, const struct sim_storage *st, const char *volid);
bool pm_s_volume_readable(struct sim_call *c, const char *volid);
/** A task that downloads a file of that content and name to the storage in "storage". */
void pm_s_fetch(struct sim_call *c, const char *content, const char *file, const char *url);
unsigned pm_s_volume_owner(const char *name); /* the VMID in a volume's name, 0: none */
void pm_s_volume_del(struct pm_sim *s, const char *volid, int node);

/* ---- pools ---- */

struct sim_pool {
	char *id, *comment;
	PM_VEC(unsigned) vms;
	PM_VEC(char *) storages;
};

void pm_s_pool_free(struct sim_pool *p);
struct sim_pool *pm_s_pool(const struct pm_sim *s, const char *id);
struct sim_pool *pm_s_pool_of(const struct pm_sim *s, unsigned vmid);
void pm_s_pool_join(struct pm_sim *s, const char *pool, unsigned vmid);
void pm_s_pool_leave(struct pm_sim *s, unsigned vmid);

#endif
