/* What the checks of objects share. */
#ifndef PM_MODEL_CHECK_PRIV_H
#define PM_MODEL_CHECK_PRIV_H

#include "model/model_priv.h"
#include "model/obj.h"

/** One check: of what, and where findings go. */
struct pm_checking {
	const struct pm_obj *o;
	struct pm_diags *d;
};

#define PM_ERROR_AT(c, pos, ...) pm_diag_add((c)->d, PM_ERROR, (pos), __VA_ARGS__)

/** Where it stands; the object, when that is not known. */
struct pm_pos pm_at_value(const struct pm_checking *c, const struct pm_value *v);
struct pm_pos pm_at_rec(const struct pm_checking *c, const struct pm_rec *r);

/** Is it not given, or null? A value with a place but without a state was wrong, and is reported already. */
bool pm_is_missing(const struct pm_value *v);

/** No two entries of a list may share what this row says; `what` is the word for it. */
void pm_check_unique(
	const struct pm_checking *c, const struct pm_recs *recs, unsigned field, const char *what);

/** A gateway needs a static address, and should be in its network: of an interface or an ipconfig. */
void pm_check_gateways(const struct pm_checking *c, const struct pm_rec *r);

/** Keys, not the files that hold them, as beginners write. */
void pm_check_ssh_keys(
	const struct pm_checking *c, const struct pm_field *f, const struct pm_value *v);

/** What holds for guests of every kind: tags, description and readiness. */
void pm_check_guest(const struct pm_checking *c, const struct pm_rec *spec);

/** A virtual machine. */
void pm_check_vm(const struct pm_checking *c, const struct pm_rec *spec);

/** What a guest says of the HA manager (check_ha.c). */
void pm_check_ha(const struct pm_checking *c, const struct pm_rec *spec);

#endif
