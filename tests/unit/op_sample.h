/* A good value for each parameter of the table of calls, for tests and judges. */
#ifndef PM_TEST_OP_SAMPLE_H
#define PM_TEST_OP_SAMPLE_H

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "pve/op.h"

#define PM_SAMPLE_UPID "UPID:pve1:00000361:0003D69F:6B020DF7:vzstart:105:root@pam:"

/** Has that kind of guest the call? PM_NO_GUEST: is it none of a guest? */
static inline bool pm_sample_kind(const struct pm_op *op, enum pm_guest_type guest)
{
	switch (op->kind) {
	case PM_OK_NONE:
		return guest == PM_NO_GUEST;
	case PM_OK_BOTH:
		return guest != PM_NO_GUEST;
	case PM_OK_CT:
		return guest == PM_CT;
	case PM_OK_VM:
		return guest == PM_VM;
	}
	return false;
}

static inline bool pm_sample_has(const struct pm_param *p, enum pm_guest_type guest)
{
	return !(p->flags & PM_P_CT && guest == PM_VM) && !(p->flags & PM_P_VM && guest == PM_CT);
}

/* Words that only PVE's schema knows the rules of. */
static inline const char *pm_sample_text(
	enum pm_op_id id, const char *name, enum pm_guest_type guest)
{
	static const struct {
		const char *name, *ct, *vm;
	} known[] = {
		{ "digest", "0123456789abcdef0123456789abcdef01234567", NULL },
		{ "target-digest", "0123456789abcdef0123456789abcdef01234567", NULL },
		{ "delete", "description,onboot", NULL },
		{ "revert", "tags", NULL },
		{ "disk", "rootfs", "scsi0" },
		{ "volume", "mp0", "scsi0" },
		{ "target-volume", "mp1", "scsi1" },
		{ "target-storage", "local:data2", NULL },
		{ "migration-network", "10.0.0.0/8", NULL },
		{ "statusfilter", "error,warning", NULL },
		{ "path", "/vms/100", NULL },
		{ "userid", "ci@pve!gitops", NULL },
		{ "vms", "105,106", NULL },
		{ "storage", "local,data2", NULL },
		{ "filename", "debian-13.tar.zst", NULL },
	};

	if (strcmp(name, "reference") == 0)
		return id == PM_OP_STORAGE_PULL ? "registry.example/nginx:1.29"
						: "registry.example/nginx";
	for (size_t i = 0; i < PM_COUNT(known); i++) {
		if (strcmp(known[i].name, name) == 0)
			return guest == PM_VM && known[i].vm ? known[i].vm : known[i].ct;
	}
	return "a word; with = & and +";
}

/** Lives for some time: 128 calls. */
static inline const char *pm_sample(
	enum pm_op_id id, const struct pm_param *p, enum pm_guest_type guest)
{
	static char text[128][64];
	static unsigned next;
	char *s = text[next++ % PM_COUNT(text)];

	switch (p->type) {
	case PM_P_TEXT:
		if (!p->choices)
			return pm_sample_text(id, p->name, guest);
		(void)snprintf(
			s, sizeof(text[0]), "%.*s", (int)strcspn(p->choices, " "), p->choices);
		return s;
	case PM_P_INT:
		(void)snprintf(s, sizeof(text[0]), "%lld",
			(long long)(p->max > 0 && p->max < INT64_MAX ? p->max : 7));
		return s;
	case PM_P_BOOL:
		return "yes";
	case PM_P_VMID:
		return "105";
	case PM_P_NODE:
		return "pve1";
	case PM_P_STORAGE:
		return "local";
	case PM_P_VOLID:
		return "local:iso/debian+13.iso";
	case PM_P_UPID:
		return PM_SAMPLE_UPID;
	case PM_P_NAME:
		return "web-2.example";
	case PM_P_ID:
		return strcmp(p->name, "service") == 0 ? "pveproxy" : "before";
	case PM_P_POOL:
		return "p1/sub";
	case PM_P_SIZE:
		return "+2.5G";
	case PM_P_BYTES:
		return "1.5G";
	case PM_P_URL:
		return "https://example.org/debian.iso?x=1";
	case PM_P_FILE:
		return "README.md";
	}
	return NULL;
}

#endif
