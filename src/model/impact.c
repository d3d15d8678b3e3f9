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
	{ "live, link flaps", "at once, the link flaps", "at once" },
	{ "next start", "stored at once, acts from the next start on", "at once" },
	{ "pending", "waits for a restart", "at once" },
	{ "resize", "at once; it only grows", "at once; it only grows" },
	{ "move", "moved: stops and starts it", "moved" },
	{ "migrate", "migrated: stops and starts it", "migrated" },
	{ "replace", "needs a new guest", "needs a new guest" },
	{ "create", "never: read at the creation only", "never: read at the creation only" },
};

/** What becomes of a whole entry of a list of a running container. */
static const struct {
	const char *field, *added, *removed, *source;
} entries[] = {
	{ "network.interfaces", "at once", "at once; from the eleventh on it waits for a restart",
		"PVE::LXC::Config::vmconfig_hotplug_pending, net(\\d); recordings/05b, put net2 hotplug and delete net2 hotplug" },
	{ "volumes", "at once", "waits for a restart; a volume is kept as unused",
		"PVE::LXC::Config::vmconfig_hotplug_pending, mp(\\d+); recordings/05b, put mp3 hotplug and delete mp0" },
	{ "devices", "at once since 9.0, before it waits for a restart", "waits for a restart",
		"PVE::LXC::Config::vmconfig_hotplug_pending, dev(\\d+)" },
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

/* A virtual machine moves disks and itself while it runs, but not the state of its TPM. */
static const char *running_words(size_t i, const struct pm_kind *k, const struct pm_field *in)
{
	if (k == &pm_kind_pod || (in && in->sub == &pm_kind_tpmstate))
		return words[i].running;
	if (!strcmp(words[i].impact, "move"))
		return "moved while it runs";
	return !strcmp(words[i].impact, "migrate") ? "migrated while it runs" : words[i].running;
}

/* The feature without which a live change waits; NULL: there is none. */
static const char *feature_of(const struct pm_field *f, const struct pm_field *in)
{
	return f->hot ? f->hot : in ? in->hot : NULL;
}

static void add_hot(const char *feature, const char *more, struct pm_buf *out)
{
	pm_buf_addf(out, "at once where `hotplug` has %s%s, else it waits for a restart", feature,
		more);
}

/* One row; podmox's own say nothing to PVE, and so have no line. */
static void add_row(const struct pm_kind *k, const struct pm_field *f, const struct pm_field *in,
	struct pm_buf *out)
{
	const char *impact = pm_impact(f, in), *source = f->source ? f->source
							 : in      ? in->source
								   : NULL;
	cleanup_buf struct pm_buf name = PM_BUF(0), hot = PM_BUF(0);

	pm_buf_addf(&name, "%s%s%s%s", in ? in->name : "", in && in->count > 0 ? "[]" : "",
		in ? "." : "", f->name);
	if (impact && !strcmp(impact, "live with hotplug")) {
		add_hot(feature_of(f, in), f->flags & PM_F_LINKFLAP ? " (the link flaps)" : "",
			&hot);
		add_line(pm_buf_str(&name), pm_buf_str(&hot), "at once", f->since, source, out);
		return;
	}
	for (size_t i = 0; impact && i < PM_COUNT(words); i++) {
		if (!strcmp(words[i].impact, impact))
			add_line(pm_buf_str(&name), running_words(i, k, in), words[i].stopped,
				f->since, source, out);
	}
}

static void add_entry(const struct pm_field *f, const char *what, const char *running,
	const char *source, struct pm_buf *out)
{
	cleanup_buf struct pm_buf name = PM_BUF(0);

	pm_buf_addf(&name, "%s: an entry %s", f->name, what);
	add_line(pm_buf_str(&name), running, "at once", f->since, source, out);
}

/* Of a virtual machine an entry comes and goes alike. */
static void add_entries_of_vm(const struct pm_field *f, struct pm_buf *out)
{
	cleanup_buf struct pm_buf running = PM_BUF(0);

	if (f->hot)
		add_hot(f->hot,
			f->slots ? ", the bus is scsi or virtio and it does not boot from it" : "",
			&running);
	else
		pm_buf_adds(&running, f->flags & PM_F_NOTLIVE
					      ? "stored at once, acts from the next start on"
					      : "waits for a restart");
	add_entry(f, "comes or goes", pm_buf_str(&running), f->source, out);
}

static void add_entries(const struct pm_field *f, struct pm_buf *out)
{
	for (size_t i = 0; i < PM_COUNT(entries); i++) {
		if (strcmp(entries[i].field, f->name) != 0)
			continue;
		add_entry(f, "comes", entries[i].added, entries[i].source, out);
		add_entry(f, "goes", entries[i].removed, entries[i].source, out);
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
	if (f->count > 0 && k == &pm_kind_pod)
		add_entries(f, out);
	else if (f->count > 0)
		add_entries_of_vm(f, out);
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
		if (pm_kind_is_guest(pm_kinds[i]))
			add_kind(pm_kinds[i], out);
	}
}
