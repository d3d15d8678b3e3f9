/* The timetable: pure arithmetic on a clock that others read. */
#include "daemon/daemon_priv.h"

#define CAP_NS     (3 * PM_S_NS) /* files that never become quiet are looked at after that */
#define CONFIRM_NS (2 * PM_S_NS)
#define RETRY_MIN  PM_S_NS
#define RETRY_MAX  (300 * PM_S_NS)
#define ASKED      1 /* of drift_at: at once */

/* Ten percent more or less, so that daemons do not walk in step. */
static uint64_t jittered(struct pm_schedule *s, uint64_t ns)
{
	return ns - ns / 10 + pm_random_below(&s->random, ns / 5 + 1);
}

void pm_schedule_times(struct pm_schedule *s, uint64_t debounce_ms, uint64_t interval_s)
{
	s->debounce = debounce_ms * PM_MS_NS;
	s->interval = interval_s * PM_S_NS;
}

void pm_schedule_init(struct pm_schedule *s, uint64_t debounce_ms, uint64_t interval_s,
	uint64_t seed, uint64_t now)
{
	*s = (struct pm_schedule){ .drift_at = now };
	pm_schedule_times(s, debounce_ms, interval_s);
	if (seed > 0)
		pm_random_seed(&s->random, seed);
	else
		pm_random_system(&s->random);
}

void pm_schedule_changed(struct pm_schedule *s, uint64_t now)
{
	if (s->first == 0)
		s->first = now;
	s->last = now;
}

void pm_schedule_ask(struct pm_schedule *s)
{
	s->drift_at = ASKED;
}

void pm_schedule_poll(struct pm_schedule *s, uint64_t seconds, uint64_t now)
{
	s->poll = seconds * PM_S_NS;
	s->poll_at = seconds > 0 ? now + s->poll : 0;
}

/* When the files are looked at: quiet for a while, or noisy for too long. */
static uint64_t files_at(const struct pm_schedule *s)
{
	uint64_t quiet = s->last + s->debounce, cap = s->first + CAP_NS;

	if (s->first == 0)
		return 0;
	return quiet < cap || s->debounce > CAP_NS ? quiet : cap;
}

uint64_t pm_schedule_files(const struct pm_schedule *s)
{
	return files_at(s);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	if (a == 0 || b == 0)
		return a + b;
	return a < b ? a : b;
}

uint64_t pm_schedule_wait(const struct pm_schedule *s, uint64_t now)
{
	uint64_t at = earlier(files_at(s), s->drift_at);

	at = earlier(at, s->retry_at);
	at = earlier(at, s->confirm_at);
	at = earlier(at, s->poll_at);
	at = earlier(at, s->again_at);
	if (at == 0)
		return s->interval;
	return at > now ? at - now : 0;
}

static bool due(uint64_t at, uint64_t now)
{
	return at > 0 && at <= now;
}

unsigned pm_schedule_take(struct pm_schedule *s, uint64_t now)
{
	unsigned reasons = 0;

	if (due(files_at(s), now)) {
		reasons |= PM_WHY_FILES;
		s->first = 0;
		s->last = 0;
	}
	if (due(s->poll_at, now)) {
		reasons |= PM_WHY_FILES | PM_WHY_POLL;
		s->poll_at = now + s->poll;
	}
	if (due(s->drift_at, now)) {
		reasons |= s->drift_at == ASKED ? PM_WHY_DRIFT | PM_WHY_ASKED : PM_WHY_DRIFT;
		s->drift_at = 0;
	}
	if (due(s->retry_at, now)) {
		reasons |= PM_WHY_RETRY;
		s->retry_at = 0;
	}
	if (due(s->again_at, now)) {
		reasons |= PM_WHY_RETRY;
		s->again_at = 0;
	}
	if (due(s->confirm_at, now)) {
		reasons |= PM_WHY_CONFIRM;
		s->confirm_at = 0;
	}
	return reasons;
}

void pm_schedule_again(struct pm_schedule *s, uint64_t at)
{
	s->again_at = at;
}

const char *pm_schedule_next(const struct pm_schedule *s, uint64_t *ret_at)
{
	const struct {
		uint64_t at;
		const char *what;
	} all[] = { { files_at(s), "a look at files that changed" },
		{ s->drift_at, "a look for drift" }, { s->retry_at, "another try" },
		{ s->confirm_at, "a second look for what is gone" },
		{ s->again_at, "another try of what was held back" } };
	const char *what = "a look for drift";

	*ret_at = 0;
	for (size_t i = 0; i < PM_COUNT(all); i++) {
		if (all[i].at == 0 || (*ret_at > 0 && all[i].at >= *ret_at))
			continue;
		*ret_at = all[i].at;
		what = all[i].what;
	}
	return what;
}

void pm_schedule_ended(struct pm_schedule *s, bool failed, bool confirm, uint64_t now)
{
	uint64_t most = RETRY_MIN;

	/* Only a look for drift moves the next one: others do not look at everything. */
	if (s->drift_at == 0)
		s->drift_at = now + jittered(s, s->interval);
	s->confirm_at = confirm ? now + CONFIRM_NS : 0;
	s->retry_at = 0;
	if (!failed) {
		s->failures = 0;
		return;
	}
	for (unsigned i = 0; i < s->failures && most < RETRY_MAX; i++)
		most *= 2;
	if (most > RETRY_MAX)
		most = RETRY_MAX;
	if (s->failures < 32)
		s->failures++;
	s->retry_at = now + RETRY_MIN + pm_random_below(&s->random, most);
}
