/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/fuzz/law.h"
#include "token/curve.h"
#include "token/cvc.h"
#include "ssh/key.h"

static void
inside(struct span v, const uint8_t *p, size_t n)
{
	if (v.n > 0 && (v.p < p || v.p + v.n > p + n))
		__builtin_trap();
}

/* A blob that is made of a parsed certificate parses as a key itself. */
static void
check_blob(const struct cvc *c)
{
	struct wire_w w;
	struct key k;
	struct err e;
	int r;

	if (!wire_write(&w, KEY_BLOB_MAX))
		return;
	r = c->key == CVC_RSA ? key_put_rsa(&w, c->e, c->n, &e) :
	    key_put_ec(&w, KEY_P256, c->q, &e);
	if (r == 0 && key_parse(wire_bytes(&w), &k, &e) != 0)
		__builtin_trap();
	wire_free(&w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct cvc c;
	struct err e;

	if (cvc_parse((struct span){ p, n }, &c, &e) != 0)
		return 0;
	inside(c.holder, p, n);
	inside(c.n, p, n);
	inside(c.e, p, n);
	inside(c.prime, p, n);
	inside(c.q, p, n);
	(void)curve_name(c.prime);
	check_blob(&c);
	return 0;
}
