/* VirtualMachine and the records in it, their rows built from the .def files. */
#include "base/mem.h"
#include "model/kinds_priv.h"

static const char *const pm_choices_hugepages[] = { "any", "2", "1024", NULL };
static const char *const pm_choices_scsihw[] = { "lsi", "lsi53c810", "virtio-scsi-pci",
	"virtio-scsi-single", "megasas", "pvscsi", NULL };
static const char *const pm_choices_citype[] = { "configdrive2", "nocloud", "opennebula", NULL };
static const char *const pm_choices_hotplug[] = { "network", "disk", "cpu", "memory", "usb",
	"cloudinit", "0", NULL };
static const char *const pm_choices_bios[] = { "seabios", "ovmf", NULL };
static const char *const pm_choices_vm_ostype[] = { "other", "wxp", "w2k", "w2k3", "w2k8", "wvista",
	"win7", "win8", "win10", "win11", "l24", "l26", "solaris", NULL };
static const char *const pm_choices_vm_arch[] = { "x86_64", "aarch64", NULL };
static const char *const pm_choices_keyboard[] = { "de", "de-ch", "da", "en-gb", "en-us", "es",
	"fi", "fr", "fr-be", "fr-ca", "fr-ch", "hu", "is", "it", "ja", "lt", "mk", "nl", "no", "pl",
	"pt", "pt-br", "sv", "sl", "tr", NULL };
static const char *const pm_choices_format[] = { "raw", "qcow", "qed", "qcow2", "vmdk", "cloop",
	NULL };
static const char *const pm_choices_media[] = { "cdrom", "disk", NULL };
static const char *const pm_choices_cache[] = { "none", "writethrough", "writeback", "unsafe",
	"directsync", NULL };
static const char *const pm_choices_discard[] = { "ignore", "on", NULL };
static const char *const pm_choices_aio[] = { "native", "threads", "io_uring", NULL };
static const char *const pm_choices_rerror[] = { "ignore", "report", "stop", NULL };
static const char *const pm_choices_werror[] = { "enospc", "ignore", "report", "stop", NULL };
static const char *const pm_choices_efitype[] = { "2m", "4m", NULL };
static const char *const pm_choices_ms_cert[] = { "2011", "2023", "2023w", "2023k", NULL };
static const char *const pm_choices_tpm[] = { "v1.2", "v2.0", NULL };
static const char *const pm_choices_tpm_format[] = { "raw", "qcow2", "vmdk", NULL };
static const char *const pm_choices_nic[] = { "e1000", "e1000-82540em", "e1000-82544gc",
	"e1000-82545em", "e1000e", "i82551", "i82557b", "i82559er", "ne2k_isa", "ne2k_pci", "pcnet",
	"rtl8139", "virtio", "vmxnet3", NULL };
static const char *const pm_choices_agent[] = { "virtio", "isa", NULL };
static const char *const pm_choices_viommu[] = { "intel", "virtio", NULL };
static const char *const pm_choices_vga[] = { "cirrus", "qxl", "qxl2", "qxl3", "qxl4", "none",
	"serial0", "serial1", "serial2", "serial3", "std", "virtio", "virtio-gl", "vmware", NULL };
static const char *const pm_choices_clipboard[] = { "vnc", NULL };
static const char *const pm_choices_pci_driver[] = { "vfio", "keep", NULL };
static const char *const pm_choices_numa[] = { "preferred", "bind", "interleave", NULL };
static const char *const pm_choices_virtiofs_cache[] = { "auto", "always", "metadata", "never",
	NULL };
static const char *const pm_choices_rng[] = { "/dev/urandom", "/dev/random", "/dev/hwrng", NULL };
static const char *const pm_choices_audio[] = { "ich9-intel-hda", "intel-hda", "AC97", NULL };
static const char *const pm_choices_audio_driver[] = { "spice", "none", NULL };
static const char *const pm_choices_watchdog[] = { "i6300esb", "ib700", NULL };
static const char *const pm_choices_watchdog_action[] = { "reset", "shutdown", "poweroff", "pause",
	"debug", "none", NULL };
static const char *const pm_choices_video[] = { "off", "all", "filter", NULL };
static const char *const pm_choices_sev[] = { "std", "es", "snp", NULL };
static const char *const pm_choices_tdx[] = { "tdx", NULL };

static const char *const pm_alias_file[] = { "volume", NULL };
static const char *const pm_alias_freeze[] = { "freeze-fs-on-backup", "guest-fsfreeze", NULL };
static const char *const pm_alias_bps_rd[] = { "bps_rd_length", NULL };
static const char *const pm_alias_bps_wr[] = { "bps_wr_length", NULL };
static const char *const pm_alias_iops_rd[] = { "iops_rd_length", NULL };
static const char *const pm_alias_iops_wr[] = { "iops_wr_length", NULL };

static const struct pm_slots pm_disk_slots[] = { { "ide", 4 }, { "sata", 6 }, { "scsi", 31 },
	{ "virtio", 16 }, { NULL, 0 } };

_Static_assert((int)PM_VM_IMAGE == (int)PM_G_IMAGE && (int)PM_VM_HOSTNAME == (int)PM_G_HOSTNAME &&
		       (int)PM_VM_LIFE_ON_REMOVE == (int)PM_G_LIFE_ON_REMOVE,
	"a VirtualMachine begins with the rows of every guest");

#define PM_ROW(id, ...) { __VA_ARGS__ },

static const struct pm_field vm_rows[] = {
#include "model/vm.def"
};
static const struct pm_field disk_rows[] = {
#include "model/disk.def"
};
static const struct pm_field efidisk_rows[] = {
#include "model/efidisk.def"
};
static const struct pm_field tpmstate_rows[] = {
#include "model/tpmstate.def"
};
static const struct pm_field vmnet_rows[] = {
#include "model/vmnet.def"
};
static const struct pm_field ipconfig_rows[] = {
#include "model/ipconfig.def"
};
static const struct pm_field cpu_rows[] = {
#include "model/cpu.def"
};
static const struct pm_field agent_rows[] = {
#include "model/agent.def"
};
static const struct pm_field boot_rows[] = {
#include "model/boot.def"
};
static const struct pm_field machine_rows[] = {
#define PM_PART_MACHINE
#include "model/vm_parts.def"
#undef PM_PART_MACHINE
};
static const struct pm_field vga_rows[] = {
#define PM_PART_VGA
#include "model/vm_parts.def"
#undef PM_PART_VGA
};
static const struct pm_field serial_rows[] = {
#define PM_PART_SERIAL
#include "model/vm_parts.def"
#undef PM_PART_SERIAL
};
static const struct pm_field parallel_rows[] = {
#define PM_PART_PARALLEL
#include "model/vm_parts.def"
#undef PM_PART_PARALLEL
};
static const struct pm_field usb_rows[] = {
#define PM_PART_USB
#include "model/vm_parts.def"
#undef PM_PART_USB
};
static const struct pm_field hostpci_rows[] = {
#define PM_PART_HOSTPCI
#include "model/vm_parts.def"
#undef PM_PART_HOSTPCI
};
static const struct pm_field numa_rows[] = {
#define PM_PART_NUMA
#include "model/vm_parts.def"
#undef PM_PART_NUMA
};
static const struct pm_field virtiofs_rows[] = {
#define PM_PART_VIRTIOFS
#include "model/vm_parts.def"
#undef PM_PART_VIRTIOFS
};
static const struct pm_field rng_rows[] = {
#define PM_PART_RNG
#include "model/vm_parts.def"
#undef PM_PART_RNG
};
static const struct pm_field audio_rows[] = {
#define PM_PART_AUDIO
#include "model/vm_parts.def"
#undef PM_PART_AUDIO
};
static const struct pm_field watchdog_rows[] = {
#define PM_PART_WATCHDOG
#include "model/vm_parts.def"
#undef PM_PART_WATCHDOG
};
static const struct pm_field smbios_rows[] = {
#define PM_PART_SMBIOS
#include "model/vm_parts.def"
#undef PM_PART_SMBIOS
};
static const struct pm_field ivshmem_rows[] = {
#define PM_PART_IVSHMEM
#include "model/vm_parts.def"
#undef PM_PART_IVSHMEM
};
static const struct pm_field spice_rows[] = {
#define PM_PART_SPICE
#include "model/vm_parts.def"
#undef PM_PART_SPICE
};
static const struct pm_field sev_rows[] = {
#define PM_PART_SEV
#include "model/vm_parts.def"
#undef PM_PART_SEV
};
static const struct pm_field tdx_rows[] = {
#define PM_PART_TDX
#include "model/vm_parts.def"
#undef PM_PART_TDX
};
static const struct pm_field cicustom_rows[] = {
#define PM_PART_CICUSTOM
#include "model/vm_parts.def"
#undef PM_PART_CICUSTOM
};

const struct pm_kind pm_kind_vm = { .name = "VirtualMachine",
	.plural = "virtualmachines",
	.brief = "vm",
	.type = "qemu",
	.id = PM_K_VM,
	.envelope = true,
	.doc = "A virtual machine of Proxmox VE.",
	PM_ROWS(vm_rows) };

#define RECORD(id_, name_, plural_, doc_, rows_)                                                 \
	{                                                                                        \
		.name = (name_), .plural = (plural_), .id = (id_), .doc = (doc_), PM_ROWS(rows_) \
	}

const struct pm_kind pm_kind_disk = RECORD(
	PM_K_DISK, "disk", "disks", "A disk or CD-ROM drive of a virtual machine.", disk_rows);
const struct pm_kind pm_kind_efidisk = RECORD(PM_K_EFIDISK, "efidisk", "efidisk",
	"The volume of a virtual machine's firmware.", efidisk_rows);
const struct pm_kind pm_kind_tpmstate = RECORD(PM_K_TPMSTATE, "tpmstate", "tpmstate",
	"The volume of a virtual machine's TPM.", tpmstate_rows);
const struct pm_kind pm_kind_vmnet = RECORD(PM_K_VMNET, "interface", "interfaces",
	"A network interface of a virtual machine.", vmnet_rows);
const struct pm_kind pm_kind_ipconfig = RECORD(PM_K_IPCONFIG, "ipconfig", "ipconfig",
	"What cloud-init sets up on an interface.", ipconfig_rows);
const struct pm_kind pm_kind_cpu =
	RECORD(PM_K_CPU, "cpu", "cpu", "The processor of a virtual machine.", cpu_rows);
const struct pm_kind pm_kind_agent =
	RECORD(PM_K_AGENT, "agent", "agent", "The guest agent of a virtual machine.", agent_rows);
const struct pm_kind pm_kind_boot =
	RECORD(PM_K_BOOT, "boot", "boot", "What a virtual machine boots from.", boot_rows);
const struct pm_kind pm_kind_machine = RECORD(
	PM_K_MACHINE, "machine", "machine", "The main board of a virtual machine.", machine_rows);
const struct pm_kind pm_kind_vga =
	RECORD(PM_K_VGA, "vga", "vga", "The graphics card of a virtual machine.", vga_rows);
const struct pm_kind pm_kind_serial = RECORD(
	PM_K_SERIAL, "serial port", "serial", "A serial port of a virtual machine.", serial_rows);
const struct pm_kind pm_kind_parallel = RECORD(PM_K_PARALLEL, "parallel port", "parallel",
	"A parallel port of a virtual machine.", parallel_rows);
const struct pm_kind pm_kind_usb = RECORD(PM_K_USB, "USB device", "usb",
	"A USB device of the node, handed to a virtual machine.", usb_rows);
const struct pm_kind pm_kind_hostpci = RECORD(PM_K_HOSTPCI, "PCI device", "hostpci",
	"A PCI device of the node, handed to a virtual machine.", hostpci_rows);
const struct pm_kind pm_kind_numa = RECORD(
	PM_K_NUMA, "NUMA node", "numa", "A NUMA node that a virtual machine sees.", numa_rows);
const struct pm_kind pm_kind_virtiofs = RECORD(PM_K_VIRTIOFS, "shared folder", "virtiofs",
	"A folder of the node that a virtual machine can mount.", virtiofs_rows);
const struct pm_kind pm_kind_rng =
	RECORD(PM_K_RNG, "rng", "rng", "A device that gives random numbers.", rng_rows);
const struct pm_kind pm_kind_audio =
	RECORD(PM_K_AUDIO, "audio", "audio", "The sound card of a virtual machine.", audio_rows);
const struct pm_kind pm_kind_watchdog = RECORD(PM_K_WATCHDOG, "watchdog", "watchdog",
	"A device that acts when a virtual machine hangs.", watchdog_rows);
const struct pm_kind pm_kind_smbios = RECORD(PM_K_SMBIOS, "smbios1", "smbios1",
	"What a virtual machine reads about itself from its firmware.", smbios_rows);
const struct pm_kind pm_kind_ivshmem = RECORD(
	PM_K_IVSHMEM, "ivshmem", "ivshmem", "Memory that a virtual machine shares.", ivshmem_rows);
const struct pm_kind pm_kind_spice =
	RECORD(PM_K_SPICE, "spice", "spice", "Additions for the SPICE display.", spice_rows);
const struct pm_kind pm_kind_sev = RECORD(PM_K_SEV, "amd-sev", "amd-sev",
	"Encryption of a virtual machine's memory by AMD processors.", sev_rows);
const struct pm_kind pm_kind_tdx =
	RECORD(PM_K_TDX, "intel-tdx", "intel-tdx", "A trust domain of Intel processors.", tdx_rows);
const struct pm_kind pm_kind_cicustom = RECORD(PM_K_CICUSTOM, "custom", "custom",
	"Files for cloud-init instead of what PVE makes.", cicustom_rows);
