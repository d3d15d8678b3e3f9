/* Volumes that leave the manifest and come back: each gets its own, and nothing is attached by guess. */
#include <string.h>

#include "base/text.h"
#include "subject.h"

#define STOPPED "  state: stopped\n"

static void change(struct world *w, const struct subject *s, const char *method, const char *what,
	const char *form)
{
	assert_int_equal(subject_call(w, s, method, what, form), 200);
}

/* One apply that is to go well; the plan's text. */
static const char *apply(
	struct world *w, const struct subject *s, const char *more, const char *entries)
{
	const struct turn_opts o = { .plan = { .allow_restart = false } };
	const char *text;
	struct turn t;

	world_manifest(w, "a.yaml", subject_manifest(w, s, false, more, entries));
	world_turn(w, &o, &t);
	text = world_applied(w, &t);
	world_wait(w, 30);
	world_in_sync(w);
	return text;
}

/* Both entries, the second one first. */
static const char *turned(struct world *w, const struct subject *s, const char *data)
{
	return pm_arena_printf(w->arena, "%s, %s", s->more, data);
}

PM_TEST(attach_again_what_was_detached)
{
	for (const struct subject *s = subjects; s->id; s++) {
		struct world w;

		subject_begin(&w, s, STOPPED);
		assert_has(apply(&w, s, STOPPED, s->more), "kept as unused0");
		assert_string_equal(subject_value(&w, s, s->key[0]), "");
		assert_has(subject_value(&w, s, "unused0"), "local-lvm:vm-");
		assert_has(apply(&w, s, STOPPED, turned(&w, s, s->data)), "re-attached unused0");
		assert_has(subject_value(&w, s, s->key[0]), s->has[0]);
		assert_has(subject_value(&w, s, s->key[0]), "size=2G");
		assert_string_equal(subject_value(&w, s, "unused0"), "");
		world_done(&w);
	}
}

PM_TEST(attach_each_to_its_own_place)
{
	for (const struct subject *s = subjects; s->id; s++) {
		struct world w;

		subject_begin(&w, s, STOPPED);
		(void)apply(&w, s, STOPPED, "");
		assert_has(subject_value(&w, s, "unused1"), "local-lvm:vm-");
		(void)apply(&w, s, STOPPED, s->more);
		assert_has(subject_value(&w, s, s->again[1]), s->has[1]);
		assert_has(subject_value(&w, s, s->again[1]), "size=3G");
		(void)apply(&w, s, STOPPED, turned(&w, s, s->data));
		assert_has(subject_value(&w, s, s->again[0]), s->has[0]);
		assert_has(subject_value(&w, s, s->again[0]), "size=2G");
		assert_string_equal(subject_value(&w, s, "unused0"), "");
		assert_string_equal(subject_value(&w, s, "unused1"), "");
		world_done(&w);
	}
}

PM_TEST(attach_and_grow_to_what_is_wanted_now)
{
	for (const struct subject *s = subjects; s->id; s++) {
		struct world w;

		subject_begin(&w, s, STOPPED);
		(void)apply(&w, s, STOPPED, s->more);
		(void)apply(&w, s, STOPPED, turned(&w, s, s->grown));
		assert_has(subject_value(&w, s, s->key[0]), "size=5G");
		assert_string_equal(subject_value(&w, s, "unused0"), "");
		world_done(&w);
	}
}

PM_TEST(attach_to_a_running_guest)
{
	for (const struct subject *s = subjects; s->id; s++) {
		struct world w;

		subject_begin(&w, s, "");
		(void)apply(&w, s, "", s->more);
		/* What a machine boots from goes when it is stopped; an empty one heeds no request. */
		change(&w, s, "POST", "status/stop", "");
		world_wait(&w, 10);
		change(&w, s, "POST", "status/start", "");
		assert_has(subject_value(&w, s, "unused0"), "local-lvm:vm-");
		(void)apply(&w, s, "", turned(&w, s, s->data));
		assert_has(subject_value(&w, s, s->key[0]), "size=2G");
		world_done(&w);
	}
}

/* The removal waits for a restart, and is taken back before: the volume was never away. */
PM_TEST(attach_takes_back_a_removal_that_waits)
{
	for (const struct subject *s = subjects; s->id; s++) {
		struct world w;

		subject_begin(&w, s, s->cold);
		(void)apply(&w, s, s->cold, s->more);
		assert_has(apply(&w, s, s->cold, turned(&w, s, s->data)), "takes back a ");
		change(&w, s, "POST", "status/reboot", "");
		assert_has(subject_value(&w, s, s->key[0]), s->has[0]);
		assert_has(subject_value(&w, s, s->key[0]), "size=2G");
		assert_has(subject_value(&w, s, s->key[1]), "size=3G");
		assert_string_equal(subject_value(&w, s, "unused0"), "");
		world_done(&w);
	}
}

PM_TEST(attach_nothing_on_another_storage)
{
	const struct turn_opts o = { 0 };

	for (const struct subject *s = subjects; s->id; s++) {
		struct world w;
		struct turn t;

		subject_begin(&w, s, STOPPED);
		(void)apply(&w, s, STOPPED, s->more);
		assert_has(apply(&w, s, STOPPED, turned(&w, s, s->moved)),
			"name its storage to have it again");
		assert_string_equal(subject_value(&w, s, s->key[0]), "");
		change(&w, s, "PUT", "config", "delete=unused0");
		world_turn(&w, &o, &t);
		assert_true(turn_went_well(&t));
		turn_done(&t);
		assert_has(subject_value(&w, s, s->key[0]), "local:");
		world_done(&w);
	}
}

/* A record of its own is known by what of it is fixed, too. */
PM_TEST(attach_what_a_machine_boots_with)
{
	const struct subject *s = &subjects[1];
	struct subject bare = *s, other = *s;
	struct world w;

	bare.head = VM_HEAD("  machine: {type: q35}\n  bios: ovmf\n");
	other.head = VM_HEAD("  machine: {type: q35}\n  bios: ovmf\n"
			     "  efidisk: {storage: local-lvm, efitype: 2m}\n");
	subject_begin(&w, s, STOPPED);
	assert_has(apply(&w, &bare, STOPPED, s->data), "kept as unused");
	assert_string_equal(subject_value(&w, s, "efidisk0"), "");
	assert_has(apply(&w, s, STOPPED, s->data), "re-attached unused");
	assert_has(subject_value(&w, s, "efidisk0"), "size=8M");
	(void)apply(&w, &bare, STOPPED, s->data);
	assert_null(strstr(apply(&w, &other, STOPPED, s->data), "re-attached"));
	assert_null(strstr(subject_value(&w, s, "efidisk0"), "size=8M"));
	(void)apply(&w, &bare, STOPPED, s->data);
	(void)apply(&w, s, STOPPED, s->data);
	assert_has(subject_value(&w, s, "efidisk0"), "size=8M");
	world_done(&w);
}

/* Somebody else has detached it: nothing says where it was. */
PM_TEST(attach_nothing_by_guess)
{
	for (const struct subject *s = subjects; s->id; s++) {
		struct world w;

		subject_begin(&w, s, STOPPED);
		change(&w, s, "PUT", "config", pm_arena_printf(w.arena, "delete=%s", s->key[0]));
		(void)apply(&w, s, STOPPED, turned(&w, s, s->data));
		assert_has(subject_value(&w, s, s->key[0]), "size=1G");
		assert_has(subject_value(&w, s, "unused0"), "local-lvm:vm-");
		world_done(&w);
	}
}

/* The plan said that it comes back: a new one is another plan. */
static void destroy(struct world *w, void *arg)
{
	change(w, arg, "PUT", "config", "delete=unused0");
}

PM_TEST(attach_nothing_new_where_the_old_one_was_promised)
{
	for (const struct subject *s = subjects; s->id; s++) {
		const struct turn_opts o = { .between = destroy, .between_arg = (void *)s };
		struct world w;
		struct turn t;

		subject_begin(&w, s, STOPPED);
		(void)apply(&w, s, STOPPED, s->more);
		world_manifest(&w, "a.yaml",
			subject_manifest(&w, s, false, STOPPED, turned(&w, s, s->data)));
		world_turn(&w, &o, &t);
		assert_int_equal(turn_result(&t, s->id)->outcome, PM_STALE);
		turn_done(&t);
		assert_string_equal(subject_value(&w, s, s->key[0]), "");
		world_done(&w);
	}
}
