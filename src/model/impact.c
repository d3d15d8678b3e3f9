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
	const char *field, *added, *removed, *since, *source;
} entries[] = {
	{ "network.interfaces", "at once", "at once; from the eleventh on it waits for a restart",
		"",
		"PVE::LXC::Config::vmconfig_hotplug_pending, net(\\d); recordings/05b, put net2 hotplug and delete net2 hotplug" },
	{ "volumes", "at once", "waits for a restart; a volume is kept as unused", "",
		"PVE::LXC::Config::vmconfig_hotplug_pending, mp(\\d+); recordings/05b, put mp3 hotplug and delete mp0" },
	{ "devices", "at once since 9.0, before it waits for a restart", "waits for a restart",
		"8.1", "PVE::LXC::Config::vmconfig_hotplug_pending, dev(\\d+)" },
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

/* One row; podmox's own say nothing to PVE, and so have no line. */
static void add_row(const struct pm_field *f, const struct pm_field *in, struct pm_buf *out)
{
	const char *impact = pm_impact(f, in), *source = f->source ? f->source
							 : in      ? in->source
								   : NULL;
	cleanup_buf struct pm_buf name = PM_BUF(0);

	pm_buf_addf(&name, "%s%s%s%s", in ? in->name : "", in && in->count > 0 ? "[]" : "",
		in ? "." : "", f->name);
	for (size_t i = 0; impact && i < PM_COUNT(words); i++) {
		if (!strcmp(words[i].impact, impact))
			add_line(pm_buf_str(&name), words[i].running, words[i].stopped, f->since,
				source, out);
	}
}

static void add_entries(const struct pm_field *f, struct pm_buf *out)
{
	for (size_t i = 0; i < PM_COUNT(entries); i++) {
		cleanup_buf struct pm_buf name = PM_BUF(0);

		if (strcmp(entries[i].field, f->name) != 0)
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

static void add_field(const struct pm_field *f, struct pm_buf *out)
{
	if (f->flags & PM_F_INNER)
		return;
	if (f->type != PM_T_PROPS) {
		add_row(f, NULL, out);
		return;
	}
	if (f->count > 0)
		add_entries(f, out);
	for (unsigned i = 0; i < f->sub->nfields; i++) {
		if (!(f->sub->fields[i].flags & PM_F_INNER))
			add_row(&f->sub->fields[i], f, out);
	}
}

static void add_kind(const struct pm_kind *k, struct pm_buf *out)
{
	pm_buf_addf(out, "\n## %s\n\n", k->name);
	pm_buf_adds(out, "| field | running | stopped | since | known from |\n");
	pm_buf_adds(out, "|---|---|---|---|---|\n");
	for (unsigned i = 0; i < k->nfields; i++)
		add_field(&k->fields[i], out);
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
