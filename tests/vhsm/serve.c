/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/vhsm/ctl.h"
#include "tests/vhsm/reader.h"
#include "tests/vhsm/serve.h"

#define PATIENCE	(10000 * SERVE_MS)

int64_t
serve_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * (1000 * SERVE_MS) + t.tv_nsec;
}

/* So that no two cards of a test have the same one. */
static void
name_card(struct vhsm_options *o, char serial[16], unsigned n)
{
	snprintf(serial, 16, "%s", o->serial != NULL ? o->serial :
	    "DENK0100000");
	if (strlen(serial) >= 6)
		serial[5] = (char)(serial[5] + (int)n);
	o->serial = serial;
}

int
serve_card(struct server *s, unsigned n, struct vhsm **out, struct err *e)
{
	struct vhsm_options o = s->opt;
	char path[PATH_MAX], serial[16];
	int r = 0;

	if (n >= SERVE_CARDS)
		return err_set(e, ERR_LIMIT, 0, "cards are 0 to %d",
		    SERVE_CARDS - 1);
	if (n != 0)
		name_card(&o, serial, n);
	if (n != 0 && o.state_path != NULL) {
		snprintf(path, sizeof(path), "%s.%u", o.state_path, n);
		o.state_path = path;
	}
	if (s->card[n] == NULL)
		r = vhsm_open(&s->card[n], &o, e);
	*out = s->card[n];
	return r;
}

static void
drop_client(struct serve_client *c)
{
	close(c->fd);
	vh_buf_free(&c->in);
	c->fd = -1;
}

static void
accept_client(struct server *s)
{
	struct timeval second = { .tv_sec = 1 };
	int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd == -1)
		return;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	for (size_t i = 0; i < SERVE_CLIENTS; i++)
		if (s->client[i].fd == -1) {
			s->client[i].fd = fd;
			return;
		}
	close(fd);
}

static bool
send_all(int fd, const char *p, size_t n)
{
	ssize_t done;

	while (n > 0) {
		done = send(fd, p, n, MSG_NOSIGNAL);
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

/* Run one line and send what it printed. */
static bool
run_line(struct server *s, int fd, char *line)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	bool ok;

	if (out == NULL)
		return false;
	ctl_run(s, line, out);
	ok = fclose(out) == 0 && send_all(fd, text, n);
	free(text);
	return ok;
}

static bool
run_lines(struct server *s, struct serve_client *c)
{
	uint8_t *end;
	size_t used;

	while (c->in.n > 0 &&
	    (end = memchr(c->in.p, '\n', c->in.n)) != NULL) {
		*end = '\0';
		if (!run_line(s, c->fd, (char *)c->in.p))
			return false;
		used = (size_t)(end + 1 - c->in.p);
		memmove(c->in.p, end + 1, c->in.n - used);
		c->in.n -= used;
	}
	return c->in.n < SERVE_LINE_MAX;
}

static void
read_client(struct server *s, struct serve_client *c)
{
	uint8_t chunk[4096];
	struct span got = { chunk, 0 };
	ssize_t n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		got.n = (size_t)n;
		vh_buf_put(&c->in, got);
	}
	if (n <= 0 || c->in.bad || !run_lines(s, c))
		drop_client(c);
}

static void
wait_events(struct server *s, struct pollfd p[2 + SERVE_CLIENTS],
    int64_t wait)
{
	struct timespec t = { 0 };

	if (s->late.on) {
		wait = s->late.due - serve_now();
		wait = wait > 0 ? wait : 0;
	}
	t.tv_sec = wait / (1000 * SERVE_MS);
	t.tv_nsec = wait % (1000 * SERVE_MS);
	p[0].fd = s->link.fd;
	p[1].fd = s->listener;
	for (size_t i = 0; i < SERVE_CLIENTS; i++)
		p[2 + i].fd = s->client[i].fd;
	for (size_t i = 0; i < 2 + SERVE_CLIENTS; i++) {
		p[i].events = POLLIN;
		p[i].revents = 0;
	}
	ppoll(p, 2 + SERVE_CLIENTS, wait >= 0 ? &t : NULL, NULL);
}

int
serve_run(struct server *s, struct err *e)
{
	struct pollfd p[2 + SERVE_CLIENTS];

	while (!s->gone) {
		wait_events(s, p, reader_keep_connected(s));
		if (s->late.on && serve_now() >= s->late.due)
			reader_answer_late(s);
		if (p[0].revents != 0 && s->link.fd == p[0].fd)
			reader_read(s);
		for (size_t i = 0; i < SERVE_CLIENTS; i++)
			if (p[2 + i].revents != 0)
				read_client(s, &s->client[i]);
		if (p[1].revents != 0)
			accept_client(s);
	}
	return s->give_up == 0 ? 0 : err_set(e, ERR_NO_TOKEN, 0,
	    "no vpcd answers on port %u", s->port);
}

static int
listen_at(const char *path, int *out, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(e, ERR_LIMIT, 0, "%s: too long for a socket",
		    path);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) == -1 ||
	    listen(fd, SERVE_CLIENTS) == -1) {
		err_set(e, ERR_SYS, errno, "%s: %s", path, strerror(errno));
		if (fd != -1)
			close(fd);
		return e->code;
	}
	*out = fd;
	return 0;
}

int
serve_start(struct server *s, const char *ctl_path, struct err *e)
{
	struct vhsm *first;
	int r;

	s->inserted = true;
	s->give_up = serve_now() + PATIENCE;
	s->link.fd = -1;
	for (size_t i = 0; i < SERVE_CLIENTS; i++)
		s->client[i].fd = -1;
	if ((r = serve_card(s, 0, &first, e)) != 0)
		return r;
	return ctl_path != NULL ? listen_at(ctl_path, &s->listener, e) : 0;
}

void
serve_stop(struct server *s)
{
	vpcd_close(&s->link);
	if (s->listener != -1)
		close(s->listener);
	for (size_t i = 0; i < SERVE_CLIENTS; i++)
		if (s->client[i].fd != -1)
			drop_client(&s->client[i]);
	for (size_t i = 0; i < SERVE_CARDS; i++)
		vhsm_close(s->card[i]);
}
