/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/turns.h"
#include "tests/unit/serving.h"

#define PATIENCE_MS	10000
#define LIST		"\0\0\0\1\x0b"
#define HALF		"\0\3\xff\xff\x0b"	/* of a long message */
#define HALF_BYTES	0x3ffff

static bool
hangs_up(int fd)
{
	struct pollfd p = { .fd = fd };

	return poll(&p, 1, PATIENCE_MS) == 1 && (p.revents & POLLHUP) != 0;
}

/* Asks until there is no more room, or nobody any more. */
static void
fill(int fd)
{
	struct timeval patience = { .tv_sec = PATIENCE_MS / 1000 };

	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience)), 0);
	while (send(fd, LIST, 5, MSG_NOSIGNAL) == 5)
		;
}

static void
expect_list(int fd)
{
	serving_put(fd, LIST, 5);
	assert_int_equal(serving_answer(fd), MSG_IDENTITIES_ANSWER);
}

/* Each of these processes has had more turns than a quiet one. */
static void
make_busy(int *fd, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fd[i] = serving_stranger();
		for (int k = 0; k < 2 * TURNS_SLACK_MS / TURNS_COST_MS; k++)
			serving_put(fd[i], LIST, 5);
	}
	for (size_t i = 0; i < n; i++)
		for (int k = 0; k < 2 * TURNS_SLACK_MS / TURNS_COST_MS; k++)
			assert_int_equal(serving_answer(fd[i]),
			    MSG_IDENTITIES_ANSWER);
}

static void
close_all(const int *fd, size_t n)
{
	while (n > 0)
		close(fd[--n]);
}

static void
test_a_quiet_client_comes_before_busy_ones(void **state)
{
	struct serving f;
	int busy[6], quiet;

	(void)state;
	serving_setup(&f, NULL);
	f.at_once = true;
	make_busy(busy, 6);
	quiet = serving_stranger();
	expect_list(quiet);
	serving_hold(&f);
	for (size_t i = 0; i < 6; i++)
		serving_put_sign(&f, busy[i], "busy");
	serving_put_sign(&f, quiet, "quiet");
	serving_go_on(&f);
	assert_int_equal(serving_answer(quiet), MSG_SIGN_RESPONSE);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(serving_answer(busy[i]), MSG_SIGN_RESPONSE);
	assert_string_equal(f.order, "qbbbbbb");
	close_all(busy, 6);
	close(quiet);
	serving_teardown(&f);
}

struct newcomer {
	struct serving	*f;
	int		 fd;
};

/* While the first of the busy ones is answered. */
static void
come(void *arg)
{
	struct newcomer *n = arg;

	if (n->f->n_order == 1)
		serving_put_sign(n->f, n->fd, "quiet");
}

static void
test_a_quiet_client_waits_for_a_few_messages_of_busy_ones(void **state)
{
	struct newcomer n;
	struct serving f;
	int busy[6];

	(void)state;
	serving_setup(&f, NULL);
	f.at_once = true;
	make_busy(busy, 6);
	n = (struct newcomer){ &f, serving_stranger() };
	expect_list(n.fd);
	serving_hold(&f);
	f.on_sign = come;
	f.on_sign_arg = &n;
	for (int k = 0; k < 50; k++)
		for (size_t i = 0; i < 6; i++)
			serving_put_sign(&f, busy[i], "busy");
	serving_go_on(&f);
	assert_int_equal(serving_answer(n.fd), MSG_SIGN_RESPONSE);
	for (int k = 0; k < 50; k++)
		for (size_t i = 0; i < 6; i++)
			assert_int_equal(serving_answer(busy[i]),
			    MSG_SIGN_RESPONSE);
	assert_int_equal(strlen(f.order), 301);
	assert_int_equal(strcspn(f.order, "q"), TURNS_BUSY);
	close_all(busy, 6);
	close(n.fd);
	serving_teardown(&f);
}

/* One of the process with many connections for one of the other. */
static void
test_many_connections_are_no_more_than_one(void **state)
{
	struct serving f;
	int many[8], one;

	(void)state;
	serving_setup(&f, NULL);
	f.at_once = true;
	for (size_t i = 0; i < 8; i++)
		many[i] = serving_client();
	for (size_t i = 0; i < 8; i++)
		expect_list(many[i]);
	one = serving_stranger();
	expect_list(one);
	serving_hold(&f);
	for (size_t i = 0; i < 8; i++)
		serving_put_sign(&f, many[i], "many");
	for (int k = 0; k < 3; k++)
		serving_put_sign(&f, one, "one");
	serving_go_on(&f);
	for (int k = 0; k < 3; k++)
		assert_int_equal(serving_answer(one), MSG_SIGN_RESPONSE);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(serving_answer(many[i]), MSG_SIGN_RESPONSE);
	assert_string_equal(f.order, "momomommmmm");
	close_all(many, 8);
	close(one);
	serving_teardown(&f);
}

/* Standard error, where the server logs. */
struct capture {
	int	 ends[2], old;
};

static void
capture_begin(struct capture *c, struct serving *f)
{
	assert_int_equal(pipe(c->ends), 0);
	f->log.level = LOG_LEVEL_ERROR;
	c->old = dup(STDERR_FILENO);
	assert_int_equal(dup2(c->ends[1], STDERR_FILENO), STDERR_FILENO);
}

/* What was logged: who it was, and that. */
static void
capture_end(struct capture *c, const char *what)
{
	char line[400], who[64];
	ssize_t n;

	assert_int_equal(dup2(c->old, STDERR_FILENO), STDERR_FILENO);
	close(c->ends[1]);
	n = read(c->ends[0], line, sizeof(line) - 1);
	assert_true(n > 0);
	line[n] = '\0';
	snprintf(who, sizeof(who), "server_fair (pid %ld)", (long)getpid());
	assert_non_null(strstr(line, who));
	assert_non_null(strstr(line, what));
	close(c->ends[0]);
	close(c->old);
}

static void
test_half_a_message_is_cut_off_and_silence_is_not(void **state)
{
	const struct server_conf sc = { .stall_ms = 50 };
	struct capture log;
	struct serving f;
	int half, silent;

	(void)state;
	serving_setup(&f, &sc);
	capture_begin(&log, &f);
	silent = serving_client();
	half = serving_client();
	serving_put(half, LIST "\0\0", 7);
	assert_int_equal(serving_answer(half), MSG_IDENTITIES_ANSWER);
	assert_true(hangs_up(half));
	expect_list(silent);
	capture_end(&log, "does not end its message");
	close(half);
	close(silent);
	serving_teardown(&f);
}

static void
test_who_does_not_take_an_answer_is_cut_off(void **state)
{
	const struct server_conf sc = { .stall_ms = 50 };
	struct capture log;
	struct serving f;
	int deaf, good;

	(void)state;
	serving_setup(&f, &sc);
	capture_begin(&log, &f);
	good = serving_client();
	deaf = serving_client();
	fill(deaf);
	assert_true(hangs_up(deaf));
	expect_list(good);
	capture_end(&log, "does not read its answer");
	close(deaf);
	close(good);
	serving_teardown(&f);
}

/* A byte each millisecond, until the server hangs up or they are through. */
static bool
drip(int fd, int bytes)
{
	struct pollfd p = { .fd = fd };

	while (bytes-- > 0 && poll(&p, 1, 1) == 0)
		if (send(fd, "", 1, MSG_NOSIGNAL) != 1)
			return false;
	return bytes < 0;
}

static void
test_a_slow_message_is_let_through_but_not_for_ever(void **state)
{
	const struct server_conf slow = { .stall_ms = 1000 };
	const struct server_conf ever = { .stall_ms = 50, .whole_ms = 50 };
	struct serving f;
	int fd;

	(void)state;
	serving_setup(&f, &slow);
	fd = serving_client();
	serving_put(fd, "\0\0\x05\xdd\xee", 5);
	assert_true(drip(fd, 0x5dc));
	assert_int_equal(serving_answer(fd), MSG_FAILURE);
	close(fd);
	serving_teardown(&f);
	serving_setup(&f, &ever);
	fd = serving_client();
	serving_put(fd, HALF, 5);
	assert_false(drip(fd, PATIENCE_MS));
	close(fd);
	serving_teardown(&f);
}

static void
test_what_sticks_halfway_has_a_bound_for_all(void **state)
{
	const struct server_conf sc = { .held_max = 2 * HALF_BYTES };
	struct serving f;
	int fd[3];

	(void)state;
	serving_setup(&f, &sc);
	for (size_t i = 0; i < 3; i++) {
		fd[i] = serving_client();
		serving_put(fd[i], HALF, 5);
	}
	assert_true(hangs_up(fd[0]));
	/* It is not memory that was let go which counts, but what is held. */
	close(fd[1]);
	fd[1] = serving_client();
	serving_put(fd[1], HALF, 5);
	expect_list(fd[0] = (close(fd[0]), serving_client()));
	serving_put(fd[0], HALF, 5);
	assert_true(hangs_up(fd[2]));
	close_all(fd, 3);
	serving_teardown(&f);
}

static void
test_clients_have_a_bound_and_so_has_one_process(void **state)
{
	const struct server_conf sc = { .clients_max = 8 };
	int mine[7], other[3];
	struct serving f;

	(void)state;
	serving_setup(&f, &sc);
	for (size_t i = 0; i < 7; i++)
		mine[i] = serving_client();
	assert_true(hangs_up(mine[6]));
	for (size_t i = 0; i < 3; i++)
		other[i] = serving_stranger();
	expect_list(other[0]);
	expect_list(other[1]);
	serving_put(other[2], LIST, 5);
	for (int i = 0; i < 20; i++)
		expect_list(mine[0]);
	assert_int_equal(recv(other[2], &(char){ 0 }, 1, MSG_DONTWAIT), -1);
	close(other[0]);
	assert_int_equal(serving_answer(other[2]), MSG_IDENTITIES_ANSWER);
	close_all(mine, 7);
	close_all(other + 1, 2);
	serving_teardown(&f);
}

/* Nobody goes, and yet there are descriptors again. */
static void
test_out_of_descriptors_it_looks_again(void **state)
{
	struct rlimit old, none;
	struct serving f;
	int here, late, next;

	(void)state;
	/* Valgrind keeps a limit of its own. */
	if (getenv("UNDER_VALGRIND") != NULL)
		skip();
	serving_setup(&f, NULL);
	here = serving_client();
	expect_list(here);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	serving_hold(&f);
	late = serving_client();
	assert_true((next = dup(here)) > late);
	close(next);
	none = (struct rlimit){ (rlim_t)next, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	serving_put(late, LIST, 5);
	serving_go_on(&f);
	for (int i = 0; i < 20; i++)
		expect_list(here);
	assert_int_equal(recv(late, &(char){ 0 }, 1, MSG_DONTWAIT), -1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(serving_answer(late), MSG_IDENTITIES_ANSWER);
	close(here);
	close(late);
	serving_teardown(&f);
}

/* Of a quiet process: it may have said "lock". */
static void
test_one_that_hangs_up_before_its_turn_is_heard(void **state)
{
	struct serving f;
	int first, gone;

	(void)state;
	serving_setup(&f, NULL);
	f.at_once = true;
	first = serving_client();
	gone = serving_client();
	expect_list(first);
	expect_list(gone);
	serving_hold(&f);
	serving_put_sign(&f, first, "first");
	serving_put_sign(&f, gone, "gone");
	serving_put_sign(&f, first, "first");
	close(gone);
	serving_go_on(&f);
	assert_int_equal(serving_answer(first), MSG_SIGN_RESPONSE);
	assert_int_equal(serving_answer(first), MSG_SIGN_RESPONSE);
	assert_string_equal(f.order, "fgf");
	close(first);
	serving_teardown(&f);
}

static void
test_one_of_a_flood_that_hangs_up_before_its_turn_is_not(void **state)
{
	struct serving f;
	int busy[6];

	(void)state;
	serving_setup(&f, NULL);
	f.at_once = true;
	make_busy(busy, 6);
	serving_hold(&f);
	for (size_t i = 0; i < 6; i++)
		serving_put_sign(&f, busy[i], "busy");
	close(busy[5]);			/* behind those of the first round */
	serving_go_on(&f);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(serving_answer(busy[i]), MSG_SIGN_RESPONSE);
	expect_list(busy[0]);
	assert_string_equal(f.order, "bbbbb");
	close_all(busy, 5);
	serving_teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_quiet_client_comes_before_busy_ones),
		cmocka_unit_test(
		    test_a_quiet_client_waits_for_a_few_messages_of_busy_ones),
		cmocka_unit_test(test_many_connections_are_no_more_than_one),
		cmocka_unit_test(
		    test_half_a_message_is_cut_off_and_silence_is_not),
		cmocka_unit_test(test_who_does_not_take_an_answer_is_cut_off),
		cmocka_unit_test(
		    test_a_slow_message_is_let_through_but_not_for_ever),
		cmocka_unit_test(test_what_sticks_halfway_has_a_bound_for_all),
		cmocka_unit_test(
		    test_clients_have_a_bound_and_so_has_one_process),
		cmocka_unit_test(test_out_of_descriptors_it_looks_again),
		cmocka_unit_test(
		    test_one_that_hangs_up_before_its_turn_is_heard),
		cmocka_unit_test(
		    test_one_of_a_flood_that_hangs_up_before_its_turn_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
