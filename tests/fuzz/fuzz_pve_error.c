/* Answers that say that something is wrong: the first byte chooses the status, the first line is the
 * reason, the rest the body. Whatever they say, it becomes one readable sentence with a class, and parts
 * that fit their places. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "pve/op_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fault(const struct pm_call *c, const struct pm_error *err)
{
	struct pm_fault f;

	pm_pve_fault(c, &f);
	pm_assert(f.code == err->code && f.status == c->status);
	pm_assert(f.nparams <= PM_COUNT(f.param));
	pm_assert(memchr(f.text, '\0', sizeof(f.text)));
	pm_assert(memchr(f.privilege, '\0', sizeof(f.privilege)));
	pm_assert(memchr(f.acl_path, '\0', sizeof(f.acl_path)));
	pm_assert(pm_utf8_valid(f.text, strlen(f.text)) == strlen(f.text));
	for (unsigned i = 0; i < f.nparams; i++) {
		pm_assert(memchr(f.param[i].name, '\0', sizeof(f.param[i].name)));
		pm_assert(memchr(f.param[i].text, '\0', sizeof(f.param[i].text)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 400, 401, 403, 404, 424, 429, 500, 501, 502, 503, 504, 506,
		595, 596, 597, 599, 418, 530 };
	static const struct pm_host host = { .name = "pve1" };
	struct pm_call c = {
		.host = &host, .method = "PUT", .path = API "/nodes/pve1/lxc/100/config"
	};
	struct pm_error err = { 0 };
	const uint8_t *line;
	size_t n;
	int r;

	if (size == 0)
		return 0;
	c.status = statuses[data[0] % PM_COUNT(statuses)];
	data++;
	size--;
	line = memchr(data, '\n', size);
	n = line ? (size_t)(line - data) : size;
	(void)snprintf(
		c.reason, sizeof(c.reason), "%.*s", (int)(n < 255 ? n : 255), (const char *)data);
	if (line)
		pm_buf_add(&c.body_in, line + 1, size - n - 1);
	r = pm_pve_error(&c, &err);
	pm_assert(r < 0 && -r == (int)err.code && err.code < PM_CODE_MAX);
	pm_assert(err.msg[0] && err.where[0] && err.http_status == c.status);
	pm_assert(pm_utf8_valid(err.msg, strlen(err.msg)) == strlen(err.msg));
	for (const char *s = err.msg; *s; s++)
		pm_assert((unsigned char)*s >= 0x20);
	check_fault(&c, &err);
	pm_call_done(&c);
	return 0;
}
