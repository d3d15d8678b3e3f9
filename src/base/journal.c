/* systemd's native journal protocol: a datagram of fields. A value with a line break is written with its
 * length in front. MESSAGE is the line that would stand on stderr, so `journalctl -u podmox` reads the same;
 * each fact stands in a field of its own besides: `journalctl PODMOX_OBJECT=Pod/shop/web`. */
#include "base/journal.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#define SOCKET      "/run/systemd/journal/socket"
#define RECORD_MOST ((size_t)64 << 10)

static atomic_int journal_fd = -1;

/* Is stderr the stream that systemd has made for us? Somebody may have redirected it. */
static bool leads_there(void)
{
	const char *stream = secure_getenv("JOURNAL_STREAM");
	char text[64];
	struct stat st;

	if (!stream || fstat(STDERR_FILENO, &st) < 0)
		return false;
	(void)snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	return strcmp(stream, text) == 0;
}

bool pm_journal_use(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd cleanup_fd = -1;

	path = path ? path : SOCKET;
	if (!leads_there() || strlen(path) >= sizeof(address.sun_path))
		return false;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return false;
	pm_journal_leave();
	atomic_store(&journal_fd, pm_take_fd(&fd));
	return true;
}

void pm_journal_leave(void)
{
	int fd = atomic_exchange(&journal_fd, -1);

	pm_closep(&fd);
}

/* Names of fields are capitals, digits and underscores. */
static void add_name(struct pm_buf *out, const char *key)
{
	(void)pm_buf_adds(out, "PODMOX_");
	for (; *key != '\0'; key++)
		(void)pm_buf_addc(out,
			isalnum((unsigned char)*key) ? (char)toupper((unsigned char)*key) : '_');
}

static void add_value(struct pm_buf *out, const char *s)
{
	uint64_t n = strlen(s);

	if (!strchr(s, '\n')) {
		(void)pm_buf_addf(out, "=%s\n", s);
		return;
	}
	(void)pm_buf_addc(out, '\n');
	for (unsigned i = 0; i < 8; i++)
		(void)pm_buf_addc(out, (char)(n >> (8 * i) & 0xff));
	(void)pm_buf_addf(out, "%s\n", s);
}

static void add_fact(struct pm_buf *out, const struct pm_kv *kv)
{
	char number[32];

	add_name(out, kv->key);
	(void)snprintf(number, sizeof(number), "%" PRId64, kv->i);
	add_value(out, kv->s ? kv->s : number);
}

bool pm_journal_write(enum pm_level level, const char *msg, const struct pm_kv *kv, unsigned n)
{
	static const char priorities[] = { [PM_LOG_ERROR] = '3',
		[PM_LOG_WARNING] = '4',
		[PM_LOG_INFO] = '6',
		[PM_LOG_DEBUG] = '7' };
	cleanup_buf struct pm_buf line = PM_BUF(RECORD_MOST / 2), record = PM_BUF(RECORD_MOST);
	int fd = atomic_load_explicit(&journal_fd, memory_order_relaxed);

	if (fd < 0)
		return false;
	pm_log_text(&line, msg, kv, n);
	(void)pm_buf_addf(
		&record, "PRIORITY=%c\nSYSLOG_IDENTIFIER=podmox\nMESSAGE", priorities[level]);
	add_value(&record, pm_buf_str(&line));
	(void)pm_buf_adds(&record, "PODMOX_EVENT");
	add_value(&record, msg);
	for (unsigned i = 0; i < n && !record.full; i++)
		add_fact(&record, &kv[i]);
	/* A record that is cut ends in the middle of a field. */
	if (record.full)
		return false;
	return send(fd, record.p, record.len, MSG_NOSIGNAL) >= 0;
}
