/* podmox's own tags, which make its guests visible in one listing. */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/map.h"
#include "model/marker.h"

#define SEPARATORS ";, \t"

char *pm_set_tag(const char *set, char out[24])
{
	uint64_t h = pm_hash(set, strlen(set), 0);

	(void)snprintf(out, 24, PM_TAG "-%08" PRIx32, (uint32_t)(h ^ h >> 32));
	return out;
}

bool pm_tag_is_ours(const char *tag)
{
	size_t n = strlen(PM_TAG);

	if (strncasecmp(tag, PM_TAG, n) != 0)
		return false;
	tag += n;
	return *tag == '\0' || (*tag == '-' && strlen(tag + 1) == 8 &&
				       strspn(tag + 1, "0123456789abcdefABCDEF") == 8);
}

/* The next tag of a joined text: moves *s to it and returns its length, 0 at the end. */
static size_t next_tag(const char **s)
{
	*s += strspn(*s, SEPARATORS);
	return strcspn(*s, SEPARATORS);
}

bool pm_tags_have(const char *tags, const char *tag)
{
	size_t n, len = strlen(tag);

	for (; (n = next_tag(&tags)) > 0; tags += n) {
		if (n == len && !strncasecmp(tags, tag, n))
			return true;
	}
	return false;
}

static char *lower(struct pm_arena *a, const char *s, size_t n)
{
	char *copy = pm_arena_strndup(a, s, n);

	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t count_tags(const char *tags)
{
	size_t n, sum = 0;

	for (; tags && (n = next_tag(&tags)) > 0; tags += n)
		sum++;
	return sum;
}

const char *pm_tags_join(
	struct pm_arena *a, const struct pm_list *user, const char *have, const char *set)
{
	size_t most = (user ? user->n : count_tags(have)) + 2, n = 0, len;
	const char **v = pm_new_n(a, const char *, most);
	char own[24];
	cleanup_buf struct pm_buf out = PM_BUF(0);

	v[n++] = PM_TAG;
	v[n++] = pm_arena_strdup(a, pm_set_tag(set, own));
	for (size_t i = 0; user && i < user->n; i++)
		v[n++] = lower(a, user->v[i], strlen(user->v[i]));
	for (; !user && have && (len = next_tag(&have)) > 0; have += len) {
		const char *tag = lower(a, have, len);

		if (!pm_tag_is_ours(tag))
			v[n++] = tag;
	}
	qsort(v, n, sizeof(*v), compare);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || strcmp(v[i], v[i - 1]) != 0)
			pm_buf_addf(&out, "%s%s", i ? ";" : "", v[i]);
	}
	return pm_arena_strndup(a, pm_buf_str(&out), out.len);
}
