/* A checked call as path and form. */
#include <string.h>

#include "base/mem.h"
#include "pve/op_priv.h"

static const struct pm_param *param_n(const struct pm_op *op, const char *name, size_t n)
{
	for (const struct pm_param *p = op->params; p->name; p++) {
		if (strlen(p->name) == n && memcmp(p->name, name, n) == 0)
			return p;
	}
	return NULL;
}

const char *pm_op_value(const struct pm_op_request *r, const char *name)
{
	const struct pm_param *p = pm_op_param(r->op, name);

	return p ? r->value[p - r->op->params] : NULL;
}

void pm_op_set_value(struct pm_op_request *r, const char *name, const char *value)
{
	const struct pm_param *p = pm_op_param(r->op, name);

	pm_assert(p);
	r->value[p - r->op->params] = value;
}

static const char *type_of(enum pm_guest_type guest)
{
	return guest == PM_VM ? "qemu" : "lxc";
}

static const char *path_of(const struct pm_op_request *r)
{
	return r->older ? r->op->older : r->op->path;
}

/* Stands in the path, or is never sent. */
static bool in_form(const struct pm_op_request *r, const struct pm_param *p)
{
	char braces[80];

	(void)snprintf(braces, sizeof(braces), "{%s}", p->name);
	return !(p->flags & (PM_P_PATH | PM_P_OURS)) && !(r->older && strstr(r->op->older, braces));
}

void pm_op_add_path(const struct pm_op_request *r, struct pm_buf *out)
{
	const char *s = path_of(r);

	while (*s && *s != '?') {
		const char *end = *s == '{' ? strchr(s, '}') : NULL, *value;
		const struct pm_param *p;

		if (!end) {
			pm_buf_addc(out, *s++);
			continue;
		}
		p = param_n(r->op, s + 1, (size_t)(end - s) - 1);
		value = p ? r->value[p - r->op->params] : type_of(r->guest);
		if (value)
			pm_form_escape(out, value, strlen(value));
		else
			pm_buf_add(out, s, (size_t)(end - s) + 1);
		s = end + 1;
	}
}

void pm_op_add_form(const struct pm_op_request *r, struct pm_buf *out)
{
	const struct pm_param *params = r->op->params;
	const char *query = strchr(path_of(r), '?');

	if (query)
		pm_buf_adds(out, query + 1);
	for (unsigned i = 0; params[i].name; i++) {
		if (r->value[i] && in_form(r, &params[i]))
			pm_form_add(out, pm_param_key(&params[i], r->guest), r->value[i]);
	}
	for (size_t i = 0; r->op->any_keys && i < r->ask->n; i++) {
		const struct pm_op_arg *v = &r->ask->v[i];

		if (!pm_op_param(r->op, v->name))
			pm_form_add(out, v->name, v->value);
	}
}

void pm_op_guest_path(const struct pm_op *op, const char *node, const char *type, unsigned vmid,
	struct pm_buf *out)
{
	struct pm_op_request r = { .op = op,
		.guest = type && strcmp(type, "qemu") == 0 ? PM_VM : PM_CT };
	char number[16];

	(void)snprintf(number, sizeof(number), "%u", vmid);
	if (pm_op_param(op, "node"))
		pm_op_set_value(&r, "node", node);
	if (pm_op_param(op, "vmid"))
		pm_op_set_value(&r, "vmid", number);
	pm_op_add_path(&r, out);
}

int pm_op_encode(const struct pm_op_ask *ask, struct pm_buf *ret_path, struct pm_buf *ret_form,
	struct pm_error *err)
{
	PM_CLEANUP(pm_arena_freep) struct pm_arena *a = pm_arena_new(4096);
	struct pm_op_request r = { .ask = ask, .a = a };
	int code = pm_op_check(&r, err);

	if (code < 0)
		return code;
	pm_op_add_path(&r, ret_path);
	pm_op_add_form(&r, ret_form);
	return 0;
}
