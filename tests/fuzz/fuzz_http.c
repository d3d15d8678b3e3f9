/* Requests over HTTP, as anybody may send them: whatever comes, the answer depends on the request alone, and not on
 * what stands behind it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct pm_request q, again;
	/* A copy of its own length, so that a read beyond it is seen. */
	char *text = pm_xcalloc(1, n > 0 ? n : 1);

	if (n > 0)
		memcpy(text, data, n);
	if (pm_request_parse(text, n, &q)) {
		pm_assert(strlen(q.method) < sizeof(q.method) && strlen(q.path) < sizeof(q.path));
		pm_assert(strlen(q.host) < sizeof(q.host));
		pm_assert(q.length > 0 && (q.status != 0 || q.length <= n));
		pm_assert(q.status != 0 || (q.path[0] == '/' && q.host[0] != '\0'));
	}
	if (q.length > 0 && q.status == 0 && q.length <= n) {
		pm_assert(pm_request_parse(text, q.length, &again));
		pm_assert(memcmp(&q, &again, sizeof(q)) == 0);
		pm_assert(!pm_request_parse(text, q.length - 1, &again) || again.status != 0);
	}
	free(text);
	return 0;
}
