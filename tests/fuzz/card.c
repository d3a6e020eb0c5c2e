/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "tests/fuzz/law.h"
#include "token/schsm.h"

/*
 * A card that answers with the input: each answer is a length byte (0xff:
 * two bytes follow) and that many bytes.  Whatever it says, opening,
 * listing, looking and signing end, and no signature comes out of it.
 */
struct card {
	const uint8_t	*p;
	size_t		 n;
};

static int
begin(void *ctx, enum card_since *since, struct err *e)
{
	(void)ctx;
	(void)e;
	*since = CARD_KEPT;
	return 0;
}

static void
nothing(void *ctx)
{
	(void)ctx;
}

static int
transmit(void *ctx, struct span cmd, uint8_t *rsp, size_t *rsp_len,
    struct err *e)
{
	struct card *c = ctx;
	size_t len;

	(void)cmd;
	if (c->n == 0)
		return err_set(e, ERR_TOKEN_GONE, 0, "the input has ended");
	len = *c->p++;
	c->n--;
	if (len == 0xff && c->n >= 2) {
		len = (size_t)(c->p[0] << 8 | c->p[1]);
		c->p += 2;
		c->n -= 2;
	}
	if (len > c->n)
		len = c->n;
	if (len > *rsp_len)
		len = *rsp_len;
	memcpy(rsp, c->p, len);
	*rsp_len = len;
	c->p += len;
	c->n -= len;
	return 0;
}

static void
use(struct token *t)
{
	struct token_keys keys = { 0 };
	struct token_info info = { 0 };
	struct wire_w sig;
	struct err e;

	if (token_list(t, NULL, &keys, &e) == 0 && keys.n > 0 &&
	    keys.v[0].blob != NULL && wire_write(&sig, SIG_BLOB_MAX)) {
		if (token_sign(t, &keys.v[0], SIG_ECDSA_P256,
		    span_cstr("x"), &sig, &e) == 0 ||
		    token_sign(t, &keys.v[0], SIG_RSA_SHA256,
		    span_cstr("x"), &sig, &e) == 0)
			__builtin_trap();
		wire_free(&sig);
	}
	(void)!token_get_info(t, TOKEN_INFO_ALL, &info, &e);
	token_keys_free(&keys);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct card c = { p, n };
	struct card_io io = { .begin = begin, .end = nothing,
	    .transmit = transmit, .close = nothing, .ctx = &c };
	struct token *t;
	struct err e;

	if (schsm_open(io, (struct span){ 0 }, &t, &e) != 0)
		return 0;
	use(t);
	token_close(t);
	return 0;
}
