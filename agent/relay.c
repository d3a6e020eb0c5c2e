/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/conn.h"
#include "agent/relay.h"
#include "base/secret.h"
#include "ssh/agentmsg.h"

#define LENGTH_BYTES	4
#define READ_BYTES	16384
#define RETRY_MS	50	/* until a backlog is looked at again */

struct frame {
	STAILQ_ENTRY(frame) next;
	size_t		 n;
	uint8_t		 bytes[];	/* length and message */
};

struct relay {
	struct upstream	*up;
	STAILQ_HEAD(frames, frame) preface;
	size_t		 preface_n, preface_bytes;
	bool		 spoiled;	/* the preface is not complete */

	struct frame	*question;	/* NULL: none is open */
	uint64_t	 id;
	bool		 repeated;	/* one new connection was made for it */
	struct timer	*deadline;
	struct timer	*start;

	int		 fd;		/* -1: not connected */
	struct watch	*watch;
	const struct frame *told;	/* last of the preface, answered here */
	const struct frame *out;	/* sent or being answered; NULL: idle */
	size_t		 sent;
	struct conn_in	 in;
};

static struct frame *
frame_new(struct span msg)
{
	struct frame *f;

	if ((f = malloc(sizeof(*f) + LENGTH_BYTES + msg.n)) == NULL)
		return NULL;
	f->n = LENGTH_BYTES + msg.n;
	f->bytes[0] = (uint8_t)(msg.n >> 24);
	f->bytes[1] = (uint8_t)(msg.n >> 16);
	f->bytes[2] = (uint8_t)(msg.n >> 8);
	f->bytes[3] = (uint8_t)msg.n;
	secret_move(f->bytes + LENGTH_BYTES, msg.p, msg.n);
	return f;
}

static void
frame_free(struct frame *f)
{
	if (f == NULL)
		return;
	explicit_bzero(f->bytes, f->n);
	free(f);
}

static void
disconnect(struct relay *r)
{
	watch_free(r->watch);
	r->watch = NULL;
	if (r->fd != -1)
		close(r->fd);
	r->fd = -1;
	r->told = NULL;
	r->out = NULL;
	conn_in_next(&r->in);
}

/* Forget the question, answered or not. */
static void
done(struct relay *r)
{
	frame_free(r->question);
	r->question = NULL;
	r->out = NULL;
	timer_free(r->deadline);
	r->deadline = NULL;
	timer_free(r->start);
	r->start = NULL;
}

/* Nothing may touch the relay after this: who is answered may free it. */
static void
fail(struct relay *r, struct err *e)
{
	disconnect(r);
	done(r);
	upstream_answer(r->up, r->id, (struct span){ 0 }, e);
}

/* The reply is in r->in, which must outlive the relay for the callee. */
static void
succeed(struct relay *r, struct span reply)
{
	struct conn_in in = r->in;

	r->in = (struct conn_in){ 0 };
	done(r);
	upstream_answer(r->up, r->id, reply, NULL);
	conn_in_next(&in);
}

static void
on_deadline(void *arg)
{
	struct relay *r = arg;
	struct err e;

	r->deadline = NULL;
	err_set(&e, ERR_CANCELLED, 0, "no answer in time");
	fail(r, &e);
}

static void	 on_start(void *arg);

static void
start_in(struct relay *r, int64_t ms)
{
	struct err e;

	r->start = loop_timer(upstream_loop(r->up), ms, on_start, r);
	if (r->start == NULL) {
		err_set(&e, ERR_NOMEM, 0, "timer");
		fail(r, &e);
	}
}

/*
 * The connection broke, with `error`, or was closed (0) amid a question.
 * EPIPE and ECONNRESET tell that some of what was sent is unread (unix(7)).
 */
static void
lost(struct relay *r, int error)
{
	const bool reset = error == EPIPE || error == ECONNRESET;
	const bool unread = r->out != r->question ||
	    (reset && r->in.head_n == 0);
	struct err e;

	if (unread && !r->repeated) {
		r->repeated = true;
		disconnect(r);
		start_in(r, 0);
		return;
	}
	if (error == 0 || reset)
		err_set(&e, ERR_FORMAT, error,
		    "closed the connection without an answer");
	else
		err_set(&e, ERR_SYS, error, "%s", strerror(error));
	fail(r, &e);
}

static void
push(struct relay *r)
{
	ssize_t n;

	while (r->sent < r->out->n) {
		n = send(r->fd, r->out->bytes + r->sent, r->out->n - r->sent,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			break;
		if (n == -1) {
			lost(r, errno);
			return;
		}
		r->sent += (size_t)n;
	}
	watch_set(r->watch, r->sent < r->out->n ? POLLOUT : POLLIN);
}

/* What was not said on this connection yet, or else the question. */
static void
push_next(struct relay *r)
{
	r->out = r->told == NULL ? STAILQ_FIRST(&r->preface) :
	    STAILQ_NEXT(r->told, next);
	if (r->out == NULL)
		r->out = r->question;
	r->sent = 0;
	push(r);
}

/* Messages go out one at a time, so there is nothing behind an answer. */
static void
take(struct relay *r, struct span in)
{
	struct span msg = { 0 };
	struct err e;
	int n;

	n = conn_in_feed(&r->in, &in, &msg);
	if (n == 0)
		return;
	if (n < 0 || msg.n == 0 || in.n > 0) {
		err_set(&e, ERR_FORMAT, 0, "an answer that is %s",
		    n < 0 ? "over 256 KiB" : msg.n == 0 ? "empty" :
		    "longer than it says");
		fail(r, &e);
	} else if (r->out == r->question) {
		succeed(r, msg);
	} else {
		r->told = r->out;
		conn_in_next(&r->in);
		push_next(r);
	}
}

static void
receive(struct relay *r)
{
	uint8_t buf[READ_BYTES];
	ssize_t n;

	n = recv(r->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n > 0)
		take(r, (struct span){ buf, (size_t)n });
	else if (n == 0)
		lost(r, 0);
	else if (errno != EAGAIN && errno != EINTR)
		lost(r, errno);
}

/* While idle, it can only be closed, or bytes that nobody asked for. */
static void
on_ready(void *arg, short revents)
{
	struct relay *r = arg;

	(void)revents;
	if (r->out == NULL)
		disconnect(r);
	else if (r->sent < r->out->n)
		push(r);
	else
		receive(r);
}

/* False: it waits for a backlog, or has failed. */
static bool
dial(struct relay *r)
{
	struct err e;
	int rc;

	rc = upstream_connect(r->up, &r->fd, &e);
	if (rc == 0) {
		r->watch = loop_watch(upstream_loop(r->up), r->fd, 0,
		    on_ready, r);
		if (r->watch != NULL)
			return true;
		err_set(&e, ERR_NOMEM, 0, "connection");
	}
	if (rc == ERR_AGAIN)
		start_in(r, RETRY_MS);
	else
		fail(r, &e);
	return false;
}

/* A late answer to an earlier question must not be taken for this one's. */
static bool
is_quiet(int fd)
{
	uint8_t b;

	return recv(fd, &b, 1, MSG_PEEK | MSG_DONTWAIT) == -1 &&
	    errno == EAGAIN;
}

static void
on_start(void *arg)
{
	struct relay *r = arg;

	r->start = NULL;
	if (r->fd != -1 && !is_quiet(r->fd))
		disconnect(r);
	if (r->fd != -1 || dial(r))
		push_next(r);
}

int
relay_new(struct relay **out, struct upstream *u, struct err *e)
{
	struct relay *r;

	if ((r = calloc(1, sizeof(*r))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "relay");
	r->up = u;
	r->fd = -1;
	STAILQ_INIT(&r->preface);
	*out = r;
	return 0;
}

int
relay_preface(struct relay *r, struct span msg, struct err *e)
{
	struct frame *f = NULL;

	if (r->preface_n == RELAY_PREFACE_MAX || msg.n == 0 ||
	    msg.n > AGENT_MAX_MSG - r->preface_bytes)
		err_set(e, ERR_LIMIT, 0, "too many session-binds");
	else if ((f = frame_new(msg)) == NULL)
		err_set(e, ERR_NOMEM, 0, "session-bind");
	if (f == NULL) {
		r->spoiled = true;
		return (int)e->code;
	}
	STAILQ_INSERT_TAIL(&r->preface, f, next);
	r->preface_n++;
	r->preface_bytes += msg.n;
	return 0;
}

int
relay_ask(struct relay *r, uint64_t id, struct span msg, int timeout_ms,
    struct err *e)
{
	struct loop *l = upstream_loop(r->up);

	if (r->question != NULL)
		return err_set(e, ERR_AGAIN, 0,
		    "the upstream agent was not done yet");
	if (r->spoiled)
		return err_set(e, ERR_DENIED, 0,
		    "the upstream agent was not told of all session-binds");
	if (msg.n == 0 || msg.n > AGENT_MAX_MSG)
		return err_set(e, ERR_LIMIT, 0, "agent message of %zu bytes",
		    msg.n);
	r->id = id;
	r->repeated = false;
	r->question = frame_new(msg);
	r->start = loop_timer(l, 0, on_start, r);
	if (timeout_ms > 0)
		r->deadline = loop_timer(l, timeout_ms, on_deadline, r);
	if (r->question != NULL && r->start != NULL &&
	    (timeout_ms <= 0 || r->deadline != NULL))
		return 0;
	done(r);
	return err_set(e, ERR_NOMEM, 0, "question to the upstream agent");
}

void
relay_free(struct relay *r)
{
	struct frame *f;

	if (r == NULL)
		return;
	disconnect(r);
	done(r);
	while ((f = STAILQ_FIRST(&r->preface)) != NULL) {
		STAILQ_REMOVE_HEAD(&r->preface, next);
		frame_free(f);
	}
	free(r);
}
