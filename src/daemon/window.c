/* Maintenance windows: what an action does to its guest, and when that may be done, in the local zone. */
#include <string.h>

#include "base/text.h"
#include "daemon/hold.h"

#define DAY_MINUTES 1440
#define DAYS        7

static const char *const impact_names[] = { "live", "restart", "resize", "move", "migrate",
	"replace", "destroy", "create", "power" };
static const char *const day_names[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat" };

const char *pm_window_impact_name(unsigned impacts)
{
	for (unsigned i = 0; i < PM_COUNT(impact_names); i++)
		if (impacts & 1U << i)
			return impact_names[i];
	return "nothing";
}

/* ---- configuration ---- */

static unsigned minutes_of(const char *clock)
{
	return (unsigned)((clock[0] - '0') * 10 + clock[1] - '0') * 60 +
	       (unsigned)((clock[3] - '0') * 10 + clock[4] - '0');
}

static unsigned bits_of(const struct pm_value *v, const char *const *names, unsigned n)
{
	unsigned bits = 0;

	for (size_t i = 0; v->state == PM_SET && i < v->u.list->n; i++)
		for (unsigned k = 0; k < n; k++)
			if (pm_str_eq(v->u.list->v[i], names[k]))
				bits |= 1U << k;
	return bits;
}

size_t pm_windows_read(const struct pm_rec *config, struct pm_arena *a, struct pm_window **ret)
{
	const struct pm_value *windows = pm_rec_get(config, PM_CONFIG_SYNC_WINDOWS);
	size_t n = windows->state == PM_SET ? windows->u.recs->n : 0;
	struct pm_window *v = pm_new_n(a, struct pm_window, n + 1);

	tzset();
	for (size_t i = 0; i < n; i++) {
		const struct pm_rec *r = windows->u.recs->v[i];

		v[i].days = bits_of(pm_rec_get(r, PM_WINDOW_DAYS), day_names, DAYS);
		if (v[i].days == 0)
			v[i].days = (1U << DAYS) - 1;
		v[i].from = minutes_of(pm_rec_str(r, PM_WINDOW_FROM, "00:00"));
		v[i].to = minutes_of(pm_rec_str(r, PM_WINDOW_TO, "24:00"));
		v[i].impacts = bits_of(
			pm_rec_get(r, PM_WINDOW_IMPACTS), impact_names, PM_COUNT(impact_names));
	}
	*ret = v;
	return n;
}

/* ---- actions ---- */

static unsigned impact_of(const struct pm_change *c)
{
	switch (c->impact) {
	case PM_I_RESIZE:
		return PM_WIN_RESIZE;
	case PM_I_MOVE:
		return PM_WIN_MOVE;
	case PM_I_MIGRATE:
		return PM_WIN_MIGRATE;
	case PM_I_REPLACE:
		return PM_WIN_REPLACE;
	case PM_I_DESTROY:
		return PM_WIN_DESTROY;
	default:
		return PM_WIN_LIVE;
	}
}

static unsigned impacts_of_update(const struct pm_action *a)
{
	unsigned bits = 0;

	for (size_t i = 0; i < a->nchanges; i++)
		if (!a->change[i].waiting && !a->change[i].blocked)
			bits |= impact_of(&a->change[i]);
	/* What only waits for the next start interrupts nobody. */
	if (a->steps & PM_STEP_RESTART)
		bits |= PM_WIN_RESTART;
	if (a->steps & (PM_STEP_START | PM_STEP_STOP))
		bits |= PM_WIN_POWER;
	return bits;
}

unsigned pm_window_impacts(const struct pm_action *a)
{
	switch (a->verb) {
	case PM_V_CREATE:
		return PM_WIN_CREATE;
	case PM_V_REPLACE:
		return PM_WIN_REPLACE;
	case PM_V_DELETE:
		return PM_WIN_DESTROY;
	case PM_V_START:
	case PM_V_STOP:
		return impacts_of_update(a) | PM_WIN_POWER;
	case PM_V_UPDATE:
		return impacts_of_update(a);
	default:
		return 0;
	}
}

/* ---- time ---- */

/* The wall clock time of a minute of the day that lies `days` after the one of `at`. A minute that the
 * change to summer time skips is the one an hour later. */
static int64_t time_of(const struct tm *at, int days, unsigned minute)
{
	struct tm then = { .tm_year = at->tm_year,
		.tm_mon = at->tm_mon,
		.tm_mday = at->tm_mday + days,
		.tm_hour = (int)(minute / 60),
		.tm_min = (int)(minute % 60),
		.tm_isdst = -1 };

	return (int64_t)mktime(&then) * 1000;
}

/* Is it open? Otherwise *ret_next is when it opens next. */
static bool is_within(
	const struct pm_window *w, const struct tm *at, int64_t now, int64_t *ret_next)
{
	bool overnight = w->to <= w->from;

	*ret_next = 0;
	/* From yesterday, whose window may still be open, to the same day next week. */
	for (int d = -1; d <= DAYS; d++) {
		unsigned day = (unsigned)(at->tm_wday + d + DAYS) % DAYS;
		int64_t from, to;

		if (!(w->days & 1U << day))
			continue;
		from = time_of(at, d, w->from);
		to = time_of(at, overnight ? d + 1 : d, w->to);
		if (from <= now && now < to)
			return true;
		if (from > now && *ret_next == 0)
			*ret_next = from;
	}
	return false;
}

/* One kind of impact; *ret_next as in pm_windows_open. */
static bool is_open(
	const struct pm_window *v, size_t n, unsigned impact, int64_t now, int64_t *ret_next)
{
	time_t s = (time_t)(now / 1000);
	bool named = false;
	struct tm at;

	*ret_next = 0;
	if (!localtime_r(&s, &at))
		return false;
	for (size_t i = 0; i < n; i++) {
		int64_t next;

		if (!(v[i].impacts & impact))
			continue;
		named = true;
		if (is_within(&v[i], &at, now, &next))
			return true;
		if (next > 0 && (*ret_next == 0 || next < *ret_next))
			*ret_next = next;
	}
	return !named;
}

bool pm_windows_open(
	const struct pm_window *v, size_t n, unsigned impacts, int64_t wall_ms, int64_t *ret_next)
{
	bool open = true;

	*ret_next = 0;
	for (unsigned bit = 1; bit != 0 && bit <= impacts; bit <<= 1) {
		int64_t next;

		if (!(impacts & bit) || is_open(v, n, bit, wall_ms, &next))
			continue;
		open = false;
		/* All of them have to be open; the last one that opens is the best guess. */
		if (next > *ret_next)
			*ret_next = next;
	}
	return open;
}
