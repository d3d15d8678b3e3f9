/* podmox doctor on rights: what the manifests need, against what the account has. Which privilege a key
 * needs was read in pve-container's check_ct_modify_config_perm, qemu-server's check_vm_modify_config_perm and
 * pve-manager's schema. */
#include <json-c/json.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/doctor_priv.h"
#include "model/volume.h"

/** One privilege somewhere. Alternatives are divided by '|'. */
struct need {
	const char *privilege, *path;
	const char *who; /* the first object that needs it */
	unsigned count;
};

/** Answers of /access/permissions. */
struct known {
	const char *path;
	struct json_object *data;
};

struct rights {
	struct pm_doctor *d;
	struct json_object *vnets; /* of SDN; NULL: none seen */
	PM_VEC(struct need) needs;
	PM_VEC(struct known) known;
};

static void need(struct rights *r, const char *privilege, const char *path, const char *who)
{
	struct need fresh = { privilege, path, who, 1 };

	for (size_t i = 0; i < r->needs.n; i++) {
		struct need *n = &r->needs.v[i];

		if (strcmp(n->privilege, privilege) == 0 && strcmp(n->path, path) == 0) {
			n->count += strcmp(n->who, who) != 0;
			return;
		}
	}
	pm_vec_push(&r->needs, fresh);
}

/* ---- what an object needs ---- */

/* Privileges of the keys of a guest; every other key is an option. A drive's hangs on what is in it. */
static const struct {
	const struct pm_kind *kind;
	const char *privilege, *keys;
} key_rights[] = {
	{ &pm_kind_pod, "VM.Config.Disk", " rootfs mp " },
	{ &pm_kind_pod, "VM.Config.CPU", " cores cpulimit cpuunits " },
	{ &pm_kind_pod, "VM.Config.Memory", " memory swap " },
	{ &pm_kind_pod, "VM.Config.Network", " net hostname nameserver searchdomain " },
	{ &pm_kind_pod, NULL, " unprivileged password ssh-public-keys features ha ha-managed " },
	{ &pm_kind_vm, "VM.Config.CPU", " cpu cores sockets vcpus cpulimit cpuunits numa " },
	{ &pm_kind_vm, "VM.Config.Memory", " memory balloon shares allow-ksm " },
	{ &pm_kind_vm, "VM.Config.HWType",
		" acpi hotplug kvm machine scsihw smbios1 tablet vga watchdog audio0 rng0 serial usb hostpci " },
	{ &pm_kind_vm, "VM.Config.Disk", " boot vmstatestorage virtiofs efidisk0 tpmstate0 " },
	{ &pm_kind_vm, "VM.Config.Network", " net " },
	{ &pm_kind_vm, "VM.Config.Cloudinit|VM.Config.Network",
		" ciuser cipassword sshkeys citype ciupgrade cicustom nameserver searchdomain ipconfig " },
	{ &pm_kind_vm, "VM.PowerMgmt", " freeze " },
	{ &pm_kind_vm, NULL, " ide ha ha-managed " },
};

static const char *right_of(const struct pm_kind *k, const char *key)
{
	char word[64];

	(void)snprintf(word, sizeof(word), " %s ", key);
	for (size_t i = 0; i < PM_COUNT(key_rights); i++)
		if (key_rights[i].kind == k && strstr(key_rights[i].keys, word) != NULL)
			return key_rights[i].privilege;
	return "VM.Config.Options";
}

static void need_storage(
	struct rights *r, const char *storage, const char *privilege, const char *who)
{
	if (storage != NULL)
		need(r, privilege, pm_arena_printf(r->d->arena, "/storage/%s", storage), who);
}

static const char *zone_of(struct rights *r, const char *bridge)
{
	for (size_t i = 0; r->vnets != NULL && i < json_object_array_length(r->vnets); i++) {
		struct json_object *row = json_object_array_get_idx(r->vnets, i);

		if (pm_str_eq(pm_json_str(row, "vnet"), bridge) && pm_json_str(row, "zone") != NULL)
			return pm_json_str(row, "zone");
	}
	return "localnetwork";
}

static void need_bridges(struct rights *r, const struct pm_recs *nets, const char *who)
{
	for (size_t i = 0; i < nets->n; i++) {
		bool vm = nets->v[i]->kind == &pm_kind_vmnet;
		const char *bridge =
			pm_rec_str(nets->v[i], vm ? PM_VMNET_BRIDGE : PM_NET_BRIDGE, NULL);
		int64_t tag = pm_rec_int(nets->v[i], vm ? PM_VMNET_TAG : PM_NET_TAG, 0);
		const char *path;

		if (bridge == NULL)
			continue;
		path = pm_arena_printf(r->d->arena, "/sdn/zones/%s/%s", zone_of(r, bridge), bridge);
		if (tag > 0)
			path = pm_arena_printf(r->d->arena, "%s/%lld", path, (long long)tag);
		need(r, "SDN.Use", path, who);
	}
}

/* Of a volume that is named, "local:iso/x.iso", not of a path. */
static void need_image(struct rights *r, const char *volid, const char *who)
{
	size_t n = volid != NULL ? strcspn(volid, ":") : 0;

	if (n > 0 && volid[n] == ':' && strchr(volid, '/') > volid + n)
		need_storage(r, pm_arena_strndup(r->d->arena, volid, n),
			"Datastore.AllocateSpace|Datastore.Audit", who);
}

static void need_volumes(
	struct rights *r, const struct pm_rec *spec, const char *path, const char *who)
{
	struct pm_volume_at at = PM_VOLUMES(spec);

	while (pm_volume_next(&at)) {
		bool drive = at.rec->kind == &pm_kind_disk;
		const char *media = drive ? pm_rec_str(at.rec, PM_DISK_MEDIA, "disk") : "";

		need_storage(r, pm_volume_storage(at.rec), "Datastore.AllocateSpace", who);
		need_image(r, pm_volume_source(at.rec), who);
		need_image(r, pm_volume_import(at.rec), who);
		if (drive)
			need(r, strcmp(media, "cdrom") == 0 ? "VM.Config.CDROM" : "VM.Config.Disk",
				path, who);
	}
	if (spec->kind == &pm_kind_pod)
		need_image(r, pm_rec_str(spec, PM_G_IMAGE, NULL), who);
}

static void need_keys(
	struct rights *r, const struct pm_rec *spec, const char *path, const char *who)
{
	static const char *const always[] = { "VM.Allocate", "VM.Audit", "VM.PowerMgmt",
		"VM.Config.Options" };

	for (size_t i = 0; i < PM_COUNT(always); i++)
		need(r, always[i], path, who);
	if (spec->kind == &pm_kind_pod) /* its name is a setting of the network */
		need(r, "VM.Config.Network", path, who);
	for (unsigned i = 0; i < spec->kind->nfields; i++) {
		const struct pm_field *f = &spec->kind->fields[i];

		const char *right = f->key != NULL ? right_of(spec->kind, f->key) : NULL;

		if (spec->val[i].state == PM_SET && right != NULL)
			need(r, right, path, who);
	}
}

/* A new guest's number is not known yet, so its rights must hold for all, or for its pool. */
static const char *path_of(struct rights *r, const struct pm_rec *spec)
{
	int64_t vmid = pm_rec_int(spec, PM_G_VMID, 0);
	const char *pool = pm_rec_str(spec, PM_G_POOL, NULL);
	const char *path = "/vms";

	if (vmid > 0)
		path = pm_arena_printf(r->d->arena, "/vms/%lld", (long long)vmid);
	return pool != NULL ? pm_arena_printf(r->d->arena, "%s|/pool/%s", path, pool) : path;
}

static void need_pod(struct rights *r, const struct pm_rec *spec, const char *who)
{
	if (!pm_rec_bool(spec, PM_POD_UNPRIVILEGED, true) &&
		(r->d->version == 0 || r->d->version >= 900))
		need(r, "Sys.Modify", "/", who);
	if (pm_rec_bool(spec, PM_POD_OPT_HA, false))
		need(r, "Sys.Console", "/", who);
}

static void need_vm(struct rights *r, const struct pm_rec *spec, const char *who)
{
	const char *from = pm_rec_str(spec, PM_G_IMAGE, NULL);

	if (from != NULL)
		need(r, "VM.Clone", pm_arena_printf(r->d->arena, "/vms/%s", from), who);
	need_storage(
		r, pm_rec_str(spec, PM_VM_CLONE_STORAGE, NULL), "Datastore.AllocateSpace", who);
	if (spec->val[PM_G_STARTUP].state == PM_SET)
		need(r, "Sys.Modify", "/", who);
	if (pm_rec_bool(spec, PM_VM_OPT_HA, false))
		need(r, "Sys.Console", "/", who);
}

static void need_object(struct rights *r, const struct pm_obj *o)
{
	const struct pm_rec *spec = o->spec;
	bool pod = o->kind == &pm_kind_pod;
	const char *who = pm_obj_id(r->d->arena, o), *path = path_of(r, spec);
	const struct pm_value *nets = pm_rec_get(spec, pod ? PM_POD_INTERFACES : PM_VM_INTERFACES);
	unsigned line = 0;
	const char *root = pm_obj_needs_root(o, NULL, &line);

	need_keys(r, spec, path, who);
	need_volumes(r, spec, path, who);
	if (spec->val[PM_G_HA].state != PM_UNSET) {
		need(r, "Sys.Console", "/", who);
		need(r, "Sys.Audit", "/", who);
	}
	if (nets->state == PM_SET && (r->d->version == 0 || r->d->version >= 800))
		need_bridges(r, nets->u.recs, who);
	if (pod)
		need_pod(r, spec, who);
	else
		need_vm(r, spec, who);
	if (root != NULL && !pm_pve_is_root_pam(r->d->client.pve))
		pm_doctor_add(r->d, PM_PROBLEM, who,
			"Log in as root@pam with a password (auth.username, auth.password), or take it "
			"out of the manifest.",
			"%s (%s:%u) is only for root@pam, never for a token", root,
			o->file != NULL ? o->file : "?", line);
}

/* ---- what the account has ---- */

static struct json_object *permissions(struct rights *r, const char *path, struct pm_error *err)
{
	struct pm_buf query cleanup_buf = PM_BUF(0);
	struct known fresh = { .path = path };

	for (size_t i = 0; i < r->known.n; i++)
		if (strcmp(r->known.v[i].path, path) == 0)
			return r->known.v[i].data;
	pm_form_add(&query, "path", path);
	if (pm_doctor_get(r->d, "/access/permissions", pm_buf_str(&query), &fresh.data, err) < 0)
		fresh.data = NULL;
	pm_vec_push(&r->known, fresh);
	return fresh.data;
}

/* Any of the alternatives, "A|B", for which `fits` is true. */
static bool has_on(struct rights *r, const char *privileges, const char *path, struct pm_error *err)
{
	struct json_object *here = pm_json_get(permissions(r, path, err), path);

	while (*privileges != '\0') {
		char name[64];
		size_t n = strcspn(privileges, "|");

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, privileges);
		if (pm_json_get(here, name) != NULL)
			return true;
		privileges += n + (privileges[n] == '|');
	}
	return false;
}

static bool has(struct rights *r, const struct need *n, struct pm_error *err)
{
	const char *paths = n->path;

	while (*paths != '\0') {
		size_t len = strcspn(paths, "|");

		if (has_on(r, n->privilege, pm_arena_strndup(r->d->arena, paths, len), err))
			return true;
		paths += len + (paths[len] == '|');
	}
	return false;
}

static void tell_missing(struct rights *r, const struct need *n)
{
	struct pm_arena *a = r->d->arena;
	const char *user = pm_pve_user(r->d->client.pve);
	const char *first = pm_arena_strndup(a, n->path, strcspn(n->path, "|"));
	const char *privilege = pm_arena_strndup(a, n->privilege, strcspn(n->privilege, "|"));
	const char *others = n->count > 1 ? pm_arena_printf(a, " and %u more", n->count - 1) : "";

	pm_doctor_add(r->d, PM_PROBLEM, "rights",
		pm_arena_printf(a,
			"On a node: pveum role modify podmox -append 1 -privs %s (role add makes it), "
			"then pveum acl modify %s -role podmox -%s '%s'.",
			privilege, first, strchr(user, '!') != NULL ? "token" : "user", user),
		"%s misses %s on %s, which %s%s needs", user, n->privilege, n->path, n->who,
		others);
}

void pm_doctor_rights(struct pm_doctor *d)
{
	struct rights r = { .d = d };
	struct pm_error err = { 0 };
	unsigned missing = 0;

	if (pm_doctor_get(d, "/cluster/sdn/vnets", NULL, &r.vnets, &err) < 0)
		r.vnets = NULL;
	need(&r, "Sys.Audit", "/", "every plan");
	for (size_t i = 0; i < d->want.n; i++)
		if (d->want.v[i]->spec != NULL && pm_kind_is_guest(d->want.v[i]->kind))
			need_object(&r, d->want.v[i]);
	err.code = PM_OK;
	for (size_t i = 0; i < r.needs.n && err.code == PM_OK; i++) {
		if (has(&r, &r.needs.v[i], &err) || err.code != PM_OK)
			continue;
		tell_missing(&r, &r.needs.v[i]);
		missing++;
	}
	if (err.code != PM_OK)
		pm_doctor_add(d, PM_DOUBT, "rights", NULL, "they cannot be read: %s", err.msg);
	else if (missing == 0)
		pm_doctor_add(d, PM_FINE, "rights", NULL, "nothing is missing for %zu object%s",
			d->want.n, d->want.n == 1 ? "" : "s");
	for (size_t i = 0; i < r.known.n; i++)
		pm_json_putp(&r.known.v[i].data);
	pm_json_putp(&r.vnets);
	pm_vec_done(&r.needs);
	pm_vec_done(&r.known);
}
