/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "agent/destination.h"
#include "agent/view.h"
#include "ssh/agentmsg.h"
#include "ssh/identities.h"
#include "ssh/keytext.h"

/* The listing as it grows; what does not fit any more is left out. */
struct listing {
	struct wire_w	 w;
	uint32_t	 n;
};

static void
put(struct listing *l, struct span blob, struct span comment)
{
	const size_t room = l->w.max - wire_bytes(&l->w).n;

	/* A writer that overflows forgets everything. */
	if (l->n >= VIEW_MAX || room < 8 || blob.n > room - 8 ||
	    comment.n > room - 8 - blob.n)
		return;
	wire_put_string(&l->w, blob);
	wire_put_string(&l->w, comment);
	l->n++;
}

static struct span
blob_of(const struct ident *id)
{
	return (struct span){ id->blob, id->blob_n };
}

static struct key_policy
policy_of(const struct view *v, const struct ident *id)
{
	return options_key_policy(v->opt, id->fingerprint, id->id, id->label);
}

bool
view_shows(const struct view *v, const struct ident *id)
{
	const struct constraints *c = grants_of(v->grants, id->serial);

	return !grants_hidden(v->grants, id->serial, blob_of(id)) &&
	    (c == NULL || destination_lists(&c->destinations, v->bind,
	    v->now));
}

/* By its own fingerprint, or that of the CA that vouches for it. */
static bool
is_host(const struct bind_hop *hop, const char *fingerprint)
{
	char *own = keytext_fingerprint(hop->key), *ca = NULL;
	struct cert cert;
	struct err e;
	bool same;

	if (hop->certified && cert_parse(hop->key, &cert, &e) == 0)
		ca = keytext_fingerprint(cert.ca);
	same = (own != NULL && strcmp(own, fingerprint) == 0) ||
	    (ca != NULL && strcmp(ca, fingerprint) == 0);
	free(own);
	free(ca);
	return same;
}

/* Is the key one for the host that the client is about to log in to? */
static bool
suits_host(const struct key_policy *p, const struct bind *b)
{
	const struct bind_hop *last;

	if (p->hosts == NULL || b->n == 0)
		return true;
	last = &b->hops[b->n - 1];
	if (last->forwarding)
		return true;
	for (size_t i = 0; i < p->hosts->n_hosts; i++)
		if (is_host(last, p->hosts->hosts[i]))
			return true;
	return false;
}

static bool
offers(const struct view *v, const struct ident *id,
    const struct key_policy *p)
{
	return p->offer && view_shows(v, id) && suits_host(p, v->bind);
}

static void
put_plain(const struct view *v, const struct ident *id, struct listing *l)
{
	const struct constraints *c = grants_of(v->grants, id->serial);

	if (c == NULL || !c->certs_only)
		put(l, blob_of(id), span_cstr(id->comment));
}

static void
put_cert(const struct view *v, const struct ident *id,
    const struct certfile *f, struct listing *l)
{
	if (certfile_state(f, v->now) == CERTFILE_OFFERED &&
	    f->type == CERT_USER && span_eq(certfile_key(f), blob_of(id)))
		put(l, certfile_blob(f), span_cstr(id->comment));
}

/* Those that were given with the token and are in no file; then the files. */
static void
put_certs_of(const struct view *v, const struct ident *id, struct listing *l)
{
	const struct certfile *const *certs;
	size_t n;

	certs = grants_certs(v->grants, id->serial, &n);
	for (size_t i = 0; i < n; i++)
		if (v->certs == NULL ||
		    certs_find(v->certs, certfile_blob(certs[i])) == NULL)
			put_cert(v, id, certs[i], l);
	if (v->certs == NULL)
		return;
	certs = certs_all(v->certs, &n);
	for (size_t i = 0; i < n; i++)
		put_cert(v, id, certs[i], l);
}

/* What the other agent has and we do not. */
static int
put_theirs(const struct view *v, struct span theirs, struct listing *l,
    struct err *e)
{
	struct span blob, comment;
	struct identities it;
	bool is_cert;
	int r;

	if (theirs.n == 0)
		return 0;
	if ((r = identities_read(&it, theirs, e)) != 0)
		return r;
	while (identities_next(&it, &blob, &comment))
		if (view_find(v->ids, blob, &is_cert) == NULL)
			put(l, blob, comment);
	return 0;
}

int
view_put(const struct view *v, struct span theirs, struct wire_w *out,
    struct err *e)
{
	struct listing l = { .n = 0 };
	struct key_policy p;
	int r;

	if (!wire_write(&l.w, out->max - 5))
		return err_set(e, ERR_NOMEM, 0, "list of keys");
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < v->ids->n; i++) {
			p = policy_of(v, &v->ids->v[i]);
			if ((p.use->set & USE_AUTH) == 0 ||
			    !offers(v, &v->ids->v[i], &p))
				continue;
			if (pass == 0)
				put_plain(v, &v->ids->v[i], &l);
			else
				put_certs_of(v, &v->ids->v[i], &l);
		}
	}
	r = put_theirs(v, theirs, &l, e);
	for (size_t i = 0; i < v->ids->n; i++) {
		p = policy_of(v, &v->ids->v[i]);
		if ((p.use->set & USE_AUTH) == 0 &&
		    offers(v, &v->ids->v[i], &p))
			put_plain(v, &v->ids->v[i], &l);
	}
	wire_put_u8(out, MSG_IDENTITIES_ANSWER);
	wire_put_u32(out, l.w.bad ? 0 : l.n);
	wire_put_raw(out, wire_bytes(&l.w));
	wire_free(&l.w);
	return r;
}

const struct ident *
view_find(const struct idents *ids, struct span blob, bool *is_cert)
{
	const struct ident *id = ident_find(ids, blob);
	struct cert cert;
	struct wire_w w;
	struct err e;

	*is_cert = false;
	if (id != NULL || cert_parse(blob, &cert, &e) != 0 ||
	    !wire_write(&w, KEY_BLOB_MAX))
		return id;
	cert_put_subject(&cert, &w);
	*is_cert = true;
	id = ident_find(ids, wire_bytes(&w));
	wire_free(&w);
	return id;
}
