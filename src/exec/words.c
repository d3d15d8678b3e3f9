/* Words of the kinds of guest: how people call one in front of its number, and what PVE's tasks are called. */
#include "exec/exec_priv.h"
#include "model/guest.h"

static const struct pm_kind *kind_of(const struct pm_act *act)
{
	return act->a->want ? act->a->want->kind : act->a->have->kind;
}

const char *pm_act_word(const struct pm_act *act)
{
	return pm_kind_word(kind_of(act));
}

const char *pm_act_task(const struct pm_act *act, enum pm_work work)
{
	static const char *const names[][2] = {
		[PM_W_CREATE] = { "vzcreate", "qmcreate" },
		[PM_W_CLONE] = { "vzclone", "qmclone" },
		[PM_W_CONFIG] = { "", "qmconfig" }, /* a container's is no task */
		[PM_W_START] = { "vzstart", "qmstart" },
		[PM_W_SHUTDOWN] = { "vzshutdown", "qmshutdown" },
		[PM_W_STOP] = { "vzstop", "qmstop" },
		[PM_W_REBOOT] = { "vzreboot", "qmreboot" },
		[PM_W_DESTROY] = { "vzdestroy", "qmdestroy" },
		[PM_W_MIGRATE] = { "vzmigrate", "qmigrate" },
		[PM_W_MOVE] = { "move_volume", "qmmove" },
		[PM_W_RESIZE] = { "resize", "resize" },
	};

	return names[work][kind_of(act) == &pm_kind_vm];
}
