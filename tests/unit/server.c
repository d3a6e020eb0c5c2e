/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/serving.h"

static void
test_split_and_pipelined_messages_are_answered_in_order(void **state)
{
	static const uint8_t msgs[] = "\0\0\0\1\x0b" "\0\0\0\1\xee"
	    "\0\0\0\0" "\0\0\0\1\x0b";
	struct serving f;
	int fd;

	(void)state;
	serving_setup(&f, NULL);
	fd = serving_client();
	for (size_t i = 0; i < sizeof(msgs) - 1; i++)
		serving_put(fd, msgs + i, 1);
	assert_int_equal(serving_answer(fd), MSG_IDENTITIES_ANSWER);
	assert_int_equal(serving_answer(fd), MSG_FAILURE);
	assert_int_equal(serving_answer(fd), MSG_FAILURE);
	assert_int_equal(serving_answer(fd), MSG_IDENTITIES_ANSWER);
	serving_put(fd, msgs, sizeof(msgs) - 1);
	assert_int_equal(serving_answer(fd), MSG_IDENTITIES_ANSWER);
	assert_int_equal(serving_answer(fd), MSG_FAILURE);
	assert_int_equal(serving_answer(fd), MSG_FAILURE);
	assert_int_equal(serving_answer(fd), MSG_IDENTITIES_ANSWER);
	close(fd);
	serving_teardown(&f);
}

static void
test_what_follows_a_slow_request_waits_and_other_clients_do_not(void **state)
{
	struct serving f;
	int slow, quick;

	(void)state;
	serving_setup(&f, NULL);
	slow = serving_client();
	quick = serving_client();
	serving_put_sign(&f, slow, "data");
	serving_put(slow, "\0\0\0\1\x0b\0\0\0\1\xee", 10);
	for (int i = 0; i < 10; i++) {
		serving_put(quick, "\0\0\0\1\x0b", 5);
		assert_int_equal(serving_answer(quick), MSG_IDENTITIES_ANSWER);
	}
	assert_int_equal(recv(slow, &(char){ 0 }, 1, MSG_DONTWAIT), -1);
	serving_tell(f.release);
	assert_int_equal(serving_answer(slow), MSG_SIGN_RESPONSE);
	assert_int_equal(serving_answer(slow), MSG_IDENTITIES_ANSWER);
	assert_int_equal(serving_answer(slow), MSG_FAILURE);
	close(slow);
	close(quick);
	serving_teardown(&f);
}

static void
test_a_client_may_go_while_its_signature_is_made(void **state)
{
	struct serving f;
	int fd;

	(void)state;
	serving_setup(&f, NULL);
	for (int i = 0; i < 3; i++) {
		fd = serving_client();
		serving_put_sign(&f, fd, "data");
		close(fd);
	}
	fd = serving_client();
	serving_put(fd, "\0\0\0\1\x0b", 5);
	assert_int_equal(serving_answer(fd), MSG_IDENTITIES_ANSWER);
	serving_tell(f.release);
	serving_put(fd, "\0\0\0\1\x0b", 5);
	assert_int_equal(serving_answer(fd), MSG_IDENTITIES_ANSWER);
	close(fd);
	fd = serving_client();
	serving_put_sign(&f, fd, "data");	/* not answered */
	serving_teardown(&f);
	close(fd);
}

/* So many requests are cancelled; ten seconds are enough for that. */
static void
await_cancelled(struct serving *f, int n)
{
	struct pollfd p = { .fd = f->cancelled, .events = POLLIN };
	uint64_t one;

	while (n-- > 0) {
		assert_int_equal(poll(&p, 1, 10000), 1);
		assert_int_equal(read(f->cancelled, &one, sizeof(one)),
		    sizeof(one));
	}
}

static void
test_a_client_that_goes_cancels_its_request(void **state)
{
	struct serving f;
	int fd[3];

	(void)state;
	serving_setup(&f, NULL);
	for (int i = 0; i < 3; i++) {
		fd[i] = serving_client();
		serving_put_sign(&f, fd[i], "data");
		serving_put(fd[i], "\0\0\0\1\x0b", 5);
	}
	close(fd[0]);
	await_cancelled(&f, 1);
	close(fd[2]);
	await_cancelled(&f, 1);
	serving_tell(f.release);
	assert_int_equal(serving_answer(fd[1]), MSG_SIGN_RESPONSE);
	assert_int_equal(serving_answer(fd[1]), MSG_IDENTITIES_ANSWER);
	close(fd[1]);
	serving_teardown(&f);
}

static void
test_too_long_a_message_ends_only_its_connection(void **state)
{
	struct serving f;
	int bad, good;

	(void)state;
	serving_setup(&f, NULL);
	bad = serving_client();
	good = serving_client();
	serving_put(bad, "\0\4\0\1\x0b", 5);
	assert_int_equal(serving_answer(bad), 0);
	serving_put(good, "\0\0\0\1\x0b", 5);
	assert_int_equal(serving_answer(good), MSG_IDENTITIES_ANSWER);
	close(bad);
	close(good);
	serving_teardown(&f);
}

/* It fills both socket buffers with questions and reads no answer. */
static void
test_a_client_that_never_reads_waits_alone(void **state)
{
	static const char list[] = "\0\0\0\1\x0b";
	struct serving f;
	int deaf, good;

	(void)state;
	serving_setup(&f, NULL);
	deaf = serving_client();
	good = serving_client();
	while (send(deaf, list, 5, MSG_DONTWAIT | MSG_NOSIGNAL) == 5) {
		serving_put(good, list, 5);
		assert_int_equal(serving_answer(good), MSG_IDENTITIES_ANSWER);
	}
	serving_put(good, list, 5);
	assert_int_equal(serving_answer(good), MSG_IDENTITIES_ANSWER);
	close(deaf);
	serving_put(good, list, 5);
	assert_int_equal(serving_answer(good), MSG_IDENTITIES_ANSWER);
	close(good);
	serving_teardown(&f);
}

static void
test_the_socket_is_private_and_one_agents_only(void **state)
{
	struct listener one, two;
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(listen_open(&one, SERVING_SOCKET, false, &e), 0);
	assert_int_equal(one.path[0], '/');
	assert_int_equal(stat(SERVING_SOCKET, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(listen_open(&two, SERVING_SOCKET, false, &e),
	    ERR_DENIED);
	assert_non_null(strstr(e.msg, "SSH_AUTH_SOCK"));
	/* Its agent has died without a chance to clear up. */
	listen_close(&one, false);
	assert_int_equal(listen_open(&two, SERVING_SOCKET, false, &e), 0);
	listen_close(&two, true);
	assert_int_equal(stat(SERVING_SOCKET, &st), -1);
}

static void
test_a_file_in_the_way_is_left_alone(void **state)
{
	struct listener l;
	struct stat st;
	struct err e;
	FILE *f;

	(void)state;
	f = fopen(SERVING_SOCKET, "w");
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(listen_open(&l, SERVING_SOCKET, false, &e),
	    ERR_DENIED);
	assert_int_equal(stat(SERVING_SOCKET, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(unlink(SERVING_SOCKET), 0);
	assert_int_equal(symlink("/no/such/place", SERVING_SOCKET), 0);
	assert_int_equal(listen_open(&l, SERVING_SOCKET, false, &e),
	    ERR_DENIED);
	assert_int_equal(unlink(SERVING_SOCKET), 0);
}

static void
test_the_default_directory_is_made_and_checked(void **state)
{
	char dir[] = "/tmp/listen-test-XXXXXX", path[200];
	struct listener l;
	struct stat st;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	setenv("XDG_RUNTIME_DIR", dir, 1);
	assert_int_equal(listen_open(&l, NULL, false, &e), 0);
	snprintf(path, sizeof(path), "%s/hsm-ssh-agent", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	listen_close(&l, true);
	assert_int_equal(listen_open(&l, NULL, true, &e), 0);
	assert_non_null(strstr(l.path, "/agent."));
	listen_close(&l, true);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(listen_open(&l, NULL, false, &e), ERR_DENIED);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void
test_a_peer_is_known_by_the_kernel(void **state)
{
	struct peer p;
	struct err e;
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(peer_of(fd[0], &p, &e), 0);
	assert_int_equal(p.pid, getpid());
	assert_int_equal(p.uid, getuid());
	assert_string_not_equal(p.name, "?");
	close(fd[0]);
	close(fd[1]);
	assert_int_equal(peer_of(fd[0], &p, &e), ERR_SYS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_split_and_pipelined_messages_are_answered_in_order),
		cmocka_unit_test(
    test_what_follows_a_slow_request_waits_and_other_clients_do_not),
		cmocka_unit_test(
		    test_a_client_may_go_while_its_signature_is_made),
		cmocka_unit_test(test_a_client_that_goes_cancels_its_request),
		cmocka_unit_test(
		    test_too_long_a_message_ends_only_its_connection),
		cmocka_unit_test(test_a_client_that_never_reads_waits_alone),
		cmocka_unit_test(
		    test_the_socket_is_private_and_one_agents_only),
		cmocka_unit_test(test_a_file_in_the_way_is_left_alone),
		cmocka_unit_test(
		    test_the_default_directory_is_made_and_checked),
		cmocka_unit_test(test_a_peer_is_known_by_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
