/* Named forms of texts in virtual machines. Each is a pattern: PVE's own are no more than that. */
#include <string.h>

#include "model/model_priv.h"

#define RANGE_P "[0-9]+(-[0-9]+)?"
#define PCI_P   "([0-9a-f]{4,}:)?[0-9a-f]{2}:[0-9a-f]{2}(\\.[0-9a-f])?"
#define USB_P \
	"(0x)?[0-9A-Fa-f]{4}:(0x)?[0-9A-Fa-f]{4}|[0-9]+-[0-9]+(\\.[0-9]+)*|[Ss][Pp][Ii][Cc][Ee]"
#define UUID_P  "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
#define STORE_P "[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]"
#define FILE_P  "(/[^/,=]+)+"
#define VER_P   "-[0-9]+(\\.[0-9]+)+(\\+pve[0-9]+)?"
#define CLOCK_P "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(T[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2})?"

static const char *why_source(const char *s)
{
	if (s[0] != '/' && strchr(s, ':'))
		return "a disk is made with storage and size, and import copies an image";
	return NULL;
}

static const char *why_pci(const char *s)
{
	return strpbrk(s, "ABCDEF") ? "PVE wants small letters" : NULL;
}

const struct pm_format pm_formats_vm[] = {
	{ .name = "vmid",
		.pattern = "^[1-9][0-9]{2,8}$",
		.what = "the number of a guest, from 100 to 999999999" },
	{ .name = "snapshot",
		.pattern = "^[A-Za-z][A-Za-z0-9_-]{1,39}$",
		.what = "the name of a snapshot: a letter, then letters, digits, '_' and '-'" },
	{ .name = "cpuset",
		.pattern = "^" RANGE_P "(," RANGE_P ")*$",
		.what = "numbers of cores, as \"0,5,8-11\"" },
	{ .name = "vm-source",
		.pattern = "^(none|cdrom|" FILE_P "|" STORE_P ":iso/[^/ ,=]+)$",
		.what = "an ISO image (as local:iso/NAME.iso), none, cdrom or a path of the node",
		.why = why_source },
	{ .name = "vm-import",
		.pattern = "^(" FILE_P "|" STORE_P ":[^ ,=]+)$",
		.what = "a volume (as local:import/NAME.qcow2) or a path of the node" },
	{ .name = "slot",
		.pattern = "^[a-z]+[0-9]{1,3}$",
		.what = "the key of a device, as scsi0 or net0" },
	{ .name = "cpu-type",
		.pattern = "^[A-Za-z0-9_.-]+$",
		.what = "the name of a model, as host or x86-64-v2-AES" },
	{ .name = "cpu-flag",
		.pattern = "^[+-][A-Za-z0-9._-]+$",
		.what = "a feature behind '+' or '-', as +aes" },
	{ .name = "hv-vendor",
		.pattern = "^[A-Za-z0-9]{1,12}$",
		.what = "at most 12 letters and digits" },
	{ .name = "phys-bits",
		.pattern = "^(host|[89]|[1-5][0-9]|6[0-4])$",
		.what = "a number from 8 to 64 in quotes, or host" },
	{ .name = "machine",
		.pattern = "^(pc|pc(-i440fx)?" VER_P "(\\.pxe)?|q35|pc-q35" VER_P
			   "(\\.pxe)?|virt(" VER_P ")?)$",
		.what = "a type of machine, as q35, pc or pc-q35-9.0" },
	{ .name = "serial",
		.pattern = "^(socket|/dev" FILE_P ")$",
		.what = "socket, or a path below /dev" },
	{ .name = "parallel",
		.pattern = "^/dev/(parport|usb/lp)[0-9]+$",
		.what = "a device as /dev/parport0 or /dev/usb/lp0" },
	{ .name = "usb-host",
		.pattern = "^(" USB_P ")$",
		.what = "a device as 046d:c52b, a port as 1-2.3, or spice" },
	{ .name = "pci-host",
		.pattern = "^" PCI_P "(;" PCI_P ")*$",
		.what = "the address of a PCI device, as 01:00.0 or 0000:01:00",
		.why = why_pci },
	{ .name = "config-id",
		.pattern = "^[A-Za-z][A-Za-z0-9_-]+$",
		.what = "a name: a letter, then letters, digits, '_' and '-'" },
	{ .name = "romfile",
		.pattern = "^[A-Za-z0-9._+/-]+$",
		.what = "the name of a file: letters, digits and . _ + - /" },
	{ .name = "mdev",
		.pattern = "^[A-Za-z0-9_+-]+$",
		.what = "the type of a device: letters, digits, '_', '+' and '-'" },
	{ .name = "hex-id",
		.pattern = "^0x[0-9A-Fa-f]{4}$",
		.what = "four hex digits behind 0x, as \"0x10de\"" },
	{ .name = "ranges",
		.pattern = "^" RANGE_P "$",
		.what = "a number or a range of them, as 0-3" },
	{ .name = "uuid", .pattern = "^" UUID_P "$", .what = "a UUID" },
	{ .name = "vmgenid", .pattern = "^(" UUID_P "|[01])$", .what = "a UUID, \"1\" or \"0\"" },
	{ .name = "smbios",
		.pattern = "^[A-Za-z0-9+/]+={0,2}$",
		.what = "letters, digits, '+' and '/': a text in Base64" },
	{ .name = "shm-name", .pattern = "^[A-Za-z0-9-]+$", .what = "letters, digits and hyphens" },
	{ .name = "startdate",
		.pattern = "^(now|" CLOCK_P ")$",
		.what = "now, or a time as 2006-06-17T16:01:21 or 2006-06-17" },
	{ .name = "wwn",
		.pattern = "^0x[0-9A-Fa-f]{16}$",
		.what = "16 hex digits behind 0x, in quotes" },
	{ .name = "scsi-vendor",
		.pattern = "^[A-Za-z0-9_ -]{1,8}$",
		.what = "at most 8 letters, digits, blanks, '_' and '-'" },
	{ .name = "scsi-product",
		.pattern = "^[A-Za-z0-9_ -]{1,16}$",
		.what = "at most 16 letters, digits, blanks, '_' and '-'" },
	{ .name = "vm-memory", .what = "a size" },
	{ .name = NULL },
};
