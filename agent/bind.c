/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/bind.h"
#include "ssh/hostsig.h"
#include "ssh/keytext.h"

/* Takes the fields out of h->body, and what is after them off it. */
static int
parse(struct bind_hop *h, struct span *sig, struct err *e)
{
	struct wire_r r;

	wire_read(&r, h->body);
	h->key = wire_get_string(&r);
	h->session_id = wire_get_string(&r);
	*sig = wire_get_string(&r);
	h->forwarding = wire_get_u8(&r) != 0;
	if (r.bad)
		return err_set(e, ERR_FORMAT, 0, "session-bind is cut off");
	h->body.n -= r.left;
	return 0;
}

/*
 * A host certificate is worth nothing without its CA's signature, which is
 * checked here once and not for each constraint of each key later.  One by
 * a CA of a type that we cannot check is kept, as any other key.
 */
static int
check_cert(struct bind_hop *h, struct err *e)
{
	struct cert c;
	int r;

	if (cert_parse(h->key, &c, e) != 0)
		return 0;	/* a plain key: hostsig_verify() has read it */
	r = hostsig_verify_cert(&c, e);
	h->certified = r == 0;
	if (r == ERR_UNSUPPORTED)
		return 0;
	return r == 0 ? 0 : err_wrap(e, "CA of a host certificate");
}

static int
check(struct bind_hop *h, struct span sig, struct err *e)
{
	if (h->session_id.n > BIND_MAX_SESSION_ID)
		return err_set(e, ERR_LIMIT, 0,
		    "session-bind with a session id of %zu bytes",
		    h->session_id.n);
	if (h->body.n > BIND_MAX_BYTES)
		return err_set(e, ERR_LIMIT, 0, "session-bind of %zu bytes",
		    h->body.n);
	if (hostsig_verify(h->key, h->session_id, sig, e) != 0 ||
	    check_cert(h, e) != 0)
		return err_wrap(e, "session-bind");
	return 0;
}

static bool
is_closed(const struct bind *b)
{
	return b->n > 0 && !b->hops[b->n - 1].forwarding;
}

static int
find(const struct bind *b, const struct bind_hop *new, bool *known,
    struct err *e)
{
	*known = false;
	for (size_t i = 0; i < b->n; i++) {
		const struct bind_hop *h = &b->hops[i];

		if (!span_eq(h->session_id, new->session_id))
			continue;
		if (!span_eq(h->key, new->key))
			return err_set(e, ERR_DENIED, 0,
			    "session-bind of a session to another host key");
		*known = true;
		return 0;
	}
	return 0;
}

static int
check_room(const struct bind *b, const struct bind_hop *h, struct err *e)
{
	size_t room = BIND_MAX_BYTES;

	if (b->n == BIND_MAX_HOPS)
		return err_set(e, ERR_LIMIT, 0,
		    "session-bind of more than %d sessions", BIND_MAX_HOPS);
	for (size_t i = 0; i < b->n; i++)
		room -= b->hops[i].body.n;
	if (h->body.n > room)
		return err_set(e, ERR_LIMIT, 0,
		    "session-bind of %zu bytes, after others", h->body.n);
	return 0;
}

/* Copy what the spans are of, and let them point there. */
static int
store(struct bind *b, const struct bind_hop *h, struct err *e)
{
	struct bind_hop *v;
	struct wire_r r;
	uint8_t *bytes;
	int x;

	if ((x = check_room(b, h, e)) != 0)
		return x;
	v = reallocarray(b->hops, b->n + 1, sizeof(*v));
	if (v != NULL)
		b->hops = v;
	bytes = malloc(h->body.n);
	if (v == NULL || bytes == NULL) {
		free(bytes);
		return err_set(e, ERR_NOMEM, 0, "session-bind");
	}
	memcpy(bytes, h->body.p, h->body.n);
	v[b->n] = *h;
	v[b->n].bytes = bytes;
	v[b->n].body.p = bytes;
	wire_read(&r, v[b->n].body);
	v[b->n].key = wire_get_string(&r);
	v[b->n].session_id = wire_get_string(&r);
	b->n++;
	return 0;
}

static int
add(struct bind *b, struct bind_hop *h, struct span sig, struct err *e)
{
	bool known;
	int r;

	if (is_closed(b))
		return err_set(e, ERR_DENIED, 0,
		    "session-bind on a connection that is for one login");
	if ((r = check(h, sig, e)) != 0 ||
	    (r = find(b, h, &known, e)) != 0 || known)
		return r;
	return store(b, h, e);
}

int
bind_add(struct bind *b, struct span body, struct err *e)
{
	struct bind_hop h = { .body = body };
	struct span sig;
	int r;

	b->tried = true;
	if ((r = parse(&h, &sig, e)) != 0) {
		b->doubtful = true;
		return r;
	}
	if ((r = add(b, &h, sig, e)) != 0 && h.forwarding)
		b->doubtful = true;
	return r;
}

void
bind_clear(struct bind *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->hops[i].bytes);
	free(b->hops);
	*b = (struct bind){ 0 };
}

bool
bind_tried(const struct bind *b)
{
	return b->tried;
}

bool
bind_failed(const struct bind *b)
{
	return b->tried && b->n == 0;
}

bool
bind_is_forwarded(const struct bind *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->hops[i].forwarding)
			return true;
	return b->doubtful;
}

/* Append, cut at len; buf holds a string already. */
static void
append(char *buf, size_t len, const char *before, const char *text)
{
	const size_t used = strlen(buf);

	snprintf(buf + used, len - used, "%s%s", before, text);
}

static void
append_host(char *buf, size_t len, const char *before,
    const struct bind_hop *h)
{
	char *text = keytext_fingerprint(h->key);

	append(buf, len, before, text != NULL ? text : "unknown");
	free(text);
}

void
bind_describe(const struct bind *b, char *buf, size_t len)
{
	if (len == 0)
		return;
	buf[0] = '\0';
	if (b->n > 0)
		append_host(buf, len, is_closed(b) ? "at host " : "from host ",
		    &b->hops[b->n - 1]);
	for (size_t i = b->n; i-- > 1; )
		append_host(buf, len, i == b->n - 1 ? " via " : ", ",
		    &b->hops[i - 1]);
	if (bind_is_forwarded(b))
		append(buf, len, b->n > 0 ? " " : "",
		    "over a forwarded connection");
}
