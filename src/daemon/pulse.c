/* A clock through which the cycles wait: each wait is a step that the watchdog sees. Whoever follows a task of
 * an hour, or waits for the lock of a guest, asks again and waits again and again; a thread that hangs does
 * not. */
#include "daemon/daemon_priv.h"

static uint64_t beating_mono(void *self)
{
	const struct pm_beating *b = self;

	return pm_mono_ns(b->inner);
}

static int64_t beating_wall(void *self)
{
	const struct pm_beating *b = self;

	return pm_wall_ms(b->inner);
}

static int beating_wait(void *self, uint64_t ns, struct pm_cancel *cancel)
{
	const struct pm_beating *b = self;

	if (b->board)
		pm_board_progress(b->board);
	return pm_wait_ns(b->inner, ns, cancel);
}

const struct pm_clock *pm_beating_init(
	struct pm_beating *b, const struct pm_clock *inner, struct pm_board *board)
{
	*b = (struct pm_beating){ .inner = inner,
		.board = board,
		.clock = { .self = b,
			.mono_ns = beating_mono,
			.wall_ms = beating_wall,
			.wait = beating_wait } };
	return &b->clock;
}
