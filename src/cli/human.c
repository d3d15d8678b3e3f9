/* Scalars of PVE's answers as people read them: sizes, shares, times and yes or no, by the name of the key. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/cli_priv.h"

enum measure { PLAIN, BYTES, SHARE, SPAN, MOMENT, YES_NO };

static const struct {
	const char *keys; /* words with blanks around them */
	enum measure what;
} measures[] = {
	{ " mem maxmem disk maxdisk size used avail available total free maxswap diskread diskwrite netin netout "
	  "memhost balloon_min freemem shared_mem ",
		BYTES },
	{ " cpu used_fraction iowait wait ", SHARE },
	{ " uptime ", SPAN },
	{ " starttime endtime snaptime ctime expire ", MOMENT },
	{ " active autostart enabled online quorate shared template local propagate ", YES_NO },
};

static enum measure measure_of(const char *key)
{
	const char *last = strrchr(key, '.');
	char word[64];

	(void)snprintf(word, sizeof(word), " %s ", last != NULL ? last + 1 : key);
	for (size_t i = 0; i < PM_COUNT(measures); i++)
		if (strstr(measures[i].keys, word) != NULL)
			return measures[i].what == YES_NO && last != NULL ? PLAIN
									  : measures[i].what;
	return PLAIN;
}

/* Three digits are enough: 1.5G, 15.6G, 156G. */
static void put_bytes(struct pm_buf *out, double bytes)
{
	static const char units[] = "\0KMGTP";
	unsigned u = 0;

	while (bytes >= 1024 && u + 1 < PM_COUNT(units) - 1) {
		bytes /= 1024;
		u++;
	}
	if (u == 0)
		(void)pm_buf_addf(out, "%.0f", bytes);
	else
		(void)pm_buf_addf(out, "%.*f%c", bytes < 99.95 ? 1 : 0, bytes, units[u]);
}

static void put_span(struct pm_buf *out, int64_t s)
{
	if (s >= 86400)
		(void)pm_buf_addf(
			out, "%lldd %lldh", (long long)(s / 86400), (long long)(s / 3600 % 24));
	else if (s >= 3600)
		(void)pm_buf_addf(
			out, "%lldh %lldm", (long long)(s / 3600), (long long)(s / 60 % 60));
	else if (s >= 60)
		(void)pm_buf_addf(out, "%lldm %llds", (long long)(s / 60), (long long)(s % 60));
	else
		(void)pm_buf_addf(out, "%llds", (long long)s);
}

static void put_moment(struct pm_buf *out, int64_t s)
{
	char text[32];

	pm_format_time(s * 1000, text);
	(void)pm_buf_addf(out, "%.10s %.8sZ", text, text + 11);
}

static bool number_of(struct json_object *v, double *ret)
{
	if (!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_double))
		return false;
	*ret = json_object_get_double(v);
	return *ret >= 0 && *ret < 9e18;
}

static void put_text(struct pm_buf *out, struct json_object *v)
{
	if (json_object_is_type(v, json_type_string))
		pm_text_visible(
			out, json_object_get_string(v), (size_t)json_object_get_string_len(v));
	else
		(void)pm_buf_adds(
			out, json_object_to_json_string_ext(
				     v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void put_list(struct pm_buf *out, const char *key, struct json_object *v)
{
	for (size_t i = 0; i < json_object_array_length(v); i++) {
		if (i > 0)
			(void)pm_buf_adds(out, ", ");
		pm_human(out, key, json_object_array_get_idx(v, i));
	}
}

void pm_human(struct pm_buf *out, const char *key, struct json_object *v)
{
	enum measure what = measure_of(key);
	double number = 0;

	if (v == NULL) {
		(void)pm_buf_addc(out, '-');
	} else if (json_object_is_type(v, json_type_boolean)) {
		(void)pm_buf_adds(out, json_object_get_boolean(v) ? "yes" : "no");
	} else if (json_object_is_type(v, json_type_array)) {
		put_list(out, key, v);
	} else if (what == PLAIN || !number_of(v, &number)) {
		put_text(out, v);
	} else if (what == BYTES) {
		put_bytes(out, number);
	} else if (what == SHARE) {
		(void)pm_buf_addf(out, "%.1f%%", number * 100);
	} else if (what == SPAN) {
		put_span(out, (int64_t)number);
	} else if (what == MOMENT) {
		put_moment(out, (int64_t)number);
	} else {
		(void)pm_buf_adds(out, number != 0 ? "yes" : "no");
	}
}
