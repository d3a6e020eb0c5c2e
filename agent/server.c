/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/conn.h"
#include "agent/server.h"
#include "agent/turns.h"
#include "ssh/wire.h"

#define READ_BYTES	16384	/* of a long message in one turn */
#define ACCEPTS		16	/* in one turn of the loop */
#define OWN_FILES	64	/* for tokens, prompts and the like */

struct client {
	TAILQ_ENTRY(client) next;
	struct server	*server;
	int		 fd;
	struct caller	 caller;
	struct watch	*watch;
	struct turn	 turn;
	struct conn_in	 in;
	uint8_t		*out;		/* framed answer, not sent yet */
	size_t		 out_n, out_at;
	uint64_t	 request;	/* being answered; 0: none */

	/* While a message or an answer sticks halfway. */
	TAILQ_ENTRY(client) stuck;
	size_t		 held;		/* bytes; 0: nothing sticks */
	int64_t		 began, moved;	/* ms */
};

TAILQ_HEAD(clients, client);

struct server {
	struct server_conf conf;
	struct core	*core;
	struct watch	*watch;		/* NULL: not accepting, */
	struct timer	*retry;		/* until then, or a client's end */
	bool		 full;		/* was logged */
	struct turns	*turns;
	struct clients	 clients;
	size_t		 n;
	struct clients	 stuck;		/* the one that moved last is last */
	size_t		 held;		/* by all of them */
	struct timer	*stall;
	uint64_t	 last_request;
	struct client	*asking;	/* inside core_request() */
};

static void	 on_client(void *arg, short revents);
static void	 on_listen(void *arg, short revents);

static void
accept_again(struct server *s)
{
	timer_free(s->retry);
	s->retry = NULL;
	if (s->watch == NULL)
		s->watch = loop_watch(s->conf.loop, s->conf.listen_fd, POLLIN,
		    on_listen, s);
}

static void
on_retry(void *arg)
{
	struct server *s = arg;

	s->retry = NULL;
	accept_again(s);
}

/*
 * Wait until a client goes, rather than spin.  Descriptors may have been
 * taken by somebody else: only time tells when he gives them back.
 */
static void
accept_later(struct server *s, const char *why, bool retry)
{
	if (!s->full)
		log_error(s->conf.log, "too many clients: %zu are connected; "
		    "the next wait until one goes (%s)", s->n, why);
	s->full = true;
	watch_free(s->watch);
	s->watch = NULL;
	if (retry)
		s->retry = loop_timer(s->conf.loop, SERVER_RETRY_MS, on_retry,
		    s);
}

static void
unstick(struct client *c)
{
	if (c->held == 0)
		return;
	TAILQ_REMOVE(&c->server->stuck, c, stuck);
	c->server->held -= c->held;
	c->held = 0;
}

static void
client_free(struct client *c)
{
	struct server *s = c->server;

	core_goodbye(s->core, &c->caller, c->request);
	unstick(c);
	TAILQ_REMOVE(&s->clients, c, next);
	s->n--;
	turns_leave(s->turns, &c->turn);
	watch_free(c->watch);
	close(c->fd);
	conn_in_next(&c->in);
	free(c->out);
	free(c);
}

static void
client_close(struct client *c)
{
	struct server *s = c->server;

	client_free(c);
	if (s->watch == NULL)
		accept_again(s);
}

/*
 * Wait for what moves this client on: its answer taken, or its next bytes.
 * `moved`: some of either came through just now.
 */
static void
settle(struct client *c, bool moved)
{
	struct server *s = c->server;
	size_t held = c->out != NULL ? c->out_n : conn_in_held(&c->in);
	int64_t now = loop_now(), began = c->held > 0 ? c->began : now;

	watch_set(c->watch, c->out != NULL ? POLLOUT :
	    c->request == 0 ? POLLIN : 0);
	if (c->held > 0 && held > 0 &&
	    (!moved || now - began >= s->conf.whole_ms))
		return;
	unstick(c);
	if (held == 0)
		return;
	c->began = began;
	c->moved = now;
	c->held = held;
	s->held += held;
	TAILQ_INSERT_TAIL(&s->stuck, c, stuck);
}

/* Send what is there; false when the client is lost. */
static bool
flush(struct client *c)
{
	size_t before = c->out_at;
	ssize_t n;

	while (c->out_at < c->out_n) {
		n = send(c->fd, c->out + c->out_at, c->out_n - c->out_at,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno != EAGAIN)
			return false;
		if (n == -1)
			break;
		c->out_at += (size_t)n;
	}
	if (c->out_at == c->out_n) {
		free(c->out);
		c->out = NULL;
	}
	settle(c, c->out_at > before);
	return true;
}

/* Hand a whole message to the core. */
static void
ask(struct client *c, struct span msg)
{
	struct server *s = c->server;

	unstick(c);
	c->request = ++s->last_request;
	s->asking = c;
	core_request(s->core, &c->caller, c->request, msg);
	s->asking = NULL;
	conn_in_next(&c->in);
}

/*
 * Take no more than belongs to the message: what is behind it stays with
 * the client until that is answered.  False when the client must go.
 */
static bool
receive(struct client *c)
{
	uint8_t buf[READ_BYTES];
	size_t want = conn_in_want(&c->in);
	struct span in, msg;
	ssize_t n;
	int r;

	n = recv(c->fd, buf, want < sizeof(buf) ? want : sizeof(buf),
	    MSG_DONTWAIT);
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		return false;
	in = (struct span){ buf, n > 0 ? (size_t)n : 0 };
	r = conn_in_feed(&c->in, &in, &msg);
	explicit_bzero(buf, n > 0 ? (size_t)n : 0);
	if (r < 0) {
		log_error(c->server->conf.log, "%s sent a message "
		    "over 256 KiB; connection closed",
		    peer_text(&c->caller.peer).s);
		return false;
	}
	if (r == 1)
		ask(c, msg);
	settle(c, n > 0);
	return true;
}

/* Its turn: the length and then the message, mostly all of it. */
static void
serve(struct client *c)
{
	bool begins = c->in.body == NULL, ok;

	ok = receive(c);
	if (ok && begins && c->in.body != NULL)
		ok = receive(c);
	if (!ok)
		client_close(c);
}

static void
want_turn(struct client *c)
{
	turns_want(c->server->turns, &c->turn, loop_now());
	watch_set(c->watch, 0);
}

/*
 * One that hangs up when it has said something is heard nevertheless: it may
 * be "lock".  But those of a flood are not worth keeping.
 */
static void
on_client(void *arg, short revents)
{
	struct client *c = arg;
	bool ok = true;

	if ((revents & (POLLHUP | POLLERR | POLLNVAL)) != 0 &&
	    (revents & POLLIN) == 0)
		ok = c->turn.waiting && !turns_is_behind(
		    c->server->turns, &c->turn);
	else if (c->out != NULL)
		ok = flush(c);
	else if (c->request == 0 && (revents & POLLIN) != 0)
		want_turn(c);
	if (!ok)
		client_close(c);
}

static struct client *
find(struct server *s, uint64_t id)
{
	struct client *c;

	if (s->asking != NULL && s->asking->request == id)
		return s->asking;
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

/* Called from inside ask(), or later from the loop. */
void
server_reply(void *arg, uint64_t id, struct span reply)
{
	struct server *s = arg;
	struct client *c = find(s, id);

	if (c == NULL)
		return;
	c->request = 0;
	if (frame(c, reply) && flush(c))
		return;
	shutdown(c->fd, SHUT_RDWR);	/* poll() then reports it */
	settle(c, false);
}

static void
cut_off(struct client *c, bool due)
{
	log_error(c->server->conf.log, "%s %s%s; connection closed",
	    peer_text(&c->caller.peer).s, c->out != NULL ?
	    "does not read its answer" : "does not end its message",
	    due ? "" : ", and others need the memory");
	client_close(c);
}

static void
on_stall(void *arg)
{
	((struct server *)arg)->stall = NULL;	/* on_turn() looks */
}

/*
 * Cut off those that stuck for too long.  This comes behind the callbacks:
 * what was there to be read or sent after we ourselves stood still has
 * counted by then.
 */
static void
check_stuck(struct server *s)
{
	struct client *c;
	int64_t now = loop_now();
	bool due;

	while ((c = TAILQ_FIRST(&s->stuck)) != NULL) {
		due = now - c->moved >= s->conf.stall_ms && !c->turn.waiting;
		if (!due && s->held <= s->conf.held_max)
			break;
		cut_off(c, due);
	}
	if (c == NULL) {
		timer_free(s->stall);
		s->stall = NULL;
	} else if (s->stall == NULL) {
		s->stall = loop_timer(s->conf.loop,
		    c->moved + s->conf.stall_ms - now, on_stall, s);
	}
}

static bool
on_turn(void *arg)
{
	struct server *s = arg;
	struct turn *t;

	turns_begin(s->turns);
	while ((t = turns_next(s->turns, loop_now())) != NULL)
		serve(t->owner);
	check_stuck(s);
	return turns_waiting(s->turns);
}

/* NULL, or a client that is not yet on the list. */
static struct client *
client_make(struct server *s, int fd, const struct peer *peer)
{
	struct client *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return NULL;
	c->server = s;
	c->fd = fd;
	c->caller.peer = *peer;
	if (turns_join(s->turns, &c->turn, c, peer->pid, loop_now())) {
		c->watch = loop_watch(s->conf.loop, fd, POLLIN, on_client, c);
		if (c->watch != NULL)
			return c;
		turns_leave(s->turns, &c->turn);
	}
	free(c);
	return NULL;
}

void
server_admit(struct server *s, int fd, const struct peer *peer)
{
	struct client *c = NULL;

	if (s->n < s->conf.clients_max)
		c = client_make(s, fd, peer);
	if (c == NULL) {
		close(fd);
		return;
	}
	TAILQ_INSERT_TAIL(&s->clients, c, next);
	s->n++;
	if (turns_together(&c->turn) >
	    s->conf.clients_max - s->conf.clients_max / 4) {
		log_error(s->conf.log, "%s has %zu connections "
		    "open; one more refused", peer_text(&c->caller.peer).s,
		    turns_together(&c->turn) - 1);
		client_close(c);
	} else if (s->n < s->conf.clients_max / 2) {
		s->full = false;
	}
}

static void
receive_client(struct server *s, int fd)
{
	struct peer peer;
	struct err e;
	int r;

	if ((r = peer_of(fd, &peer, &e)) == 0 && peer.pid == s->conf.self)
		r = err_set(&e, ERR_DENIED, 0, "this agent is its own "
		    "Upstream");
	if (r == 0) {
		server_admit(s, fd, &peer);
		return;
	}
	log_error(s->conf.log, "refused: %s", e.msg);
	close(fd);
}

/* A few at a time, so that newcomers do not hold up those that are here. */
static void
on_listen(void *arg, short revents)
{
	struct server *s = arg;
	int fd;

	(void)revents;
	for (int i = 0; i < ACCEPTS; i++) {
		if (s->n >= s->conf.clients_max) {
			accept_later(s, "no more are let in", false);
			return;
		}
		fd = accept4(s->conf.listen_fd, NULL, NULL,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd == -1)
			break;
		receive_client(s, fd);
	}
	if (fd == -1 && (errno == EMFILE || errno == ENFILE))
		accept_later(s, strerror(errno), true);
}

static size_t
clients_max(void)
{
	struct rlimit files;
	rlim_t n;

	if (getrlimit(RLIMIT_NOFILE, &files) == -1)
		return SERVER_CLIENTS_MAX;
	n = files.rlim_cur > 2 * OWN_FILES ? files.rlim_cur - OWN_FILES :
	    files.rlim_cur / 2;
	return n < SERVER_CLIENTS_MAX ? (size_t)n : SERVER_CLIENTS_MAX;
}

int
server_new(struct server **out, const struct server_conf *conf, struct err *e)
{
	struct server *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "server");
	s->conf = *conf;
	if (s->conf.stall_ms == 0)
		s->conf.stall_ms = SERVER_STALL_MS;
	if (s->conf.whole_ms == 0)
		s->conf.whole_ms = SERVER_WHOLE_MS;
	if (s->conf.held_max == 0)
		s->conf.held_max = SERVER_HELD_MAX;
	if (s->conf.clients_max == 0)
		s->conf.clients_max = clients_max();
	TAILQ_INIT(&s->clients);
	TAILQ_INIT(&s->stuck);
	s->turns = turns_new(TURNS_COST_MS, TURNS_SLACK_MS);
	accept_again(s);
	if (s->turns == NULL || s->watch == NULL) {
		server_free(s);
		return err_set(e, ERR_NOMEM, 0, "server");
	}
	loop_each_turn(s->conf.loop, on_turn, s);
	*out = s;
	return 0;
}

void
server_free(struct server *s)
{
	struct client *c;

	if (s == NULL)
		return;
	loop_each_turn(s->conf.loop, NULL, NULL);
	watch_free(s->watch);
	timer_free(s->retry);
	timer_free(s->stall);
	while ((c = TAILQ_FIRST(&s->clients)) != NULL)
		client_free(c);
	turns_free(s->turns);
	free(s);
}

void
server_set_core(struct server *s, struct core *c)
{
	s->core = c;
}
