/* Perl's regular expressions, as far as PVE's API description uses them: groups, alternatives, classes,
 * counted repetition, case-insensitive groups. A pattern becomes a small program that is run for all its
 * possible states at once, so that no pattern and no input can make it slow. */
#include "sim/sim_priv.h"

enum op { OP_SET, OP_SPLIT, OP_JUMP, OP_START, OP_END, OP_MATCH };

struct inst {
	enum op op;
	unsigned x, y; /* SPLIT, JUMP: where to; SET: which set */
};

struct set {
	uint64_t bit[4];
};

struct sim_pattern {
	PM_VEC(struct inst) code;
	PM_VEC(struct set) sets;
};

struct parser {
	struct sim_pattern *p;
	const char *s;
	bool fold, bad;
	unsigned depth;
};

#define MOST_CODE 60000

static void set_add(struct set *s, unsigned char c)
{
	s->bit[c / 64] |= UINT64_C(1) << (c % 64);
}

static bool set_has(const struct set *s, unsigned char c)
{
	return s->bit[c / 64] >> (c % 64) & 1;
}

static void set_range(struct set *s, unsigned from, unsigned to)
{
	for (unsigned c = from; c <= to && c < 256; c++)
		set_add(s, (unsigned char)c);
}

static void set_invert(struct set *s)
{
	for (int i = 0; i < 4; i++)
		s->bit[i] = ~s->bit[i];
}

static unsigned emit(struct parser *ps, enum op op, unsigned x, unsigned y)
{
	struct sim_pattern *p = ps->p;

	if (p->code.n >= MOST_CODE) {
		ps->bad = true;
		return (unsigned)p->code.n - 1;
	}
	pm_vec_push(&p->code, ((struct inst){ .op = op, .x = x, .y = y }));
	return (unsigned)p->code.n - 1;
}

static void emit_set(struct parser *ps, struct set s)
{
	if (ps->fold)
		for (unsigned c = 'a'; c <= 'z'; c++)
			if (set_has(&s, (unsigned char)c) || set_has(&s, (unsigned char)(c - 32))) {
				set_add(&s, (unsigned char)c);
				set_add(&s, (unsigned char)(c - 32));
			}
	pm_vec_push(&ps->p->sets, s);
	emit(ps, OP_SET, (unsigned)ps->p->sets.n - 1, 0);
}

static unsigned hex_value(const char *s)
{
	unsigned v = 0;

	for (int i = 0; i < 2; i++) {
		char c = s[i];

		v = v * 16 + (unsigned)(c >= 'a'   ? c - 'a' + 10
					: c >= 'A' ? c - 'A' + 10
						   : c - '0');
	}
	return v;
}

/* After a backslash: a class (\d) into the set, or one character, returned. -1: it was a class. */
static int escape(struct parser *ps, struct set *s)
{
	char c = *ps->s++;
	struct set cls = { { 0 } };

	switch (c) {
	case 'd':
	case 'D':
		set_range(&cls, '0', '9');
		break;
	case 'w':
	case 'W':
		set_range(&cls, '0', '9');
		set_range(&cls, 'a', 'z');
		set_range(&cls, 'A', 'Z');
		set_add(&cls, '_');
		break;
	case 's':
	case 'S':
		set_range(&cls, '\t', '\r');
		set_add(&cls, ' ');
		break;
	case 'x':
		if (!ps->s[0] || !ps->s[1]) {
			ps->bad = true;
			return 0;
		}
		ps->s += 2;
		return (int)hex_value(ps->s - 2);
	case '0':
		return SIM_NUL; /* how NUL is kept in values */
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case '\0':
		ps->bad = true;
		ps->s--;
		return 0;
	default:
		return (unsigned char)c;
	}
	if (c >= 'A' && c <= 'Z')
		set_invert(&cls);
	for (int i = 0; i < 4; i++)
		s->bit[i] |= cls.bit[i];
	return -1;
}

static void parse_class(struct parser *ps)
{
	struct set s = { { 0 } };
	bool negated = *ps->s == '^';
	int last = -1;

	ps->s += negated;
	for (bool first = true; *ps->s && (first || *ps->s != ']'); first = false) {
		int c = (unsigned char)*ps->s++;

		if (c == '-' && last >= 0 && *ps->s && *ps->s != ']') {
			int to = (unsigned char)*ps->s++;

			if (to == '\\')
				to = escape(ps, &s);
			if (to >= 0)
				set_range(&s, (unsigned)last, (unsigned)to);
			last = -1;
			continue;
		}
		last = c == '\\' ? escape(ps, &s) : c;
		if (last >= 0)
			set_add(&s, (unsigned char)last);
	}
	ps->bad |= *ps->s != ']';
	ps->s += *ps->s == ']';
	if (negated)
		set_invert(&s);
	emit_set(ps, s);
}

static void parse_alternatives(struct parser *ps);

static void parse_group(struct parser *ps)
{
	bool fold = ps->fold;

	if (*ps->s == '?') {
		bool negative = false;

		ps->s++;
		for (; *ps->s && *ps->s != ':'; ps->s++) {
			negative |= *ps->s == '-';
			if (*ps->s == '^')
				ps->fold = false;
			else if (*ps->s == 'i')
				ps->fold = !negative;
			else if (!strchr("-smxuan", *ps->s))
				ps->bad = true;
		}
		ps->s += *ps->s == ':';
	}
	parse_alternatives(ps);
	ps->bad |= *ps->s != ')';
	ps->s += *ps->s == ')';
	ps->fold = fold;
}

static void parse_atom(struct parser *ps)
{
	struct set s = { { 0 } };
	int c = (unsigned char)*ps->s++;

	switch (c) {
	case '(':
		parse_group(ps);
		return;
	case '[':
		parse_class(ps);
		return;
	case '^':
		emit(ps, OP_START, 0, 0);
		return;
	case '$':
		emit(ps, OP_END, 0, 0);
		return;
	case '.':
		set_range(&s, 0, 255);
		s.bit[0] &= ~(UINT64_C(1) << '\n');
		break;
	case '\\':
		c = escape(ps, &s);
		if (c >= 0)
			set_add(&s, (unsigned char)c);
		break;
	default:
		set_add(&s, (unsigned char)c);
	}
	emit_set(ps, s);
}

/* "{2,8}" and alike; false when the brace is an ordinary character. */
static bool parse_counts(const char **s, unsigned *min, unsigned *max)
{
	const char *p = *s + 1;
	bool some = false;

	*min = 0;
	for (; *p >= '0' && *p <= '9'; p++, some = true)
		*min = *min * 10 + (unsigned)(*p - '0');
	*max = *min;
	if (*p == ',') {
		*max = 0;
		for (p++; *p >= '0' && *p <= '9'; p++, some = true)
			*max = *max * 10 + (unsigned)(*p - '0');
		if (p[-1] == ',')
			*max = UINT32_MAX;
	}
	if (*p != '}' || !some)
		return false;
	*s = p + 1;
	return true;
}

/* Repeats the code that starts at `from`: copies of it, then optional copies or a loop. */
static void repeat(struct parser *ps, size_t from, unsigned min, unsigned max)
{
	struct sim_pattern *p = ps->p;
	size_t n = p->code.n - from;
	struct inst *body = pm_xcalloc(n + 1, sizeof(*body));
	unsigned splits = max == UINT32_MAX ? 1 : max - min;
	PM_VEC(unsigned) ends = { 0 };

	if (n)
		memcpy(body, p->code.v + from, n * sizeof(*body));
	p->code.n = from;
	for (unsigned i = 0; i < min + splits && !ps->bad; i++) {
		unsigned at = (unsigned)p->code.n;
		bool optional = i >= min;

		if (optional)
			pm_vec_push(&ends, emit(ps, OP_SPLIT, at + 1, 0));
		for (size_t j = 0; j < n; j++) {
			struct inst in = body[j];
			unsigned by = (unsigned)p->code.n - (unsigned)(from + j);

			if (in.op == OP_SPLIT || in.op == OP_JUMP) {
				in.x += by;
				in.y += by;
			}
			emit(ps, in.op, in.x, in.y);
		}
		if (optional && max == UINT32_MAX)
			emit(ps, OP_JUMP, at, 0);
	}
	for (size_t i = 0; i < ends.n; i++)
		p->code.v[ends.v[i]].y = (unsigned)p->code.n;
	pm_vec_done(&ends);
	free(body);
}

static void parse_sequence(struct parser *ps)
{
	while (*ps->s && *ps->s != '|' && *ps->s != ')' && !ps->bad) {
		size_t from = ps->p->code.n;
		unsigned min, max;

		parse_atom(ps);
		for (;;) {
			if (*ps->s == '*' || *ps->s == '+' || *ps->s == '?') {
				min = *ps->s == '+';
				max = *ps->s == '?' ? 1 : UINT32_MAX;
				ps->s++;
			} else if (*ps->s != '{' || !parse_counts(&ps->s, &min, &max)) {
				break;
			}
			if (max < min)
				ps->bad = true;
			else
				repeat(ps, from, min, max);
		}
	}
}

static void shift(struct parser *ps, size_t from)
{
	struct sim_pattern *p = ps->p;

	emit(ps, OP_MATCH, 0, 0);
	if (ps->bad)
		return;
	memmove(&p->code.v[from + 1], &p->code.v[from],
		(p->code.n - 1 - from) * sizeof(*p->code.v));
	for (size_t i = from + 1; i < p->code.n; i++) {
		struct inst *in = &p->code.v[i];

		if ((in->op == OP_SPLIT || in->op == OP_JUMP) && in->x >= from)
			in->x++;
		if (in->op == OP_SPLIT && in->y >= from)
			in->y++;
	}
}

static void parse_alternatives(struct parser *ps)
{
	PM_VEC(unsigned) jumps = { 0 };
	size_t from = ps->p->code.n;

	if (++ps->depth > 50)
		ps->bad = true;
	for (;;) {
		parse_sequence(ps);
		if (*ps->s != '|' || ps->bad)
			break;
		ps->s++;
		shift(ps, from);
		pm_vec_push(&jumps, emit(ps, OP_JUMP, 0, 0));
		if (ps->bad)
			break;
		ps->p->code.v[from] = (struct inst){
			.op = OP_SPLIT, .x = (unsigned)from + 1, .y = (unsigned)ps->p->code.n
		};
		from = ps->p->code.n;
	}
	for (size_t i = 0; i < jumps.n; i++)
		ps->p->code.v[jumps.v[i]].x = (unsigned)ps->p->code.n;
	pm_vec_done(&jumps);
	ps->depth--;
}

struct sim_pattern *pm_s_pattern(const char *perl)
{
	struct parser ps = { .p = pm_xcalloc(1, sizeof(*ps.p)), .s = perl };

	parse_alternatives(&ps);
	emit(&ps, OP_MATCH, 0, 0);
	if (ps.bad || *ps.s) {
		pm_s_pattern_free(ps.p);
		return NULL;
	}
	return ps.p;
}

void pm_s_pattern_free(struct sim_pattern *p)
{
	if (!p)
		return;
	pm_vec_done(&p->code);
	pm_vec_done(&p->sets);
	free(p);
}

/* The states alive at one place of the text. */
struct states {
	unsigned *pc, n;
	size_t *mark; /* when an instruction was last added */
	unsigned *stack;
};

static void states_add(
	const struct sim_pattern *p, struct states *st, unsigned pc, size_t at, size_t n)
{
	unsigned top = 0;

	st->stack[top++] = pc;
	while (top) {
		const struct inst *in;

		pc = st->stack[--top];
		if (st->mark[pc] == at + 1)
			continue;
		st->mark[pc] = at + 1;
		in = &p->code.v[pc];
		if (in->op == OP_SPLIT) {
			st->stack[top++] = in->y;
			st->stack[top++] = in->x;
		} else if (in->op == OP_JUMP) {
			st->stack[top++] = in->x;
		} else if (in->op == OP_START || in->op == OP_END) {
			if (in->op == OP_START ? at == 0 : at == n)
				st->stack[top++] = pc + 1;
		} else {
			st->pc[st->n++] = pc;
		}
	}
}

bool pm_s_match(const struct sim_pattern *p, const char *text, size_t n)
{
	size_t count = p->code.n;
	struct states a, b;
	bool matched = false;

	a = (struct states){ pm_xcalloc(count, sizeof(*a.pc)), 0,
		pm_xcalloc(count, sizeof(*a.mark)), pm_xcalloc(2 * count + 2, sizeof(*a.stack)) };
	b = (struct states){ pm_xcalloc(count, sizeof(*b.pc)), 0, a.mark, a.stack };
	states_add(p, &a, 0, 0, n);
	for (size_t i = 0; i < n && a.n; i++) {
		struct states was = a;

		b.n = 0;
		for (unsigned j = 0; j < a.n; j++) {
			const struct inst *in = &p->code.v[a.pc[j]];

			if (in->op == OP_SET && set_has(&p->sets.v[in->x], (unsigned char)text[i]))
				states_add(p, &b, a.pc[j] + 1, i + 1, n);
		}
		a = b;
		b = was;
	}
	for (unsigned j = 0; j < a.n; j++)
		matched |= p->code.v[a.pc[j]].op == OP_MATCH;
	free(a.pc);
	free(b.pc);
	free(a.mark);
	free(a.stack);
	return matched;
}
