/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dkek/blob.h"
#include "tests/unit/card.h"
#include "tests/unit/data.h"
#include "tests/unit/seal.h"
#include "tests/unit/use.h"
#include "token/cvc.h"
#include "token/manage.h"

/* A key that a virtual token made, as it left it, and its public part. */
struct sample {
	struct token_wrapped	 w;
	struct cvc		 cvc;
	struct blob_public	 public;
};

static void
sample_make(struct sample *s, const char *type)
{
	static const char init[] = "805000001C80020001" "8106363438323139"
	    "82083537363231383830" "910103" "920101";
	static const char share[] = "8052000020" "0101010101010101"
	    "0101010101010101" "0101010101010101" "0101010101010101" "00";
	struct token *t;
	struct card c;
	struct err e;

	*s = (struct sample){ 0 };
	card_open(&c, NULL);
	card_do(&c, init);
	card_do(&c, share);
	card_keys(&c, &type, 1);
	t = use_open(&c);
	assert_int_equal(use_login(t, VHSM_PIN, &e), 0);
	assert_int_equal(token_begin(t, &e), 0);
	assert_int_equal(token_wrap(t, "01", &s->w, &e), 0);
	token_end(t);
	if (s->w.certificate_n > 0) {
		assert_int_equal(cvc_parse((struct span){ s->w.certificate,
		    s->w.certificate_n }, &s->cvc, &e), 0);
		s->public = (struct blob_public){ .n = s->cvc.n,
		    .e = s->cvc.e, .q = s->cvc.q };
	}
	token_close(t);
	card_close(&c);
}

static int
prove(struct span blob, uint8_t dkek, const struct blob_public *p,
    struct err *e)
{
	struct dkek *d = seal_dkek(dkek);
	struct blob b;
	int r;

	assert_non_null(d);
	if ((r = blob_parse(blob, &b, e)) == 0)
		r = blob_prove(&b, d, p, e);
	dkek_free(d);
	return r;
}

/* Anything inside, which only a DKEK can seal. */
static int
prove_sealed(uint8_t kind, const char *hex)
{
	struct data plain = data_hex(hex);
	struct dkek *d = seal_dkek(1);
	uint8_t out[SEAL_MAX];
	struct err e;
	size_t n;
	int r;

	n = seal(d, kind, data_span(&plain), out);
	assert_true(n > 0);
	r = prove((struct span){ out, n }, 1, NULL, &e);
	dkek_free(d);
	data_free(&plain);
	return r;
}

static struct span
blob_of(const struct sample *s)
{
	return (struct span){ s->w.blob, s->w.blob_n };
}

static void
test_every_kind_of_key_is_proved(void **state)
{
	static const char *const types[] = { "rsa1024", "rsa2048", "p192",
	    "p256", "p384", "p521", "secp256k1", "brainpoolP320r1" };
	struct sample s;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		sample_make(&s, types[i]);
		e.msg[0] = '\0';
		if (prove(blob_of(&s), 1, &s.public, &e) != 0)
			fail_msg("%s: %s", types[i], e.msg);
		assert_int_equal(prove(blob_of(&s), 1, NULL, &e), 0);
	}
	assert_int_equal(prove_sealed(BLOB_AES, "0000000000000000" "0080"
	    "0010" "00112233445566778899AABBCCDDEEFF" "80" "000000"), 0);
}

static void
test_another_dkek_is_told_by_both_check_values(void **state)
{
	char hex[DKEK_KCV_LEN];
	struct sample s;
	struct dkek *d;
	struct blob b;
	struct err e;

	(void)state;
	sample_make(&s, "p256");
	assert_int_equal(prove(blob_of(&s), 2, &s.public, &e), ERR_DENIED);
	assert_int_equal(blob_parse(blob_of(&s), &b, &e), 0);
	blob_kcv_hex(&b, hex);
	assert_int_equal(prove(blob_of(&s), 2, &s.public, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, hex));
	d = seal_dkek(2);
	dkek_kcv_hex(d, hex);
	dkek_free(d);
	assert_non_null(strstr(e.msg, hex));
}

static void
test_the_key_of_another_public_key_is_told(void **state)
{
	static const char *const types[] = { "p256", "rsa1024", "p384" };
	struct sample s, other;
	struct err e;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		sample_make(&s, types[i]);
		sample_make(&other, types[i]);
		assert_int_equal(prove(blob_of(&s), 1, &other.public, &e),
		    ERR_DENIED);
		sample_make(&other, types[(i + 1) % 2]);
		assert_int_equal(prove(blob_of(&s), 1, &other.public, &e),
		    ERR_FORMAT);
	}
}

static void
test_a_change_anywhere_is_told(void **state)
{
	struct sample s;
	struct err e;
	int r;

	(void)state;
	sample_make(&s, "p256");
	for (size_t i = 0; i < s.w.blob_n; i++) {
		s.w.blob[i] ^= 0x40;
		r = prove(blob_of(&s), 1, &s.public, &e);
		assert_true(r == ERR_DENIED || r == ERR_FORMAT);
		s.w.blob[i] ^= 0x40;
	}
	assert_int_equal(prove(blob_of(&s), 1, &s.public, &e), 0);
}

static void
test_cut_anywhere_it_is_none_or_not_the_same(void **state)
{
	struct sample s;
	struct data d;
	struct err e;
	int r;

	(void)state;
	sample_make(&s, "p256");
	for (size_t n = 0; n < s.w.blob_n; n++) {
		d = data_copy((struct span){ s.w.blob, n });
		r = prove(data_span(&d), 1, &s.public, &e);
		assert_true(r == ERR_FORMAT || r == ERR_DENIED);
		data_free(&d);
	}
}

static void
test_without_the_dkek_kind_and_length_are_checked(void **state)
{
	struct sample s, rsa;
	struct blob b;
	struct err e;

	(void)state;
	sample_make(&rsa, "rsa2048");
	sample_make(&s, "p521");
	assert_int_equal(blob_parse(blob_of(&s), &b, &e), 0);
	assert_int_equal(blob_fits(&b, &s.public, &e), 0);
	assert_int_equal(blob_fits(&b, &rsa.public, &e), ERR_FORMAT);
	b.sealed.n = 256;
	assert_int_equal(blob_fits(&b, &s.public, &e), ERR_FORMAT);
	assert_int_equal(blob_parse(blob_of(&rsa), &b, &e), 0);
	assert_int_equal(blob_fits(&b, &rsa.public, &e), 0);
	b.sealed.n = 512;
	assert_int_equal(blob_fits(&b, &rsa.public, &e), ERR_FORMAT);
	b.sealed.n = 1024;
	assert_int_equal(blob_fits(&b, &s.public, &e), ERR_FORMAT);
}

static void
test_a_key_by_its_exponent_or_by_its_primes(void **state)
{
	/* dP, dQ, p, 1/q, q, n, e: each one wrong in its turn */
	static const char *const wrong[] = {
	    "000134" "000131" "00013D" "000126" "000135" "00020CA1" "000111",
	    "000135" "000130" "00013D" "000126" "000135" "00020CA1" "000111",
	    "000135" "000131" "00013B" "000126" "000135" "00020CA1" "000111",
	    "000135" "000131" "00013D" "000125" "000135" "00020CA1" "000111",
	    "000135" "000131" "00013D" "000126" "000137" "00020CA1" "000111",
	    "000135" "000131" "00013D" "000126" "000135" "00020CA3" "000111",
	    "000135" "000131" "00013D" "000126" "000135" "00020CA1" "000113",
	    "0000" "000131" "00013D" "000126" "000135" "00020CA1" "00021111",
	};

	(void)state;
	/* n = 61 * 53, e = 17, d = 2753 */
	assert_int_equal(prove_sealed(BLOB_RSA, "0000000000000000" "000C"
	    "00020AC1" "00020CA1" "000111" "80" "00000000000000000000"), 0);
	assert_int_equal(prove_sealed(BLOB_RSA, "0000000000000000" "000C"
	    "00020AC2" "00020CA1" "000111" "80" "00000000000000000000"),
	    ERR_DENIED);
	assert_int_equal(prove_sealed(BLOB_RSA_CRT, "0000000000000000"
	    "000C" "000135" "000131" "00013D" "000126" "000135" "00020CA1"
	    "000111" "80" "00000000000000"), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char hex[128];

		snprintf(hex, sizeof(hex), "0000000000000000" "000C" "%s"
		    "80" "00000000000000", wrong[i]);
		assert_int_equal(prove_sealed(BLOB_RSA_CRT, hex),
		    ERR_DENIED);
	}
}

/* P-256: a, b, p, order, generator */
#define P256_SIDE	"FFFFFFFF00000001000000000000000000000000FFFFFFFF" \
    "FFFFFFFFFFFFFFF"
#define P256_G	"046B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0" \
    "F4A13945D898C2964FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315E" \
    "CECBB6406837BF51F5"
#define P256	"0020" P256_SIDE "C" "0020" "5AC635D8AA3A93E7B3EBBD557698" \
    "86BC651D06B0CC53B0F63BCE3C3E27D2604B" "0020" P256_SIDE "F" "0020" \
    "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551" \
    "0041" P256_G

/* With d = 1 the public point is the generator, and with no other d. */
static void
test_the_private_number_of_a_curve_makes_its_point(void **state)
{
	(void)state;
	assert_int_equal(prove_sealed(BLOB_EC, "0000000000000000" "0100" P256
	    "000101" "0041" P256_G "80" "00000000000000000000000000"), 0);
	assert_int_equal(prove_sealed(BLOB_EC, "0000000000000000" "0100" P256
	    "000102" "0041" P256_G "80" "00000000000000000000000000"),
	    ERR_DENIED);
	assert_int_equal(prove_sealed(BLOB_EC, "0000000000000000" "0100" P256
	    "000100" "0041" P256_G "80" "00000000000000000000000000"),
	    ERR_DENIED);
	/* The point at infinity. */
	assert_int_equal(prove_sealed(BLOB_EC, "0000000000000000" "0100" P256
	    "000101" "0001" "00" "80" "0000000000000000000000000000"),
	    ERR_DENIED);
}

static void
test_parts_beyond_the_end_are_an_error(void **state)
{
	(void)state;
	assert_int_equal(prove_sealed(BLOB_RSA, "0000000000000000" "000C"
	    "FFFF" "00000000"), ERR_FORMAT);
	assert_int_equal(prove_sealed(BLOB_EC, "0000000000000000" "000C"
	    "0001" "00000000"), ERR_FORMAT);
	assert_int_equal(prove_sealed(BLOB_AES, "0000000000000000" "0080"
	    "0010" "00000000"), ERR_FORMAT);
	assert_int_equal(prove_sealed(BLOB_AES, "0000000000000000" "0080"
	    "0004" "00000000"), ERR_FORMAT);
}

static void
test_a_curve_without_a_name_is_told(void **state)
{
	(void)state;
	/* y^2 = x^3 + 2x + 3 mod 97, and a point on it */
	assert_int_equal(prove_sealed(BLOB_EC, "0000000000000000" "0007"
	    "000102" "000103" "000161" "000105" "0003040306" "000101"
	    "0003040306" "80" "000000000000000000000000"), ERR_UNSUPPORTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_of_key_is_proved),
		cmocka_unit_test(
		    test_another_dkek_is_told_by_both_check_values),
		cmocka_unit_test(test_the_key_of_another_public_key_is_told),
		cmocka_unit_test(test_a_change_anywhere_is_told),
		cmocka_unit_test(
		    test_cut_anywhere_it_is_none_or_not_the_same),
		cmocka_unit_test(
		    test_without_the_dkek_kind_and_length_are_checked),
		cmocka_unit_test(test_a_key_by_its_exponent_or_by_its_primes),
		cmocka_unit_test(
		    test_the_private_number_of_a_curve_makes_its_point),
		cmocka_unit_test(test_parts_beyond_the_end_are_an_error),
		cmocka_unit_test(test_a_curve_without_a_name_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
