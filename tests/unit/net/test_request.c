/* Requests that come to us: what is whole, what is refused and with which status. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/request.h"
#include "pm_test.h"

PM_TEST(request_is_read_strictly)
{
	static const struct {
		const char *text;
		int status; /* -1: not whole yet */
	} v[] = {
		{ "", -1 },
		{ "GET / HTTP/1.1\r\n", -1 },
		{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0 },
		{ "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
		{ "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 400 },
		{ "GET /\r\nHost: a\r\n\r\n", 400 },
		{ "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "AVERYLONGMETHODNAME / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx", -1 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxx", 0 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -2\r\n\r\nxx", 400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
			400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n", 413 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
			400 },
		{ "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 411 },
	};
	struct pm_request q;
	char *large = pm_xcalloc(1, 9001);

	for (size_t i = 0; i < PM_COUNT(v); i++) {
		bool whole = pm_request_parse(v[i].text, strlen(v[i].text), &q);

		if (whole != (v[i].status >= 0) || (whole && q.status != v[i].status))
			fail_msg("%s gives %d", v[i].text, whole ? q.status : -1);
	}
	memset(large, 'a', 9000);
	assert_false(pm_request_parse(large, 8000, &q));
	assert_true(pm_request_parse(large, 9000, &q));
	assert_int_equal(q.status, 431);
	free(large);
}

PM_TEST(request_says_what_it_is)
{
	static const char text[] = "POST /hook?x=/y HTTP/1.1\r\nhOsT:\t[::1]:80 \r\nX: y\r\n"
				   "content-length: 3\r\nOrigin: null\r\n\r\nabcGET";
	struct pm_request q;

	assert_true(pm_request_parse(text, sizeof(text) - 1, &q));
	assert_string_equal(q.method, "POST");
	assert_string_equal(q.path, "/hook");
	assert_string_equal(q.host, "[::1]:80");
	assert_true(q.foreign);
	assert_int_equal(q.length, sizeof(text) - 1 - 3);
}
