/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "token/modchan.h"

#define POLL_MS_MAX	3600000

int64_t
modchan_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int
gone(struct err *e)
{
	return err_set(e, ERR_TOKEN_GONE, 0, "nobody is at the other end");
}

/* Until the socket can be used for it. */
static int
wait_for(int fd, short events, int64_t until, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left;
	int n;

	do {
		left = until == -1 ? -1 : until - modchan_now();
		if (until != -1 && left < 0)
			left = 0;
		n = poll(&p, 1, (int)(left > POLL_MS_MAX ? POLL_MS_MAX :
		    left));
	} while ((n == -1 && errno == EINTR) || (n == 0 && left != 0));
	if (n == -1)
		return err_sys(e, "poll");
	return n > 0 ? 0 : err_set(e, ERR_CANCELLED, ETIMEDOUT,
	    "it took too long");
}

static int
send_all(int fd, const void *bytes, size_t n, int64_t until, struct err *e)
{
	const uint8_t *p = bytes;
	ssize_t sent;
	int r;

	while (n > 0) {
		sent = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent == -1 && errno == EAGAIN) {
			if ((r = wait_for(fd, POLLOUT, until, e)) != 0)
				return r;
		} else if (sent == -1 && errno != EINTR) {
			return gone(e);
		} else if (sent > 0) {
			p += sent;
			n -= (size_t)sent;
		}
	}
	return 0;
}

static int
receive_all(int fd, void *bytes, size_t n, int64_t until, struct err *e)
{
	uint8_t *p = bytes;
	ssize_t got;
	int r;

	while (n > 0) {
		if ((r = wait_for(fd, POLLIN, until, e)) != 0)
			return r;
		got = recv(fd, p, n, MSG_DONTWAIT);
		if (got == 0 || (got == -1 && errno != EINTR &&
		    errno != EAGAIN))
			return gone(e);
		if (got > 0) {
			p += got;
			n -= (size_t)got;
		}
	}
	return 0;
}

int
modchan_send(int fd, struct span msg, const struct secret *pin,
    int64_t until, struct err *e)
{
	uint8_t head[4];
	int r;

	for (int i = 0; i < 4; i++)
		head[i] = (uint8_t)(msg.n >> (24 - 8 * i));
	if ((r = send_all(fd, head, sizeof(head), until, e)) != 0 ||
	    (r = send_all(fd, msg.p, msg.n, until, e)) != 0 || pin == NULL)
		return r;
	head[0] = (uint8_t)secret_len(pin);
	if ((r = send_all(fd, head, 1, until, e)) != 0)
		return r;
	return send_all(fd, secret_bytes(pin), secret_len(pin), until, e);
}

int
modchan_receive(int fd, uint8_t **msg, size_t *n, size_t max, int64_t until,
    struct err *e)
{
	uint8_t head[4], *p;
	size_t len = 0;
	int r;

	if ((r = receive_all(fd, head, sizeof(head), until, e)) != 0)
		return r;
	for (int i = 0; i < 4; i++)
		len = len << 8 | head[i];
	if (len > max)
		return err_set(e, ERR_LIMIT, 0, "a message of %zu bytes", len);
	if ((p = malloc(len + 1)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "message");
	if ((r = receive_all(fd, p, len, until, e)) != 0) {
		free(p);
		return r;
	}
	*msg = p;
	*n = len;
	return 0;
}

int
modchan_receive_pin(int fd, struct secret *pin, int64_t until, struct err *e)
{
	uint8_t n, *page;
	int r;

	if ((r = receive_all(fd, &n, 1, until, e)) != 0)
		return r;
	if ((page = secret_page_new(SECRET_MAX)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "PIN");
	if ((r = receive_all(fd, page, n, until, e)) == 0 &&
	    secret_add(pin, page, n) != 0)
		r = err_set(e, ERR_LIMIT, 0, "PIN");
	secret_page_free(page, SECRET_MAX);
	return r;
}
