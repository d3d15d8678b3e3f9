/* Forms and queries as PVE reads them: whatever is not plainly a letter is percent-encoded, since its
 * decoder splits at every '=', '&' and ';'. */
#include <string.h>

#include "net/net.h"

static bool plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '~' || c == '-';
}

void pm_form_escape(struct pm_buf *b, const char *value, size_t n)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t i = 0;

	while (i < n) {
		size_t from = i;
		unsigned char c;

		while (i < n && plain((unsigned char)value[i]))
			i++;
		(void)pm_buf_add(b, value + from, i - from);
		if (i == n)
			break;
		c = (unsigned char)value[i++];
		(void)pm_buf_add(b, (char[]){ '%', hex[c >> 4], hex[c & 15] }, 3);
	}
}

void pm_form_addn(struct pm_buf *b, const char *key, const char *value, size_t n)
{
	if (b->len > 0)
		(void)pm_buf_addc(b, '&');
	pm_form_escape(b, key, strlen(key));
	(void)pm_buf_addc(b, '=');
	pm_form_escape(b, value, n);
}

void pm_form_add(struct pm_buf *b, const char *key, const char *value)
{
	pm_form_addn(b, key, value, strlen(value));
}
