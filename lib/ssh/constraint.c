/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/cert.h"
#include "ssh/constraint.h"
#include "ssh/key.h"
#include "ssh/keytext.h"

#define SHOWN_NAME	65		/* with the NUL */
#define SHOWN_ONE	(3 * SHOWN_NAME)	/* names, two signs */
#define SHOWN_LIST	8

/* What was read so far, for what may not come twice. */
struct parse {
	struct wire_r		 in;
	struct constraints	*c;
	enum constraint_certs	 allowed;
	bool	 had_lifetime, had_destinations, had_certs;
};

static int
twice(const char *what, struct err *e)
{
	return err_set(e, ERR_FORMAT, 0, "%s constrained twice", what);
}

static int
cut_off(const char *what, struct err *e)
{
	return err_set(e, ERR_FORMAT, 0, "%s constraint is cut off", what);
}

/*
 * Keys that are not of our types are kept as they are: they can be equal to
 * another, and no more is asked of them.
 */
static int
check_key(struct span blob, struct err *e)
{
	struct wire_r r;
	struct key k;
	int x;

	wire_read(&r, blob);
	if (wire_get_string(&r).n == 0)
		return err_set(e, ERR_FORMAT, 0,
		    "malformed host key in a destination constraint");
	x = key_parse(blob, &k, e);
	if (x != 0 && x != ERR_UNSUPPORTED)
		return err_wrap(e, "host key in a destination constraint");
	return 0;
}

static struct span
get_key(struct wire_r *r, bool *is_ca)
{
	const struct span blob = wire_get_string(r);

	*is_ca = wire_get_u8(r) != 0;
	return blob;
}

static int
parse_hop_keys(struct wire_r *r, struct hop *h, struct err *e)
{
	struct wire_r ahead = *r;
	size_t n = 0;
	bool is_ca;
	int x;

	while (!ahead.bad && ahead.left > 0) {
		get_key(&ahead, &is_ca);
		n++;
	}
	if (ahead.bad)
		return cut_off("destination", e);
	if (n == 0)
		return 0;
	if ((h->keys = calloc(n, sizeof(*h->keys))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "destination constraint");
	for (; h->n_keys < n; h->n_keys++) {
		struct hop_key *k = &h->keys[h->n_keys];

		k->blob = get_key(r, &k->is_ca);
		if ((x = check_key(k->blob, e)) != 0)
			return x;
	}
	return 0;
}

static bool
has_nul(struct span s)
{
	return s.n > 0 && memchr(s.p, '\0', s.n) != NULL;
}

static int
parse_hop(struct span in, struct hop *h, struct err *e)
{
	struct span reserved;
	struct wire_r r;

	wire_read(&r, in);
	h->user = wire_get_string(&r);
	h->hostname = wire_get_string(&r);
	reserved = wire_get_string(&r);
	if (r.bad)
		return cut_off("destination", e);
	if (has_nul(h->user) || has_nul(h->hostname))
		return err_set(e, ERR_FORMAT, 0,
		    "NUL in a name of a destination constraint");
	if (h->user.n > CONSTRAINT_MAX_USER)
		return err_set(e, ERR_LIMIT, 0,
		    "user of a destination constraint is over %d bytes",
		    CONSTRAINT_MAX_USER);
	if (reserved.n != 0)
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "hop of a destination constraint has an extension");
	return parse_hop_keys(&r, h, e);
}

static int
check_hops(const struct destination *d, struct err *e)
{
	if (d->from.user.n != 0)
		return err_set(e, ERR_FORMAT, 0,
		    "destination constraint names a user to come from");
	if ((d->from.hostname.n == 0) != (d->from.n_keys == 0))
		return err_set(e, ERR_FORMAT, 0, "host to come from in a "
		    "destination constraint needs a name and keys, or neither");
	if (d->to.hostname.n == 0 || d->to.n_keys == 0)
		return err_set(e, ERR_FORMAT, 0,
		    "destination constraint without a host or its keys");
	return 0;
}

static int
parse_destination(struct span in, struct destination *d, struct err *e)
{
	struct span from, to, reserved;
	struct wire_r r;
	int x;

	wire_read(&r, in);
	from = wire_get_string(&r);
	to = wire_get_string(&r);
	reserved = wire_get_string(&r);
	if (r.bad)
		return cut_off("destination", e);
	if (r.left > 0 || reserved.n != 0)
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "destination constraint has an extension");
	if ((x = parse_hop(from, &d->from, e)) != 0 ||
	    (x = parse_hop(to, &d->to, e)) != 0)
		return x;
	return check_hops(d, e);
}

/* The strings in `in`, at most max; false when the last is cut off. */
static bool
count_strings(struct span in, size_t max, size_t *n)
{
	struct wire_r r;

	wire_read(&r, in);
	for (*n = 0; !r.bad && r.left > 0 && *n <= max; (*n)++)
		wire_get_string(&r);
	return !r.bad;
}

static int
parse_destinations(struct parse *p, struct err *e)
{
	struct destinations *d = &p->c->destinations;
	const struct span list = wire_get_string(&p->in);
	struct wire_r r;
	size_t n;
	int x;

	if (p->had_destinations)
		return twice("destinations", e);
	p->had_destinations = true;
	if (p->in.bad || !count_strings(list, CONSTRAINT_MAX_DESTINATIONS,
	    &n))
		return cut_off("destination", e);
	if (n > CONSTRAINT_MAX_DESTINATIONS)
		return err_set(e, ERR_LIMIT, 0,
		    "more than %d destination constraints",
		    CONSTRAINT_MAX_DESTINATIONS);
	if (n > 0 && (d->v = calloc(n, sizeof(*d->v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "destination constraints");
	wire_read(&r, list);
	while (d->n < n)
		if ((x = parse_destination(wire_get_string(&r),
		    &d->v[d->n++], e)) != 0)
			return x;
	return 0;
}

static int
parse_certs(struct parse *p, struct err *e)
{
	struct constraints *c = p->c;
	struct cert cert;
	struct span list;
	struct wire_r r;
	size_t n;

	if (p->allowed == CONSTRAINT_NO_CERTS)
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "certificates are added beside the keys of a token only");
	if (p->had_certs)
		return twice("certificates", e);
	p->had_certs = true;
	c->certs_only = wire_get_u8(&p->in) != 0;
	list = wire_get_string(&p->in);
	if (p->in.bad || !count_strings(list, CONSTRAINT_MAX_CERTS, &n))
		return cut_off("certificate", e);
	if (n > CONSTRAINT_MAX_CERTS)
		return err_set(e, ERR_LIMIT, 0,
		    "more than %d certificates for a token",
		    CONSTRAINT_MAX_CERTS);
	if (n > 0 && (c->certs = calloc(n, sizeof(*c->certs))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "certificates for a token");
	wire_read(&r, list);
	for (; c->n_certs < n; c->n_certs++) {
		c->certs[c->n_certs] = wire_get_string(&r);
		if (cert_parse(c->certs[c->n_certs], &cert, e) != 0)
			return err_wrap(e, "certificate %zu for a token",
			    c->n_certs + 1);
	}
	return 0;
}

static int
parse_lifetime(struct parse *p, struct err *e)
{
	if (p->had_lifetime)
		return twice("lifetime", e);
	p->had_lifetime = true;
	p->c->lifetime = wire_get_u32(&p->in);
	return p->in.bad ? cut_off("lifetime", e) : 0;
}

static int
parse_confirm(struct parse *p, struct err *e)
{
	if (p->c->confirm)
		return twice("confirmation", e);
	p->c->confirm = true;
	return 0;
}

static int
parse_extension(struct parse *p, struct err *e)
{
	static const struct {
		const char	*name;
		int		(*fn)(struct parse *, struct err *);
	} known[] = {
		{ "restrict-destination-v00@openssh.com", parse_destinations },
		{ "associated-certs-v00@openssh.com", parse_certs },
	};
	const struct span name = wire_get_string(&p->in);
	char shown[SHOWN_NAME];

	if (p->in.bad)
		return cut_off("extension", e);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_is(name, known[i].name))
			return known[i].fn(p, e);
	keytext_clean(shown, sizeof(shown), name);
	return err_set(e, ERR_UNSUPPORTED, 0, "unknown constraint %s", shown);
}

static int
parse_one(struct parse *p, struct err *e)
{
	static const struct {
		uint8_t		 type;
		int		(*fn)(struct parse *, struct err *);
	} known[] = {
		{ 1, parse_lifetime },
		{ 2, parse_confirm },
		{ 255, parse_extension },
	};
	const uint8_t type = wire_get_u8(&p->in);

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].type == type)
			return known[i].fn(p, e);
	return err_set(e, ERR_UNSUPPORTED, 0, "unknown constraint %d", type);
}

int
constraints_parse(struct span in, enum constraint_certs allowed,
    struct constraints *c, struct err *e)
{
	struct parse p = { .c = c, .allowed = allowed };
	int r = 0;

	*c = (struct constraints){ 0 };
	if (in.n == 0)
		return 0;
	if ((c->bytes = malloc(in.n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "constraints");
	memcpy(c->bytes, in.p, in.n);
	wire_read(&p.in, (struct span){ c->bytes, in.n });
	while (r == 0 && p.in.left > 0)
		r = parse_one(&p, e);
	if (r != 0)
		constraints_free(c);
	return r;
}

void
constraints_free(struct constraints *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->destinations.n; i++) {
		free(c->destinations.v[i].from.keys);
		free(c->destinations.v[i].to.keys);
	}
	free(c->destinations.v);
	free(c->certs);
	free(c->bytes);
	*c = (struct constraints){ 0 };
}

bool
constraints_limit(const struct constraints *c)
{
	return c->lifetime > 0 || c->confirm || c->certs_only ||
	    c->destinations.n > 0;
}

/* A name with '?' for the bytes in `also`, which part names in the line. */
static void
show_name(char out[SHOWN_NAME], struct span name, const char *also)
{
	const bool cut = name.n >= SHOWN_NAME;

	keytext_clean(out, cut ? SHOWN_NAME - 3 : SHOWN_NAME, name);
	for (char *c = out; *c != '\0'; c++)
		if (strchr(also, *c) != NULL)
			*c = '?';
	if (cut)
		memcpy(out + strlen(out), "...", 4);
}

static void
show_destination(const struct destination *d, char out[SHOWN_ONE])
{
	char from[SHOWN_NAME], user[SHOWN_NAME], to[SHOWN_NAME];

	show_name(from, d->from.hostname, ">@, ");
	show_name(user, d->to.user, ">, ");
	show_name(to, d->to.hostname, ">@, ");
	snprintf(out, SHOWN_ONE, "%s%s%s%s%s", from,
	    from[0] != '\0' ? ">" : "", user, user[0] != '\0' ? "@" : "",
	    to);
}

void
destinations_describe(const struct destinations *d, char *buf, size_t len)
{
	char all[SHOWN_LIST * (SHOWN_ONE + 2) + 32] = "", one[SHOWN_ONE];
	size_t used = 0, i;

	for (i = 0; i < d->n && i < SHOWN_LIST; i++) {
		show_destination(&d->v[i], one);
		used += (size_t)snprintf(all + used, sizeof(all) - used,
		    "%s%s", i > 0 ? ", " : "", one);
	}
	if (i < d->n)
		snprintf(all + used, sizeof(all) - used, " and %zu more",
		    d->n - i);
	keytext_clean(buf, len, span_cstr(all));
}
