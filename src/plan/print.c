/* The plan for people. One line an action, one a change; what a change does stands in a right-hand column,
 * where the position in the manifest stands too. Lines are built as plain text first, so that columns can
 * be counted; colour only marks the sign at the start, which means the same without it. */
#include <string.h>

#include "base/text.h"
#include "model/volume.h"
#include "plan/plan.h"

#define RIGHT_COLUMN 53 /* where notes and positions begin */
#define COLUMNS      80
#define LONGEST_LINE 106 /* notes may hang over a little before they are wrapped */
#define LEAST_PATH   11
#define MOST_NAME    40
#define MOST_VALUE   44 /* columns of one value */
#define CONTEXT      12 /* of a long value, before the first difference */

struct printer {
	const struct pm_plan *p;
	struct pm_buf *out;
	struct pm_buf line, text; /* the line being built; scratch */
	const char *sign, *tint;  /* at the start of this line, to be coloured; NULL: none */
	bool colour;
	unsigned name_width;
};

/* ---- lines ---- */

static unsigned width(const struct pm_buf *b)
{
	return pm_text_width(pm_buf_str(b), b->len);
}

static void pad(struct pm_buf *b, unsigned column)
{
	for (unsigned w = width(b); w < column; w++)
		(void)pm_buf_addc(b, ' ');
}

static void visible(struct pm_buf *b, const char *s)
{
	pm_text_visible(b, s, strlen(s));
}

static void flush(struct printer *r)
{
	size_t n = r->sign ? strlen(r->sign) : 0;

	if (n > 0)
		(void)pm_buf_addf(r->out, "%s%s\033[0m", r->tint, r->sign);
	(void)pm_buf_add(r->out, pm_buf_str(&r->line) + n, r->line.len - n);
	(void)pm_buf_addc(r->out, '\n');
	pm_buf_clear(&r->line);
	r->sign = NULL;
}

/* Words, broken before column 80, each line indented. */
static void wrapped(struct printer *r, unsigned indent, const char *s)
{
	pad(&r->line, indent);
	while (*s != '\0') {
		size_t n = strcspn(s, " ");

		if (width(&r->line) > indent &&
			width(&r->line) + 1 + pm_text_width(s, n) > COLUMNS) {
			flush(r);
			pad(&r->line, indent);
		} else if (width(&r->line) > indent) {
			(void)pm_buf_addc(&r->line, ' ');
		}
		(void)pm_buf_add(&r->line, s, n);
		s += n + (s[n] == ' ');
	}
	flush(r);
}

/* A note in the right-hand column, or below when there is no room for it. */
static void end_with_note(struct printer *r, unsigned indent, const char *note)
{
	unsigned left = width(&r->line), n = pm_text_width(note, strlen(note));

	if (left + 2 <= RIGHT_COLUMN && RIGHT_COLUMN + n <= LONGEST_LINE) {
		pad(&r->line, RIGHT_COLUMN);
	} else if (left + 2 + n <= COLUMNS) {
		pad(&r->line, left + 2);
	} else {
		flush(r);
		wrapped(r, indent, note);
		return;
	}
	(void)pm_buf_adds(&r->line, note);
	flush(r);
}

/* A position: in the column, else at the right edge, else below. */
static void end_with_place(struct printer *r, const char *place)
{
	unsigned left = width(&r->line), n = pm_text_width(place, strlen(place));

	if (left + 2 <= RIGHT_COLUMN && RIGHT_COLUMN + n <= COLUMNS) {
		pad(&r->line, RIGHT_COLUMN);
	} else if (left + 2 + n <= COLUMNS) {
		pad(&r->line, COLUMNS - n);
	} else {
		flush(r);
		pad(&r->line, 4);
	}
	(void)pm_buf_adds(&r->line, place);
	flush(r);
}

/* ---- the line of an action ---- */

static const struct pm_obj *object_of(const struct pm_action *a)
{
	return a->want ? a->want : a->have;
}

/* A guest that is no object: nobody could look into it, or it holds what belongs to one. */
static bool unknown(const struct pm_action *a)
{
	return a->want == NULL &&
	       (a->have->live == NULL || a->have->live->marker == NULL || a->have->ns[0] == '\0');
}

static const char *sign_of(const struct pm_action *a)
{
	switch (a->verb) {
	case PM_V_CREATE:
		return "+";
	case PM_V_REPLACE:
		return "-/+";
	case PM_V_DELETE:
		return "-";
	case PM_V_KEEP:
		if (a->have == NULL)
			return "+";
		return a->want == NULL && !unknown(a) ? "-" : "~";
	default:
		return a->want == NULL ? "-" : "~";
	}
}

static const char *colour_of(const struct pm_action *a)
{
	if (a->verb == PM_V_KEEP)
		return "\033[2m";
	switch (sign_of(a)[0]) {
	case '+':
		return "\033[32m";
	case '~':
		return "\033[33m";
	default:
		return "\033[31m";
	}
}

static void add_title(struct pm_buf *b, const struct pm_action *a)
{
	const struct pm_obj *o = object_of(a);

	if (unknown(a)) {
		(void)pm_buf_adds(b, "guest ");
		visible(b, o->name ? o->name : "?");
		return;
	}
	for (const char *s = o->kind->brief ? o->kind->brief : o->kind->name; *s; s++)
		(void)pm_buf_addc(b, (char)(*s >= 'A' && *s <= 'Z' ? *s + 'a' - 'A' : *s));
	(void)pm_buf_addc(b, ' ');
	visible(b, o->ns);
	(void)pm_buf_addc(b, '/');
	visible(b, o->name);
}

static unsigned title_width(struct printer *r, const struct pm_action *a)
{
	pm_buf_clear(&r->text);
	add_title(&r->text, a);
	return width(&r->text);
}

static unsigned widest_title(struct printer *r)
{
	unsigned most = 0;

	for (size_t i = 0; i < r->p->n; i++) {
		unsigned w = r->p->v[i].have ? title_width(r, &r->p->v[i]) : 0;

		if (w > most && w <= MOST_NAME)
			most = w;
	}
	return most;
}

/* The line to look at: of the first change that has one and does something, else of any. */
static unsigned line_of(const struct pm_action *a)
{
	unsigned line = 0;

	for (size_t i = 0; i < a->nchanges; i++) {
		const struct pm_change *c = &a->change[i];

		if (c->line > 0 && !c->waiting && !c->blocked)
			return c->line;
		if (line == 0)
			line = c->line;
	}
	return line > 0 ? line : a->want->line;
}

static void action_line(struct printer *r, const struct pm_action *a)
{
	const char *sign = sign_of(a);

	r->sign = r->colour ? sign : NULL;
	r->tint = colour_of(a);
	(void)pm_buf_addf(&r->line, "%s ", sign);
	add_title(&r->line, a);
	if (a->have != NULL) {
		pad(&r->line, (unsigned)strlen(sign) + 1 + r->name_width);
		(void)pm_buf_addf(&r->line, "  (%u on ", a->have->live->vmid);
		visible(&r->line, a->have->live->node ? a->have->live->node : "?");
		(void)pm_buf_addc(&r->line, ')');
	}
}

/* ---- values ---- */

static const char *word_of(const struct pm_change *c, const char *value)
{
	if (value == NULL)
		return "absent";
	if (c->row != NULL && c->row->type == PM_T_BOOL && !(c->row->flags & PM_F_SECRET))
		return strcmp(value, "true") == 0 ? "on" : "off";
	return value;
}

/* Where both differ first, a little earlier; at a character's start. */
static size_t first_difference(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] != '\0' && a[n] == b[n])
		n++;
	n = n > CONTEXT ? n - CONTEXT : 0;
	while (n > 0 && ((unsigned char)a[n] & 0xc0) == 0x80)
		n--;
	return n;
}

/* One value, control characters visible, cut where it is longer than its share of the line. */
static void cut(struct printer *r, const char *s, size_t skip, struct pm_buf *out)
{
	size_t n, w = 0;
	const char *v;

	pm_buf_clear(&r->text);
	visible(&r->text, s + skip);
	v = pm_buf_str(&r->text);
	if (skip > 0)
		(void)pm_buf_adds(out, "...");
	if (pm_text_width(v, r->text.len) <= MOST_VALUE) {
		(void)pm_buf_adds(out, v);
		return;
	}
	for (n = 0; n < r->text.len; n += w) {
		w = 1;
		while (n + w < r->text.len && ((unsigned char)v[n + w] & 0xc0) == 0x80)
			w++;
		if (pm_text_width(v, n + w) > MOST_VALUE - 3)
			break;
	}
	(void)pm_buf_add(out, v, n);
	(void)pm_buf_adds(out, "...");
}

static void add_values(struct printer *r, const struct pm_change *c)
{
	const char *from = word_of(c, c->from), *to = word_of(c, c->to);
	struct pm_buf b cleanup_buf = PM_BUF(0);
	size_t skip = 0;

	if (c->from != NULL && c->to != NULL &&
		(strlen(from) > MOST_VALUE || strlen(to) > MOST_VALUE))
		skip = first_difference(from, to);
	if (skip > strlen(from) || skip > strlen(to))
		skip = 0;
	cut(r, from, skip, &r->line);
	cut(r, to, skip, &b);
	if (width(&r->line) + 4 + width(&b) > COLUMNS) {
		flush(r);
		pad(&r->line, 8);
		(void)pm_buf_adds(&r->line, "-> ");
	} else {
		(void)pm_buf_adds(&r->line, " -> ");
	}
	(void)pm_buf_add(&r->line, pm_buf_str(&b), b.len);
}

/* ---- what a change does ---- */

static const char *effect_of(const struct pm_action *a, const struct pm_change *c)
{
	bool restart = a->steps & PM_STEP_RESTART;

	if (c->waiting && a->steps & PM_STEP_STOP)
		return "written; takes effect as it stops";
	if (c->waiting)
		return restart ? "written; it is restarted" : "written, waits for a restart";
	if (c->blocked)
		return "not done";
	if (a->verb == PM_V_REPLACE)
		return c->impact == PM_I_REPLACE ? "needs a new guest" : "with the new guest";
	switch (c->impact) {
	case PM_I_LIVE:
		return "live";
	case PM_I_PENDING:
		if (a->steps & PM_STEP_STOP)
			return "pending: takes effect as it stops";
		return restart ? "pending: it is restarted"
			       : "pending: needs a restart, not allowed here";
	case PM_I_RESIZE:
		return "grows";
	case PM_I_MOVE:
		return "moves";
	case PM_I_MIGRATE:
		return "migrates";
	default:
		return pm_impact_name(c->impact);
	}
}

/* PVE's own word for the setting, which is shorter: "net.eth0.tag", or "net0.tag" where the entry is named
 * so. */
static void add_path(struct printer *r, const struct pm_action *a, const struct pm_change *c)
{
	const struct pm_field *f = &object_of(a)->kind->fields[c->field];
	size_t n = strlen(f->name);

	if (f->count > 0 && pm_slot_row(f->sub) && strncmp(c->path, f->name, n) == 0 &&
		c->path[n] == '.') {
		visible(&r->line, c->path + n + 1);
		return;
	}
	visible(&r->line, f->key ? f->key : f->name);
	if (strncmp(c->path, f->name, n) == 0)
		visible(&r->line, c->path + n);
}

static void change_line(struct printer *r, const struct pm_action *a, const struct pm_change *c)
{
	struct pm_buf note cleanup_buf = PM_BUF(0);
	unsigned w;

	pad(&r->line, 4);
	add_path(r, a, c);
	w = width(&r->line) + 2;
	pad(&r->line, w > 4 + LEAST_PATH ? w : 4 + LEAST_PATH);
	add_values(r, c);
	(void)pm_buf_adds(&note, effect_of(a, c));
	if (c->note != NULL) {
		(void)pm_buf_adds(&note, c->blocked                  ? ": "
					 : c->impact == PM_I_PENDING ? "; "
								     : ", ");
		visible(&note, c->note);
	}
	end_with_note(r, 8, pm_buf_str(&note));
}

/* ---- the lines below an action ---- */

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

/* What the guest is made of. */
struct parts {
	unsigned volumes, imported, mounted; /* imported: of the volumes, as copies of images */
};

static struct parts parts_of(const struct pm_rec *spec)
{
	struct pm_volume_at at = PM_VOLUMES(spec);
	struct parts n = { 0 };

	while (pm_volume_next(&at)) {
		if (pm_volume_holds_data(at.rec))
			n.volumes++;
		else if (pm_volume_source(at.rec) && strcmp(pm_volume_source(at.rec), "none") != 0)
			n.mounted++;
		if (pm_volume_import(at.rec))
			n.imported++;
	}
	return n;
}

static void add_making(struct printer *r, const struct pm_action *a)
{
	const struct pm_rec *spec = a->want->spec;
	const char *image = pm_rec_str(spec, PM_G_IMAGE, NULL);
	bool pod = spec->kind == &pm_kind_pod;
	struct parts n = parts_of(spec);

	(void)pm_buf_adds(&r->line, " on ");
	visible(&r->line, a->node);
	(void)pm_buf_addf(&r->line, " as %u", a->vmid);
	if (pod || image != NULL) {
		(void)pm_buf_adds(&r->line, pod ? " from " : ", a copy of ");
		visible(&r->line, image ? image : "?");
	}
	(void)pm_buf_addf(&r->line, ", %u volume%s", n.volumes, plural(n.volumes));
	if (n.imported > 0)
		(void)pm_buf_addf(&r->line, ", %u of them imported", n.imported);
	if (n.mounted > 0)
		(void)pm_buf_addf(&r->line, ", %u %s%s", n.mounted,
			pod ? "bind mount" : "attached drive", plural(n.mounted));
	if (!(a->steps & PM_STEP_START))
		(void)pm_buf_adds(&r->line, ", not started");
	flush(r);
}

static void add_names(struct pm_buf *b, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			(void)pm_buf_adds(b, ", ");
		visible(b, v[i]);
	}
}

static void dies_line(struct printer *r, const struct pm_action *a)
{
	struct pm_buf b cleanup_buf = PM_BUF(0);

	if (a->ndies == 0)
		return;
	(void)pm_buf_adds(&b, "destroys ");
	add_names(&b, a->dies, a->ndies);
	wrapped(r, 4, pm_buf_str(&b));
}

/* What lives on in the new guest, and by which way. */
static void keeps_line(struct printer *r, const struct pm_action *a)
{
	struct pm_buf b cleanup_buf = PM_BUF(0);

	if (a->nkeeps == 0 || a->verb == PM_V_UPDATE)
		return;
	(void)pm_buf_adds(&b, "keeps ");
	add_names(&b, a->keeps, a->nkeeps);
	if (a->verb == PM_V_REPLACE)
		(void)pm_buf_addf(
			&b, ": handed over through a holder, %u, that goes in the end", a->holder);
	else
		(void)pm_buf_addf(
			&b, ": held by %u since a replacement was interrupted", a->holder);
	wrapped(r, 4, pm_buf_str(&b));
}

static void reason_line(struct printer *r, const char *reason)
{
	struct pm_buf b cleanup_buf = PM_BUF(0);

	visible(&b, reason);
	wrapped(r, 4, pm_buf_str(&b));
}

static void end_of_action_line(struct printer *r, const struct pm_action *a)
{
	struct pm_buf b cleanup_buf = PM_BUF(0);

	if (a->want != NULL && a->want->file != NULL) {
		visible(&b, a->want->file);
		(void)pm_buf_addf(&b, ":%u", line_of(a));
		end_with_place(r, pm_buf_str(&b));
		return;
	}
	if (a->want == NULL && a->reason != NULL)
		visible(&b, a->reason);
	if (b.len > 0)
		end_with_note(r, 4, pm_buf_str(&b));
	else
		flush(r);
}

/* What is left to others. */
static void ignores_line(struct printer *r, const struct pm_action *a)
{
	struct pm_buf b cleanup_buf = PM_BUF(0);
	const struct pm_value *v =
		a->want && a->want->spec ? &a->want->spec->val[PM_G_LIFE_IGNORE] : NULL;
	bool own = v != NULL && v->state == PM_SET && v->u.list->n > 0;

	if (v == NULL || (!own && a->want->left == NULL) || a->have == NULL ||
		a->verb == PM_V_DELETE)
		return;
	(void)pm_buf_adds(&b, "ignores ");
	if (own)
		add_names(&b, v->u.list->v, v->u.list->n);
	if (a->want->left != NULL) {
		(void)pm_buf_adds(&b, own ? "; by the configuration " : "by the configuration ");
		add_names(&b, a->want->left->v, a->want->left->n);
	}
	wrapped(r, 4, pm_buf_str(&b));
}

static void print_action(struct printer *r, const struct pm_action *a)
{
	action_line(r, a);
	end_of_action_line(r, a);
	if (a->want != NULL && a->reason != NULL && (a->verb != PM_V_KEEP || a->nchanges == 0))
		reason_line(r, a->reason);
	dies_line(r, a);
	keeps_line(r, a);
	if (a->verb == PM_V_CREATE || a->verb == PM_V_REPLACE) {
		(void)pm_buf_adds(
			&r->line, a->verb == PM_V_CREATE ? "    create" : "    then create");
		add_making(r, a);
	}
	for (size_t i = 0; i < a->nchanges; i++)
		change_line(r, a, &a->change[i]);
	ignores_line(r, a);
}

/* ---- head and sum ---- */

static void print_head(struct printer *r)
{
	const struct pm_plan *p = r->p;
	const struct pm_facts *f = p->facts;

	(void)pm_buf_adds(r->out, "podmox plan: set ");
	visible(r->out, p->set);
	(void)pm_buf_addf(r->out, ", %u object%s, %u guest%s read", p->nobjects,
		plural(p->nobjects), f->nread, plural(f->nread));
	if (f->cluster != NULL) {
		(void)pm_buf_adds(r->out, " from cluster ");
		visible(r->out, f->cluster);
	}
	if (f->took_ns > 0) {
		uint64_t hundredths = (f->took_ns + 5000000) / 10000000;

		(void)pm_buf_addf(r->out, " in %llu.%02llu s",
			(unsigned long long)(hundredths / 100),
			(unsigned long long)(hundredths % 100));
	}
	(void)pm_buf_adds(r->out, "\n\n");
}

static void print_sum(struct printer *r)
{
	const struct pm_summary *s = &r->p->sum;

	if (r->p->n > 0)
		(void)pm_buf_addc(r->out, '\n');
	(void)pm_buf_addf(r->out, "Plan: %u to create, %u to update", s->create, s->update);
	if (s->restart > 0)
		(void)pm_buf_addf(
			r->out, " (%u need%s a restart)", s->restart, s->restart == 1 ? "s" : "");
	(void)pm_buf_addf(r->out, ", %u to replace, %u to delete, %u kept; %u unchanged.\n",
		s->replace, s->remove, s->kept, s->unchanged);
	if (pm_plan_unmet(r->p) > 0)
		(void)pm_buf_addf(r->out,
			"%u setting%s cannot become what the manifest says: change the manifest.\n",
			pm_plan_unmet(r->p), plural(pm_plan_unmet(r->p)));
	if (r->p->refused)
		(void)pm_buf_adds(r->out, "Refused: nothing of this plan is applied.\n");
	else if (pm_plan_empty(r->p) && (r->p->diags == NULL || r->p->diags->nerrors == 0))
		(void)pm_buf_adds(
			r->out, s->kept > 0 ? "Nothing else to do.\n" : "Nothing to do.\n");
}

void pm_plan_print(const struct pm_plan *p, bool colour, struct pm_buf *out)
{
	struct printer r = { .p = p, .out = out, .colour = colour };

	r.name_width = widest_title(&r);
	print_head(&r);
	for (size_t i = 0; i < p->n; i++)
		print_action(&r, &p->v[i]);
	print_sum(&r);
	pm_buf_done(&r.line);
	pm_buf_done(&r.text);
}
