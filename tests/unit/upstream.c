/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "agent/relay.h"
#include "ssh/agentmsg.h"
#include "ssh/identities.h"
#include "tests/unit/fakeagent.h"

#define BOUND_MS	10000

/* OpenSSH's agent at the socket of `place`, and two clients of ours. */
struct fixture {
	struct fake	 place;
	pid_t		 pid;
	struct loop	*loop;
	struct upstream	*up;
	struct relay	*client[2];
	struct wire_w	 reply;
};

struct key {
	EVP_PKEY	*key;
	uint8_t		 pub[32], seed[32];
};

static void
on_answer(void *arg, uint64_t id, int r, struct span reply,
    const struct err *e)
{
	struct fixture *f = arg;

	(void)id;
	if (r != 0)
		print_error("%s\n", e->msg);
	assert_int_equal(r, 0);
	wire_free(&f->reply);
	assert_true(wire_write(&f->reply, AGENT_MAX_MSG));
	wire_put_raw(&f->reply, reply);
	loop_stop(f->loop);
}

/* It tells its socket when it listens. */
static pid_t
start_ssh_agent(const char *path)
{
	char word[16];
	int out[2];
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	if ((pid = fork()) == 0) {
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		execlp("ssh-agent", "ssh-agent", "-D", "-a", path, NULL);
		_exit(127);
	}
	close(out[1]);
	n = read(out[0], word, sizeof(word));
	close(out[0]);
	if (n > 0)
		return pid;
	waitpid(pid, NULL, 0);
	return -1;
}

static void
setup(struct fixture *f)
{
	struct err e;

	*f = (struct fixture){ 0 };
	fake_listen(&f->place);
	assert_int_equal(unlink(f->place.path), 0);
	if ((f->pid = start_ssh_agent(f->place.path)) == -1) {
		fake_remove(&f->place);
		skip();
	}
	assert_int_equal(loop_new(&f->loop, &e), 0);
	assert_int_equal(upstream_new(&f->up, f->loop, f->place.path,
	    on_answer, f, &e), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(relay_new(&f->client[i], f->up, &e), 0);
	assert_true(wire_write(&f->reply, AGENT_MAX_MSG));
}

static void
teardown(struct fixture *f)
{
	for (int i = 0; i < 2; i++)
		relay_free(f->client[i]);
	upstream_free(f->up);
	loop_free(f->loop);
	wire_free(&f->reply);
	kill(f->pid, SIGTERM);
	waitpid(f->pid, NULL, 0);
	fake_remove(&f->place);
}

/* The message type of the answer to what was written, which is freed. */
static int
ask(struct fixture *f, int client, struct wire_w *w)
{
	struct err e;

	assert_false(w->bad);
	assert_int_equal(relay_ask(f->client[client], 1, wire_bytes(w),
	    BOUND_MS, &e), 0);
	wire_free(w);
	assert_int_equal(loop_run(f->loop, &e), 0);
	return wire_bytes(&f->reply).p[0];
}

static void
begin(struct wire_w *w, uint8_t type)
{
	assert_true(wire_write(w, AGENT_MAX_MSG));
	wire_put_u8(w, type);
}

/* Put a string made by another writer, which is freed. */
static void
put_and_free(struct wire_w *w, struct wire_w *part)
{
	assert_false(part->bad);
	wire_put_string(w, wire_bytes(part));
	wire_free(part);
}

static void
key_new(struct key *k)
{
	size_t pub = sizeof(k->pub), seed = sizeof(k->seed);

	assert_non_null(k->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
	assert_int_equal(EVP_PKEY_get_raw_public_key(k->key, k->pub, &pub),
	    1);
	assert_int_equal(EVP_PKEY_get_raw_private_key(k->key, k->seed,
	    &seed), 1);
}

static void
put_blob(struct wire_w *w, const struct key *k)
{
	struct wire_w blob;

	assert_true(wire_write(&blob, 100));
	wire_put_cstring(&blob, "ssh-ed25519");
	wire_put_string(&blob, (struct span){ k->pub, sizeof(k->pub) });
	put_and_free(w, &blob);
}

static void
put_private(struct wire_w *w, const struct key *k, const char *comment)
{
	const struct span pub = { k->pub, sizeof(k->pub) };

	wire_put_cstring(w, "ssh-ed25519");
	wire_put_string(w, pub);
	wire_put_u32(w, 64);
	wire_put_raw(w, (struct span){ k->seed, sizeof(k->seed) });
	wire_put_raw(w, pub);
	wire_put_cstring(w, comment);
}

/* A client's proof to be at that host (OpenSSH, PROTOCOL.agent sec. 1). */
static void
put_bind(struct wire_w *w, const struct key *host)
{
	const struct span session = span_cstr("session id of a connection");
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t sig[64];
	size_t n = sizeof(sig);
	struct wire_w s;

	assert_int_equal(EVP_DigestSignInit(md, NULL, NULL, NULL, host->key),
	    1);
	assert_int_equal(EVP_DigestSign(md, sig, &n, session.p, session.n),
	    1);
	EVP_MD_CTX_free(md);
	wire_put_cstring(w, "session-bind@openssh.com");
	put_blob(w, host);
	wire_put_string(w, session);
	assert_true(wire_write(&s, 200));
	wire_put_cstring(&s, "ssh-ed25519");
	wire_put_string(&s, (struct span){ sig, n });
	put_and_free(w, &s);
	wire_put_u8(w, 0);
}

/* For use from here to one host only. */
static void
put_destination(struct wire_w *w, const struct key *host)
{
	struct wire_w all, one, from, to;

	assert_true(wire_write(&all, 1000) && wire_write(&one, 1000) &&
	    wire_write(&from, 1000) && wire_write(&to, 1000));
	for (int i = 0; i < 3; i++) {
		wire_put_cstring(&from, "");
		wire_put_cstring(&to, i == 1 ? "host" : "");
	}
	put_blob(&to, host);
	wire_put_u8(&to, 0);
	put_and_free(&one, &from);
	put_and_free(&one, &to);
	wire_put_cstring(&one, "");
	put_and_free(&all, &one);
	wire_put_u8(w, 255);
	wire_put_cstring(w, "restrict-destination-v00@openssh.com");
	put_and_free(w, &all);
}

/* How many keys a client is shown; the last is in *blob and *comment. */
static uint32_t
list(struct fixture *f, int client, struct span *blob, struct span *comment)
{
	struct identities l;
	struct wire_w w;
	struct err e;
	uint32_t n;

	begin(&w, MSG_REQUEST_IDENTITIES);
	assert_int_equal(ask(f, client, &w), MSG_IDENTITIES_ANSWER);
	assert_int_equal(identities_read(&l, wire_bytes(&f->reply), &e), 0);
	n = l.left;
	while (identities_next(&l, blob, comment))
		;
	return n;
}

static void
verify(const struct key *k, struct span reply, struct span data)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct wire_r r, s;
	struct span sig;

	wire_read(&r, reply);
	assert_int_equal(wire_get_u8(&r), MSG_SIGN_RESPONSE);
	wire_read(&s, wire_get_string(&r));
	assert_true(wire_end(&r));
	assert_true(span_is(wire_get_string(&s), "ssh-ed25519"));
	sig = wire_get_string(&s);
	assert_true(wire_end(&s));
	assert_int_equal(EVP_DigestVerifyInit(md, NULL, NULL, NULL, k->key),
	    1);
	assert_int_equal(EVP_DigestVerify(md, sig.p, sig.n, data.p, data.n),
	    1);
	EVP_MD_CTX_free(md);
}

static void
test_openssh_takes_lists_and_uses_a_key(void **state)
{
	const struct span data = span_cstr("to be signed");
	struct span blob, comment;
	struct fixture f;
	struct wire_w w;
	struct key k;

	(void)state;
	setup(&f);
	key_new(&k);
	assert_int_equal(list(&f, 0, &blob, &comment), 0);
	begin(&w, MSG_ADD_IDENTITY);
	put_private(&w, &k, "a file key");
	assert_int_equal(ask(&f, 0, &w), MSG_SUCCESS);
	assert_int_equal(list(&f, 1, &blob, &comment), 1);
	assert_true(span_is(comment, "a file key"));
	begin(&w, MSG_SIGN_REQUEST);
	wire_put_string(&w, blob);
	wire_put_string(&w, data);
	wire_put_u32(&w, 0);
	assert_int_equal(ask(&f, 1, &w), MSG_SIGN_RESPONSE);
	verify(&k, wire_bytes(&f.reply), data);
	EVP_PKEY_free(k.key);
	teardown(&f);
}

static void
test_destinations_hold_for_each_client_alone(void **state)
{
	struct span blob, comment;
	struct key k, host[2];
	struct fixture f;
	struct wire_w w;
	struct err e;

	(void)state;
	setup(&f);
	key_new(&k);
	for (int i = 0; i < 2; i++) {
		key_new(&host[i]);
		begin(&w, MSG_EXTENSION);
		put_bind(&w, &host[i]);
		assert_int_equal(relay_preface(f.client[i], wire_bytes(&w),
		    &e), 0);
		wire_free(&w);
	}
	begin(&w, MSG_ADD_ID_CONSTRAINED);
	put_private(&w, &k, "for one host");
	put_destination(&w, &host[0]);
	assert_int_equal(ask(&f, 1, &w), MSG_SUCCESS);
	assert_int_equal(list(&f, 1, &blob, &comment), 0);
	assert_int_equal(list(&f, 0, &blob, &comment), 1);
	assert_true(span_is(comment, "for one host"));
	for (int i = 0; i < 2; i++)
		EVP_PKEY_free(host[i].key);
	EVP_PKEY_free(k.key);
	teardown(&f);
}

/* A child of another user listens there, and says when it does. */
static pid_t
listen_as(uid_t uid, const char *path, int ready)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	pid_t pid = fork();
	char b = 0;
	int fd;

	if (pid != 0)
		return pid;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (setuid(uid) != 0 || bind(fd, (const struct sockaddr *)&sa,
	    sizeof(sa)) != 0 || listen(fd, 1) != 0 ||
	    write(ready, "", 1) != 1)
		_exit(1);
	fd = accept(fd, NULL, NULL);
	_exit(recv(fd, &b, 1, 0) == 0 ? 0 : 1);	/* not one byte came */
}

static void
test_another_users_agent_hears_nothing(void **state)
{
	int ready[2], status, fd;
	struct upstream *u;
	struct fake place;
	struct err e;
	pid_t pid;
	char b;

	(void)state;
	if (getuid() != 0)
		skip();
	fake_listen(&place);
	assert_int_equal(unlink(place.path), 0);
	assert_int_equal(chmod(place.dir, 0777), 0);
	assert_int_equal(pipe(ready), 0);
	pid = listen_as(65534, place.path, ready[1]);
	close(ready[1]);
	assert_int_equal(read(ready[0], &b, 1), 1);
	close(ready[0]);
	assert_int_equal(upstream_new(&u, NULL, place.path, on_answer, NULL,
	    &e), 0);
	assert_int_equal(upstream_connect(u, &fd, &e), ERR_DENIED);
	assert_int_equal(fd, -1);
	assert_non_null(strstr(e.msg, "user 65534"));
	upstream_free(u);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fake_remove(&place);
}

static bool
is_same(const char *upstream, const char *path)
{
	struct upstream *u;
	struct err e;
	bool same;

	assert_int_equal(upstream_new(&u, NULL, upstream, on_answer, NULL,
	    &e), 0);
	same = upstream_is(u, path);
	upstream_free(u);
	return same;
}

static void
test_the_agents_own_socket_is_known_by_any_name(void **state)
{
	char link[80], other[80], here[80], longest[200];
	struct upstream *u;
	struct fake place;
	struct err e;

	(void)state;
	fake_listen(&place);
	snprintf(link, sizeof(link), "%s/link", place.dir);
	snprintf(other, sizeof(other), "%s/other", place.dir);
	snprintf(here, sizeof(here), "%s/./s", place.dir);
	assert_int_equal(symlink("s", link), 0);
	assert_true(is_same(place.path, place.path));
	assert_true(is_same(link, place.path));
	assert_true(is_same(place.path, link));
	assert_false(is_same(other, place.path));
	assert_int_equal(unlink(link), 0);
	assert_int_equal(unlink(place.path), 0);
	assert_true(is_same(here, place.path));
	assert_false(is_same(other, place.path));
	assert_false(is_same("/nonexistent/s", place.path));
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(upstream_new(&u, NULL, longest, on_answer,
	    NULL, &e), ERR_LIMIT);
	fake_remove(&place);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_openssh_takes_lists_and_uses_a_key),
		cmocka_unit_test(
		    test_destinations_hold_for_each_client_alone),
		cmocka_unit_test(test_another_users_agent_hears_nothing),
		cmocka_unit_test(
		    test_the_agents_own_socket_is_known_by_any_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
