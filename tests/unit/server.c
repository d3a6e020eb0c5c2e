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

#include "agent/listen.h"
#include "agent/loop.h"
#include "agent/server.h"

#define SOCKET	"server-test.sock"

/*
 * A server with its loop in a thread of its own, and a holder whose
 * signatures come when the test lets them: one for each write to `release`.
 */
struct fixture {
	struct listener	 listener;
	struct log	 log;
	struct loop	*loop;
	struct server	*server;
	struct core	*core;
	struct idents	 ids;
	uint64_t	 waiting[8];
	size_t		 n_waiting;
	int		 release, stop;
	int		 cancelled;	/* tells of each core_cancel() */
	pthread_t	 thread;
};

static const struct idents *
idents(void *arg)
{
	return &((struct fixture *)arg)->ids;
}

static void
sign(void *arg, uint64_t request, const struct ident *id, enum sig_alg alg,
    struct span data, const char *what)
{
	struct fixture *f = arg;

	(void)what;
	(void)id;
	(void)alg;
	(void)data;
	f->waiting[f->n_waiting++] = request;
}

static void
named(void *arg, uint64_t request, const char *name,
    const struct secret *pin)
{
	(void)name;
	(void)pin;
	core_done(((struct fixture *)arg)->core, request, 0, NULL);
}

static void
lock(void *arg, uint64_t request, const char *name)
{
	named(arg, request, name, NULL);
}

static void
cancel(void *arg, uint64_t request)
{
	struct fixture *f = arg;
	const uint64_t one = 1;
	size_t n = 0;

	for (size_t i = 0; i < f->n_waiting; i++)
		if (f->waiting[i] != request)
			f->waiting[n++] = f->waiting[i];
	if (n + 1 == f->n_waiting &&
	    write(f->cancelled, &one, sizeof(one)) == sizeof(one))
		f->n_waiting = n;
}

static bool
look(void *arg)
{
	(void)arg;
	return false;
}

static bool
expecting(void *arg, bool gone, char *why, size_t len)
{
	(void)gone;
	(void)why;
	(void)len;
	(void)arg;
	return false;
}

static void
status(void *arg, struct wire_w *w)
{
	(void)arg;
	wire_put_u32(w, 0);
}

static void
on_release(void *arg, short revents)
{
	struct fixture *f = arg;
	uint64_t n;

	(void)revents;
	if (read(f->release, &n, sizeof(n)) != sizeof(n))
		return;
	while (f->n_waiting > 0)
		core_signed(f->core, f->waiting[--f->n_waiting], 0, NULL,
		    span_cstr("sig"));
}

static void
on_stop(void *arg, short revents)
{
	(void)revents;
	loop_stop(((struct fixture *)arg)->loop);
}

static void *
run(void *arg)
{
	struct fixture *f = arg;
	struct err e;

	return loop_run(f->loop, &e) == 0 ? NULL : f;
}

static void
add_key(struct fixture *f)
{
	uint8_t n[128];
	struct wire_w w;
	struct err e;

	memset(n, 0xff, sizeof(n));
	assert_true(wire_write(&w, KEY_BLOB_MAX));
	assert_int_equal(key_put_rsa(&w, span_cstr("\x03"),
	    (struct span){ n, sizeof(n) }, &e), 0);
	assert_int_equal(ident_add(&f->ids, 1, "S", "01", "key", "01",
	    wire_bytes(&w), &e), 0);
	wire_free(&w);
}

static void
setup(struct fixture *f)
{
	struct core_conf conf = { .reply = server_reply };
	struct server_conf sc = { .log = &f->log };
	struct err e;

	*f = (struct fixture){ .log = { .name = "unit" } };
	add_key(f);
	assert_int_equal(listen_open(&f->listener, SOCKET, false, &e), 0);
	assert_int_equal(loop_new(&f->loop, &e), 0);
	sc.loop = f->loop;
	sc.listen_fd = f->listener.fd;
	assert_int_equal(server_new(&f->server, &sc, &e), 0);
	conf.log = &f->log;
	conf.reply_arg = f->server;
	conf.holder = (struct holder){ .arg = f, .idents = idents,
	    .sign = sign, .cancel = cancel, .look = look,
	    .expecting = expecting,
	    .unlock = named, .lock = lock, .status = status };
	f->core = core_new(&conf);
	server_set_core(f->server, f->core);
	f->release = eventfd(0, 0);
	f->stop = eventfd(0, 0);
	f->cancelled = eventfd(0, EFD_SEMAPHORE);
	assert_non_null(loop_watch(f->loop, f->release, POLLIN, on_release,
	    f));
	assert_non_null(loop_watch(f->loop, f->stop, POLLIN, on_stop, f));
	assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
}

static void
tell(int fd)
{
	const uint64_t one = 1;

	assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

static void
teardown(struct fixture *f)
{
	void *failed;

	tell(f->stop);
	assert_int_equal(pthread_join(f->thread, &failed), 0);
	assert_null(failed);
	server_free(f->server);
	core_free(f->core);
	loop_free(f->loop);
	ident_clear(&f->ids);
	listen_close(&f->listener, true);
	close(f->release);
	close(f->stop);
	close(f->cancelled);
}

static int
client(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = SOCKET };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	return fd;
}

static void
put(int fd, const void *p, size_t n)
{
	assert_int_equal(send(fd, p, n, MSG_NOSIGNAL), n);
}

/* The type of the next answer; 0 when the server hangs up. */
static uint8_t
answer(int fd)
{
	static uint8_t body[AGENT_MAX_MSG];
	uint8_t head[4];
	size_t n;

	if (recv(fd, head, 4, MSG_WAITALL) != 4)
		return 0;
	n = (size_t)head[2] << 8 | head[3];
	assert_int_equal(recv(fd, body, n, MSG_WAITALL), n);
	return body[0];
}

static void
put_sign(struct fixture *f, int fd)
{
	struct ident *i = &f->ids.v[0];
	struct wire_w w, framed;

	assert_true(wire_write(&w, 4096) && wire_write(&framed, 4096));
	wire_put_u8(&w, MSG_SIGN_REQUEST);
	wire_put_string(&w, (struct span){ i->blob, i->blob_n });
	wire_put_cstring(&w, "data");
	wire_put_u32(&w, SIGN_FLAG_RSA_SHA256);
	wire_put_string(&framed, wire_bytes(&w));
	put(fd, wire_bytes(&framed).p, wire_bytes(&framed).n);
	wire_free(&w);
	wire_free(&framed);
}

static void
test_split_and_pipelined_messages_are_answered_in_order(void **state)
{
	static const uint8_t msgs[] = "\0\0\0\1\x0b" "\0\0\0\1\xee"
	    "\0\0\0\0" "\0\0\0\1\x0b";
	struct fixture f;
	int fd;

	(void)state;
	setup(&f);
	fd = client();
	for (size_t i = 0; i < sizeof(msgs) - 1; i++)
		put(fd, msgs + i, 1);
	assert_int_equal(answer(fd), MSG_IDENTITIES_ANSWER);
	assert_int_equal(answer(fd), MSG_FAILURE);
	assert_int_equal(answer(fd), MSG_FAILURE);
	assert_int_equal(answer(fd), MSG_IDENTITIES_ANSWER);
	put(fd, msgs, sizeof(msgs) - 1);
	assert_int_equal(answer(fd), MSG_IDENTITIES_ANSWER);
	assert_int_equal(answer(fd), MSG_FAILURE);
	assert_int_equal(answer(fd), MSG_FAILURE);
	assert_int_equal(answer(fd), MSG_IDENTITIES_ANSWER);
	close(fd);
	teardown(&f);
}

static void
test_what_follows_a_slow_request_waits_and_other_clients_do_not(void **state)
{
	struct fixture f;
	int slow, quick;

	(void)state;
	setup(&f);
	slow = client();
	quick = client();
	put_sign(&f, slow);
	put(slow, "\0\0\0\1\x0b\0\0\0\1\xee", 10);
	for (int i = 0; i < 10; i++) {
		put(quick, "\0\0\0\1\x0b", 5);
		assert_int_equal(answer(quick), MSG_IDENTITIES_ANSWER);
	}
	assert_int_equal(recv(slow, &(char){ 0 }, 1, MSG_DONTWAIT), -1);
	tell(f.release);
	assert_int_equal(answer(slow), MSG_SIGN_RESPONSE);
	assert_int_equal(answer(slow), MSG_IDENTITIES_ANSWER);
	assert_int_equal(answer(slow), MSG_FAILURE);
	close(slow);
	close(quick);
	teardown(&f);
}

static void
test_a_client_may_go_while_its_signature_is_made(void **state)
{
	struct fixture f;
	int fd;

	(void)state;
	setup(&f);
	for (int i = 0; i < 3; i++) {
		fd = client();
		put_sign(&f, fd);
		close(fd);
	}
	fd = client();
	put(fd, "\0\0\0\1\x0b", 5);
	assert_int_equal(answer(fd), MSG_IDENTITIES_ANSWER);
	tell(f.release);
	put(fd, "\0\0\0\1\x0b", 5);
	assert_int_equal(answer(fd), MSG_IDENTITIES_ANSWER);
	close(fd);
	fd = client();
	put_sign(&f, fd);		/* never answered: freed at the end */
	teardown(&f);
	close(fd);
}

/* So many requests are cancelled; ten seconds are enough for that. */
static void
await_cancelled(struct fixture *f, int n)
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
	struct fixture f;
	int fd[3];

	(void)state;
	setup(&f);
	for (int i = 0; i < 3; i++) {
		fd[i] = client();
		put_sign(&f, fd[i]);
		put(fd[i], "\0\0\0\1\x0b", 5);
	}
	close(fd[0]);
	await_cancelled(&f, 1);
	close(fd[2]);
	await_cancelled(&f, 1);
	tell(f.release);
	assert_int_equal(answer(fd[1]), MSG_SIGN_RESPONSE);
	assert_int_equal(answer(fd[1]), MSG_IDENTITIES_ANSWER);
	close(fd[1]);
	teardown(&f);
}

static void
test_too_long_a_message_ends_only_its_connection(void **state)
{
	struct fixture f;
	int bad, good;

	(void)state;
	setup(&f);
	bad = client();
	good = client();
	put(bad, "\0\4\0\1\x0b", 5);
	assert_int_equal(answer(bad), 0);
	put(good, "\0\0\0\1\x0b", 5);
	assert_int_equal(answer(good), MSG_IDENTITIES_ANSWER);
	close(bad);
	close(good);
	teardown(&f);
}

/* It fills both socket buffers with questions and reads no answer. */
static void
test_a_client_that_never_reads_waits_alone(void **state)
{
	static const char list[] = "\0\0\0\1\x0b";
	struct fixture f;
	int deaf, good;

	(void)state;
	setup(&f);
	deaf = client();
	good = client();
	while (send(deaf, list, 5, MSG_DONTWAIT | MSG_NOSIGNAL) == 5) {
		put(good, list, 5);
		assert_int_equal(answer(good), MSG_IDENTITIES_ANSWER);
	}
	put(good, list, 5);
	assert_int_equal(answer(good), MSG_IDENTITIES_ANSWER);
	close(deaf);
	put(good, list, 5);
	assert_int_equal(answer(good), MSG_IDENTITIES_ANSWER);
	close(good);
	teardown(&f);
}

static void
test_the_socket_is_private_and_one_agents_only(void **state)
{
	struct listener one, two;
	struct stat st;
	struct err e;

	(void)state;
	assert_int_equal(listen_open(&one, SOCKET, false, &e), 0);
	assert_int_equal(one.path[0], '/');
	assert_int_equal(stat(SOCKET, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(listen_open(&two, SOCKET, false, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "SSH_AUTH_SOCK"));
	/* Its agent has died without a chance to clear up. */
	listen_close(&one, false);
	assert_int_equal(listen_open(&two, SOCKET, false, &e), 0);
	listen_close(&two, true);
	assert_int_equal(stat(SOCKET, &st), -1);
}

static void
test_a_file_in_the_way_is_left_alone(void **state)
{
	struct listener l;
	struct stat st;
	struct err e;
	FILE *f;

	(void)state;
	f = fopen(SOCKET, "w");
	assert_non_null(f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(listen_open(&l, SOCKET, false, &e), ERR_DENIED);
	assert_int_equal(stat(SOCKET, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(unlink(SOCKET), 0);
	assert_int_equal(symlink("/no/such/place", SOCKET), 0);
	assert_int_equal(listen_open(&l, SOCKET, false, &e), ERR_DENIED);
	assert_int_equal(unlink(SOCKET), 0);
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
