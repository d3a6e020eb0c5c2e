/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * throng KIND N: N connections to the agent that behave like that, from one
 * process, until standard input ends.  Prints "ready" when all are connected
 * for the first time, and at the end what they did.  Nothing that the agent
 * does to them is an error: only the agent is on trial.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/e2e/sock.h"

#define MEMBERS_MAX	1000
#define STREAM_MAX	(512 * 1024)
#define MANY		64	/* messages in a stream */
#define POLITE_MS	1000

/* What all of a kind send, again and again. */
struct stream {
	uint8_t	 b[STREAM_MAX];
	size_t	 n;
};

struct kind {
	const char *name;
	void	 (*make)(struct stream *s);
	size_t	 chunk;		/* bytes in one go; 0: all there are */
	bool	 deaf;		/* reads nothing */
	bool	 once;		/* sends it once */
	bool	 closes;	/* hangs up when it has sent it */
	bool	 polite;	/* sends it once in a while */
};

struct member {
	int	 fd;		/* -1: not connected */
	size_t	 at;		/* in the stream */
	long	 next_ms;	/* when it may send */
};

struct throng {
	const struct kind *kind;
	struct stream	 stream;
	struct member	 m[MEMBERS_MAX];
	size_t		 n, connected;
	unsigned long	 connects, sent, received;
};

static void
add(struct stream *s, const void *p, size_t n)
{
	if (n > sizeof(s->b) - s->n)
		errx(2, "a stream too long for this test");
	memcpy(s->b + s->n, p, n);
	s->n += n;
}

static void
one_list(struct stream *s)
{
	add(s, "\0\0\0\1\x0b", 5);
}

static void
lists(struct stream *s)
{
	for (int i = 0; i < MANY; i++)
		one_list(s);
}

/* Whole messages with anything in them. */
static void
junk(struct stream *s)
{
	uint8_t body[64];

	for (int i = 0; i < MANY; i++) {
		for (size_t k = 0; k < sizeof(body); k++)
			body[k] = (uint8_t)random();
		add(s, "\0\0\0\x40", 4);
		add(s, body, sizeof(body));
	}
}

static void
half(struct stream *s)
{
	add(s, "\0\1\0\0\x0d", 5);
	junk(s);
}

static void
maximal(struct stream *s)
{
	static uint8_t body[SOCK_MSG_MAX] = { 0xee };

	add(s, "\0\4\0\0", 4);
	add(s, body, sizeof(body));
}

static void
oversize(struct stream *s)
{
	add(s, "\xff\xff\xff\xff", 4);
	junk(s);
}

static void
nothing(struct stream *s)
{
	s->n = 0;
}

/* A signature with the first key that is listed. */
static void
one_sign(struct stream *s)
{
	static uint8_t body[SOCK_MSG_MAX];
	static struct msg m;
	int fd = sock_connect();
	ssize_t n;

	one_list(s);
	sock_send(fd, s->b, s->n);
	n = sock_receive(fd, body, sizeof(body));
	close(fd);
	if (n < 9 || body[0] != IDENTITIES_ANSWER ||
	    sock_u32(body + 5) > (size_t)n - 9)
		errx(1, "no key is listed");
	msg_begin(&m, SIGN_REQUEST);
	msg_string(&m, body + 9, sock_u32(body + 5));
	msg_string(&m, "data", 4);
	msg_u32(&m, 0);
	msg_end(&m);
	s->n = 0;
	add(s, m.b, m.n);
}

static void
signs(struct stream *s)
{
	size_t n;

	one_sign(s);
	n = s->n;
	for (int i = 1; i < MANY; i++)
		add(s, s->b, n);
}

static const struct kind kinds[] = {
	{ "lists", lists, .chunk = 0 },
	{ "junk", junk, .chunk = 0 },
	{ "deaf", lists, .deaf = true },
	{ "bytes", one_list, .chunk = 1 },
	{ "half", half, .once = true },
	{ "maximal", maximal, .chunk = 0 },
	{ "signs", signs, .chunk = 0 },
	{ "sign-and-go", one_sign, .closes = true },
	{ "oversize", oversize, .chunk = 0 },
	{ "hang-up", nothing, .closes = true },
	{ "idle", one_list, .once = true },
	{ "polite", one_list, .polite = true },
};

static long
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

static void
hang_up(struct member *m)
{
	if (m->fd != -1)
		close(m->fd);
	m->fd = -1;
	m->at = 0;
}

/* It may have to wait for its place in the queue: later, then. */
static void
call(struct throng *t, struct member *m)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const char *path = getenv("SSH_AUTH_SOCK");

	if (path == NULL || strlen(path) >= sizeof(sa.sun_path))
		errx(2, "SSH_AUTH_SOCK is not set, or too long");
	memcpy(sa.sun_path, path, strlen(path));
	m->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (m->fd == -1)
		err(2, "socket");
	if (connect(m->fd, (const struct sockaddr *)&sa, sizeof(sa)) == -1) {
		hang_up(m);
		return;
	}
	t->connects++;
	/* Those who ask now and then do not do so in step. */
	m->next_ms = now_ms() + random() % POLITE_MS;
}

static bool
wants_to_send(const struct throng *t, const struct member *m)
{
	if (t->kind->once && m->at == t->stream.n)
		return false;
	return !t->kind->polite || m->next_ms <= now_ms();
}

static void
say(struct throng *t, struct member *m)
{
	size_t n = t->stream.n - m->at;
	ssize_t w;

	if (t->kind->chunk > 0 && n > t->kind->chunk)
		n = t->kind->chunk;
	w = send(m->fd, t->stream.b + m->at, n, MSG_NOSIGNAL);
	if (w == -1 && errno != EAGAIN) {
		hang_up(m);
		return;
	}
	t->sent += w > 0 ? (size_t)w : 0;
	m->at += w > 0 ? (size_t)w : 0;
	if (m->at < t->stream.n || t->kind->once)
		return;
	m->at = 0;
	m->next_ms = now_ms() + POLITE_MS;
	if (t->kind->closes)
		hang_up(m);
}

static void
hear(struct throng *t, struct member *m)
{
	uint8_t buf[65536];
	ssize_t n = recv(m->fd, buf, sizeof(buf), 0);

	if (n == 0 || (n == -1 && errno != EAGAIN))
		hang_up(m);
	else if (n > 0)
		t->received += (size_t)n;
}

/* One look at all of them; false: standard input has ended. */
static bool
turn(struct throng *t)
{
	struct pollfd p[MEMBERS_MAX + 1];

	for (size_t i = 0; i < t->n; i++) {
		if (t->m[i].fd == -1)
			call(t, &t->m[i]);
		p[i] = (struct pollfd){ .fd = t->m[i].fd };
		if (!t->kind->deaf)
			p[i].events = POLLIN;
		if (wants_to_send(t, &t->m[i]))
			p[i].events |= POLLOUT;
	}
	p[t->n] = (struct pollfd){ STDIN_FILENO, POLLIN, 0 };
	if (poll(p, t->n + 1, t->connects < t->n ? 1 : 20) == -1)
		err(2, "poll");
	for (size_t i = 0; i < t->n; i++) {
		if ((p[i].revents & POLLOUT) != 0)
			say(t, &t->m[i]);
		if ((p[i].revents & POLLIN) != 0 && t->m[i].fd != -1)
			hear(t, &t->m[i]);
		else if ((p[i].revents & (POLLHUP | POLLERR)) != 0)
			hang_up(&t->m[i]);
	}
	return p[t->n].revents == 0;
}

int
main(int argc, char **argv)
{
	static struct throng t;
	bool ready = false;

	for (size_t i = 0; argc == 3 && i < sizeof(kinds) / sizeof(kinds[0]);
	    i++)
		if (strcmp(argv[1], kinds[i].name) == 0)
			t.kind = &kinds[i];
	if (t.kind == NULL ||
	    (t.n = strtoul(argv[2], NULL, 10)) < 1 || t.n > MEMBERS_MAX)
		errx(2, "usage: throng KIND N");
	srandom(1);
	t.kind->make(&t.stream);
	for (size_t i = 0; i < t.n; i++)
		t.m[i].fd = -1;
	while (turn(&t)) {
		if (ready || t.connects < t.n)
			continue;
		ready = true;
		puts("ready");
		fflush(stdout);
	}
	printf("%s: %lu connections, %lu bytes sent, %lu received\n",
	    t.kind->name, t.connects, t.sent, t.received);
	return 0;
}
