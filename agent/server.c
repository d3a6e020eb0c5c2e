/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/conn.h"
#include "agent/server.h"
#include "ssh/wire.h"

#define READ_BYTES	16384

struct client {
	TAILQ_ENTRY(client) next;
	struct server	*server;
	int		 fd;
	struct peer	 peer;
	struct watch	*watch;
	struct conn_in	 in;
	uint8_t		*rest;		/* read, but behind the message */
	size_t		 rest_n;
	uint8_t		*out;		/* framed answer, not sent yet */
	size_t		 out_n, out_at;
	uint64_t	 request;	/* being answered; 0: none */
};

struct server {
	struct loop	*loop;
	const struct log *log;
	struct core	*core;
	struct watch	*watch;
	TAILQ_HEAD(clients, client) clients;
	uint64_t	 last_request;
	bool		 paused;	/* out of descriptors: not accepting */
	int		 listen_fd;
};

static void	 on_client(void *arg, short revents);
static void	 on_listen(void *arg, short revents);

static void
client_free(struct client *c)
{
	TAILQ_REMOVE(&c->server->clients, c, next);
	conn_in_next(&c->in);
	if (c->rest != NULL)
		explicit_bzero(c->rest, c->rest_n);
	free(c->rest);
	free(c->out);
	free(c);
}

static void
client_close(struct client *c)
{
	struct server *s = c->server;

	watch_free(c->watch);
	close(c->fd);
	if (s->paused) {
		s->paused = false;
		s->watch = loop_watch(s->loop, s->listen_fd, POLLIN,
		    on_listen, s);
	}
	if (c->request != 0)
		core_cancel(s->core, c->request);
	client_free(c);
}

/*
 * What to wait for: an answer to go out, then the next message.  One that
 * was kept needs no waiting, and POLLOUT comes back at once.
 */
static void
arm(struct client *c)
{
	if (c->out != NULL || (c->request == 0 && c->rest != NULL))
		watch_set(c->watch, POLLOUT);
	else
		watch_set(c->watch, c->request == 0 ? POLLIN : 0);
}

/* Send what is there; false when the client is lost. */
static bool
flush(struct client *c)
{
	ssize_t n;

	while (c->out_at < c->out_n) {
		n = send(c->fd, c->out + c->out_at, c->out_n - c->out_at,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN;
		c->out_at += (size_t)n;
	}
	free(c->out);
	c->out = NULL;
	return true;
}

/* Keep bytes that came behind the message being answered. */
static bool
keep(struct client *c, struct span rest)
{
	if (rest.n == 0)
		return true;
	if ((c->rest = malloc(rest.n)) == NULL)
		return false;
	memcpy(c->rest, rest.p, rest.n);
	c->rest_n = rest.n;
	return true;
}

/*
 * Hand every whole message in `in` to the core, up to one that it does not
 * answer at once.  False when the client must go.
 */
static bool
process(struct client *c, struct span in)
{
	struct span msg;
	int r;

	while (c->request == 0 && c->out == NULL &&
	    (r = conn_in_feed(&c->in, &in, &msg)) != 0) {
		if (r < 0) {
			log_error(c->server->log, "%s (pid %ld) sent a message "
			    "over 256 KiB; connection closed", c->peer.name,
			    (long)c->peer.pid);
			return false;
		}
		c->request = ++c->server->last_request;
		core_request(c->server->core, &c->peer, c->request, msg);
		conn_in_next(&c->in);
	}
	return keep(c, in);
}

/* Go on with what was kept, now that the answer is out. */
static bool
resume(struct client *c)
{
	uint8_t *rest = c->rest;
	size_t n = c->rest_n;
	bool ok;

	c->rest = NULL;
	c->rest_n = 0;
	ok = process(c, (struct span){ rest, n });
	explicit_bzero(rest, n);
	free(rest);
	return ok;
}

static bool
receive(struct client *c)
{
	uint8_t buf[READ_BYTES];
	ssize_t n;
	bool ok;

	n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	ok = process(c, (struct span){ buf, (size_t)n });
	explicit_bzero(buf, (size_t)n);
	return ok;
}

static void
on_client(void *arg, short revents)
{
	struct client *c = arg;
	bool ok = true;

	if ((revents & (POLLHUP | POLLERR | POLLNVAL)) != 0 &&
	    (revents & POLLIN) == 0)
		ok = false;
	if (ok && c->out != NULL)
		ok = flush(c);
	if (ok && c->out == NULL && c->request == 0) {
		if (c->rest != NULL)
			ok = resume(c);
		else if ((revents & POLLIN) != 0)
			ok = receive(c);
	}
	if (!ok)
		client_close(c);
	else
		arm(c);
}

static struct client *
find(struct server *s, uint64_t id)
{
	struct client *c;

	TAILQ_FOREACH(c, &s->clients, next)
		if (c->request == id)
			return c;
	return NULL;
}

static bool
frame(struct client *c, struct span reply)
{
	struct span head;
	struct wire_w w;

	if (!wire_write(&w, 4))
		return false;
	wire_put_u32(&w, (uint32_t)reply.n);
	head = wire_bytes(&w);
	if (head.n == 4 && (c->out = malloc(4 + reply.n)) != NULL) {
		memcpy(c->out, head.p, 4);
		memcpy(c->out + 4, reply.p, reply.n);
		c->out_n = 4 + reply.n;
		c->out_at = 0;
	}
	wire_free(&w);
	return c->out != NULL;
}

/* Called from inside process(), or later from the loop. */
void
server_reply(void *arg, uint64_t id, struct span reply)
{
	struct server *s = arg;
	struct client *c = find(s, id);

	if (c == NULL)
		return;
	c->request = 0;
	if (!frame(c, reply) || !flush(c))
		shutdown(c->fd, SHUT_RDWR);	/* poll() then reports it */
	arm(c);
}

static void
client_new(struct server *s, int fd)
{
	struct client *c;
	struct err e;

	if ((c = calloc(1, sizeof(*c))) == NULL) {
		close(fd);
		return;
	}
	c->server = s;
	c->fd = fd;
	if (peer_of(fd, &c->peer, &e) != 0) {
		log_error(s->log, "refused: %s", e.msg);
	} else if ((c->watch = loop_watch(s->loop, fd, POLLIN, on_client,
	    c)) != NULL) {
		TAILQ_INSERT_TAIL(&s->clients, c, next);
		return;
	}
	close(fd);
	free(c);
}

static void
on_listen(void *arg, short revents)
{
	struct server *s = arg;
	int fd;

	(void)revents;
	fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd != -1) {
		client_new(s, fd);
	} else if (errno == EMFILE || errno == ENFILE) {
		/* Wait until a client goes, rather than spin. */
		log_error(s->log, "too many clients: %s", strerror(errno));
		watch_free(s->watch);
		s->watch = NULL;
		s->paused = true;
	}
}

int
server_new(struct server **out, struct loop *l, int listen_fd,
    const struct log *log, struct err *e)
{
	struct server *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "server");
	s->loop = l;
	s->log = log;
	s->listen_fd = listen_fd;
	TAILQ_INIT(&s->clients);
	s->watch = loop_watch(l, listen_fd, POLLIN, on_listen, s);
	if (s->watch == NULL) {
		free(s);
		return err_set(e, ERR_NOMEM, 0, "server");
	}
	*out = s;
	return 0;
}

void
server_free(struct server *s)
{
	struct client *c;

	if (s == NULL)
		return;
	watch_free(s->watch);
	while ((c = TAILQ_FIRST(&s->clients)) != NULL) {
		watch_free(c->watch);
		close(c->fd);
		client_free(c);
	}
	free(s);
}

void
server_set_core(struct server *s, struct core *c)
{
	s->core = c;
}
