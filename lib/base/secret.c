/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/mman.h>

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/secret.h"

struct secret {
	size_t		len;
	unsigned char	buf[SECRET_MAX + 1];	/* to see too long a line */
};

struct secret *
secret_new(void)
{
	void *p;

	p = mmap(NULL, sizeof(struct secret), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	(void)mlock(p, sizeof(struct secret));
	(void)madvise(p, sizeof(struct secret), MADV_DONTDUMP);
	(void)madvise(p, sizeof(struct secret), MADV_WIPEONFORK);
	return p;
}

void
secret_clear(struct secret *s)
{
	explicit_bzero(s, sizeof(*s));
}

void
secret_free(struct secret *s)
{
	if (s == NULL)
		return;
	secret_clear(s);
	munmap(s, sizeof(*s));
}

int
secret_add(struct secret *s, const void *p, size_t n)
{
	if (n > SECRET_MAX - s->len)
		return -1;
	memcpy(s->buf + s->len, p, n);
	s->len += n;
	return 0;
}

void
secret_copy(struct secret *dst, const struct secret *src)
{
	memcpy(dst, src, sizeof(*dst));
}

size_t
secret_len(const struct secret *s)
{
	return s->len;
}

const void *
secret_bytes(const struct secret *s)
{
	return s->buf;
}

bool
secret_eq(const struct secret *a, const struct secret *b)
{
	volatile unsigned char diff = a->len != b->len;

	for (size_t i = 0; i < sizeof(a->buf); i++)
		diff |= a->buf[i] ^ b->buf[i];
	return diff == 0;
}

static int
wait_readable(int fd, int cancel_fd, struct err *e)
{
	struct pollfd p[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = cancel_fd, .events = POLLIN },	/* -1 is ignored */
	};

	while (poll(p, 2, -1) == -1)
		if (errno != EINTR)
			return err_sys(e, "poll");
	if (p[1].revents != 0)
		return err_set(e, ERR_CANCELLED, 0, "cancelled");
	return 0;
}

/* Cut at the line end, if there is one already. */
static bool
cut_line(struct secret *s, size_t from)
{
	unsigned char *nl = memchr(s->buf + from, '\n', s->len - from);

	if (nl == NULL)
		return false;
	if (nl > s->buf && nl[-1] == '\r')
		nl--;
	explicit_bzero(nl, (size_t)(s->buf + s->len - nl));
	s->len = (size_t)(nl - s->buf);
	return true;
}

int
secret_read_line(struct secret *s, int fd, int cancel_fd, struct err *e)
{
	bool line = false;
	ssize_t n;
	int r;

	while (!line) {
		if ((r = wait_readable(fd, cancel_fd, e)) != 0)
			return r;
		n = read(fd, s->buf + s->len, sizeof(s->buf) - s->len);
		if (n == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n == -1)
			return err_sys(e, "reading a PIN");
		if (n == 0)
			break;
		s->len += (size_t)n;
		line = cut_line(s, s->len - (size_t)n);
		if (!line && s->len > SECRET_MAX) {
			secret_clear(s);
			return err_set(e, ERR_LIMIT, 0,
			    "a PIN of more than %d bytes", SECRET_MAX);
		}
	}
	return 0;
}
