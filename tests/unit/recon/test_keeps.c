/* Replacements that keep volumes: what lives on in the new guest, what dies, and that neither a run that is cut off
 * nor a request that fails ever loses a volume, leaves a holder or makes a second guest. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "killed.h"
#include "world.h"

/** A guest that is replaced, of each kind: all of it is the same but for the words. */
struct subject {
	const char *id, *type;
	const char *head;    /* of its manifest */
	const char *anew[2]; /* what needs a new guest, as it was and as it is to be */
	const char *list, *data, *more;
	const char *moved;    /* `data` that is to grow and to lie elsewhere */
	const char *key[2];   /* of both volumes */
	const char *has[2];   /* what stands there */
	const char *hand[2];  /* a volume that somebody adds: its key, and the form */
	const char *fresh[2]; /* a key of the new guest, and what it has */
	const char *boots;    /* what it boots from; NULL: a container */
	unsigned guests;      /* of the cluster */
};

#define DISK(slot) "{slot: " slot ", storage: local-lvm, size: 1Gi, backup: true}"
#define VM(spec)                                                                               \
	"apiVersion: podmox/v1\nkind: VirtualMachine\nmetadata: {name: db, namespace: shop}\n" \
	"spec:\n  network: {interfaces: [{slot: net0, bridge: vmbr0}]}\n" spec

static const struct subject subjects[] = {
	{ .id = "Pod/shop/db",
		.type = "lxc",
		.head = "apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: db, namespace: shop}\nspec:\n"
			"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"
			"  rootfs: {storage: local-lvm, size: 4Gi}\n",
		.anew = { "", "  unprivileged: false\n" },
		.list = "volumes",
		.data = "{path: /data, storage: local-lvm, size: 1Gi, backup: true}",
		.more = "{path: /more, storage: local-lvm, size: 1Gi}",
		.moved = "{path: /data, storage: local, size: 6Gi}",
		.key = { "mp0", "mp1" },
		.has = { "mp=/data,backup=1", "mp=/more" },
		.hand = { "mp7", "mp7=local-lvm%3A5%2Cmp%3D%2Fhand%2Cro%3D1" },
		.fresh = { "unprivileged", "0" },
		.guests = 1 },
	{ .id = "VirtualMachine/shop/db", /* made of itself: all of its disks live on, the first one too */
		.type = "qemu",
		.head = VM("  machine: {type: q35}\n"),
		.anew = { "  tpmstate: {storage: local-lvm, version: v1.2}\n",
			"  tpmstate: {storage: local-lvm, version: v2.0}\n" },
		.list = "disks",
		.data = DISK("scsi0"),
		.more = DISK("virtio1"),
		.moved = "{slot: scsi0, storage: local, size: 6Gi}",
		.key = { "scsi0", "virtio1" },
		.has = { "backup=1", "backup=1" },
		.hand = { "scsi7", "scsi7=local-lvm%3A5%2Cdiscard%3Don" },
		.fresh = { "tpmstate0", "version=v2.0" },
		.boots = "order=scsi0",
		.guests = 1 },
	{ .id = "VirtualMachine/shop/db", /* a copy: what its template has comes with the new one */
		.type = "qemu",
		.head = VM(""),
		.anew = { "  clone: {from: \"9000\"}\n", "  clone: {from: \"9001\"}\n" },
		.list = "disks",
		.data = DISK("scsi1"),
		.more = DISK("virtio1"),
		.moved = "{slot: scsi1, storage: local, size: 6Gi}",
		.key = { "scsi1", "virtio1" },
		.has = { "backup=1", "backup=1" },
		.hand = { "scsi7", "scsi7=local-lvm%3A5%2Cdiscard%3Don" },
		.fresh = { "scsi0", "size=3G" },
		.boots = "order=scsi0",
		.guests = 3 },
};

#define EACH(s) (const struct subject *(s) = subjects; (s) < subjects + PM_COUNT(subjects); (s)++)

static const char *manifest(
	struct world *w, const struct subject *s, bool fresh, const char *more, const char *entries)
{
	const char *lifecycle = strstr(more, "lifecycle") ? "" : "  lifecycle: {replace: allow}\n";

	return pm_arena_printf(w->arena, "%s%s%s%s  %s: [%s]\n", s->head, s->anew[fresh], lifecycle,
		more, s->list, entries);
}

static const char *both(struct world *w, const struct subject *s)
{
	return pm_arena_printf(w->arena, "%s, %s", s->data, s->more);
}

static const char *value(struct world *w, const struct subject *s, const char *key)
{
	return pm_arena_strdup(w->arena, world_control(w, "get %u %s", world_vmid(w, s->id), key));
}

static int call(struct world *w, const struct subject *s, const char *method, const char *what,
	const char *form)
{
	int status = world_call(w, method,
		pm_arena_printf(
			w->arena, "/nodes/pve1/%s/%u/%s", s->type, world_vmid(w, s->id), what),
		form);

	world_wait(w, 30);
	return status;
}

static void template(struct world *w, unsigned vmid, unsigned gib)
{
	assert_int_equal(world_call(w, "POST", "/nodes/pve1/qemu",
				 pm_arena_printf(w->arena, "vmid=%u&name=t&scsi0=local-lvm%%3A%u",
					 vmid, gib)),
		200);
	world_wait(w, 5);
	assert_int_equal(
		world_call(w, "POST",
			pm_arena_printf(w->arena, "/nodes/pve1/qemu/%u/template", vmid), ""),
		200);
	world_wait(w, 5);
}

/* A guest whose volumes are larger than the manifest asks for: made anew they would not be. */
static void begin(struct world *w, const struct subject *s)
{
	world_new(w, 1);
	for (unsigned i = 1; i < s->guests; i++)
		template(w, 8999 + i, 1 + i);
	world_manifest(w, "a.yaml", manifest(w, s, false, "", both(w, s)));
	world_apply(w);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(
			call(w, s, "PUT", "resize",
				pm_arena_printf(w->arena, "disk=%s&size=%uG", s->key[i], 2 + i)),
			200);
}

static void turn(struct world *w, bool allow, struct turn *t)
{
	const struct turn_opts o = { .plan = { .allow_replace = allow, .allow_restart = allow } };

	world_turn(w, &o, t);
}

/* One apply that is to go well; the plan's text. */
static const char *apply(struct world *w, const char *text)
{
	struct turn t;

	world_manifest(w, "a.yaml", text);
	turn(w, true, &t);
	if (!t.applied || t.status != 0)
		fail_msg("status %d: %s\n%s\n%s", t.status, t.err.msg,
			t.planned ? turn_plan(&t) : "",
			t.applied ? t.cycle.report.v[0].err.msg : "");
	text = pm_arena_strdup(w->arena, turn_plan(&t));
	turn_done(&t);
	return text;
}

static void kept(struct world *w, const struct subject *s)
{
	assert_has(value(w, s, s->key[0]), s->has[0]);
	assert_has(value(w, s, s->key[0]), "size=2G");
	assert_has(value(w, s, s->key[1]), s->has[1]);
	assert_has(value(w, s, s->key[1]), "size=3G");
	assert_string_equal(value(w, s, "unused0"), "");
	if (s->boots)
		assert_has(value(w, s, "boot"), s->boots);
}

static void end(struct world *w, const struct subject *s)
{
	assert_int_equal(world_guests(w), s->guests);
	world_in_sync(w);
	world_done(w);
}

PM_TEST(keeps_volumes_of_a_guest_that_is_replaced)
{
	for
		EACH(s)
		{
			struct world w;
			const char *text;
			unsigned vmid;

			begin(&w, s);
			vmid = world_vmid(&w, s->id);
			text = apply(&w, manifest(&w, s, true, "", both(&w, s)));
			assert_has(text, "destroys local-lvm:vm-");
			assert_has(text, "keeps local-lvm:vm-");
			assert_has(text, "handed over through");
			kept(&w, s);
			assert_has(value(&w, s, s->fresh[0]), s->fresh[1]);
			assert_int_equal(world_vmid(&w, s->id), vmid);
			assert_non_null(strstr(world_control(&w, "get %u", vmid), " running"));
			end(&w, s);
		}
}

PM_TEST(keeps_what_leaves_the_manifest_as_unused)
{
	for
		EACH(s)
		{
			struct world w;

			begin(&w, s);
			apply(&w, manifest(&w, s, true, "", s->more));
			assert_string_equal(value(&w, s, s->key[0]), "");
			assert_has(value(&w, s, s->key[1]), "size=3G");
			assert_has(value(&w, s, "unused0"), "local-lvm:vm-");
			end(&w, s);
		}
}

PM_TEST(keeps_a_volume_that_is_to_grow_and_move)
{
	for
		EACH(s)
		{
			struct world w;

			begin(&w, s);
			apply(&w, manifest(&w, s, true, "",
					  pm_arena_printf(w.arena, "%s, %s", s->moved, s->more)));
			assert_has(value(&w, s, s->key[0]), "local:");
			assert_has(value(&w, s, s->key[0]), "size=6G");
			assert_has(value(&w, s, s->key[1]), "size=3G");
			end(&w, s);
		}
}

PM_TEST(keeps_volumes_when_the_number_changes)
{
	for
		EACH(s)
		{
			struct world w;

			begin(&w, s);
			apply(&w, manifest(&w, s, false, "  vmid: 288\n", both(&w, s)));
			assert_int_equal(world_vmid(&w, s->id), 288);
			kept(&w, s);
			end(&w, s);
		}
}

/* A protected guest takes no volume: it is protected when it has them. */
PM_TEST(keeps_volumes_of_a_guest_that_is_to_be_protected)
{
	for
		EACH(s)
		{
			struct world w;

			begin(&w, s);
			apply(&w, manifest(&w, s, true,
					  "  lifecycle: {replace: allow, protect: true}\n",
					  both(&w, s)));
			kept(&w, s);
			assert_string_equal(value(&w, s, "protection"), "1");
			end(&w, s);
		}
}

/* What somebody has added by hand is there afterwards, and stays none of podmox's business. */
PM_TEST(keeps_volumes_of_others)
{
	for
		EACH(s)
		{
			struct world w;

			begin(&w, s);
			assert_int_equal(call(&w, s, "PUT", "config", s->hand[1]), 200);
			apply(&w, manifest(&w, s, true, "", both(&w, s)));
			kept(&w, s);
			assert_has(value(&w, s, s->hand[0]), "size=5G");
			end(&w, s);
		}
}

/* Nothing is made, stopped or gone when it cannot go well. */
PM_TEST(keeps_everything_when_there_are_snapshots)
{
	for
		EACH(s)
		{
			struct world w;
			struct turn t;
			unsigned vmid;

			begin(&w, s);
			vmid = world_vmid(&w, s->id);
			world_manifest(&w, "a.yaml", manifest(&w, s, true, "", both(&w, s)));
			assert_int_equal(call(&w, s, "POST", "snapshot", "snapname=before"), 200);
			turn(&w, true, &t);
			assert_int_equal(turn_result(&t, s->id)->outcome, PM_FAILED);
			assert_has(turn_result(&t, s->id)->err.msg, "snapshots");
			turn_done(&t);
			assert_non_null(strstr(world_control(&w, "get %u", vmid), " running"));
			assert_int_equal(world_guests(&w), s->guests);
			kept(&w, s);
			world_done(&w);
		}
}

/* ---- whatever fails ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#	define STRIDE 7
#else
#	define STRIDE 1
#endif

/* One apply in peace, with consent or without: there is one guest, and it has its volumes. */
static void mend(struct world *w, const struct subject *s, bool consent, unsigned nth)
{
	struct turn t;

	world_wait(w, 5);
	turn(w, consent, &t);
	if (!t.applied || t.status != 0)
		fail_msg("%s, request %u, the apply after it: status %d: %s\n%s\n%s", s->id, nth,
			t.status, t.err.msg, t.planned ? turn_plan(&t) : "",
			t.applied && t.cycle.report.n > 0 ? t.cycle.report.v[0].err.msg : "");
	turn_done(&t);
	world_in_sync(w);
	assert_int_equal(world_guests(w), s->guests);
	kept(w, s);
}

static void begin_anew(struct world *w, const struct subject *s)
{
	begin(w, s);
	world_manifest(w, "a.yaml", manifest(w, s, true, "", both(w, s)));
}

static bool spoil_once(const struct subject *s, unsigned nth, enum pm_spoil how, bool consent)
{
	struct turn_opts bad = { .plan = { .allow_replace = true } };
	struct world w;
	struct turn t;
	bool reached;

	begin_anew(&w, s);
	bad.through = pm_spoil_new(world_wire(&w), nth, how);
	world_turn(&w, &bad, &t);
	turn_done(&t);
	reached = pm_spoil_calls(bad.through) >= nth;
	pm_transport_free(bad.through);
	mend(&w, s, consent, nth);
	world_done(&w);
	return reached;
}

static bool kill_once(const struct subject *s, unsigned nth, bool consent, bool journal)
{
	struct pm_cancel cancel = { .on = false };
	struct turn_opts bad = { .plan = { .allow_replace = true }, .cancel = &cancel };
	struct world w;
	struct turn t;
	bool reached;

	begin_anew(&w, s);
	bad.through = pm_killed_new(world_wire(&w), nth, &cancel);
	if (!journal)
		bad.journal_dir = pm_test_dir();
	world_turn(&w, &bad, &t);
	turn_done(&t);
	reached = pm_killed_calls(bad.through) >= nth;
	pm_transport_free(bad.through);
	mend(&w, s, consent, nth);
	world_done(&w);
	return reached;
}

PM_TEST(keeps_volumes_whatever_request_fails)
{
	for
		EACH(s)
		{
			for (enum pm_spoil how = 0; how < PM_SPOIL_MAX; how++) {
				unsigned n = 1 + (unsigned)how % STRIDE;

				while (spoil_once(s, n, how, how % 2 == 0))
					n += STRIDE;
				print_message(
					"%s, %s: up to request %u\n", s->id, pm_spoil_name(how), n);
				assert_true(n > 60);
			}
		}
}

PM_TEST(keeps_volumes_when_it_is_killed)
{
	for
		EACH(s)
		{
			unsigned n = 1;

			while (kill_once(s, n, true, n % 2 == 0))
				n += STRIDE;
			assert_true(n > 60);
		}
}

/* The flag is not given again: what is there by then takes its volumes back. */
PM_TEST(keeps_volumes_when_it_is_killed_and_consent_is_gone)
{
	for
		EACH(s)
		{
			unsigned n = 1;

			while (kill_once(s, n, false, n % 2 == 1))
				n += STRIDE;
			assert_true(n > 60);
		}
}
