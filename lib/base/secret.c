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

void *
secret_page_new(size_t n)
{
	void *p;

	p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	(void)mlock(p, n);
	(void)madvise(p, n, MADV_DONTDUMP);
	(void)madvise(p, n, MADV_WIPEONFORK);
	return p;
}

void
secret_page_free(void *p, size_t n)
{
	if (p == NULL)
		return;
	explicit_bzero(p, n);
	munmap(p, n);
}

struct secret *
secret_new(void)
{
	return secret_page_new(sizeof(struct secret));
}

void
secret_clear(struct secret *s)
{
	explicit_bzero(s, sizeof(*s));
}

void
secret_free(struct secret *s)
{
	secret_page_free(s, sizeof(*s));
}

void
secret_move(void *to, const void *from, size_t n)
{
	const volatile unsigned char *p = from;
	volatile unsigned char *q = to;

	while (n-- > 0)
		*q++ = *p++;
}

int
secret_add(struct secret *s, const void *p, size_t n)
{
	if (n > SECRET_MAX - s->len)
		return -1;
	secret_move(s->buf + s->len, p, n);
	s->len += n;
	return 0;
}

void
secret_copy(struct secret *dst, const struct secret *src)
{
	secret_move(dst, src, sizeof(*dst));
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
wait_readable(int fd, int cancel_fd, int ms, struct err *e)
{
	struct pollfd p[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = cancel_fd, .events = POLLIN },	/* -1 is ignored */
	};
	int n;

	while ((n = poll(p, 2, ms)) == -1)
		if (errno != EINTR)
			return err_sys(e, "poll");
	if (p[1].revents != 0)
		return err_set(e, ERR_CANCELLED, 0, "cancelled");
	if (n == 0)
		return err_set(e, ERR_CANCELLED, ETIMEDOUT,
		    "it took too long");
	return 0;
}

int
secret_read(void *buf, size_t *n, int fd, int cancel_fd, int ms,
    struct err *e)
{
	ssize_t got;
	int r;

	do {
		if ((r = wait_readable(fd, cancel_fd, ms, e)) != 0)
			return r;
		got = read(fd, buf, *n);
	} while (got == -1 && (errno == EINTR || errno == EAGAIN));
	if (got == -1)
		return err_sys(e, "reading a PIN");
	*n = (size_t)got;
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
	size_t n;
	int r;

	while (!line) {
		n = sizeof(s->buf) - s->len;
		if ((r = secret_read(s->buf + s->len, &n, fd, cancel_fd, -1,
		    e)) != 0)
			return r;
		if (n == 0)
			break;
		s->len += n;
		line = cut_line(s, s->len - n);
		if (!line && s->len > SECRET_MAX) {
			secret_clear(s);
			return err_set(e, ERR_LIMIT, 0,
			    "a PIN of more than %d bytes", SECRET_MAX);
		}
	}
	return 0;
}
