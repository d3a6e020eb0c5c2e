/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ssh/constraint.h"
#include "tests/fuzz/law.h"

static void
put_hop(struct wire_w *w, const struct hop *h, size_t max)
{
	struct wire_w hop;

	must(wire_write(&hop, max));
	wire_put_string(&hop, h->user);
	wire_put_string(&hop, h->hostname);
	wire_put_u32(&hop, 0);
	for (size_t i = 0; i < h->n_keys; i++) {
		wire_put_string(&hop, h->keys[i].blob);
		wire_put_u8(&hop, h->keys[i].is_ca);
	}
	wire_put_string(w, wire_bytes(&hop));
	wire_free(&hop);
}

static void
put_destinations(struct wire_w *w, const struct destinations *d, size_t max)
{
	struct wire_w list, one;

	must(wire_write(&list, max));
	for (size_t i = 0; i < d->n; i++) {
		must(wire_write(&one, max));
		put_hop(&one, &d->v[i].from, max);
		put_hop(&one, &d->v[i].to, max);
		wire_put_u32(&one, 0);
		wire_put_string(&list, wire_bytes(&one));
		wire_free(&one);
	}
	wire_put_u8(w, 255);
	wire_put_cstring(w, "restrict-destination-v00@openssh.com");
	wire_put_string(w, wire_bytes(&list));
	wire_free(&list);
}

static void
put_certs(struct wire_w *w, const struct constraints *c, size_t max)
{
	struct wire_w list;

	must(wire_write(&list, max));
	for (size_t i = 0; i < c->n_certs; i++)
		wire_put_string(&list, c->certs[i]);
	wire_put_u8(w, 255);
	wire_put_cstring(w, "associated-certs-v00@openssh.com");
	wire_put_u8(w, c->certs_only);
	wire_put_string(w, wire_bytes(&list));
	wire_free(&list);
}

/* What was understood, written anew: never more than was read. */
static void
encode(const struct constraints *c, struct wire_w *w, size_t max)
{
	must(wire_write(w, max));
	if (c->lifetime != 0) {
		wire_put_u8(w, 1);
		wire_put_u32(w, c->lifetime);
	}
	if (c->confirm)
		wire_put_u8(w, 2);
	if (c->destinations.n > 0)
		put_destinations(w, &c->destinations, max);
	if (c->n_certs > 0 || c->certs_only)
		put_certs(w, c, max);
	must(!w->bad);
}

/* Read again it is the same. */
static void
check_again(struct span first, enum constraint_certs allowed)
{
	struct constraints c;
	struct wire_w w;
	struct err e;

	must(constraints_parse(first, allowed, &c, &e) == 0);
	encode(&c, &w, first.n);
	must(span_eq(wire_bytes(&w), first));
	wire_free(&w);
	constraints_free(&c);
}

/* One line, and a shorter one is its beginning. */
static void
describe(const struct destinations *d)
{
	char text[4096], less[40];

	destinations_describe(d, text, sizeof(text));
	must(strlen(text) < sizeof(text) - 1);
	must((d->n == 0) == (text[0] == '\0'));
	for (const char *s = text; *s != '\0'; s++)
		must((unsigned char)*s >= 0x20 && *s != 0x7f);
	destinations_describe(d, less, sizeof(less));
	must(strncmp(less, text, strlen(less)) == 0);
}

static void
check_limits(const struct constraints *c, enum constraint_certs allowed)
{
	const struct destinations *d = &c->destinations;

	must(d->n <= CONSTRAINT_MAX_DESTINATIONS);
	must(c->n_certs <= CONSTRAINT_MAX_CERTS);
	must(allowed == CONSTRAINT_WITH_CERTS ||
	    (c->n_certs == 0 && !c->certs_only));
	for (size_t i = 0; i < d->n; i++) {
		must(d->v[i].from.user.n == 0);
		must(d->v[i].to.user.n <= CONSTRAINT_MAX_USER);
		must(d->v[i].to.hostname.n > 0 && d->v[i].to.n_keys > 0);
		must((d->v[i].from.hostname.n > 0) ==
		    (d->v[i].from.n_keys > 0));
	}
}

/* Input: a byte, whether certificates may come; then the constraints. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	enum constraint_certs allowed;
	struct constraints c;
	struct wire_w w;
	struct err e;

	if (n == 0)
		return 0;
	allowed = p[0] & 1 ? CONSTRAINT_WITH_CERTS : CONSTRAINT_NO_CERTS;
	if (constraints_parse((struct span){ p + 1, n - 1 }, allowed, &c,
	    &e) != 0) {
		must(c.bytes == NULL && c.certs == NULL &&
		    c.destinations.v == NULL);
		must(e.msg[0] != '\0');
		return 0;
	}
	check_limits(&c, allowed);
	describe(&c.destinations);
	encode(&c, &w, n - 1);
	check_again(wire_bytes(&w), allowed);
	wire_free(&w);
	constraints_free(&c);
	return 0;
}
