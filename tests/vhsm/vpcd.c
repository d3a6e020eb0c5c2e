/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "tests/vhsm/vpcd.h"

static void
set_flag(int fd, int flag)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, flag, &on, sizeof(on));
}

bool
vpcd_connect(struct vpcd *c, unsigned port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	struct timeval second = { .tv_sec = 1 };

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sa.sin_port = htons((uint16_t)port);
	c->n = 0;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd == -1)
		return false;
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	if (connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)) == -1) {
		vpcd_close(c);
		return false;
	}
	set_flag(c->fd, TCP_NODELAY);
	set_flag(c->fd, TCP_QUICKACK);
	return true;
}

void
vpcd_close(struct vpcd *c)
{
	if (c->fd != -1)
		close(c->fd);
	c->fd = -1;
	c->n = 0;
}

void
vpcd_hang_up(struct vpcd *c)
{
	struct timeval patience = { .tv_sec = 2 };
	uint8_t junk[256];

	if (c->fd == -1)
		return;
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience));
	if (shutdown(c->fd, SHUT_WR) == 0)
		while (recv(c->fd, junk, sizeof(junk), 0) > 0)
			;
	vpcd_close(c);
}

void
vpcd_abort(struct vpcd *c)
{
	const struct linger reset = { .l_onoff = 1 };
	const uint8_t length[2] = { 0, 2 };

	if (c->fd != -1 && send(c->fd, length, sizeof(length),
	    MSG_NOSIGNAL) == (ssize_t)sizeof(length))
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset,
		    sizeof(reset));
	vpcd_close(c);
}

bool
vpcd_fill(struct vpcd *c)
{
	ssize_t n;

	set_flag(c->fd, TCP_QUICKACK);
	n = recv(c->fd, c->in + c->n, sizeof(c->in) - c->n, MSG_DONTWAIT);
	set_flag(c->fd, TCP_QUICKACK);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	c->n += (size_t)n;
	return true;
}

static size_t
message_size(const struct vpcd *c)
{
	return (size_t)c->in[0] << 8 | c->in[1];
}

bool
vpcd_peek(const struct vpcd *c, struct span *msg)
{
	if (c->n < 2 || c->n - 2 < message_size(c))
		return false;
	msg->p = c->in + 2;
	msg->n = message_size(c);
	return true;
}

void
vpcd_next(struct vpcd *c)
{
	size_t used = 2 + message_size(c);

	memmove(c->in, c->in + used, c->n - used);
	c->n -= used;
}

bool
vpcd_send(struct vpcd *c, struct span msg)
{
	uint8_t len[2] = { (uint8_t)(msg.n >> 8), (uint8_t)msg.n };
	struct iovec v[2] = {
		{ .iov_base = len, .iov_len = sizeof(len) },
		{ .iov_base = (void *)(uintptr_t)msg.p, .iov_len = msg.n },
	};
	struct msghdr m = { .msg_iov = v, .msg_iovlen = 2 };

	if (msg.n > VPCD_MAX)
		return false;
	return sendmsg(c->fd, &m, MSG_NOSIGNAL) ==
	    (ssize_t)(sizeof(len) + msg.n);
}
