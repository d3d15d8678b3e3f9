/* Connections for readiness, on the loopback device. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exec/exec_priv.h"
#include "pm_test.h"

/* A socket that listens on some port of the address family. */
static int listen_somewhere(int family, unsigned *ret_port)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in four = { .sin_family = AF_INET,
		.sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
	struct sockaddr *sa =
		family == AF_INET ? (struct sockaddr *)&four : (struct sockaddr *)&six;
	socklen_t n = family == AF_INET ? sizeof(four) : sizeof(six);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, sa, n) < 0 || listen(fd, 1) < 0 || getsockname(fd, sa, &n) < 0) {
		pm_closep(&fd);
		return -1;
	}
	*ret_port = ntohs(family == AF_INET ? four.sin_port : six.sin6_port);
	return fd;
}

static struct pm_act *somebody(void)
{
	static struct pm_test_clock clock;
	static struct pm_act act;

	pm_test_clock_init(&clock);
	act.job.clock = &clock.clock;
	return &act;
}

PM_TEST(ready_tcp_accepts)
{
	unsigned port = 0;
	int fd = listen_somewhere(AF_INET, &port);

	assert_true(fd >= 0);
	assert_true(pm_tcp_accepts(somebody(), "127.0.0.1", port));
	assert_true(pm_tcp_accepts(somebody(), "127.0.0.1/8", port));
	pm_closep(&fd);
	assert_false(pm_tcp_accepts(somebody(), "127.0.0.1", port));
}

PM_TEST(ready_tcp_accepts_ipv6)
{
	unsigned port = 0;
	int fd = listen_somewhere(AF_INET6, &port);

	if (fd < 0)
		skip(); /* the system has no IPv6 */
	assert_true(pm_tcp_accepts(somebody(), "::1", port));
	pm_closep(&fd);
	assert_false(pm_tcp_accepts(somebody(), "::1", port));
}

PM_TEST(ready_tcp_of_no_address)
{
	assert_false(pm_tcp_accepts(somebody(), "", 80));
	assert_false(pm_tcp_accepts(somebody(), "dhcp", 80));
	assert_false(pm_tcp_accepts(somebody(), "localhost", 80));
	assert_false(pm_tcp_accepts(somebody(),
		"0000000000000000000000000000000000000000000000000000000000000000000000000", 80));
}
