/* Replacements that keep volumes: what lives on in the new guest, what dies, and that neither a run that is cut off
 * nor a request that fails ever loses a volume, leaves a holder or makes a second guest. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "killed.h"
#include "subject.h"
#include "world.h"

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
	return world_applied(w, &t);
}

static void kept(struct world *w, const struct subject *s)
{
	assert_has(subject_value(w, s, s->key[0]), s->has[0]);
	assert_has(subject_value(w, s, s->key[0]), "size=2G");
	assert_has(subject_value(w, s, s->key[1]), s->has[1]);
	assert_has(subject_value(w, s, s->key[1]), "size=3G");
	assert_string_equal(subject_value(w, s, "unused0"), "");
	if (s->small)
		assert_has(subject_value(w, s, s->small), "size=8M");
	if (s->boots)
		assert_has(subject_value(w, s, "boot"), s->boots);
}

static void end(struct world *w, const struct subject *s)
{
	assert_int_equal(world_guests(w), s->guests);
	world_in_sync(w);
	world_done(w);
}

PM_TEST(keeps_volumes_of_a_guest_that_is_replaced)
{
	for (const struct subject *s = subjects; s->id; s++) {
		struct world w;
		const char *text;
		unsigned vmid;

		subject_begin(&w, s, "");
		vmid = world_vmid(&w, s->id);
		text = apply(&w, subject_manifest(&w, s, true, "", subject_both(&w, s)));
		assert_has(text, "destroys local-lvm:vm-");
		assert_has(text, "keeps local-lvm:vm-");
		assert_has(text, "handed over through");
		kept(&w, s);
		assert_has(subject_value(&w, s, s->fresh[0]), s->fresh[1]);
		assert_int_equal(world_vmid(&w, s->id), vmid);
		assert_non_null(strstr(world_control(&w, "get %u", vmid), " running"));
		end(&w, s);
	}
}

PM_TEST(keeps_what_leaves_the_manifest_as_unused)
{
	for (const struct subject *s = subjects; s->id; s++) {
		struct world w;

		subject_begin(&w, s, "");
		apply(&w, subject_manifest(&w, s, true, "", s->more));
		assert_string_equal(subject_value(&w, s, s->key[0]), "");
		assert_has(subject_value(&w, s, s->key[1]), "size=3G");
		assert_has(subject_value(&w, s, "unused0"), "local-lvm:vm-");
		end(&w, s);
	}
}

PM_TEST(keeps_a_volume_that_is_to_grow_and_move)
{
	for (const struct subject *s = subjects; s->id; s++) {
		struct world w;

		subject_begin(&w, s, "");
		apply(&w, subject_manifest(&w, s, true, "",
				  pm_arena_printf(w.arena, "%s, %s", s->moved, s->more)));
		assert_has(subject_value(&w, s, s->key[0]), "local:");
		assert_has(subject_value(&w, s, s->key[0]), "size=6G");
		assert_has(subject_value(&w, s, s->key[1]), "size=3G");
		end(&w, s);
	}
}

PM_TEST(keeps_volumes_when_the_number_changes)
{
	for (const struct subject *s = subjects; s->id; s++) {
		struct world w;

		subject_begin(&w, s, "");
		apply(&w, subject_manifest(&w, s, false, "  vmid: 288\n", subject_both(&w, s)));
		assert_int_equal(world_vmid(&w, s->id), 288);
		kept(&w, s);
		end(&w, s);
	}
}

/* A protected guest takes no volume: it is protected when it has them. */
PM_TEST(keeps_volumes_of_a_guest_that_is_to_be_protected)
{
	for (const struct subject *s = subjects; s->id; s++) {
		struct world w;

		subject_begin(&w, s, "");
		apply(&w, subject_manifest(&w, s, true,
				  "  lifecycle: {replace: allow, protect: true}\n",
				  subject_both(&w, s)));
		kept(&w, s);
		assert_string_equal(subject_value(&w, s, "protection"), "1");
		end(&w, s);
	}
}

/* What somebody has added by hand is there afterwards, and stays none of podmox's business. */
PM_TEST(keeps_volumes_of_others)
{
	for (const struct subject *s = subjects; s->id; s++) {
		struct world w;

		subject_begin(&w, s, "");
		assert_int_equal(subject_call(&w, s, "PUT", "config", s->hand[1]), 200);
		apply(&w, subject_manifest(&w, s, true, "", subject_both(&w, s)));
		kept(&w, s);
		assert_has(subject_value(&w, s, s->hand[0]), "size=5G");
		end(&w, s);
	}
}

/* A machine that went down by itself has changes waiting, which name volumes by what they are called then. */
PM_TEST(keeps_volumes_that_changes_wait_for)
{
	const struct subject *s = &subjects[1];
	const char *now;
	struct world w;

	subject_begin(&w, s, "  state: ignored\n  agent: {enabled: true}\n");
	assert_int_equal(subject_call(&w, s, "POST", "status/start", ""), 200);
	now = subject_value(&w, s, s->key[1]);
	assert_int_equal(subject_call(&w, s, "POST", "config",
				 pm_arena_printf(w.arena, "%s=%.*s%%2Ccache%%3Dwriteback",
					 s->key[1], (int)strcspn(now, ","), now)),
		200);
	assert_int_equal(subject_call(&w, s, "POST", "agent/shutdown", ""), 200);
	assert_string_equal(subject_value(&w, s, s->key[1]), now);
	apply(&w, subject_manifest(&w, s, true, "  state: ignored\n  agent: {enabled: true}\n",
			  subject_both(&w, s)));
	assert_has(subject_value(&w, s, s->key[1]), "cache=writeback");
	kept(&w, s);
	end(&w, s);
}

/* Nothing is made, stopped or gone when it cannot go well. */
PM_TEST(keeps_everything_when_there_are_snapshots)
{
	for (const struct subject *s = subjects; s->id; s++) {
		struct world w;
		struct turn t;
		unsigned vmid;

		subject_begin(&w, s, "");
		vmid = world_vmid(&w, s->id);
		world_manifest(
			&w, "a.yaml", subject_manifest(&w, s, true, "", subject_both(&w, s)));
		assert_int_equal(subject_call(&w, s, "POST", "snapshot", "snapname=before"), 200);
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

/* Of each kind of failure every request of a container; of a virtual machine each is for some of the kinds. */
static unsigned stride(const struct subject *s)
{
	return s->boots && !getenv("NIGHTLY") ? 3 * STRIDE : STRIDE;
}

/* One apply in peace, with consent or without: there is one guest, and it has its volumes. */
static void mend(struct world *w, const struct subject *s, bool consent, unsigned nth)
{
	struct turn t;

	world_wait(w, 5);
	turn(w, consent, &t);
	if (!turn_went_well(&t))
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
	subject_begin(w, s, "");
	world_manifest(w, "a.yaml", subject_manifest(w, s, true, "", subject_both(w, s)));
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
	const struct turn_opts o = { .plan = { .allow_replace = true } };
	struct world w;
	bool reached;

	begin_anew(&w, s);
	reached = killed_turn(&w, &o, world_wire(&w), nth, journal);
	mend(&w, s, consent, nth);
	world_done(&w);
	return reached;
}

PM_TEST(keeps_volumes_whatever_request_fails)
{
	for (const struct subject *s = subjects; s->id; s++) {
		for (enum pm_spoil how = 0; how < PM_SPOIL_MAX; how++) {
			unsigned n = 1 + (unsigned)how % stride(s);

			while (spoil_once(s, n, how, how % 2 == 0))
				n += stride(s);
			print_message("%s, %s: up to request %u\n", s->id, pm_spoil_name(how), n);
			assert_true(n > 60);
		}
	}
}

static void kill_all(bool journal, unsigned with_consent)
{
	for (const struct subject *s = subjects; s->id; s++) {
		unsigned n = 1;

		while (kill_once(s, n, journal, n % 2 == with_consent))
			n += STRIDE;
		assert_true(n > 60);
	}
}

PM_TEST(keeps_volumes_when_it_is_killed)
{
	kill_all(true, 0);
}

/* The flag is not given again: what is there by then takes its volumes back. */
PM_TEST(keeps_volumes_when_it_is_killed_and_consent_is_gone)
{
	kill_all(false, 1);
}

/* Nobody knows what somebody does meanwhile: what can be plugged in comes back to a guest that runs, the rest at its
 * next start. */
static bool start_once(const struct subject *s, unsigned nth)
{
	const struct turn_opts o = { .plan = { .allow_replace = true } };
	struct world w;
	struct turn t;
	bool reached;

	begin_anew(&w, s);
	reached = killed_turn(&w, &o, world_wire(&w), nth, true);
	world_wait(&w, 30);
	if (world_vmid(&w, s->id) > 0)
		(void)subject_call(&w, s, "POST", "status/start", "");
	turn(&w, false, &t);
	assert_true(t.applied);
	turn_done(&t);
	(void)subject_call(&w, s, "POST", "status/stop", "");
	mend(&w, s, false, nth);
	world_done(&w);
	return reached;
}

PM_TEST(keeps_volumes_of_a_guest_that_somebody_starts)
{
	for (const struct subject *s = subjects; s->id; s++) {
		unsigned n = 20;

		while (start_once(s, n))
			n += 7 * STRIDE;
	}
}
