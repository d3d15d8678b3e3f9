/* Addresses of a running guest: those that its configuration fixes, and those that it has by itself, as a
 * container's node or a virtual machine's agent sees them. */
#include <arpa/inet.h>
#include <json-c/json.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "pve/op_priv.h"

/* Good for reaching the guest from elsewhere? */
static bool is_useful(const char *text)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, text, &four) == 1) {
		uint32_t a = ntohl(four.s_addr);

		return a >> 24 != 127 && a >> 16 != 0xa9fe && a != 0;
	}
	return inet_pton(AF_INET6, text, &six) == 1 && !IN6_IS_ADDR_LINKLOCAL(&six) &&
	       !IN6_IS_ADDR_LOOPBACK(&six) && !IN6_IS_ADDR_UNSPECIFIED(&six);
}

struct addresses {
	struct pm_arena *a;
	PM_VEC(const char *) v;
};

static void add_address(struct addresses *x, const char *text)
{
	const char *s = text ? pm_arena_strndup(x->a, text, strcspn(text, "/")) : "";

	if (!is_useful(s))
		return;
	for (size_t i = 0; i < x->v.n; i++) {
		if (strcmp(x->v.v[i], s) == 0)
			return;
	}
	pm_vec_push(&x->v, s);
}

/* Every interface may have one of each family: ip of netN, and of ipconfigN. */
static void add_static(struct addresses *x, const struct pm_obj *have)
{
	static const char *const keys[] = { "ip", "ip6" };
	const struct pm_kind *k = have->kind;

	for (unsigned i = 0; have->spec && i < k->nfields; i++) {
		const struct pm_value *v = &have->spec->val[i];

		for (size_t n = 0; k->fields[i].count > 0 && v->state == PM_SET && n < v->u.recs->n;
			n++) {
			const struct pm_rec *r = v->u.recs->v[n];

			for (size_t at = 0; at < PM_COUNT(keys); at++) {
				const struct pm_field *f =
					pm_field_by_key(r->kind, keys[at], strlen(keys[at]));

				if (f && f->type == PM_T_STR)
					add_address(
						x, pm_rec_str(r, pm_field_index(r->kind, f), NULL));
			}
		}
	}
}

static void add_list(struct addresses *x, struct json_object *list)
{
	for (size_t i = 0;
		json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
		i++)
		add_address(x, pm_json_str(json_object_array_get_idx(list, i), "ip-address"));
}

static void add_interfaces(struct addresses *x, struct json_object *rows)
{
	for (size_t i = 0;
		json_object_is_type(rows, json_type_array) && i < json_object_array_length(rows);
		i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		add_list(x, pm_json_get(row, "ip-addresses"));
		/* Of a container, before 8.4 there was one of each kind. */
		add_address(x, pm_json_str(row, "inet"));
		add_address(x, pm_json_str(row, "inet6"));
	}
}

static int ask(struct pm_pve *p, struct pm_job *j, const struct pm_live *live,
	struct json_object **ret, struct pm_error *err)
{
	cleanup_buf struct pm_buf path = PM_BUF(1024);
	struct pm_pve_call c = { .method = "GET", .node = live->node };

	if (pm_str_eq(live->type, "qemu"))
		pm_buf_addf(&path, "/nodes/%s/qemu/%u/agent/network-get-interfaces", live->node,
			live->vmid);
	else
		pm_op_guest_path(
			pm_op(PM_OP_CT_INTERFACES), live->node, live->type, live->vmid, &path);
	c.path = pm_buf_str(&path);
	return pm_pve_call(p, j, &c, ret, err);
}

/* An agent that does not answer yet will, perhaps. */
static bool is_silent(const struct pm_error *err)
{
	return strstr(err->msg, "guest agent is not running") || strstr(err->msg, "is not running");
}

static int read_interfaces(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have,
	struct addresses *x, struct pm_error *err)
{
	PM_CLEANUP(pm_json_putp) struct json_object *data = NULL;
	int r = ask(p, j, have->live, &data, err);

	if (r == 0) {
		add_interfaces(x,
			pm_str_eq(have->live->type, "qemu") ? pm_json_get(data, "result") : data);
		return 0;
	}
	if (pm_str_eq(have->live->type, "qemu") && (is_silent(err) || x->v.n > 0))
		return 0;
	return pm_error_wrap(err, "addresses of %u", have->live->vmid);
}

int pm_pve_addresses(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have,
	const struct pm_list **ret, struct pm_error *err)
{
	struct addresses x = { .a = j->arena };
	struct pm_list *list;
	int r;

	add_static(&x, have);
	r = read_interfaces(p, j, have, &x, err);
	if (r == 0) {
		list = pm_new(j->arena, struct pm_list);
		list->n = x.v.n;
		list->v = pm_new_n(j->arena, const char *, x.v.n + 1);
		if (x.v.n > 0)
			memcpy(list->v, x.v.v, x.v.n * sizeof(*list->v));
		*ret = list;
	}
	pm_vec_done(&x.v);
	return r;
}
