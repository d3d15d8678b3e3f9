/* Looks words up in the habits of other tools. Only findings ask, so a walk over the table is quick enough. */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "model/habits.h"

struct key_habit {
	const char *in, *words, *use, *why;
};

struct choice_habit {
	const char *field, *choice, *words;
};

struct kind_habit {
	const char *kind, *words;
};

#define PM_KEY(...)
#define PM_CHOICE(...)
#define PM_KIND(...)
static const struct key_habit key_habits[] = {
#undef PM_KEY
#define PM_KEY(...) { __VA_ARGS__ },
#include "model/habits.def"
#undef PM_KEY
#define PM_KEY(...)
};
static const struct choice_habit choice_habits[] = {
#undef PM_CHOICE
#define PM_CHOICE(...) { __VA_ARGS__ },
#include "model/habits.def"
#undef PM_CHOICE
#define PM_CHOICE(...)
};
static const struct kind_habit kind_habits[] = {
#undef PM_KIND
#define PM_KIND(...) { __VA_ARGS__ },
#include "model/habits.def"
};

/* The next character that counts; NUL at the end, at a blank or a dot. */
static char next(const char **s)
{
	while (**s == '-' || **s == '_')
		++*s;
	if (**s == '\0' || **s == ' ' || **s == '.')
		return '\0';
	return (char)tolower((unsigned char)*(*s)++);
}

static bool same_word(const char *a, const char *b)
{
	char x, y;

	do {
		x = next(&a);
		y = next(&b);
	} while (x == y && x != '\0');
	return x == y;
}

/* Is the word among those of a row? */
static bool among(const char *words, const char *word)
{
	while (words) {
		if (same_word(words, word))
			return true;
		words = strchr(words, ' ');
		if (words)
			words++;
	}
	return false;
}

/* The group of the kind that a path starts with: its length, 0 at the top. */
static size_t group_of(const struct pm_kind *k, const char *path)
{
	size_t found = 0;

	for (const char *dot = path; (dot = strchr(dot, '.')) != NULL; dot++) {
		cleanup_buf struct pm_buf group = PM_BUF(0);

		(void)pm_buf_add(&group, path, (size_t)(dot - path));
		if (pm_field_is_group(k, pm_buf_str(&group)))
			found = (size_t)(dot - path);
	}
	return found;
}

/* Is it "guest" or the kind's own name, and the group? */
static bool is_in(const char *in, const struct pm_kind *k, const char *group, size_t ngroup)
{
	bool guest = pm_kind_is_guest(k);
	const char *name = guest ? "guest" : k->name;
	size_t n = strcspn(in, ".");

	if (strlen(name) != n || strncmp(in, name, n) != 0)
		return false;
	in += n + (in[n] == '.');
	return strlen(in) == ngroup && strncmp(in, group, ngroup) == 0;
}

/* Does the kind have it: a row, a group, or a row of the record that a row holds ("rootfs.size")? */
static bool has(const struct pm_kind *k, const char *path)
{
	const char *dot = strchr(path, '.');
	cleanup_buf struct pm_buf first = PM_BUF(0);
	const struct pm_field *f;

	if (pm_field_find(k, path) || pm_field_is_group(k, path))
		return true;
	if (!dot)
		return false;
	(void)pm_buf_add(&first, path, (size_t)(dot - path));
	f = pm_field_find(k, pm_buf_str(&first));
	return f && f->sub && has(f->sub, dot + 1);
}

bool pm_habit_key(const struct pm_kind *k, const char *path, struct pm_buf *out)
{
	size_t n = group_of(k, path);
	const char *word = path + n + (n > 0);

	for (unsigned i = 0; i < PM_COUNT(key_habits); i++) {
		const struct key_habit *h = &key_habits[i];

		if (!is_in(h->in, k, path, n) || !among(h->words, word) ||
			(h->use && !has(k, h->use)))
			continue;
		(void)pm_buf_addf(out, "%s%s%s%s", h->use ? "use " : "", h->use ? h->use : "",
			h->use && h->why ? "; " : "", h->why ? h->why : "");
		return true;
	}
	return false;
}

static bool has_choice(const struct pm_field *f, const char *choice)
{
	for (unsigned i = 0; f->choices && f->choices[i]; i++) {
		if (strcmp(f->choices[i], choice) == 0)
			return true;
	}
	return false;
}

const char *pm_habit_choice(const struct pm_field *f, const char *word)
{
	for (unsigned i = 0; i < PM_COUNT(choice_habits); i++) {
		const struct choice_habit *h = &choice_habits[i];

		if (strcmp(h->field, f->name) == 0 && among(h->words, word) &&
			has_choice(f, h->choice))
			return h->choice;
	}
	return NULL;
}

const char *pm_habit_kind(const char *word)
{
	for (unsigned i = 0; i < PM_COUNT(kind_habits); i++) {
		const struct kind_habit *h = &kind_habits[i];

		if (among(h->words, word) && pm_kind_find(h->kind))
			return h->kind;
	}
	return NULL;
}
