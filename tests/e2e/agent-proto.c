/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * agent-proto TEST [ARGUMENT...]: one conversation with the agent, held to
 * RFC 9987.  Exits with 0 if it went as it should, else says what did not.
 *
 *	sign TYPE FLAGS login:ALGORITHM|FILE [SIGNATURE]
 *			prints the algorithm of the signature, and writes its
 *			bytes there; or prints "refused"
 *	split		messages that arrive byte by byte
 *	pipeline	many messages at once, answered in order
 *	unknown		types and extensions that no agent has
 *	cut		a sign request that ends at every place
 *	trailing	bytes behind a request
 *	long		messages of the greatest length and over it
 *	leave N		ask for a signature and hang up, N times
 *	deaf		ask on and on and read nothing, until killed
 *	crowd N		N clients at a time
 */
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/sock.h"

#define KEY_MAX	4096

struct bytes {
	uint8_t	 b[KEY_MAX];
	size_t	 n;
};

static const uint8_t list_request[] = { 0, 0, 0, 1, REQUEST_IDENTITIES };

/* A string of an answer, or the end of the program. */
static const uint8_t *
get_string(const uint8_t **at, const uint8_t *end, size_t *n)
{
	const uint8_t *p = *at;

	if (end - p < 4 || (size_t)(end - p - 4) < (*n = sock_u32(p)))
		errx(1, "a string runs over the end of the answer");
	*at = p + 4 + *n;
	return p + 4;
}

/* The first key listed whose type begins so. */
static void
find_key(int fd, const char *type, struct bytes *key)
{
	static uint8_t buf[SOCK_MSG_MAX];
	const uint8_t *at, *end, *blob;
	ssize_t got;
	size_t n, len;

	sock_send(fd, list_request, sizeof(list_request));
	got = sock_receive(fd, buf, sizeof(buf));
	if (got < 5 || buf[0] != IDENTITIES_ANSWER)
		errx(1, "no listing");
	end = buf + got;
	at = buf + 5;
	for (uint32_t i = sock_u32(buf + 1); i > 0; i--) {
		blob = get_string(&at, end, &n);
		get_string(&at, end, &len);
		if (n <= sizeof(key->b) && n > 4 + strlen(type) &&
		    memcmp(blob + 4, type, strlen(type)) == 0) {
			memcpy(key->b, blob, n);
			key->n = n;
			return;
		}
	}
	errx(1, "no key of type %s is listed", type);
}

static void
sign_request(struct msg *m, const struct bytes *key, const void *data,
    size_t n, uint32_t flags)
{
	msg_begin(m, SIGN_REQUEST);
	msg_string(m, key->b, key->n);
	msg_string(m, data, n);
	msg_u32(m, flags);
}

/* What a client signs to log in (RFC 4252 sec. 7), without a frame. */
static size_t
login_data(struct msg *m, const struct bytes *key, const char *algorithm)
{
	static const uint8_t session[32] = { 1, 2, 3 }, yes[1] = { 1 };

	m->n = 4;
	msg_string(m, session, sizeof(session));
	m->b[m->n++] = 50;
	msg_string(m, "root", 4);
	msg_string(m, "ssh-connection", 14);
	msg_string(m, "publickey", 9);
	m->b[m->n++] = yes[0];
	msg_string(m, algorithm, strlen(algorithm));
	msg_string(m, key->b, key->n);
	return m->n - 4;
}

static size_t
read_file(const char *path, uint8_t *buf, size_t max)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	if (f == NULL)
		err(2, "%s", path);
	n = fread(buf, 1, max, f);
	fclose(f);
	return n;
}

static void
write_file(const char *path, const uint8_t *p, size_t n)
{
	FILE *f = fopen(path, "wb");

	if (f == NULL || fwrite(p, 1, n, f) != n || fclose(f) != 0)
		err(2, "%s", path);
}

static void
show_signature(const uint8_t *buf, size_t got, const char *path)
{
	const uint8_t *at = buf + 1, *end = buf + got, *sig, *name;
	size_t n, len;

	sig = get_string(&at, end, &n);
	if (at != end)
		errx(1, "bytes behind the signature");
	at = sig;
	end = sig + n;
	name = get_string(&at, end, &len);
	printf("%.*s\n", (int)len, (const char *)name);
	sig = get_string(&at, end, &n);
	if (at != end)
		errx(1, "bytes inside, behind the signature");
	if (path != NULL)
		write_file(path, sig, n);
}

static void
test_sign(int argc, char **argv)
{
	static uint8_t buf[SOCK_MSG_MAX];
	static struct msg data, m;
	struct bytes key;
	int fd = sock_connect();
	uint8_t *p = data.b + 4;
	ssize_t got;
	size_t n;

	if (argc < 3)
		errx(2, "sign TYPE FLAGS DATA [SIGNATURE]");
	find_key(fd, argv[0], &key);
	if (strncmp(argv[2], "login:", 6) == 0)
		n = login_data(&data, &key, argv[2] + 6);
	else
		n = read_file(argv[2], p, SOCK_MSG_MAX);
	sign_request(&m, &key, p, n, (uint32_t)strtoul(argv[1], NULL, 0));
	msg_send(fd, &m);
	got = sock_receive(fd, buf, sizeof(buf));
	if (got == 1 && buf[0] == FAILURE)
		puts("refused");
	else if (got > 1 && buf[0] == SIGN_RESPONSE)
		show_signature(buf, (size_t)got, argv[3]);
	else
		errx(1, "an odd answer");
	close(fd);
}

static void
send_slowly(int fd, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sock_send(fd, p + i, 1);
}

static void
test_split(int argc, char **argv)
{
	static struct msg m;
	struct bytes key;
	int fd = sock_connect();

	(void)argc;
	(void)argv;
	find_key(fd, "ecdsa", &key);
	sign_request(&m, &key, "data", 4, 0);
	msg_end(&m);
	for (int i = 0; i < 3; i++) {
		send_slowly(fd, list_request, sizeof(list_request));
		sock_expect(fd, IDENTITIES_ANSWER);
		send_slowly(fd, m.b, m.n);
		sock_expect(fd, SIGN_RESPONSE);
	}
	close(fd);
}

/* One write, and no cut where a message ends. */
static void
test_pipeline(int argc, char **argv)
{
	static const uint8_t unknown[] = { 0, 0, 0, 1, 200 };
	static uint8_t all[SOCK_MSG_MAX];
	static struct msg m;
	struct bytes key;
	int fd = sock_connect();
	size_t n = 0;

	(void)argc;
	(void)argv;
	find_key(fd, "ecdsa", &key);
	sign_request(&m, &key, "data", 4, 0);
	msg_end(&m);
	for (int i = 0; i < 40; i++) {
		memcpy(all + n, m.b, m.n);
		n += m.n;
		memcpy(all + n, list_request, sizeof(list_request));
		n += sizeof(list_request);
		memcpy(all + n, unknown, sizeof(unknown));
		n += sizeof(unknown);
	}
	sock_send(fd, all, n);
	for (int i = 0; i < 40; i++) {
		sock_expect(fd, SIGN_RESPONSE);
		sock_expect(fd, IDENTITIES_ANSWER);
		sock_expect(fd, FAILURE);
	}
	close(fd);
}

static void
still_lists(int fd)
{
	sock_send(fd, list_request, sizeof(list_request));
	sock_expect(fd, IDENTITIES_ANSWER);
}

static void
test_unknown(int argc, char **argv)
{
	static const uint8_t types[] = { 0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 12,
	    14, 15, 16, 24, 28, 29, 30, 100, 200, 240, 255 };
	static const char *const names[] = { "", "foo@example.org",
	    "session-bind", "query@openssh.com", "lock" };
	static struct msg m;
	int fd = sock_connect();

	(void)argc;
	(void)argv;
	for (size_t i = 0; i < sizeof(types); i++) {
		msg_begin(&m, types[i]);
		msg_send(fd, &m);
		sock_expect(fd, FAILURE);
		msg_begin(&m, types[i]);
		msg_string(&m, "some bytes", 10);
		msg_send(fd, &m);
		sock_expect(fd, FAILURE);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		msg_begin(&m, EXTENSION);
		msg_string(&m, names[i], strlen(names[i]));
		msg_string(&m, "contents", 8);
		msg_send(fd, &m);
		sock_expect(fd, FAILURE);
	}
	msg_begin(&m, EXTENSION);	/* no name at all */
	msg_send(fd, &m);
	sock_expect(fd, FAILURE);
	still_lists(fd);
	close(fd);
}

static void
test_cut(int argc, char **argv)
{
	static struct msg m, cut;
	struct bytes key;
	int fd = sock_connect();

	(void)argc;
	(void)argv;
	find_key(fd, "ecdsa", &key);
	sign_request(&m, &key, "data", 4, 0);
	for (size_t n = 5; n < m.n; n++) {
		memcpy(cut.b, m.b, n);
		cut.n = n;
		msg_send(fd, &cut);
		sock_expect(fd, FAILURE);
	}
	msg_send(fd, &m);
	sock_expect(fd, SIGN_RESPONSE);
	close(fd);
}

static void
test_trailing(int argc, char **argv)
{
	static struct msg m;
	struct bytes key;
	int fd = sock_connect();

	(void)argc;
	(void)argv;
	find_key(fd, "ecdsa", &key);
	sign_request(&m, &key, "data", 4, 0);
	m.b[m.n++] = 0;
	msg_send(fd, &m);
	sock_expect(fd, FAILURE);
	msg_begin(&m, REQUEST_IDENTITIES);
	m.b[m.n++] = 0;
	msg_send(fd, &m);
	sock_expect(fd, FAILURE);
	key.b[key.n++] = 0;		/* not that key any more */
	sign_request(&m, &key, "data", 4, 0);
	msg_send(fd, &m);
	sock_expect(fd, FAILURE);
	still_lists(fd);
	close(fd);
}

static void
expect_hang_up(const uint8_t *head, size_t n)
{
	uint8_t buf[64];
	int fd = sock_connect();

	sock_send(fd, head, n);
	if (sock_receive(fd, buf, sizeof(buf)) != -1)
		errx(1, "an answer to a message that is too long");
	close(fd);
}

static void
test_long(int argc, char **argv)
{
	static const uint8_t over[] = { 0, 4, 0, 1, REQUEST_IDENTITIES };
	static const uint8_t far[] = { 0xff, 0xff, 0xff, 0xff };
	static struct msg m;
	int fd = sock_connect();

	(void)argc;
	(void)argv;
	msg_begin(&m, 200);
	m.n = 4 + SOCK_MSG_MAX;
	msg_send(fd, &m);
	sock_expect(fd, FAILURE);
	still_lists(fd);
	expect_hang_up(over, sizeof(over));
	expect_hang_up(far, sizeof(far));
	still_lists(fd);
	close(fd);
}

static void
test_leave(int argc, char **argv)
{
	static struct msg m;
	struct bytes key;
	long n = argc > 0 ? strtol(argv[0], NULL, 10) : 1;
	int fd;

	for (long i = 0; i < n; i++) {
		fd = sock_connect();
		find_key(fd, "ecdsa", &key);
		sign_request(&m, &key, "data", 4, 0);
		msg_send(fd, &m);
		if (i % 2 == 0)
			shutdown(fd, SHUT_RDWR);
		close(fd);
	}
}

/* Until the agent takes no more, since nobody takes its answers. */
static void
test_deaf(int argc, char **argv)
{
	int fd = sock_connect();
	ssize_t n;

	(void)argc;
	(void)argv;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) == -1)
		err(2, "fcntl");
	for (int i = 0; i < 10000000; i++) {
		n = send(fd, list_request, sizeof(list_request), MSG_NOSIGNAL);
		if (n == -1 && errno == EAGAIN) {
			puts("deaf");
			fflush(stdout);
			for (;;)
				pause();
		}
		if (n != (ssize_t)sizeof(list_request))
			err(1, "send");
	}
	errx(1, "the agent takes requests without end");
}

static void
test_crowd(int argc, char **argv)
{
	long n = argc > 0 ? strtol(argv[0], NULL, 10) : 1;
	int *fd = calloc((size_t)n, sizeof(*fd));

	if (fd == NULL)
		err(2, NULL);
	for (long i = 0; i < n; i++)
		fd[i] = sock_connect();
	for (long i = 0; i < n; i++)
		sock_send(fd[i], list_request, sizeof(list_request));
	for (long i = n; i-- > 0;)
		sock_expect(fd[i], IDENTITIES_ANSWER);
	for (long i = 0; i < n; i++)
		close(fd[i]);
	free(fd);
}

static const struct {
	const char	*name;
	void		(*fn)(int argc, char **argv);
} tests[] = {
	{ "sign",	test_sign },
	{ "split",	test_split },
	{ "pipeline",	test_pipeline },
	{ "unknown",	test_unknown },
	{ "cut",	test_cut },
	{ "trailing",	test_trailing },
	{ "long",	test_long },
	{ "leave",	test_leave },
	{ "deaf",	test_deaf },
	{ "crowd",	test_crowd },
};

int
main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(tests) / sizeof(*tests);
	    i++) {
		if (strcmp(argv[1], tests[i].name) == 0) {
			tests[i].fn(argc - 2, argv + 2);
			return 0;
		}
	}
	errx(2, "usage: agent-proto TEST [ARGUMENT...]");
}
