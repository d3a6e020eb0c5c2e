/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyutil/agentline.h"
#include "ssh/agentclient.h"
#include "ssh/agentmsg.h"

#define LENGTH_BYTES	4

struct agentline {
	int		 fd;
	struct wire_w	 out;		/* the message with its length */
	size_t		 sent;
	uint8_t		 in[LENGTH_BYTES + AGENT_MAX_MSG];
	size_t		 got;
};

int
agentline_open(struct agentline **out, const char *socket, struct err *e)
{
	struct agentline *l = calloc(1, sizeof(*l));
	int r;

	if (l == NULL)
		return err_set(e, ERR_NOMEM, 0, "agent");
	if ((r = agentclient_dial(socket, &l->fd, e)) != 0) {
		free(l);
		return err_wrap(e, "%s", socket);
	}
	*out = l;
	return 0;
}

void
agentline_close(struct agentline *l)
{
	if (l == NULL)
		return;
	close(l->fd);
	wire_free(&l->out);
	free(l);
}

int
agentline_ask(struct agentline *l, struct span message, struct err *e)
{
	wire_free(&l->out);
	l->sent = l->got = 0;
	if (!wire_write(&l->out, LENGTH_BYTES + AGENT_MAX_MSG))
		return err_set(e, ERR_NOMEM, 0, "agent message");
	wire_put_string(&l->out, message);
	return !l->out.bad ? 0 : err_set(e, ERR_LIMIT, 0,
	    "agent message of %zu bytes", message.n);
}

static bool
is_sent(const struct agentline *l)
{
	return l->sent == wire_bytes(&l->out).n;
}

struct pollfd
agentline_pollfd(const struct agentline *l)
{
	return (struct pollfd){ .fd = l->fd,
	    .events = is_sent(l) ? POLLIN : POLLOUT };
}

/* 0: for now that is all. */
static int
failed(ssize_t n, struct err *e)
{
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n == -1 && errno != EPIPE && errno != ECONNRESET)
		return err_sys(e, "the agent");
	return err_set(e, ERR_NOTFOUND, 0, "the agent has gone: it closed "
	    "the connection without an answer");
}

static int
send_some(struct agentline *l, struct err *e)
{
	const struct span s = wire_bytes(&l->out);
	ssize_t n;

	while (l->sent < s.n) {
		n = send(l->fd, s.p + l->sent, s.n - l->sent, MSG_NOSIGNAL);
		if (n <= 0)
			return failed(n, e);
		l->sent += (size_t)n;
	}
	return 0;
}

/* Bytes of the whole answer, its length included; 0: not known yet. */
static size_t
wanted(const struct agentline *l)
{
	struct wire_r r;

	if (l->got < LENGTH_BYTES)
		return 0;
	wire_read(&r, (struct span){ l->in, LENGTH_BYTES });
	return LENGTH_BYTES + (size_t)wire_get_u32(&r);
}

static int
recv_some(struct agentline *l, struct err *e)
{
	size_t want;
	ssize_t n;

	while ((want = wanted(l)) == 0 || l->got < want) {
		if (want > sizeof(l->in))
			return err_set(e, ERR_FORMAT, 0, "an agent's answer "
			    "of %zu bytes is none", want - LENGTH_BYTES);
		n = recv(l->fd, l->in + l->got, (want > 0 ? want :
		    LENGTH_BYTES) - l->got, 0);
		if (n <= 0)
			return failed(n, e);
		l->got += (size_t)n;
	}
	return want > LENGTH_BYTES ? 0 : err_set(e, ERR_FORMAT, 0,
	    "an agent's answer without a byte");
}

int
agentline_go_on(struct agentline *l, struct span *answer, struct err *e)
{
	int r;

	*answer = (struct span){ 0 };
	if ((r = send_some(l, e)) != 0 || !is_sent(l) ||
	    (r = recv_some(l, e)) != 0)
		return r;
	if (wanted(l) > 0 && l->got == wanted(l))
		*answer = (struct span){ l->in + LENGTH_BYTES,
		    l->got - LENGTH_BYTES };
	return 0;
}
