/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/sock.h"

int
sock_connect(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const char *path = getenv("SSH_AUTH_SOCK");
	int fd;

	if (path == NULL || strlen(path) >= sizeof(sa.sun_path))
		errx(2, "SSH_AUTH_SOCK is not set, or too long");
	memcpy(sa.sun_path, path, strlen(path));
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1 ||
	    connect(fd, (const struct sockaddr *)&sa, sizeof(sa)) == -1)
		err(2, "%s", path);
	return fd;
}

void
sock_send(int fd, const void *p, size_t n)
{
	const uint8_t *at = p;
	ssize_t w;

	while (n > 0) {
		if ((w = send(fd, at, n, MSG_NOSIGNAL)) == -1)
			err(1, "send");
		at += w;
		n -= (size_t)w;
	}
}

/* How much came before the agent hung up. */
static size_t
read_all(int fd, uint8_t *buf, size_t n)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t have = 0;
	ssize_t r;

	while (have < n) {
		if (poll(&p, 1, SOCK_PATIENCE_MS) == 0)
			errx(1, "no answer");
		r = read(fd, buf + have, n - have);
		if (r == 0 || (r == -1 && errno == ECONNRESET))
			break;
		if (r == -1)
			err(1, "read");
		have += (size_t)r;
	}
	return have;
}

ssize_t
sock_receive(int fd, uint8_t *buf, size_t max)
{
	uint8_t head[4];
	size_t n;

	if ((n = read_all(fd, head, 4)) == 0)
		return -1;
	if (n < 4 || (n = sock_u32(head)) == 0 || n > max)
		errx(1, "the agent's answer has no sound length");
	if (read_all(fd, buf, n) < n)
		errx(1, "the agent hung up inside an answer");
	return (ssize_t)n;
}

void
sock_expect(int fd, uint8_t type)
{
	static uint8_t buf[SOCK_MSG_MAX];
	ssize_t n = sock_receive(fd, buf, sizeof(buf));

	if (n == -1)
		errx(1, "the agent hung up; answer %u expected", type);
	if (buf[0] != type)
		errx(1, "answer %u, %u expected", buf[0], type);
}

void
msg_begin(struct msg *m, uint8_t type)
{
	m->b[4] = type;
	m->n = 5;
}

static void
put(struct msg *m, const void *p, size_t n)
{
	if (n > sizeof(m->b) - m->n)
		errx(2, "a message too long for this test");
	if (n > 0)
		memcpy(m->b + m->n, p, n);
	m->n += n;
}

void
msg_u32(struct msg *m, uint32_t v)
{
	const uint8_t b[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16),
	    (uint8_t)(v >> 8), (uint8_t)v };

	put(m, b, sizeof(b));
}

void
msg_string(struct msg *m, const void *p, size_t n)
{
	msg_u32(m, (uint32_t)n);
	put(m, p, n);
}

void
msg_end(struct msg *m)
{
	size_t n = m->n;

	m->n = 0;
	msg_u32(m, (uint32_t)(n - 4));
	m->n = n;
}

void
msg_send(int fd, struct msg *m)
{
	msg_end(m);
	sock_send(fd, m->b, m->n);
}

uint32_t
sock_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}
