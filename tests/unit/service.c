/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/un.h>

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/listen.h"
#include "agent/service.h"

#define WAIT_MS		10000

static void
clear(void)
{
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	unsetenv("LISTEN_PID");
	unsetenv("NOTIFY_SOCKET");
}

static void
is_clear(void)
{
	assert_null(getenv("LISTEN_FDS"));
	assert_null(getenv("LISTEN_FDNAMES"));
	assert_null(getenv("LISTEN_PID"));
	assert_null(getenv("NOTIFY_SOCKET"));
}

static void
pass_sockets(const char *count, long pid)
{
	char text[24];

	clear();
	snprintf(text, sizeof(text), "%ld", pid);
	setenv("LISTEN_FDS", count, 1);
	setenv("LISTEN_PID", text, 1);
	setenv("LISTEN_FDNAMES", "agent", 1);
}

static void
test_one_socket_is_taken_and_nobody_else_takes_it(void **state)
{
	struct service s;
	struct err e;

	(void)state;
	clear();
	assert_int_equal(service_open(&s, true, &e), 0);
	assert_int_equal(s.listen_fd, -1);
	assert_int_equal(s.fd, -1);

	pass_sockets("1", getpid());
	assert_int_equal(service_open(&s, false, &e), 0);
	assert_int_equal(s.listen_fd, 3);
	is_clear();

	/* Meant for whoever has started us. */
	pass_sockets("1", getppid());
	assert_int_equal(service_open(&s, false, &e), 0);
	assert_int_equal(s.listen_fd, -1);
	is_clear();

	setenv("LISTEN_FDS", "1", 1);
	assert_int_equal(service_open(&s, false, &e), 0);
	assert_int_equal(s.listen_fd, -1);
	is_clear();
}

static void
test_anything_but_one_socket_is_refused(void **state)
{
	static const char *const counts[] = { "", "0", "2", "-1", "+1", " 1",
	    "1x", "01", "x", "99999999999999999999", "0x1" };
	struct service s;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		pass_sockets(counts[i], getpid());
		assert_int_equal(service_open(&s, true, &e), ERR_USAGE);
		assert_non_null(strstr(e.msg, "LISTEN_FDS"));
		assert_int_equal(s.listen_fd, -1);
		is_clear();
	}
}

/* A service manager, at a name in the abstract namespace or at a path. */
static int
manager(const char *name)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const size_t n = strlen(name);
	int fd;

	clear();
	setenv("NOTIFY_SOCKET", name, 1);
	memcpy(sa.sun_path, name, n);
	if (name[0] == '@')
		sa.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_not_equal(fd, -1);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sa,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)), 0);
	return fd;
}

static const char *
unique_name(const char *prefix)
{
	static char name[64];

	snprintf(name, sizeof(name), "%shsm-service-test-%ld", prefix,
	    (long)getpid());
	return name;
}

static void
hear(int fd, char *news, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	n = recv(fd, news, len - 1, 0);
	assert_true(n > 0);
	news[n] = '\0';
}

static void
hears(int fd, const char *expected)
{
	char news[1024];

	hear(fd, news, sizeof(news));
	assert_string_equal(news, expected);
}

static void
hears_nothing(int fd)
{
	char byte;

	assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
}

static void
test_a_manager_hears_how_the_agent_does(void **state)
{
	const int fd = manager(unique_name("@"));
	unsigned long long then;
	struct timespec t;
	struct service s;
	char news[512];
	struct err e;

	(void)state;
	assert_int_equal(service_open(&s, true, &e), 0);
	is_clear();
	assert_int_equal(fcntl(s.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	service_ready(&s);
	hears(fd, "READY=1");
	service_status(&s, "1 token, 2 keys");
	hears(fd, "STATUS=1 token, 2 keys");
	service_status(&s, "1 token, 2 keys");
	service_reloading(&s);
	hear(fd, news, sizeof(news));
	assert_int_equal(sscanf(news, "RELOADING=1\nMONOTONIC_USEC=%llu",
	    &then), 1);
	clock_gettime(CLOCK_MONOTONIC, &t);
	assert_true(then <= (unsigned long long)t.tv_sec * 1000000 +
	    (unsigned long long)t.tv_nsec / 1000);
	assert_true(then + 60000000 > (unsigned long long)t.tv_sec * 1000000);
	service_reloaded(&s, "conf:3: what");
	hears(fd, "READY=1\nSTATUS=the configuration was not read again: "
	    "conf:3: what");
	service_reloaded(&s, NULL);
	hears(fd, "READY=1\nSTATUS=1 token, 2 keys");
	service_stopping(&s);
	hears(fd, "STOPPING=1");
	hears_nothing(fd);
	service_close(&s);
	close(fd);
}

/* What a token says must not pass for a message of ours. */
static void
test_a_status_is_one_line(void **state)
{
	const char *path = unique_name("/tmp/");
	const int fd = manager(path);
	char line[2000], news[1024];
	struct service s;
	struct err e;

	(void)state;
	assert_int_equal(service_open(&s, true, &e), 0);
	service_status(&s, "a\nSTOPPING=1\x1b[m\177");
	hears(fd, "STATUS=a?STOPPING=1?[m?");
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	service_status(&s, line);
	hear(fd, news, sizeof(news));
	assert_int_equal(strlen(news), strlen("STATUS=") +
	    sizeof(s.status) - 1);
	/* The same, as far as it was told. */
	service_status(&s, line);
	hears_nothing(fd);
	service_reloaded(&s, line);
	hear(fd, news, sizeof(news));
	assert_null(strchr(strchr(news, '\n') + 1, '\n'));
	service_close(&s);
	close(fd);
	unlink(path);
}

static void
test_an_agent_in_the_background_tells_nothing(void **state)
{
	const int fd = manager(unique_name("@"));
	struct service s;
	struct err e;

	(void)state;
	assert_int_equal(service_open(&s, false, &e), 0);
	is_clear();
	service_ready(&s);
	hears_nothing(fd);
	service_close(&s);
	close(fd);
}

static void
test_a_manager_that_is_away_or_hangs_holds_nobody_up(void **state)
{
	const char *name = unique_name("@");
	struct timespec a, b;
	struct service s;
	struct err e;
	int fd;

	(void)state;
	fd = manager(name);
	assert_int_equal(service_open(&s, true, &e), 0);
	/* Until its queue is full, and once more. */
	clock_gettime(CLOCK_MONOTONIC, &a);
	do {
		service_ready(&s);
		clock_gettime(CLOCK_MONOTONIC, &b);
	} while (b.tv_sec == a.tv_sec);
	assert_true(b.tv_sec - a.tv_sec < WAIT_MS / 1000);
	close(fd);
	service_ready(&s);
	service_close(&s);
	service_stopping(&s);
}

static void
test_an_address_that_is_none_is_refused(void **state)
{
	char longer[160] = "/";
	const char *const bad[] = { "", "/", "@", "relative/socket",
	    "vsock:2:1", longer };
	struct service s;
	struct err e;

	(void)state;
	memset(longer + 1, 'x', 130);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		clear();
		setenv("NOTIFY_SOCKET", bad[i], 1);
		assert_int_equal(service_open(&s, true, &e), ERR_USAGE);
		assert_int_equal(s.fd, -1);
		is_clear();
	}
}

/* Of these the agent could not accept a client. */
static void
test_only_a_listening_stream_socket_is_adopted(void **state)
{
	const char *path = unique_name("/tmp/listen-");
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fds[] = { open("/dev/null", O_RDONLY),
	    socket(AF_UNIX, SOCK_STREAM, 0), socket(AF_UNIX, SOCK_DGRAM, 0),
	    socket(AF_INET, SOCK_STREAM, 0), 999 };
	struct listener l;
	struct err e;
	int fd;

	(void)state;
	assert_int_equal(listen(fds[3], 1), 0);
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		assert_int_equal(listen_adopt(&l, fds[i], &e), ERR_DENIED);
		assert_int_equal(l.fd, -1);
		close(fds[i]);
	}
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)),
	    0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(listen_adopt(&l, fd, &e), 0);
	assert_int_equal(l.fd, fd);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	listen_close(&l, true);
	/* It belongs to whoever has made it. */
	assert_int_equal(unlink(path), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_one_socket_is_taken_and_nobody_else_takes_it),
		cmocka_unit_test(test_anything_but_one_socket_is_refused),
		cmocka_unit_test(test_a_manager_hears_how_the_agent_does),
		cmocka_unit_test(test_a_status_is_one_line),
		cmocka_unit_test(
		    test_an_agent_in_the_background_tells_nothing),
		cmocka_unit_test(
		    test_a_manager_that_is_away_or_hangs_holds_nobody_up),
		cmocka_unit_test(test_an_address_that_is_none_is_refused),
		cmocka_unit_test(
		    test_only_a_listening_stream_socket_is_adopted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
