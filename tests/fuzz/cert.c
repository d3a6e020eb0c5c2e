/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ssh/cert.h"
#include "tests/fuzz/law.h"

/* The lists of a parsed certificate end where they should. */
static void
walk(const struct cert *c)
{
	struct span name, data;
	struct wire_r r;
	size_t n = 0;

	wire_read(&r, c->principals);
	while (cert_next_principal(&r, &name))
		n++;
	must(wire_end(&r) && n == c->n_principals);
	must(n <= CERT_MAX_PRINCIPALS);
	wire_read(&r, c->critical);
	while (cert_next_option(&r, &name, &data))
		;
	must(wire_end(&r));
	wire_read(&r, c->extensions);
	while (cert_next_option(&r, &name, &data))
		;
	must(wire_end(&r));
}

/* One line of printable ASCII, whatever the names are; any length. */
static void
describe(const struct cert *c)
{
	char text[400], less[50];
	size_t n;

	cert_describe(c, text, sizeof(text));
	must((n = strlen(text)) < sizeof(text));
	for (size_t i = 0; i < n; i++)
		must(text[i] >= ' ' && text[i] <= '~');
	cert_describe(c, less, sizeof(less));
	must(strncmp(less, text, strlen(less)) == 0);
}

/* Written anew from its fields, a body is byte for byte what it was. */
static void
rebuild(const struct cert *c)
{
	struct wire_w w;

	must(wire_write(&w, c->tbs.n));
	cert_put_tbs(c, &w);
	must(span_eq(wire_bytes(&w), c->tbs));
	wire_free(&w);
}

/* A body and a signature after it are a certificate with that body. */
static void
complete(const struct cert *body)
{
	struct wire_w w, sig;
	struct cert c;
	struct err e;

	must(wire_write(&w, body->tbs.n + 64) && wire_write(&sig, 64));
	wire_put_cstring(&sig, "ssh-ed25519");
	wire_put_cstring(&sig, "signature");
	wire_put_raw(&w, body->tbs);
	wire_put_string(&w, wire_bytes(&sig));
	must(cert_parse(wire_bytes(&w), &c, &e) == 0);
	must(span_eq(c.tbs, body->tbs) && c.serial == body->serial);
	must(span_eq(c.signature, wire_bytes(&sig)));
	wire_free(&sig);
	wire_free(&w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct span in = { p, n };
	struct cert c, body;
	struct err e;
	bool whole;

	whole = cert_parse(in, &c, &e) == 0;
	if (whole) {
		must(cert_parse_tbs(c.tbs, &body, &e) == 0);
		must(c.tbs.n + 4 + c.signature.n == n);
	}
	if (cert_parse_tbs(in, &body, &e) == 0) {
		must(!whole && body.tbs.n == n && body.signature.n == 0);
		complete(&body);
		c = body;
	} else if (!whole)
		return 0;
	walk(&c);
	describe(&c);
	rebuild(&c);
	return 0;
}
