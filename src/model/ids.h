/* Rows of the kinds by number, made of the same files as the rows themselves. */
#ifndef PM_MODEL_IDS_H
#define PM_MODEL_IDS_H

/** Rows that stand at the same place in every kind of guest: PM_G_NODE is the index of `node` in a Pod
 * and in a VirtualMachine. */
enum pm_guest_id {
	PM_G_IMAGE,    /* what it is made from */
	PM_G_HOSTNAME, /* its name at PVE */
#define PM_ROW(id, ...) PM_G_##id,
#include "model/guest.def"
#undef PM_ROW
	PM_G_MAX,
};

/** Rows of the kinds, by number: PM_POD_MEMORY is the index of resources.memory in pm_kind_pod. */
enum pm_pod_id {
#define PM_ROW(id, ...) PM_POD_##id,
#include "model/pod.def"
#undef PM_ROW
	PM_POD_MAX,
};
enum pm_net_id {
#define PM_ROW(id, ...) PM_NET_##id,
#include "model/net.def"
#undef PM_ROW
	PM_NET_MAX,
};
enum pm_rootfs_id {
#define PM_ROW(id, ...) PM_ROOTFS_##id,
#include "model/rootfs.def"
#undef PM_ROW
	PM_ROOTFS_MAX,
};
enum pm_volume_id {
#define PM_ROW(id, ...) PM_VOLUME_##id,
#include "model/volume.def"
#undef PM_ROW
	PM_VOLUME_MAX,
};
enum pm_device_id {
#define PM_ROW(id, ...) PM_DEVICE_##id,
#include "model/device.def"
#undef PM_ROW
	PM_DEVICE_MAX,
};
enum pm_vm_id {
#define PM_ROW(id, ...) PM_VM_##id,
#include "model/vm.def"
#undef PM_ROW
	PM_VM_MAX,
};
enum pm_disk_id {
#define PM_ROW(id, ...) PM_DISK_##id,
#include "model/disk.def"
#undef PM_ROW
	PM_DISK_MAX,
};
enum pm_efidisk_id {
#define PM_ROW(id, ...) PM_EFIDISK_##id,
#include "model/efidisk.def"
#undef PM_ROW
	PM_EFIDISK_MAX,
};
enum pm_tpmstate_id {
#define PM_ROW(id, ...) PM_TPMSTATE_##id,
#include "model/tpmstate.def"
#undef PM_ROW
	PM_TPMSTATE_MAX,
};
enum pm_vmnet_id {
#define PM_ROW(id, ...) PM_VMNET_##id,
#include "model/vmnet.def"
#undef PM_ROW
	PM_VMNET_MAX,
};
enum pm_ipconfig_id {
#define PM_ROW(id, ...) PM_IPCONFIG_##id,
#include "model/ipconfig.def"
#undef PM_ROW
	PM_IPCONFIG_MAX,
};
enum pm_cpu_id {
#define PM_ROW(id, ...) PM_CPU_##id,
#include "model/cpu.def"
#undef PM_ROW
	PM_CPU_MAX,
};
enum pm_agent_id {
#define PM_ROW(id, ...) PM_AGENT_##id,
#include "model/agent.def"
#undef PM_ROW
	PM_AGENT_MAX,
};
enum pm_boot_id {
#define PM_ROW(id, ...) PM_BOOT_##id,
#include "model/boot.def"
#undef PM_ROW
	PM_BOOT_MAX,
};
enum pm_serial_id {
#define PM_ROW(id, ...) PM_SERIAL_##id,
#define PM_PART_SERIAL
#include "model/vm_parts.def"
#undef PM_PART_SERIAL
#undef PM_ROW
	PM_SERIAL_MAX,
};
enum pm_usb_id {
#define PM_ROW(id, ...) PM_USB_##id,
#define PM_PART_USB
#include "model/vm_parts.def"
#undef PM_PART_USB
#undef PM_ROW
	PM_USB_MAX,
};
enum pm_hostpci_id {
#define PM_ROW(id, ...) PM_HOSTPCI_##id,
#define PM_PART_HOSTPCI
#include "model/vm_parts.def"
#undef PM_PART_HOSTPCI
#undef PM_ROW
	PM_HOSTPCI_MAX,
};
enum pm_numa_id {
#define PM_ROW(id, ...) PM_NUMA_##id,
#define PM_PART_NUMA
#include "model/vm_parts.def"
#undef PM_PART_NUMA
#undef PM_ROW
	PM_NUMA_MAX,
};
enum pm_podset_id {
#define PM_ROW(id, ...) PM_PODSET_##id,
#include "model/podset.def"
#undef PM_ROW
	PM_PODSET_MAX,
};
enum pm_config_id {
#define PM_ROW(id, ...) PM_CONFIG_##id,
#include "model/config.def"
#undef PM_ROW
	PM_CONFIG_MAX,
};
enum pm_cluster_id {
#define PM_ROW(id, ...) PM_CLUSTER_##id,
#include "model/cluster.def"
#undef PM_ROW
	PM_CLUSTER_MAX,
};
enum pm_window_id {
#define PM_ROW(id, ...) PM_WINDOW_##id,
#include "model/window.def"
#undef PM_ROW
	PM_WINDOW_MAX,
};
enum pm_ha_id {
#define PM_ROW(id, ...) PM_HA_##id,
#include "model/ha.def"
#undef PM_ROW
	PM_HA_MAX,
};
enum pm_leave_id {
#define PM_ROW(id, ...) PM_LEAVE_##id,
#include "model/leave.def"
#undef PM_ROW
	PM_LEAVE_MAX,
};
enum pm_notify_id {
#define PM_ROW(id, ...) PM_NOTIFY_##id,
#include "model/notify.def"
#undef PM_ROW
	PM_NOTIFY_MAX,
};

#endif
