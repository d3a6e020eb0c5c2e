/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/fakeagent.h"

#define BOUND_MS	10000

void
fake_listen(struct fake *f)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	*f = (struct fake){ .dir = "/tmp/upstream.XXXXXX", .fd = -1 };
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/s", f->dir);
	memcpy(sa.sun_path, f->path, strlen(f->path) + 1);
	f->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	f->told = eventfd(0, 0);
	f->go = eventfd(0, 0);
	assert_int_equal(bind(f->listener, (const struct sockaddr *)&sa,
	    sizeof(sa)), 0);
	assert_int_equal(listen(f->listener, 1), 0);
}

static void
shut(struct fake *f)
{
	if (f->fd != -1)
		close(f->fd);
	f->fd = -1;
}

static bool
readable(int fd, int ms)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, ms) == 1;
}

static bool
take_one(struct fake *f)
{
	const struct timeval bound = { .tv_sec = BOUND_MS / 1000 };

	shut(f);
	if (!readable(f->listener, BOUND_MS))
		return false;
	f->fd = accept(f->listener, NULL, NULL);
	return f->fd != -1 && setsockopt(f->fd, SOL_SOCKET, SO_RCVTIMEO,
	    &bound, sizeof(bound)) == 0;
}

static void
head_of(uint8_t head[4], size_t n)
{
	for (int i = 0; i < 4; i++)
		head[i] = (uint8_t)(n >> (24 - 8 * i));
}

static bool
get(int fd, struct span want)
{
	uint8_t head[4], expected[4], *body;
	bool ok;

	head_of(expected, want.n);
	if (recv(fd, head, 4, MSG_WAITALL) != 4 ||
	    memcmp(head, expected, 4) != 0 ||
	    (body = malloc(want.n)) == NULL)
		return false;
	ok = recv(fd, body, want.n, MSG_WAITALL) == (ssize_t)want.n &&
	    memcmp(body, want.p, want.n) == 0;
	free(body);
	return ok;
}

static bool
put(int fd, struct span s, size_t piece)
{
	for (size_t at = 0; at < s.n; at += piece) {
		const size_t n = s.n - at < piece ? s.n - at : piece;

		if (send(fd, s.p + at, n, MSG_NOSIGNAL) != (ssize_t)n)
			return false;
	}
	return true;
}

static bool
put_message(int fd, struct span s, size_t piece)
{
	uint8_t head[4];

	head_of(head, s.n);
	return put(fd, (struct span){ head, 4 }, piece) && put(fd, s, piece);
}

static bool
until_closed(int fd)
{
	uint8_t buf[4096];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		;
	return n == 0 || errno == ECONNRESET;	/* some was left unread */
}

static bool
ring(int fd)
{
	const uint64_t one = 1;

	return write(fd, &one, sizeof(one)) == sizeof(one);
}

static bool
await(int fd)
{
	uint64_t n;

	return readable(fd, BOUND_MS) &&
	    read(fd, &n, sizeof(n)) == sizeof(n);
}

static bool
step(struct fake *f, const struct fake_step *s)
{
	switch (s->act) {
	case FAKE_ACCEPT:
		return take_one(f);
	case FAKE_GET:
		return get(f->fd, s->bytes);
	case FAKE_PUT:
		return put_message(f->fd, s->bytes, SIZE_MAX / 2);
	case FAKE_DRIP:
		return put_message(f->fd, s->bytes, 1);
	case FAKE_RAW:
		return put(f->fd, s->bytes, SIZE_MAX / 2);
	case FAKE_SHUT:
		shut(f);
		return true;
	case FAKE_SHUT_UNREAD:
		if (!readable(f->fd, BOUND_MS))
			return false;
		shut(f);
		return true;
	case FAKE_TELL:
		return ring(f->told);
	case FAKE_AWAIT:
		return await(f->go);
	case FAKE_UNTIL_CLOSED:
		return until_closed(f->fd);
	}
	return false;
}

static void *
run(void *arg)
{
	struct fake *f = arg;

	for (size_t i = 0; i < f->n && f->failed == 0; i++)
		if (!step(f, &f->steps[i]))
			f->failed = i + 1;
	if (f->failed > 0)
		ring(f->told);		/* nobody shall wait for ever */
	shut(f);
	return NULL;
}

void
fake_start(struct fake *f, const struct fake_step *steps, size_t n)
{
	f->steps = steps;
	f->n = n;
	assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
}

void
fake_wait(struct fake *f)
{
	assert_true(await(f->told));
}

void
fake_go(struct fake *f)
{
	assert_true(ring(f->go));
}

void
fake_join(struct fake *f)
{
	pthread_join(f->thread, NULL);
	assert_int_equal(f->failed, 0);
	assert_false(readable(f->listener, 0));
}

void
fake_remove(struct fake *f)
{
	close(f->listener);
	close(f->told);
	close(f->go);
	unlink(f->path);
	assert_int_equal(rmdir(f->dir), 0);
}
