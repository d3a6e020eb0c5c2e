/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ssh/agentmsg.h"
#include "ssh/wire.h"
#include "tests/e2e/crowd.h"

#define FIND_MS	10000

long
crowd_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

static int
call(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	const char *path = getenv("SSH_AUTH_SOCK");
	int fd;

	if (path == NULL || strlen(path) >= sizeof(sa.sun_path))
		errx(2, "SSH_AUTH_SOCK is not set, or too long");
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd != -1 && connect(fd, (struct sockaddr *)&sa,
	    sizeof(sa)) == 0)
		return fd;
	if (fd != -1)
		close(fd);
	return -1;
}

bool
crowd_gather(struct crowd *c, size_t n)
{
	for (c->n = 0; c->n < n && c->n < CROWD_MAX; c->n++) {
		c->m[c->n].n = c->m[c->n].n_pending = 0;
		if ((c->m[c->n].fd = call()) == -1)
			return false;
	}
	return c->n == n;
}

void
crowd_dismiss(struct crowd *c)
{
	while (c->n > 0)
		if (c->m[--c->n].fd != -1)
			close(c->m[c->n].fd);
}

void
crowd_forget(struct crowd *c)
{
	c->tally = (struct crowd_tally){ 0 };
}

/* All that this client waits for is lost. */
static void
start_anew(struct crowd *c, struct crowd_member *m)
{
	c->tally.lost += (unsigned int)m->n_pending;
	m->n = m->n_pending = 0;
	if (m->fd != -1)
		close(m->fd);
	m->fd = call();
}

void
crowd_leave(struct crowd *c, size_t who)
{
	struct crowd_member *m = &c->m[who];

	c->tally.given_up += (unsigned int)m->n_pending;
	m->n_pending = 0;
	start_anew(c, m);
}

static void
submit(struct crowd *c, struct crowd_member *m, const struct wire_w *body,
    const struct crowd_key *k, const uint8_t data[CROWD_DATA])
{
	struct span b = wire_bytes(body);
	struct crowd_request *r;
	uint8_t msg[4096] = { 0 };

	if (m->n_pending == CROWD_PENDING || body->bad ||
	    b.n > sizeof(msg) - 4)
		errx(2, "a request that does not fit");
	msg[2] = (uint8_t)(b.n >> 8);
	msg[3] = (uint8_t)b.n;
	memcpy(msg + 4, b.p, b.n);
	c->tally.sent++;
	r = &m->pending[m->n_pending++];
	*r = (struct crowd_request){ .key = k, .since_ms = crowd_now_ms() };
	memcpy(r->data, data, CROWD_DATA);
	if (m->fd == -1 || send(m->fd, msg, b.n + 4,
	    MSG_NOSIGNAL) != (ssize_t)b.n + 4)
		start_anew(c, m);
}

void
crowd_list(struct crowd *c, size_t who)
{
	static const uint8_t nothing[CROWD_DATA];
	struct wire_w w;

	if (!wire_write(&w, 16))
		errx(2, "out of memory");
	wire_put_u8(&w, MSG_REQUEST_IDENTITIES);
	submit(c, &c->m[who], &w, NULL, nothing);
	wire_free(&w);
}

void
crowd_sign(struct crowd *c, size_t who, const struct crowd_key *k)
{
	uint8_t data[CROWD_DATA];
	char text[SSHSIG_TEXT];
	struct wire_w w;

	snprintf(text, sizeof(text), "request %u of %ld", ++c->serial,
	    (long)getpid());
	sshsig_fill(data, text);
	if (!wire_write(&w, 4000))
		errx(2, "out of memory");
	wire_put_u8(&w, MSG_SIGN_REQUEST);
	wire_put_string(&w, (struct span){ k->blob, k->n });
	wire_put_string(&w, (struct span){ data, sizeof(data) });
	wire_put_u32(&w, k->flags);
	submit(c, &c->m[who], &w, k, data);
	wire_free(&w);
}

static void
judge_signature(struct crowd_tally *t, const struct crowd_request *q,
    struct wire_r *r)
{
	struct span sig = wire_get_string(r);
	struct err e;

	if (wire_end(r) && sig_verify((struct span){ q->key->blob,
	    q->key->n }, q->key->alg, (struct span){ q->data, CROWD_DATA },
	    sig, &e) == 0)
		t->signatures++;
	else
		t->wrong++;
}

static void
judge(struct crowd_tally *t, const struct crowd_request *q, struct span msg)
{
	long ms = crowd_now_ms() - q->since_ms;
	struct wire_r r;
	uint8_t type;

	t->answered++;
	if (ms > t->slowest_ms)
		t->slowest_ms = ms;
	wire_read(&r, msg);
	type = wire_get_u8(&r);
	if (type == MSG_FAILURE) {
		t->refused++;
	} else if (q->key == NULL && type == MSG_IDENTITIES_ANSWER) {
		t->lists++;
		t->listed = wire_get_u32(&r);
	} else if (q->key != NULL && type == MSG_SIGN_RESPONSE) {
		judge_signature(t, q, &r);
	} else {
		t->wrong++;
	}
}

/* One whole answer off the buffer; false: there is none yet. */
static bool
take_answer(struct crowd *c, struct crowd_member *m)
{
	struct wire_r r;
	struct span msg;

	wire_read(&r, (struct span){ m->buf, m->n });
	msg = wire_get_string(&r);
	if (r.bad || m->n_pending == 0)
		return false;
	judge(&c->tally, &m->pending[0], msg);
	m->n_pending--;
	memmove(&m->pending[0], &m->pending[1],
	    m->n_pending * sizeof(m->pending[0]));
	m->n = r.left;
	memmove(m->buf, r.p, r.left);
	return true;
}

static void
receive(struct crowd *c, struct crowd_member *m)
{
	ssize_t n;

	n = recv(m->fd, m->buf + m->n, sizeof(m->buf) - m->n, MSG_DONTWAIT);
	if (n <= 0) {
		start_anew(c, m);
		return;
	}
	m->n += (size_t)n;
	while (take_answer(c, m))
		;
	if (m->n == sizeof(m->buf))
		errx(2, "an answer too long for this test");
}

static bool
is_waiting(const struct crowd *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->m[i].n_pending > 0)
			return true;
	return false;
}

void
crowd_let_one(struct crowd *c, long ms)
{
	struct pollfd p[CROWD_MAX];

	for (size_t i = 0; i < c->n; i++)
		p[i] = (struct pollfd){ .events = POLLIN,
		    .fd = c->m[i].n_pending > 0 ? c->m[i].fd : -1 };
	if (poll(p, c->n, (int)ms) <= 0)
		return;
	for (size_t i = 0; i < c->n; i++)
		if (p[i].revents != 0)
			receive(c, &c->m[i]);
}

bool
crowd_let(struct crowd *c, long ms)
{
	long left, until = crowd_now_ms() + ms;

	while (is_waiting(c)) {
		if ((left = until - crowd_now_ms()) <= 0)
			return false;
		crowd_let_one(c, left);
	}
	return true;
}

bool
crowd_wait(struct crowd *c, long ms)
{
	if (crowd_let(c, ms))
		return true;
	for (size_t i = 0; i < c->n; i++)
		if (c->m[i].n_pending > 0)
			start_anew(c, &c->m[i]);
	return false;
}

bool
crowd_sign_once(struct crowd *c, const struct crowd_key *k, long ms)
{
	bool ok = false;

	crowd_forget(c);
	if (crowd_gather(c, 1)) {
		crowd_sign(c, 0, k);
		ok = crowd_wait(c, ms) && c->tally.signatures == 1;
	}
	crowd_dismiss(c);
	return ok;
}

/* The first name in the blob says what it can sign. */
static void
set_algorithm(struct crowd_key *k)
{
	struct wire_r r;
	struct span name;

	wire_read(&r, (struct span){ k->blob, k->n });
	name = wire_get_string(&r);
	k->alg = SIG_ECDSA_P256;
	k->flags = 0;
	if (span_is(name, "ssh-rsa")) {
		k->alg = SIG_RSA_SHA512;
		k->flags = SIGN_FLAG_RSA_SHA512;
	}
}

static bool
pick(struct span msg, const char *comment, struct crowd_key *k)
{
	struct span blob, text;
	struct wire_r r;
	uint32_t n;

	wire_read(&r, msg);
	if (wire_get_u8(&r) != MSG_IDENTITIES_ANSWER)
		return false;
	for (n = wire_get_u32(&r); n > 0 && !r.bad; n--) {
		blob = wire_get_string(&r);
		text = wire_get_string(&r);
		if (!span_is(text, comment) || blob.n > sizeof(k->blob))
			continue;
		snprintf(k->comment, sizeof(k->comment), "%s", comment);
		memcpy(k->blob, blob.p, blob.n);
		k->n = blob.n;
		set_algorithm(k);
		return true;
	}
	return false;
}

bool
crowd_find(const char *comment, struct crowd_key *k)
{
	static const uint8_t ask[5] = { 0, 0, 0, 1, MSG_REQUEST_IDENTITIES };
	long until = crowd_now_ms() + FIND_MS;
	struct pollfd p = { .events = POLLIN };
	uint8_t buf[65536];
	bool found = false;
	size_t have = 0;
	struct wire_r r;
	ssize_t n = 1;
	struct span msg;

	if ((p.fd = call()) == -1)
		return false;
	if (send(p.fd, ask, sizeof(ask), MSG_NOSIGNAL) != sizeof(ask))
		n = 0;
	while (!found && n > 0 && crowd_now_ms() < until) {
		if (poll(&p, 1, 100) <= 0)
			continue;
		n = recv(p.fd, buf + have, sizeof(buf) - have, 0);
		have += n > 0 ? (size_t)n : 0;
		wire_read(&r, (struct span){ buf, have });
		msg = wire_get_string(&r);
		if (r.bad)
			continue;
		found = pick(msg, comment, k);
		break;
	}
	close(p.fd);
	return found;
}
