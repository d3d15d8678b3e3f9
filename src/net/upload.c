/* A file as the body of a POST: multipart/form-data with a length, read from the disk while it is sent.
 * The server gets the last bytes only when the file is still the one that was begun. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "io_priv.h"

struct pm_sending {
	CURL *easy;
	const struct pm_upload *u;
	curl_mime *mime;
	int fd;
	off_t size, read;
	struct timespec modified;
	int64_t seen; /* a number that changes when something moves */
	uint64_t moved_ns, looked_ns;
	bool paused;
	struct pm_error err; /* why reading stopped; PM_OK: it did not */
};

static int open_file(struct pm_sending *x, struct pm_error *err)
{
	struct stat st;

	/* A pipe nobody writes to must not hold up the thread. */
	x->fd = open(x->u->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (x->fd < 0)
		return pm_error_sys(err, errno, "cannot open %s to send it", x->u->path);
	if (fstat(x->fd, &st) < 0)
		return pm_error_sys(err, errno, "cannot look at %s", x->u->path);
	if (!S_ISREG(st.st_mode))
		return pm_error_set(
			err, PM_E_INPUT, "%s is no regular file: only those are sent", x->u->path);
	x->size = st.st_size;
	x->modified = st.st_mtim;
	(void)posix_fadvise(x->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return 0;
}

static bool changed(const struct pm_sending *x)
{
	struct stat st;

	return fstat(x->fd, &st) < 0 || st.st_size != x->size ||
	       st.st_mtim.tv_sec != x->modified.tv_sec || st.st_mtim.tv_nsec != x->modified.tv_nsec;
}

static size_t stop(struct pm_sending *x)
{
	if (x->err.code == PM_OK)
		(void)pm_error_set(&x->err, PM_E_CONFLICT,
			"%s changed while it was sent; the server got only a part and keeps "
			"nothing of it: send it again when nobody writes to it",
			x->u->path);
	return CURL_READFUNC_ABORT;
}

static curl_socket_t socket_of(CURL *easy)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	(void)curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd);
	return fd;
}

/* Is the server saying something already? */
static bool spoken_to(const struct pm_sending *x)
{
	struct pollfd p = { .fd = socket_of(x->easy), .events = POLLIN };

	return p.fd != CURL_SOCKET_BAD && poll(&p, 1, 0) > 0;
}

static size_t on_read(char *p, size_t size, size_t n, void *arg)
{
	struct pm_sending *x = arg;
	off_t left = x->size - x->read;
	ssize_t got;

	n *= size;
	if ((off_t)n > left)
		n = (size_t)left;
	if (n == 0)
		return 0;
	do
		got = pread(x->fd, p, n, x->read);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		(void)pm_error_sys(&x->err, errno, "cannot read %s", x->u->path);
	if (got <= 0 || (got == left && changed(x)))
		return stop(x);
	/* A server that refuses closes right after its answer. Who writes then hears of a broken
	 * connection and never reads why: libcurl shall read first. */
	x->paused = spoken_to(x);
	if (x->paused)
		return CURL_READFUNC_PAUSE;
	x->read += got;
	return (size_t)got;
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct pm_sending *x = arg;

	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_FAIL;
	x->read = offset;
	return CURL_SEEKFUNC_OK;
}

static void build(struct pm_slot *s, struct pm_sending *x)
{
	curl_mimepart *part;

	x->mime = curl_mime_init(s->easy);
	pm_assert(x->mime);
	for (size_t i = 0; i < x->u->nfields; i++) {
		part = curl_mime_addpart(x->mime);
		pm_assert(part);
		pm_assert(curl_mime_name(part, x->u->fields[i].name) == CURLE_OK);
		pm_assert(curl_mime_data(part, x->u->fields[i].value, CURL_ZERO_TERMINATED) ==
			  CURLE_OK);
	}
	part = curl_mime_addpart(x->mime);
	pm_assert(part);
	/* libcurl percent-encodes quotes and line breaks in names, as browsers do. */
	pm_assert(curl_mime_name(part, x->u->field) == CURLE_OK);
	pm_assert(curl_mime_filename(part, x->u->filename) == CURLE_OK);
	pm_assert(curl_mime_type(part, "application/octet-stream") == CURLE_OK);
	pm_assert(curl_mime_data_cb(part, x->size, on_read, on_seek, NULL, x) == CURLE_OK);
	(void)curl_easy_setopt(s->easy, CURLOPT_MIMEPOST, x->mime);
}

int pm_upload_begin(struct pm_slot *s, struct pm_error *err)
{
	struct pm_sending *x = pm_xcalloc(1, sizeof(*x));
	int r;

	x->easy = s->easy;
	x->u = s->call->upload;
	x->err.code = PM_OK;
	s->sending = x;
	r = open_file(x, err);
	if (r < 0) {
		pm_upload_end(s);
		return r;
	}
	build(s, x);
	return 0;
}

void pm_upload_end(struct pm_slot *s)
{
	struct pm_sending *x = s->sending;

	s->sending = NULL;
	if (x->mime) {
		(void)curl_easy_setopt(s->easy, CURLOPT_MIMEPOST, NULL);
		curl_mime_free(x->mime);
	}
	pm_closep(&x->fd);
	free(x);
}

bool pm_upload_broke(const struct pm_slot *s, struct pm_error *err)
{
	if (!s->sending || s->sending->err.code == PM_OK)
		return false;
	*err = s->sending->err;
	return true;
}

/* What is in the socket still moves when the file has been read to its end. */
static int unsent(const struct pm_sending *x)
{
	curl_socket_t fd = socket_of(x->easy);
	int n = 0;

	if (fd == CURL_SOCKET_BAD || ioctl(fd, SIOCOUTQ, &n) < 0)
		return 0;
	return n;
}

unsigned pm_upload_left_ms(struct pm_slot *s, unsigned timeout_ms, uint64_t now_ns)
{
	struct pm_sending *x = s->sending;
	uint64_t most = timeout_ms * PM_MS_NS;

	if (x->paused && !spoken_to(x)) {
		x->paused = false;
		(void)curl_easy_pause(s->easy, CURLPAUSE_CONT);
	}
	if (x->looked_ns == 0 || now_ns - x->looked_ns >= most / 8) {
		int64_t seen = (int64_t)x->read + (int64_t)s->bytes - unsent(x);

		if (x->looked_ns == 0 || seen != x->seen)
			x->moved_ns = now_ns;
		x->seen = seen;
		x->looked_ns = now_ns;
	}
	if (now_ns - x->moved_ns >= most)
		return 0;
	return timeout_ms / 8 + 1;
}
