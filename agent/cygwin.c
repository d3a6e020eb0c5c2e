/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <netinet/in.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/cygwin.h"
#include "agent/cygwin_file.h"

#define BACKLOG		128
#define ACCEPTS		16	/* in one turn of the loop */
#define RETRY_MS	1000	/* out of descriptors */

/* One that has connected, until it has proved itself. */
struct guest {
	TAILQ_ENTRY(guest) next;
	struct cygwin	*cygwin;
	int		 fd;
	struct watch	*watch;
	struct timer	*patience;
	struct cygwin_shake shake;
};

TAILQ_HEAD(guests, guest);

struct cygwin {
	struct cygwin_conf conf;
	struct cygwin_file file;
	uint8_t		 nonce[CYGWIN_NONCE_BYTES];
	int		 fd;
	struct watch	*watch;		/* NULL: not accepting, until then */
	struct timer	*retry;
	struct guests	 guests;	/* as they came */
	size_t		 n, max;
	unsigned long	 refused;	/* so far */
};

/* Keeps fd where it was handed on. */
static void
forget(struct guest *g, bool keep)
{
	struct cygwin *c = g->cygwin;

	TAILQ_REMOVE(&c->guests, g, next);
	c->n--;
	watch_free(g->watch);
	timer_free(g->patience);
	if (!keep)
		close(g->fd);
	free(g);
}

/* Told of ever more rarely: who knocks often shall not fill the log. */
static void
refuse(struct guest *g, const char *why)
{
	struct cygwin *c = g->cygwin;

	c->refused++;
	if ((c->refused & (c->refused - 1)) == 0)
		log_error(c->conf.log, "CygwinSocket: refused: somebody %s "
		    "(%lu so far)", why, c->refused);
	forget(g, false);
}

/* All of it fits: nothing else was ever sent there. */
static bool
say(const struct guest *g, const uint8_t *p, size_t n)
{
	return send(g->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n;
}

static void
admit(struct guest *g)
{
	struct cygwin *c = g->cygwin;
	uint8_t creds[CYGWIN_CREDS_BYTES];
	struct peer peer;
	const int fd = g->fd;

	cygwin_creds(creds, (uint32_t)getpid(), getuid(), getgid());
	if (!say(g, creds, sizeof(creds))) {
		forget(g, false);
		return;
	}
	peer_set_relayed(&peer, cygwin_shake_pid(&g->shake));
	forget(g, true);
	c->conf.admit(c->conf.arg, fd, &peer);
}

static void
on_guest(void *arg, short revents)
{
	struct guest *g = arg;
	uint8_t buf[CYGWIN_NONCE_BYTES];
	ssize_t n;

	(void)revents;
	n = recv(g->fd, buf, cygwin_shake_want(&g->shake), MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		forget(g, false);
		return;
	}
	switch (cygwin_shake_feed(&g->shake, g->cygwin->nonce,
	    (struct span){ buf, (size_t)n })) {
	case CYGWIN_MORE:
		break;
	case CYGWIN_WRONG:
		refuse(g, "who has not read the socket's file");
		break;
	case CYGWIN_PROVED:
		if (!say(g, g->cygwin->nonce, CYGWIN_NONCE_BYTES))
			forget(g, false);
		break;
	case CYGWIN_DONE:
		admit(g);
		break;
	}
}

static void
on_patience(void *arg)
{
	struct guest *g = arg;

	g->patience = NULL;
	refuse(g, "who does not say what stands in the socket's file");
}

/* One that has proved itself stays, unless all have. */
static struct guest *
oldest(const struct cygwin *c)
{
	struct guest *g;

	TAILQ_FOREACH(g, &c->guests, next)
		if (g->shake.n < CYGWIN_NONCE_BYTES)
			return g;
	return TAILQ_FIRST(&c->guests);
}

static void
receive(struct cygwin *c, int fd)
{
	struct guest *g;

	if (c->n == c->max)
		refuse(oldest(c), "who is one of many that say nothing");
	if ((g = calloc(1, sizeof(*g))) == NULL) {
		close(fd);
		return;
	}
	*g = (struct guest){ .cygwin = c, .fd = fd };
	TAILQ_INSERT_TAIL(&c->guests, g, next);
	c->n++;
	g->watch = loop_watch(c->conf.loop, fd, POLLIN, on_guest, g);
	g->patience = loop_timer(c->conf.loop, c->conf.patience_ms,
	    on_patience, g);
	if (g->watch == NULL || g->patience == NULL)
		forget(g, false);
	else
		on_guest(g, POLLIN);	/* mostly it is there by now */
}

static void	 on_retry(void *arg);

static void
on_listen(void *arg, short revents)
{
	struct cygwin *c = arg;
	int fd = -1;

	(void)revents;
	for (int i = 0; i < ACCEPTS; i++) {
		fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd == -1)
			break;
		receive(c, fd);
	}
	if (fd != -1 || (errno != EMFILE && errno != ENFILE))
		return;
	watch_free(c->watch);
	c->watch = NULL;
	c->retry = loop_timer(c->conf.loop, RETRY_MS, on_retry, c);
}

static void
on_retry(void *arg)
{
	struct cygwin *c = arg;

	c->retry = NULL;
	c->watch = loop_watch(c->conf.loop, c->fd, POLLIN, on_listen, c);
}

/* A port that the system chooses, for this machine alone. */
static int
open_port(struct cygwin *c, uint16_t *port, struct err *e)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(sin);

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (c->fd == -1 ||
	    bind(c->fd, (const struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(c->fd, BACKLOG) == -1 ||
	    getsockname(c->fd, (struct sockaddr *)&sin, &n) == -1)
		return err_sys(e, "127.0.0.1");
	*port = ntohs(sin.sin_port);
	if (getrandom(c->nonce, sizeof(c->nonce), 0) !=
	    (ssize_t)sizeof(c->nonce))
		return err_sys(e, "random numbers");
	return 0;
}

/*
 * Enough for some milliseconds of a flood: an honest client needs those to
 * say something, as what connects Windows to WSL is not fast.
 */
static size_t
guests_max(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == -1 ||
	    files.rlim_cur / 16 >= CYGWIN_GUESTS_MAX)
		return CYGWIN_GUESTS_MAX;
	return 1 + (size_t)files.rlim_cur / 16;
}

int
cygwin_new(struct cygwin **out, const struct cygwin_conf *conf, struct err *e)
{
	struct cygwin *c;
	uint16_t port = 0;
	int r;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "CygwinSocket");
	c->conf = *conf;
	if (c->conf.patience_ms == 0)
		c->conf.patience_ms = CYGWIN_PATIENCE_MS;
	TAILQ_INIT(&c->guests);
	c->max = guests_max();
	if ((r = open_port(c, &port, e)) == 0 &&
	    (r = cygwin_file_write(&c->file, conf->path, port, c->nonce,
	    e)) == 0 && (c->watch = loop_watch(conf->loop, c->fd, POLLIN,
	    on_listen, c)) == NULL)
		r = err_set(e, ERR_NOMEM, 0, "no memory");
	if (r != 0) {
		cygwin_free(c);
		return err_wrap(e, "CygwinSocket");
	}
	*out = c;
	return 0;
}

void
cygwin_free(struct cygwin *c)
{
	struct guest *g;

	if (c == NULL)
		return;
	while ((g = TAILQ_FIRST(&c->guests)) != NULL)
		forget(g, false);
	watch_free(c->watch);
	timer_free(c->retry);
	if (c->fd != -1)
		close(c->fd);
	cygwin_file_remove(&c->file);
	explicit_bzero(c->nonce, sizeof(c->nonce));
	free(c);
}
