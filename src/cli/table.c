/* Answers of PVE in every form: its data unchanged for programs, tables that fit the terminal for people,
 * names one a line for scripts. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/json.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/cli_priv.h"

#define MOST_COLUMNS 12
#define GAP          2
#define LEAST        8 /* columns that a cut text keeps */

unsigned pm_columns(void)
{
	struct winsize w = { 0 };

	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 40)
		return w.ws_col;
	return 80;
}

size_t pm_fitting(const char *s, size_t n, unsigned columns)
{
	size_t used = 0;

	while (used < n) {
		bool plain;
		size_t one = pm_text_next(s + used, n - used, &plain);
		unsigned width = pm_text_width(s + used, one);

		if (width > columns)
			break;
		columns -= width;
		used += one;
	}
	return used;
}

/* ---- cells ---- */

struct column {
	char key[32];
	unsigned width;
	bool number, words; /* what it holds; numbers alone stand to the right */
	bool whole;         /* people copy it: never cut, a line of its own when there is no room */
	bool below;         /* it has that line */
};

struct table {
	struct column col[MOST_COLUMNS];
	unsigned n;
	struct pm_arena *arena;
	const char **cell; /* rows times n */
	size_t nrows;
};

static void read_columns(struct table *t, const char *words)
{
	while (*words != '\0' && t->n < MOST_COLUMNS) {
		size_t n = strcspn(words, " ");
		struct column *c = &t->col[t->n++];

		(void)snprintf(c->key, sizeof(c->key), "%.*s", (int)n, words);
		c->width = pm_text_width(c->key, strlen(c->key));
		c->whole = strcmp(c->key, "upid") == 0 || strcmp(c->key, "volid") == 0;
		words += n + (words[n] == ' ');
	}
}

/* A number, perhaps with a unit; not an address. */
static bool is_number(const char *s)
{
	const char *dot = strchr(s, '.');

	return *s >= '0' && *s <= '9' && s[strspn(s, "0123456789.%KMGTP")] == '\0' &&
	       (dot == NULL || strchr(dot + 1, '.') == NULL);
}

static void fill(struct table *t, struct json_object *list)
{
	size_t n = json_object_array_length(list);

	t->cell = pm_new_n(t->arena, const char *, n * t->n + 1);
	for (size_t i = 0; i < n; i++) {
		struct json_object *row = json_object_array_get_idx(list, i);

		for (unsigned k = 0; k < t->n; k++) {
			struct pm_buf text cleanup_buf = PM_BUF(0);
			struct column *c = &t->col[k];
			unsigned width;

			pm_human(&text, c->key, pm_json_get(row, c->key));
			if (text.len == 0)
				(void)pm_buf_addc(&text, '-');
			width = pm_text_width(pm_buf_str(&text), text.len);
			c->width = width > c->width ? width : c->width;
			c->words = c->words || (strcmp(pm_buf_str(&text), "-") != 0 &&
						       !is_number(pm_buf_str(&text)));
			c->number = c->number || is_number(pm_buf_str(&text));
			t->cell[t->nrows * t->n + k] = pm_arena_strdup(t->arena, pm_buf_str(&text));
		}
		t->nrows++;
	}
}

static bool stands_right(const struct column *c)
{
	return c->number && !c->words;
}

/* ---- room ---- */

static unsigned needed(const struct table *t)
{
	unsigned sum = 0;

	for (unsigned k = 0; k < t->n; k++)
		if (!t->col[k].below)
			sum += t->col[k].width + GAP;
	return sum > GAP ? sum - GAP : 0;
}

/* What people copy moves to a line of its own; then the widest texts are cut. */
static void make_fit(struct table *t, unsigned columns)
{
	for (unsigned k = 0; k < t->n && needed(t) > columns; k++)
		t->col[k].below = t->col[k].whole;
	while (needed(t) > columns) {
		struct column *widest = NULL;

		for (unsigned k = 0; k < t->n; k++) {
			struct column *c = &t->col[k];

			if (!c->below && !stands_right(c) && c->width > LEAST &&
				(widest == NULL || c->width > widest->width))
				widest = c;
		}
		if (widest == NULL)
			return;
		widest->width--;
	}
}

/* ---- printing ---- */

/* A text in its column; too long it ends in "~". `last` needs no blanks behind it. */
static void put_cell(struct pm_buf *line, const char *s, const struct column *c, bool last)
{
	size_t all = strlen(s);
	bool cut = pm_fitting(s, all, c->width) < all;
	size_t n = pm_fitting(s, all, c->width - cut);
	unsigned width = pm_text_width(s, n);

	width += cut;
	for (unsigned i = width; stands_right(c) && i < c->width; i++)
		(void)pm_buf_addc(line, ' ');
	(void)pm_buf_add(line, s, n);
	if (cut)
		(void)pm_buf_addc(line, '~');
	for (unsigned i = width; !stands_right(c) && !last && i < c->width; i++)
		(void)pm_buf_addc(line, ' ');
}

static void print_line(const struct table *t, const char *const *cells)
{
	struct pm_buf line cleanup_buf = PM_BUF(0);
	unsigned last = 0;

	for (unsigned k = 0; k < t->n; k++)
		last = t->col[k].below ? last : k;
	for (unsigned k = 0; k < t->n; k++) {
		if (t->col[k].below)
			continue;
		put_cell(&line, cells[k], &t->col[k], k == last);
		for (unsigned i = 0; k != last && i < GAP; i++)
			(void)pm_buf_addc(&line, ' ');
	}
	(void)puts(pm_buf_str(&line));
	for (unsigned k = 0; k < t->n; k++)
		if (t->col[k].below)
			(void)printf("  %s\n", cells[k]);
}

static void print_heading(const struct table *t)
{
	const char *head[MOST_COLUMNS];

	for (unsigned k = 0; k < t->n; k++) {
		char *s = pm_arena_strdup(t->arena, t->col[k].key);

		for (char *c = s; *c != '\0'; c++)
			*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
		head[k] = s;
	}
	print_line(t, head);
}

/* Tasks and logs have an order of their own; everything else is sorted by its first column. */
static bool is_ordered(const struct table *t)
{
	for (unsigned k = 0; k < t->n; k++)
		if (strcmp(t->col[k].key, "upid") == 0 || strcmp(t->col[k].key, "snaptime") == 0)
			return true;
	return t->n == 1;
}

static int by_first_cell(const void *a, const void *b)
{
	return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_table(const char *columns, struct json_object *list)
{
	struct pm_arena *arena cleanup_arena = pm_arena_new(0);
	struct table t = { .arena = arena };

	read_columns(&t, columns);
	fill(&t, list);
	if (!is_ordered(&t) && t.nrows > 0)
		qsort(t.cell, t.nrows, t.n * sizeof(t.cell[0]), by_first_cell);
	if (t.n == 1) {
		for (size_t i = 0; i < t.nrows; i++)
			(void)puts(t.cell[i]);
		return;
	}
	make_fit(&t, pm_columns());
	print_heading(&t);
	for (size_t i = 0; i < t.nrows; i++)
		print_line(&t, t.cell + i * t.n);
}

/* ---- key and value ---- */

struct pair {
	const char *key, *value;
};
struct pairs {
	struct pair *v;
	size_t n, cap;
};

static void flatten(
	struct pm_arena *a, const char *prefix, struct json_object *o, struct pairs *ret)
{
	json_object_object_foreach(o, key, v)
	{
		struct pm_buf text cleanup_buf = PM_BUF(0);
		struct pm_buf name cleanup_buf = PM_BUF(0);
		struct pair p;

		pm_text_visible(&name, key, strlen(key));
		p.key = pm_arena_printf(
			a, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", pm_buf_str(&name));
		if (json_object_is_type(v, json_type_object)) {
			flatten(a, p.key, v, ret);
			continue;
		}
		pm_human(&text, p.key, v);
		p.value = pm_arena_strdup(a, pm_buf_str(&text));
		pm_vec_push(ret, p);
	}
}

static int by_key(const void *a, const void *b)
{
	return strverscmp(((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

/* Bytes of `s` for a line of so many columns: up to the last sign where a value may break. */
static size_t break_at(const char *s, size_t len, unsigned columns)
{
	size_t n = pm_fitting(s, len, columns);

	if (n == len)
		return n;
	for (size_t i = n; i > 1; i--)
		if (strchr(" ,;/", s[i - 1]) != NULL)
			return i;
	return strcspn(s + n, " ,;/") + n;
}

/* Key and value; the value goes on below itself. */
static void print_pair(const struct pair *p, unsigned left, unsigned columns)
{
	const char *key = p->key;
	const char *value = p->value;
	size_t len = strlen(value);

	do {
		size_t n = break_at(value, len, columns - left - GAP);
		size_t shown = n;

		while (shown > 0 && value[shown - 1] == ' ')
			shown--;
		(void)printf("%-*s  %.*s\n", (int)left, key, (int)shown, value);
		value += n;
		len -= n;
		key = "";
	} while (len > 0);
}

static void print_pairs(struct json_object *o)
{
	struct pm_arena *arena cleanup_arena = pm_arena_new(0);
	struct pairs all = { 0 };
	unsigned left = 0;
	unsigned columns = pm_columns();

	flatten(arena, "", o, &all);
	if (all.n > 0)
		qsort(all.v, all.n, sizeof(all.v[0]), by_key);
	for (size_t i = 0; i < all.n; i++) {
		unsigned width = pm_text_width(all.v[i].key, strlen(all.v[i].key));

		left = width > left && width <= columns / 2 ? width : left;
	}
	for (size_t i = 0; i < all.n; i++)
		print_pair(&all.v[i], left, columns);
	pm_vec_done(&all);
}

/* ---- names ---- */

static void print_name(const char *noun, const char *columns, struct json_object *row)
{
	static const char *const ids[] = { "upid", "volid", "vmid" };
	struct pm_buf text cleanup_buf = PM_BUF(0);
	char key[32];
	struct json_object *v = NULL;

	(void)snprintf(key, sizeof(key), "%.*s", (int)strcspn(columns, " "), columns);
	if (strcmp(noun, "storage") == 0 && pm_json_get(row, "node") != NULL) {
		pm_human(&text, "node", pm_json_get(row, "node"));
		(void)pm_buf_addc(&text, '/');
	}
	for (size_t i = 0; v == NULL && i < PM_COUNT(ids); i++)
		if (strstr(columns, ids[i]) != NULL)
			v = pm_json_get(row, ids[i]);
	pm_human(&text, "", v != NULL ? v : pm_json_get(row, key));
	(void)puts(pm_buf_str(&text));
}

/* ---- all forms ---- */

/* A list whose columns no row of the table of calls names: everything that holds a scalar. */
static const char *columns_of(struct pm_arena *a, struct json_object *list)
{
	struct json_object *row = json_object_array_get_idx(list, 0);
	const char *all = "";
	unsigned n = 0;

	if (!json_object_is_type(row, json_type_object))
		return NULL;
	json_object_object_foreach(row, key, v)
	{
		if (json_object_is_type(v, json_type_object) ||
			json_object_is_type(v, json_type_array) || strchr(key, ' ') != NULL ||
			n >= 6)
			continue;
		all = pm_arena_printf(a, "%s%s%s", all, n++ > 0 ? " " : "", key);
	}
	return n > 0 ? all : NULL;
}

static void print_scalars(struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct pm_buf text cleanup_buf = PM_BUF(0);

		pm_human(&text, "", json_object_array_get_idx(list, i));
		(void)puts(pm_buf_str(&text));
	}
}

static void print_list(
	const struct pm_args *a, const char *noun, const char *columns, struct json_object *list)
{
	struct pm_arena *arena cleanup_arena = pm_arena_new(0);

	if (columns == NULL)
		columns = columns_of(arena, list);
	if (columns == NULL)
		print_scalars(list);
	else if (a->output == PM_OUT_HUMAN)
		print_table(columns, list);
	else
		for (size_t i = 0; i < json_object_array_length(list); i++)
			print_name(noun, columns, json_object_array_get_idx(list, i));
}

static void print_scalar(struct json_object *data)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);

	if (data == NULL)
		return;
	pm_human(&text, "", data);
	(void)puts(pm_buf_str(&text));
}

void pm_answer_print(
	const struct pm_args *a, const char *noun, const char *columns, struct json_object *data)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);

	if (a->output == PM_OUT_JSON || a->output == PM_OUT_YAML) {
		(void)pm_buf_adds(
			&out, json_object_to_json_string_ext(data,
				      JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
		pm_cli_document(a, &out);
	} else if (json_object_is_type(data, json_type_array)) {
		print_list(a, noun, columns, data);
	} else if (json_object_is_type(data, json_type_object)) {
		print_pairs(data);
	} else {
		print_scalar(data);
	}
}
