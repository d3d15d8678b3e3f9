/* What the files that hold the kinds share: the numbers of the lookup tables. */
#ifndef PM_MODEL_KINDS_PRIV_H
#define PM_MODEL_KINDS_PRIV_H

#include "base/mem.h"
#include "base/num.h"
#include "model/model_priv.h"

enum pm_kind_number {
	PM_K_POD,
	PM_K_PODSET,
	PM_K_CONFIG,
	PM_K_CLUSTER,
	PM_K_WINDOW,
	PM_K_LEAVE,
	PM_K_HA,
	PM_K_NOTIFY,
	PM_K_NET,
	PM_K_ROOTFS,
	PM_K_VOLUME,
	PM_K_DEVICE,
	PM_K_FEATURES,
	PM_K_STARTUP,
	PM_K_VM,
	PM_K_DISK,
	PM_K_EFIDISK,
	PM_K_TPMSTATE,
	PM_K_VMNET,
	PM_K_IPCONFIG,
	PM_K_CPU,
	PM_K_AGENT,
	PM_K_BOOT,
	PM_K_MACHINE,
	PM_K_VGA,
	PM_K_SERIAL,
	PM_K_PARALLEL,
	PM_K_USB,
	PM_K_HOSTPCI,
	PM_K_NUMA,
	PM_K_VIRTIOFS,
	PM_K_RNG,
	PM_K_AUDIO,
	PM_K_WATCHDOG,
	PM_K_SMBIOS,
	PM_K_IVSHMEM,
	PM_K_SPICE,
	PM_K_SEV,
	PM_K_TDX,
	PM_K_CICUSTOM,
	PM_K_MAX,
};

#define PM_ROWS(rows) .fields = (rows), .nfields = PM_COUNT(rows)

#endif
