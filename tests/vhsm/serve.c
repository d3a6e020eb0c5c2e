/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tests/vhsm/ctl.h"
#include "tests/vhsm/serve.h"

#define MS		INT64_C(1000000)
#define RETRY		(5 * MS)
#define PATIENCE	(10000 * MS)

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * (1000 * MS) + t.tv_nsec;
}

static void
unplug(struct server *s)
{
	vpcd_hang_up(&s->link);
	vhsm_power(s->card);
	s->late.on = false;
}

void
serve_pull(struct server *s)
{
	unplug(s);
	s->inserted = false;
}

void
serve_insert(struct server *s)
{
	s->inserted = true;
	s->reconnect |= s->link.fd == -1;
}

static void
lose_reader(struct server *s)
{
	unplug(s);
	s->gone = !s->reconnect;
}

static void
answer(struct server *s)
{
	struct span cmd, rsp = { s->late.rsp, s->late.n };

	if (!vpcd_peek(&s->link, &cmd))
		return;
	s->late.on = false;
	if (s->late.lost)
		rsp.n = 0;
	fault_note(&s->faults, cmd, rsp);
	OPENSSL_cleanse(s->link.in + 2, cmd.n);	/* it may hold a PIN */
	vpcd_next(&s->link);
	if (s->late.lost)
		vpcd_close(&s->link);
	else if (!vpcd_send(&s->link, rsp))
		vpcd_close(&s->link);
	if (s->link.fd == -1)
		unplug(s);
}

/* Run a command, or what was planned for it; the answer may wait. */
static void
take_command(struct server *s, struct span cmd)
{
	struct fault f = fault_next(&s->faults);
	unsigned delay = fault_delay(&s->faults, cmd);

	s->late.on = true;
	s->late.lost = f.kind == FAULT_DROP || f.kind == FAULT_DROP_AFTER;
	s->late.due = now() + delay * MS;
	s->late.n = 0;
	switch (f.kind) {
	case FAULT_SW:
	case FAULT_RAW_ANSWER:
		memcpy(s->late.rsp, f.raw, f.raw_n);
		s->late.n = f.raw_n;
		break;
	case FAULT_NONE:
	case FAULT_DROP_AFTER:
		s->late.n = vhsm_apdu(s->card, cmd, s->late.rsp, VPCD_MAX);
		break;
	case FAULT_DROP:
		break;
	}
	if (delay == 0)
		answer(s);
}

static void
take_control(struct server *s, uint8_t what)
{
	struct span atr;
	bool ok = true;

	vpcd_next(&s->link);
	if (what == VPCD_ATR) {
		atr.p = vhsm_atr(s->card, &atr.n);
		ok = vpcd_send(&s->link, atr);
	} else {
		vhsm_power(s->card);
	}
	if (!ok)
		lose_reader(s);
}

static void
take_messages(struct server *s)
{
	struct span msg;

	while (s->link.fd != -1 && !s->late.on &&
	    vpcd_peek(&s->link, &msg)) {
		if (msg.n == 1)
			take_control(s, msg.p[0]);
		else
			take_command(s, msg);
	}
}

static void
read_reader(struct server *s)
{
	if (!vpcd_fill(&s->link))
		lose_reader(s);
	else
		take_messages(s);
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

/* Connect if a card is in and not connected; how long until then. */
static int64_t
keep_connected(struct server *s)
{
	if (s->port == 0 || !s->inserted || s->link.fd != -1)
		return -1;
	if (vpcd_connect(&s->link, s->port)) {
		s->give_up = 0;
		return -1;
	}
	if (s->give_up != 0 && !s->reconnect && now() > s->give_up)
		s->gone = true;
	return RETRY;
}

static void
wait_events(struct server *s, struct pollfd p[2 + SERVE_CLIENTS],
    int64_t wait)
{
	struct timespec t = { 0 };

	if (s->late.on) {
		wait = s->late.due - now();
		wait = wait > 0 ? wait : 0;
	}
	t.tv_sec = wait / (1000 * MS);
	t.tv_nsec = wait % (1000 * MS);
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
		wait_events(s, p, keep_connected(s));
		if (s->late.on && now() >= s->late.due) {
			answer(s);
			take_messages(s);
		}
		if (p[0].revents != 0 && s->link.fd == p[0].fd)
			read_reader(s);
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
	s->inserted = true;
	s->give_up = now() + PATIENCE;
	s->link.fd = -1;
	for (size_t i = 0; i < SERVE_CLIENTS; i++)
		s->client[i].fd = -1;
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
}
