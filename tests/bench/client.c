/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <string.h>
#include <unistd.h>

#include "ssh/agentmsg.h"
#include "ssh/wire.h"
#include "tests/bench/client.h"
#include "tests/bench/sample.h"
#include "tests/harness/sshsig.h"

#define LENGTH_BYTES	4

struct answer {
	uint8_t	 b[65536];
	size_t	 n;
};

int
client_connect(const char *path, int *fd, struct err *e)
{
	const struct timeval patience = { .tv_sec = CLIENT_TIMEOUT_S };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int s;

	if (strlen(path) >= sizeof(sa.sun_path))
		return err_set(e, ERR_LIMIT, 0, "%s: too long for a socket",
		    path);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	if ((s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return err_sys(e, "socket");
	if (setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience)) == -1 ||
	    connect(s, (const struct sockaddr *)&sa, sizeof(sa)) == -1) {
		(void)err_sys(e, "%s", path);
		close(s);
		return ERR_SYS;
	}
	*fd = s;
	return 0;
}

static int
ask(int fd, const struct message *m, struct answer *a, struct err *e)
{
	size_t want = LENGTH_BYTES;
	struct wire_r r;
	ssize_t n;

	if (send(fd, m->b, m->n, MSG_NOSIGNAL) != (ssize_t)m->n)
		return err_sys(e, "request to the agent");
	for (a->n = 0; a->n < want; a->n += (size_t)n) {
		n = recv(fd, a->b + a->n, sizeof(a->b) - a->n, 0);
		if (n == 0)
			return err_set(e, ERR_FORMAT, 0,
			    "the agent hung up without an answer");
		if (n == -1)
			return err_sys(e, "answer of the agent");
		if (a->n + (size_t)n >= LENGTH_BYTES) {
			wire_read(&r, (struct span){ a->b, LENGTH_BYTES });
			want = LENGTH_BYTES + wire_get_u32(&r);
		}
		if (want > sizeof(a->b))
			return err_set(e, ERR_LIMIT, 0,
			    "an answer of %zu bytes", want);
	}
	return 0;
}

/* Send and get the contents of an answer of the wanted type. */
static int
ask_for(int fd, const struct message *m, enum agent_msg want,
    struct answer *a, struct wire_r *r, struct err *e)
{
	uint8_t type;
	int rc;

	if ((rc = ask(fd, m, a, e)) != 0)
		return rc;
	wire_read(r, (struct span){ a->b + LENGTH_BYTES,
	    a->n - LENGTH_BYTES });
	type = wire_get_u8(r);
	if (type != want)
		return err_set(e, ERR_DENIED, type,
		    "the agent answers %u where %d is wanted", type, want);
	return 0;
}

static const struct message list_request = {
	.b = { 0, 0, 0, 1, MSG_REQUEST_IDENTITIES }, .n = 5,
};

int
client_list_on(int fd, uint32_t *keys, struct err *e)
{
	struct answer a;
	struct wire_r r;
	int rc;

	rc = ask_for(fd, &list_request, MSG_IDENTITIES_ANSWER, &a, &r, e);
	if (rc == 0)
		*keys = wire_get_u32(&r);
	return rc;
}

int
client_list(const char *path, uint32_t *keys, double *ms, struct err *e)
{
	double start = now_ms();
	int fd, r;

	if ((r = client_connect(path, &fd, e)) != 0)
		return r;
	r = client_list_on(fd, keys, e);
	*ms = now_ms() - start;
	close(fd);
	return r;
}

static int
put_request(struct span blob, uint32_t flags, struct message *m,
    struct err *e)
{
	uint8_t data[SSHSIG_BYTES];
	struct wire_w body, w;
	struct span out;
	int r = 0;

	sshsig_fill(data, "bench");
	if (!wire_write(&body, sizeof(m->b)))
		return err_set(e, ERR_NOMEM, 0, "request");
	if (!wire_write(&w, sizeof(m->b))) {
		wire_free(&body);
		return err_set(e, ERR_NOMEM, 0, "request");
	}
	wire_put_u8(&body, MSG_SIGN_REQUEST);
	wire_put_string(&body, blob);
	wire_put_string(&body, (struct span){ data, sizeof(data) });
	wire_put_u32(&body, flags);
	wire_put_string(&w, wire_bytes(&body));
	out = wire_bytes(&w);
	if (body.bad || w.bad)
		r = err_set(e, ERR_LIMIT, 0, "request to sign");
	else
		memcpy(m->b, out.p, out.n);
	m->n = out.n;
	wire_free(&body);
	wire_free(&w);
	return r;
}

static int
find_key(struct wire_r *r, const char *comment, struct span *blob,
    struct err *e)
{
	uint32_t n = wire_get_u32(r);

	for (; n > 0 && !r->bad; n--) {
		*blob = wire_get_string(r);
		if (span_is(wire_get_string(r), comment))
			return 0;
	}
	return err_set(e, ERR_NOTFOUND, 0, "the agent lists no key \"%s\"",
	    comment);
}

int
client_prepare(const char *path, const char *comment, uint32_t flags,
    struct message *m, struct err *e)
{
	struct span blob = { NULL, 0 };
	struct answer a;
	struct wire_r r;
	int fd, rc;

	if ((rc = client_connect(path, &fd, e)) != 0)
		return rc;
	rc = ask_for(fd, &list_request, MSG_IDENTITIES_ANSWER, &a, &r, e);
	if (rc == 0 && (rc = find_key(&r, comment, &blob, e)) == 0)
		rc = put_request(blob, flags, m, e);
	close(fd);
	return rc;
}

int
client_sign(int fd, const struct message *m, struct err *e)
{
	struct answer a;
	struct wire_r r;

	return ask_for(fd, m, MSG_SIGN_RESPONSE, &a, &r, e);
}

int
client_sign_once(const char *path, const char *comment, struct err *e)
{
	struct message m;
	int fd, r;

	if ((r = client_prepare(path, comment, 0, &m, e)) != 0 ||
	    (r = client_connect(path, &fd, e)) != 0)
		return r;
	r = client_sign(fd, &m, e);
	close(fd);
	return r;
}
