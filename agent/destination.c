/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>

#include "agent/destination.h"
#include "base/glob.h"

/* A host that is bound, or, with no hop, where the agent itself runs. */
struct place {
	const struct bind_hop *hop;
	bool		 is_cert;
	struct cert	 cert;
};

static struct place
place_of(const struct bind_hop *hop)
{
	struct place p = { .hop = hop };
	struct err e;

	p.is_cert = cert_parse(hop->key, &p.cert, &e) == 0;
	return p;
}

/* As sshkey_cert_check_host() of OpenSSH: principals are the patterns. */
static bool
certifies(const struct cert *c, struct span hostname, time_t now)
{
	struct span name;
	struct wire_r r;

	if (c->type != CERT_HOST || c->critical.n != 0 || now < 0 ||
	    (uint64_t)now < c->valid_after || (uint64_t)now >= c->valid_before)
		return false;
	wire_read(&r, c->principals);
	while (cert_next_principal(&r, &name))
		if (glob_matches(hostname, name))
			return true;
	return false;
}

static bool
is_key_of(const struct place *p, const struct hop *h, const struct hop_key *k,
    time_t now)
{
	if (p->is_cert != k->is_ca)
		return false;
	if (!p->is_cert)
		return span_eq(p->hop->key, k->blob);
	return p->hop->certified && span_eq(p->cert.ca, k->blob) &&
	    certifies(&p->cert, h->hostname, now);
}

static bool
is_at(const struct place *p, const struct hop *h, time_t now)
{
	if (p->hop == NULL)
		return h->hostname.n == 0 && h->n_keys == 0;
	for (size_t i = 0; i < h->n_keys; i++)
		if (is_key_of(p, h, &h->keys[i], now))
			return true;
	return false;
}

/* `to` may be NULL for any host, `user` for any user. */
static bool
allows(const struct destinations *d, const struct place *from,
    const struct place *to, const struct span *user, time_t now)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct destination *one = &d->v[i];

		if (is_at(from, &one->from, now) &&
		    (to == NULL || is_at(to, &one->to, now)) &&
		    (user == NULL || one->to.user.n == 0 ||
		    glob_matches(*user, one->to.user)))
			return true;
	}
	return false;
}

/*
 * Whether each session is a step that is allowed; `user` (NULL: not asked)
 * counts at the last.  *last is the host it led to.
 */
static bool
leads(const struct destinations *d, const struct bind *b,
    const struct span *user, time_t now, struct place *last)
{
	*last = (struct place){ 0 };
	for (size_t i = 0; i < b->n; i++) {
		const struct place to = place_of(&b->hops[i]);
		const bool at_end = i == b->n - 1;

		if ((!at_end && !to.hop->forwarding) ||
		    !allows(d, last, &to, at_end ? user : NULL, now))
			return false;
		*last = to;
	}
	return true;
}

bool
destination_lists(const struct destinations *d, const struct bind *b,
    time_t now)
{
	struct place last;

	if (d->n == 0)
		return true;
	if (b->n == 0)
		return !bind_failed(b);
	return leads(d, b, NULL, now, &last) &&
	    (!last.hop->forwarding || allows(d, &last, NULL, NULL, now));
}

static int
deny(const char *why, struct err *e)
{
	return err_set(e, ERR_DENIED, 0,
	    "the key is limited to certain destinations, and %s", why);
}

/* What the request says of the session is what was bound last. */
static int
check_session(const struct bind *b, const struct request *req, struct err *e)
{
	const struct bind_hop *last = &b->hops[b->n - 1];
	const bool hostbound = req->kind == REQUEST_USERAUTH_HOSTBOUND;

	if (req->kind != REQUEST_USERAUTH && !hostbound)
		return deny("this is not a login", e);
	if (last->forwarding)
		return deny("the agent was forwarded to a host that did not "
		    "say where it logs in", e);
	if (!span_eq(req->session_id, last->session_id))
		return deny("this login is in another session than the one "
		    "it was bound to", e);
	if (b->n > 1 && !hostbound)
		return deny("a login through another host has to name the "
		    "key of the server (OpenSSH 8.9)", e);
	if (hostbound && !span_eq(req->host_key, last->key))
		return deny("this login is at another host than the one it "
		    "was bound to", e);
	return 0;
}

int
destination_signs(const struct destinations *d, const struct bind *b,
    const struct request *req, time_t now, struct err *e)
{
	struct place last;
	int r;

	if (d->n == 0)
		return 0;
	if (bind_failed(b))
		return deny("the client could not prove where it is "
		    "(session-bind failed)", e);
	if (b->n == 0)
		return deny("the client did not say where it logs in "
		    "(no session-bind)", e);
	if ((r = check_session(b, req, e)) != 0)
		return r;
	if (!leads(d, b, NULL, now, &last))
		return deny("this host, or the way to it, is none of them", e);
	if (!leads(d, b, &req->user, now, &last))
		return deny("not for this user there", e);
	return 0;
}
