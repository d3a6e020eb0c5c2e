/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/use.h"
#include "token/schsm.h"

struct token *
use_open(struct card *c)
{
	struct token *t;
	struct err e;

	assert_int_equal(schsm_open(card_io(c), card_atr(c), &t, &e), 0);
	return t;
}

struct token_keys
use_list(struct token *t, const struct token_keys *known)
{
	struct token_keys k;
	struct err e;

	assert_int_equal(token_begin(t, &e), 0);
	assert_int_equal(token_list(t, known, &k, &e), 0);
	token_end(t);
	return k;
}

int
use_login(struct token *t, const char *text, struct err *e)
{
	struct secret *pin = secret_new();
	int r;

	assert_int_equal(secret_add(pin, text, strlen(text)), 0);
	assert_int_equal(token_begin(t, e), 0);
	r = token_login(t, pin, e);
	token_end(t);
	secret_free(pin);
	return r;
}

int
use_sign(struct token *t, const struct token_key *k, enum sig_alg alg,
    struct err *e)
{
	struct span data = span_cstr("to be signed");
	struct wire_w w;
	int r;

	assert_true(wire_write(&w, SIG_BLOB_MAX));
	assert_int_equal(token_begin(t, e), 0);
	r = token_sign(t, k, alg, data, &w, e);
	token_end(t);
	if (r == 0)
		assert_int_equal(sig_verify((struct span){ k->blob,
		    k->blob_n }, alg, data, wire_bytes(&w), e), 0);
	wire_free(&w);
	return r;
}

void
use_assert_listed(struct token *t, const struct token_key *k)
{
	struct token_keys keys = use_list(t, NULL);
	const struct token_key *found = NULL;

	for (size_t i = 0; i < keys.n; i++)
		if (strcmp(keys.v[i].ref, k->ref) == 0)
			found = &keys.v[i];
	assert_non_null(found);
	assert_string_equal(found->label, k->label);
	assert_string_equal(found->id, k->id);
	assert_string_equal(found->algo, k->algo);
	assert_string_equal(found->unusable, k->unusable);
	assert_int_equal(found->blob_n, k->blob_n);
	if (k->blob_n > 0)
		assert_memory_equal(found->blob, k->blob, k->blob_n);
	token_keys_free(&keys);
}

struct token *
use_open_login(struct card *c, const struct vhsm_options *o)
{
	struct token *t;
	struct err e;

	card_open(c, o);
	t = use_open(c);
	assert_int_equal(use_login(t, VHSM_PIN, &e), 0);
	return t;
}

void
use_close(struct token *t, struct card *c)
{
	token_close(t);
	card_close(c);
}
