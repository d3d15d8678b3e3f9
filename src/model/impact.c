/* The page that says of every field when a change takes effect, and where that is known from. */
#include <string.h>

#include "base/text.h"
#include "model/docs.h"
#include "model/model_priv.h"

/** An impact as pm_impact() calls it, in the words of the page. */
static const struct {
	const char *impact, *running, *stopped;
} words[] = {
	{ "live", "at once", "at once" },
	{ "live with hotplug", "at once where `hotplug` allows it, else it waits for a restart",
		"at once" },
	{ "live, link flaps", "at once, the link flaps", "at once" },
	{ "next start", "stored at once, acts from the next start on", "at once" },
	{ "pending", "waits for a restart", "at once" },
	{ "resize", "at once; it only grows", "at once; it only grows" },
	{ "move", "moved: stops and starts it", "moved" },
	{ "migrate", "migrated: stops and starts it", "migrated" },
	{ "replace", "needs a new guest", "needs a new guest" },
	{ "create", "never: read at the creation only", "never: read at the creation only" },
};

/** What a running machine does otherwise than a container; NULL: of any record. */
static const struct {
	const char *impact;
	const struct pm_kind *sub;
	const char *running;
} machine_words[] = {
	{ "move", &pm_kind_tpmstate, "moved: stops and starts it" },
	{ "move", NULL, "moved while it runs" },
	{ "migrate", NULL, "migrated while it runs" },
};

#define HOTPLUG "PVE::QemuServer::vmconfig_hotplug_pending"
#define RESTART "waits for a restart"

/** What becomes of a whole entry of a list of a running guest. */
static const struct {
	const struct pm_kind *kind;
	const char *field, *added, *removed, *since, *source;
} entries[] = {
	{ &pm_kind_pod, "network.interfaces", "at once",
		"at once; from the eleventh on it waits for a restart", "",
		"PVE::LXC::Config::vmconfig_hotplug_pending, net(\\d); recordings/05b, put net2 hotplug and delete net2 hotplug" },
	{ &pm_kind_pod, "volumes", "at once", "waits for a restart; a volume is kept as unused", "",
		"PVE::LXC::Config::vmconfig_hotplug_pending, mp(\\d+); recordings/05b, put mp3 hotplug and delete mp0" },
	{ &pm_kind_pod, "devices", "at once since 9.0, before it waits for a restart",
		"waits for a restart", "8.1",
		"PVE::LXC::Config::vmconfig_hotplug_pending, dev(\\d+)" },
	{ &pm_kind_vm, "disks",
		"at once for scsi and virtio where `hotplug` has disk, else it waits for a restart",
		"the same; the volume is kept as unused", "", HOTPLUG },
	{ &pm_kind_vm, "network.interfaces",
		"at once where `hotplug` has network, else it waits for a restart", "the same", "",
		HOTPLUG },
	{ &pm_kind_vm, "usb", "at once where `hotplug` has usb, else it waits for a restart",
		"the same", "", HOTPLUG },
	{ &pm_kind_vm, "cloudInit.ipconfig", "stored at once, acts from the next start on",
		"the same", "", "PVE::QemuServer, fast_plug_option" },
	{ &pm_kind_vm, "serial", RESTART, RESTART, "", HOTPLUG " skips it" },
	{ &pm_kind_vm, "parallel", RESTART, RESTART, "", HOTPLUG " skips it" },
	{ &pm_kind_vm, "hostpci", RESTART, RESTART, "", HOTPLUG " skips it" },
	{ &pm_kind_vm, "numa", RESTART, RESTART, "", HOTPLUG " skips it" },
	{ &pm_kind_vm, "virtiofs", RESTART, RESTART, "", HOTPLUG " skips it" },
};

static void add_cell(const char *text, struct pm_buf *out)
{
	for (; *text; text++) {
		if (*text == '|')
			pm_buf_addc(out, '\\');
		pm_buf_addc(out, *text);
	}
	pm_buf_adds(out, " | ");
}

static void add_line(const char *field, const char *running, const char *stopped, const char *since,
	const char *source, struct pm_buf *out)
{
	pm_buf_addf(out, "| `%s` | ", field);
	add_cell(running, out);
	add_cell(stopped, out);
	add_cell(since ? since : "", out);
	add_cell(source ? source : "", out);
	out->len--;
	pm_buf_addc(out, '\n');
}

/* What the impact comes to while the guest runs. */
static const char *running_words(const struct pm_kind *k, const struct pm_field *in, unsigned word)
{
	for (size_t i = 0; k == &pm_kind_vm && i < PM_COUNT(machine_words); i++) {
		const struct pm_kind *sub = machine_words[i].sub;

		if (!strcmp(machine_words[i].impact, words[word].impact) &&
			(!sub || (in && in->sub == sub)))
			return machine_words[i].running;
	}
	return words[word].running;
}

/* One row; podmox's own say nothing to PVE, and so have no line. */
static void add_row(const struct pm_kind *k, const struct pm_field *f, const struct pm_field *in,
	struct pm_buf *out)
{
	const char *impact = pm_impact(f, in), *source = f->source ? f->source
							 : in      ? in->source
								   : NULL;
	cleanup_buf struct pm_buf name = PM_BUF(0);

	pm_buf_addf(&name, "%s%s%s%s", in ? in->name : "", in && in->count > 0 ? "[]" : "",
		in ? "." : "", f->name);
	for (size_t i = 0; impact && i < PM_COUNT(words); i++) {
		if (!strcmp(words[i].impact, impact))
			add_line(pm_buf_str(&name), running_words(k, in, (unsigned)i),
				words[i].stopped, f->since, source, out);
	}
}

static void add_entries(const struct pm_kind *k, const struct pm_field *f, struct pm_buf *out)
{
	for (size_t i = 0; i < PM_COUNT(entries); i++) {
		cleanup_buf struct pm_buf name = PM_BUF(0);

		if (entries[i].kind != k || strcmp(entries[i].field, f->name) != 0)
			continue;
		pm_buf_addf(&name, "%s: an entry comes", f->name);
		add_line(pm_buf_str(&name), entries[i].added, "at once", f->since,
			entries[i].source, out);
		pm_buf_clear(&name);
		pm_buf_addf(&name, "%s: an entry goes", f->name);
		add_line(pm_buf_str(&name), entries[i].removed, "at once", f->since,
			entries[i].source, out);
	}
}

static void add_field(const struct pm_kind *k, const struct pm_field *f, struct pm_buf *out)
{
	if (f->flags & PM_F_INNER)
		return;
	if (f->type != PM_T_PROPS) {
		add_row(k, f, NULL, out);
		return;
	}
	if (f->count > 0)
		add_entries(k, f, out);
	for (unsigned i = 0; i < f->sub->nfields; i++) {
		if (!(f->sub->fields[i].flags & PM_F_INNER))
			add_row(k, &f->sub->fields[i], f, out);
	}
}

static void add_kind(const struct pm_kind *k, struct pm_buf *out)
{
	pm_buf_addf(out, "\n## %s\n\n", k->name);
	pm_buf_adds(out, "| field | running | stopped | since | known from |\n");
	pm_buf_adds(out, "|---|---|---|---|---|\n");
	for (unsigned i = 0; i < k->nfields; i++)
		add_field(k, &k->fields[i], out);
}

void pm_impact_docs(struct pm_buf *out)
{
	pm_buf_adds(out,
		"<!-- Made by `make generate` from src/model/*.def; do not edit. -->\n\n"
		"# When a change takes effect\n\n"
		"What a change does to a guest that runs and to one that does not. `podmox plan` says the same of\n"
		"each change; after the write PVE's own list of pending changes decides whether a restart is\n"
		"needed. The last column says where it is known from: the function of PVE's code that decides it\n"
		"(pve-container 6.1, qemu-server 9.2), and the exchange with a real PVE that shows it. `since` is\n"
		"the first version of PVE that knows the field. Fields that are podmox's own are not in the list:\n"
		"nothing of them is in the guest.\n");
	for (unsigned i = 0; pm_kinds[i]; i++) {
		if (pm_kinds[i]->envelope && pm_field_find(pm_kinds[i], "vmid"))
			add_kind(pm_kinds[i], out);
	}
}
