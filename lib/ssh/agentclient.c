/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "ssh/agentclient.h"
#include "ssh/agentmsg.h"

#define LENGTH_BYTES	4

struct call {
	int		 fd;
	int64_t		 deadline;	/* ms on the monotonic clock */
};

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int
wait_for(const struct call *c, short events, struct err *e)
{
	struct pollfd p = { .fd = c->fd, .events = events };
	int64_t left;
	int n;

	do {
		left = c->deadline - now_ms();
		n = poll(&p, 1, left > 0 ? (int)left : 0);
	} while (n == -1 && errno == EINTR);
	if (n == -1)
		return err_sys(e, "poll");
	if (n == 0)
		return err_set(e, ERR_CANCELLED, 0, "no answer in time");
	return 0;
}

/*
 * The socket does not block: connect(2) to an agent that no longer accepts
 * would hang, and is told apart here by EAGAIN (unix(7)).
 */
int
agentclient_dial(const char *path, int *fd, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const size_t n = strlen(path);
	int r;

	*fd = -1;
	if (n >= sizeof(sa.sun_path))
		return err_set(e, ERR_LIMIT, 0,
		    "%zu bytes are too long for the path of a socket", n);
	memcpy(sa.sun_path, path, n + 1);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd == -1)
		return err_sys(e, "socket");
	if (connect(*fd, (const struct sockaddr *)&sa, sizeof(sa)) == 0)
		return 0;
	if (errno == ENOENT || errno == ENOTDIR || errno == ECONNREFUSED)
		r = err_set(e, ERR_NOTFOUND, errno, "nobody listens");
	else if (errno == EAGAIN)
		r = err_set(e, ERR_AGAIN, 0, "takes no connections");
	else
		r = err_sys(e, "connect");
	close(*fd);
	*fd = -1;
	return r;
}

static int
send_all(const struct call *c, struct span s, struct err *e)
{
	ssize_t n;
	int r;

	while (s.n > 0) {
		if ((r = wait_for(c, POLLOUT, e)) != 0)
			return r;
		n = send(c->fd, s.p, s.n, MSG_NOSIGNAL);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n == -1)
			return err_sys(e, "send");
		s.p += n;
		s.n -= (size_t)n;
	}
	return 0;
}

static int
recv_all(const struct call *c, uint8_t *p, size_t left, struct err *e)
{
	ssize_t n;
	int r;

	while (left > 0) {
		if ((r = wait_for(c, POLLIN, e)) != 0)
			return r;
		n = recv(c->fd, p, left, 0);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n == -1)
			return err_sys(e, "recv");
		if (n == 0)
			return err_set(e, ERR_FORMAT, 0,
			    "closed the connection without an answer");
		p += n;
		left -= (size_t)n;
	}
	return 0;
}

static int
read_answer(const struct call *c, struct wire_w *answer, struct err *e)
{
	uint8_t length[LENGTH_BYTES], *p;
	struct wire_r r;
	uint32_t n;
	int rc;

	if ((rc = recv_all(c, length, sizeof(length), e)) != 0)
		return rc;
	wire_read(&r, (struct span){ length, sizeof(length) });
	n = wire_get_u32(&r);
	if (n == 0 || n > AGENT_MAX_MSG)
		return err_set(e, ERR_FORMAT, 0,
		    "an answer of %u bytes is none", n);
	if ((p = malloc(n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "agent's answer");
	if ((rc = recv_all(c, p, n, e)) == 0) {
		wire_put_raw(answer, (struct span){ p, n });
		if (answer->bad)
			rc = err_set(e, ERR_NOMEM, 0, "agent's answer");
	}
	free(p);
	return rc;
}

int
agentclient_ask(const char *path, struct span message, int timeout_ms,
    struct wire_w *answer, struct err *e)
{
	struct call c = { .fd = -1, .deadline = now_ms() + timeout_ms };
	const uint8_t length[LENGTH_BYTES] = { (uint8_t)(message.n >> 24),
	    (uint8_t)(message.n >> 16), (uint8_t)(message.n >> 8),
	    (uint8_t)message.n };
	int r;

	if (message.n > AGENT_MAX_MSG)
		return err_set(e, ERR_LIMIT, 0, "agent message of %zu bytes",
		    message.n);
	if ((r = agentclient_dial(path, &c.fd, e)) == ERR_AGAIN)
		r = e->code = ERR_CANCELLED;
	if (r == 0 &&
	    (r = send_all(&c, (struct span){ length, sizeof(length) },
	    e)) == 0 && (r = send_all(&c, message, e)) == 0)
		r = read_answer(&c, answer, e);
	if (c.fd != -1)
		close(c.fd);
	return r == 0 ? 0 : err_wrap(e, "%s", path);
}
