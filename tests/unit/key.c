/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/key.h"
#include "tests/unit/data.h"

static const struct {
	const char	*file;
	enum key_type	 type;
	unsigned int	 bits;
} keys[] = {
	{ "u_ecdsa", KEY_P256, 256 },
	{ "p384", KEY_P384, 384 },
	{ "p521", KEY_P521, 521 },
	{ "rsa2048", KEY_RSA, 2048 },
	{ "u_rsa", KEY_RSA, 3072 },
	{ "u_ed25519", KEY_ED25519, 256 },
};

#define N_KEYS	(sizeof(keys) / sizeof(keys[0]))

static void
test_blobs_of_ssh_keygen_are_taken_apart_and_made_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KEYS; i++) {
		struct data d = data_pub(keys[i].file);
		struct wire_w w;
		struct err e;
		struct key k;

		assert_int_equal(key_parse(data_span(&d), &k, &e), 0);
		assert_int_equal(k.type, keys[i].type);
		assert_int_equal(k.bits, keys[i].bits);
		assert_true(wire_write(&w, KEY_BLOB_MAX));
		if (k.type == KEY_RSA)
			assert_int_equal(key_put_rsa(&w, k.e, k.n, &e), 0);
		else if (k.type == KEY_ED25519)
			assert_int_equal(key_put_ed25519(&w, k.q, &e), 0);
		else
			assert_int_equal(key_put_ec(&w, k.type, k.q, &e), 0);
		assert_true(span_eq(wire_bytes(&w), data_span(&d)));
		wire_free(&w);
		data_free(&d);
	}
}

static void
refuse(struct span blob, void *arg)
{
	struct key k;
	struct err e;

	assert_int_equal(key_parse(blob, &k, &e), *(int *)arg);
}

static void
test_a_blob_cut_anywhere_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KEYS; i++) {
		struct data d = data_pub(keys[i].file);
		int want = ERR_FORMAT;

		data_each_cut(data_span(&d), refuse, &want);
		data_free(&d);
	}
}

static void
test_a_byte_after_a_blob_is_refused(void **state)
{
	int want = ERR_FORMAT;

	(void)state;
	for (size_t i = 0; i < N_KEYS; i++) {
		struct data d = data_pub(keys[i].file);
		struct wire_w w;

		assert_true(wire_write(&w, KEY_BLOB_MAX));
		wire_put_raw(&w, data_span(&d));
		wire_put_u8(&w, 0);
		refuse(wire_bytes(&w), &want);
		wire_free(&w);
		data_free(&d);
	}
}

static void
test_other_key_types_are_not_supported(void **state)
{
	const char *others[] = { "sk_ed25519", "sk_ecdsa", "u_rsa-cert" };
	int want = ERR_UNSUPPORTED;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct data d = data_pub(others[i]);

		refuse(data_span(&d), &want);
		data_free(&d);
	}
}

/* Put a key of `bits` ones with exponent e, two zero bytes before each. */
static int
put_rsa(size_t bits, uint64_t e, uint8_t last)
{
	uint8_t n[2 + 2049] = { 0 }, eb[2 + 8] = { 0 };
	const size_t bytes = (bits + 7) / 8;
	struct wire_w w;
	struct key k;
	struct err err;
	int r;

	memset(n + 2, 0xff, bytes);
	if (bits % 8 != 0)
		n[2] = (uint8_t)((1 << bits % 8) - 1);
	n[1 + bytes] = last;
	for (int i = 9; i > 1; i--, e >>= 8)
		eb[i] = (uint8_t)e;
	assert_true(wire_write(&w, KEY_BLOB_MAX));
	r = key_put_rsa(&w, (struct span){ eb, sizeof(eb) },
	    (struct span){ n, 2 + bytes }, &err);
	if (r == 0) {
		assert_int_equal(key_parse(wire_bytes(&w), &k, &err), 0);
		assert_int_equal(k.bits, bits);
	} else
		assert_int_equal(wire_bytes(&w).n, 0);
	wire_free(&w);
	return r;
}

static void
test_rsa_limits_hold(void **state)
{
	(void)state;
	assert_int_equal(put_rsa(1024, 3, 0xff), 0);
	assert_int_equal(put_rsa(1025, 65537, 0xff), 0);
	assert_int_equal(put_rsa(16384, UINT64_MAX, 0xff), 0);
	assert_int_equal(put_rsa(1023, 65537, 0xff), ERR_LIMIT);
	assert_int_equal(put_rsa(16385, 65537, 0xff), ERR_LIMIT);
	assert_int_equal(put_rsa(2048, 65537, 0xfe), ERR_FORMAT);
	assert_int_equal(put_rsa(2048, 0, 0xff), ERR_FORMAT);
	assert_int_equal(put_rsa(2048, 1, 0xff), ERR_FORMAT);
	assert_int_equal(put_rsa(2048, 65536, 0xff), ERR_FORMAT);
	assert_int_equal(put_rsa(0, 65537, 0), ERR_LIMIT);
}

static void
test_a_large_exponent_is_over_the_limit(void **state)
{
	const uint8_t e[9] = { 1, 0, 0, 0, 0, 0, 0, 0, 1 };
	struct data d = data_pub("rsa2048");
	struct wire_w w;
	struct err err;
	struct key k;

	(void)state;
	assert_int_equal(key_parse(data_span(&d), &k, &err), 0);
	assert_true(wire_write(&w, KEY_BLOB_MAX));
	assert_int_equal(key_put_rsa(&w, (struct span){ e, sizeof(e) }, k.n,
	    &err), ERR_LIMIT);
	wire_free(&w);
	data_free(&d);
}

static int
put_p256(struct span q)
{
	struct wire_w w;
	struct err e;
	int r;

	assert_true(wire_write(&w, KEY_BLOB_MAX));
	r = key_put_ec(&w, KEY_P256, q, &e);
	assert_true((r == 0) == (wire_bytes(&w).n > 0));
	wire_free(&w);
	return r;
}

static void
test_a_point_off_the_curve_is_refused(void **state)
{
	const uint8_t infinity[1] = { 0 };
	struct data d = data_pub("u_ecdsa"), q;
	struct err e;
	struct key k;

	(void)state;
	assert_int_equal(key_parse(data_span(&d), &k, &e), 0);
	q = data_copy(k.q);
	assert_int_equal(put_p256(data_span(&q)), 0);
	q.p[64] ^= 1;
	assert_int_equal(put_p256(data_span(&q)), ERR_FORMAT);
	q.p[64] ^= 1;
	q.p[0] = 6;			/* hybrid form */
	assert_int_equal(put_p256(data_span(&q)), ERR_FORMAT);
	q.p[0] = 4;
	memset(q.p + 1, 0xff, 64);	/* over the field's prime */
	assert_int_equal(put_p256(data_span(&q)), ERR_FORMAT);
	assert_int_equal(put_p256((struct span){ q.p, 64 }), ERR_FORMAT);
	assert_int_equal(put_p256((struct span){ infinity, 1 }), ERR_FORMAT);
	assert_int_equal(put_p256((struct span){ 0 }), ERR_FORMAT);
	data_free(&q);
	data_free(&d);
}

static void
test_no_spki_of_a_point_off_the_curve(void **state)
{
	struct data d = data_pub("u_ecdsa");
	struct wire_w w;
	struct err e;

	(void)state;
	d.p[d.n - 1] ^= 1;
	assert_true(wire_write(&w, KEY_BLOB_MAX));
	assert_int_equal(key_put_spki(&w, data_span(&d), &e), ERR_FORMAT);
	wire_free(&w);
	data_free(&d);
}

static void
test_a_curve_name_that_is_not_the_types_is_refused(void **state)
{
	struct data d = data_pub("u_ecdsa");
	int want = ERR_FORMAT;

	(void)state;
	memcpy(d.p + 4 + 19 + 4, "nistp384", 8);
	refuse(data_span(&d), &want);
	data_free(&d);
}

static int
put_x509(const char *name, struct wire_w *w, struct err *e)
{
	struct data d;
	int r;

	d = data_file(name);
	assert_true(wire_write(w, KEY_BLOB_MAX));
	r = key_put_x509(w, data_span(&d), e);
	data_free(&d);
	return r;
}

static void
test_der_and_x509_give_the_blob_of_ssh_keygen(void **state)
{
	const char *files[][2] = {
		{ "x509/p256.crt", "../x509/p256" },
		{ "x509/p256.spki", "../x509/p256" },
		{ "x509/p256-compressed.spki", "../x509/p256" },
		{ "x509/rsa.crt", "../x509/rsa" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct data want = data_pub(files[i][1]);
		struct wire_w w;
		struct err e;

		assert_int_equal(put_x509(files[i][0], &w, &e), 0);
		assert_true(span_eq(wire_bytes(&w), data_span(&want)));
		wire_free(&w);
		data_free(&want);
	}
}

static void
test_spki_of_a_blob_gives_the_blob_back(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_KEYS; i++) {
		struct data d = data_pub(keys[i].file);
		struct wire_w der, blob;
		struct err e;

		assert_true(wire_write(&der, KEY_BLOB_MAX));
		assert_true(wire_write(&blob, KEY_BLOB_MAX));
		assert_int_equal(key_put_spki(&der, data_span(&d), &e), 0);
		assert_int_equal(key_put_x509(&blob, wire_bytes(&der), &e), 0);
		assert_true(span_eq(wire_bytes(&blob), data_span(&d)));
		wire_free(&blob);
		wire_free(&der);
		data_free(&d);
	}
}

static void
test_a_foreign_key_is_refused_by_name(void **state)
{
	const char *files[][2] = {
		{ "x509/secp256k1.spki", "secp256k1" },
		{ "x509/brainpoolP256r1.spki", "brainpoolP256r1" },
		{ "x509/rsa-pss.spki", "rsassaPss" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct wire_w w;
		struct err e;

		assert_int_equal(put_x509(files[i][0], &w, &e),
		    ERR_UNSUPPORTED);
		assert_non_null(strstr(e.msg, files[i][1]));
		wire_free(&w);
	}
}

static void
test_an_ed25519_key_goes_through_x509(void **state)
{
	struct data d = data_file("x509/ed25519.spki");
	struct wire_w w, der;
	struct err e;

	(void)state;
	assert_int_equal(put_x509("x509/ed25519.spki", &w, &e), 0);
	assert_true(wire_write(&der, KEY_BLOB_MAX));
	assert_int_equal(key_put_spki(&der, wire_bytes(&w), &e), 0);
	assert_true(span_eq(wire_bytes(&der), data_span(&d)));
	wire_free(&der);
	wire_free(&w);
	data_free(&d);
}

/* libcrypto knows the curve by its numbers; a card writes them so, too. */
static void
test_p256_written_as_numbers_is_p256_or_refused(void **state)
{
	struct data want = data_pub("../x509/p256");
	struct wire_w w;
	struct err e;

	(void)state;
	if (put_x509("x509/p256-explicit.spki", &w, &e) == 0)
		assert_true(span_eq(wire_bytes(&w), data_span(&want)));
	else
		assert_int_equal(e.code, ERR_UNSUPPORTED);
	wire_free(&w);
	data_free(&want);
}

static void
test_an_rsa_key_of_512_bits_is_over_the_limit(void **state)
{
	struct wire_w w;
	struct err e;

	(void)state;
	assert_int_equal(put_x509("x509/rsa512.spki", &w, &e), ERR_LIMIT);
	wire_free(&w);
}

/* Damage one byte of a file of tests/data, and put what is left of it. */
static int
put_damaged(const char *name, size_t at, uint8_t byte, struct err *e)
{
	struct data d = data_file(name);
	struct wire_w w;
	int r;

	assert_true(at < d.n);
	d.p[at] = byte;
	assert_true(wire_write(&w, KEY_BLOB_MAX));
	r = key_put_x509(&w, data_span(&d), e);
	wire_free(&w);
	data_free(&d);
	return r;
}

static void
test_a_broken_key_of_a_known_kind_is_not_called_foreign(void **state)
{
	struct err e;

	(void)state;
	/* the SEQUENCE of modulus and exponent becomes a SET */
	assert_int_equal(put_damaged("x509/rsa512.spki", 21, 0x31, &e),
	    ERR_FORMAT);
	assert_string_equal(e.msg, "malformed RSA key");
	/* a point off the curve */
	assert_int_equal(put_damaged("x509/p256.spki", 90, 0x00, &e),
	    ERR_FORMAT);
	/* a curve, and an algorithm, that nobody knows */
	assert_int_equal(put_damaged("x509/p256.spki", 22, 0x7f, &e),
	    ERR_FORMAT);
	assert_non_null(strstr(e.msg, "1.2.840.10045.3.1.127"));
	assert_int_equal(put_damaged("x509/ed25519.spki", 8, 0x7f, &e),
	    ERR_UNSUPPORTED);
	assert_non_null(strstr(e.msg, "1.3.101.127"));
}

static void
refuse_der(struct span der, void *arg)
{
	struct wire_w w;
	struct err e;

	(void)arg;
	assert_true(wire_write(&w, KEY_BLOB_MAX));
	assert_int_equal(key_put_x509(&w, der, &e), ERR_FORMAT);
	wire_free(&w);
}

static void
test_der_cut_anywhere_is_refused(void **state)
{
	const char *files[] = { "x509/p256.crt", "x509/p256.spki",
	    "x509/rsa.crt" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct data d = data_file(files[i]);

		data_each_cut(data_span(&d), refuse_der, NULL);
		data_free(&d);
	}
	refuse_der((struct span){ 0 }, NULL);
}

static void
test_a_byte_after_der_is_refused(void **state)
{
	const char *files[] = { "x509/p256.crt", "x509/p256.spki" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct data d = data_file(files[i]);
		struct wire_w w;

		assert_true(wire_write(&w, 4096));
		wire_put_raw(&w, data_span(&d));
		wire_put_u8(&w, 0);
		refuse_der(wire_bytes(&w), NULL);
		wire_free(&w);
		data_free(&d);
	}
}

static void
test_names_and_sizes_are_those_of_the_rfcs(void **state)
{
	(void)state;
	assert_string_equal(key_type_name(KEY_RSA), "ssh-rsa");
	assert_string_equal(key_type_name(KEY_P384), "ecdsa-sha2-nistp384");
	assert_null(key_curve_name(KEY_RSA));
	assert_null(key_curve_name(KEY_ED25519));
	assert_string_equal(key_curve_name(KEY_P521), "nistp521");
	assert_int_equal(key_field_bytes(KEY_RSA), 0);
	assert_int_equal(key_field_bytes(KEY_P256), 32);
	assert_int_equal(key_field_bytes(KEY_P521), 66);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_blobs_of_ssh_keygen_are_taken_apart_and_made_again),
		cmocka_unit_test(test_a_blob_cut_anywhere_is_refused),
		cmocka_unit_test(test_a_byte_after_a_blob_is_refused),
		cmocka_unit_test(test_other_key_types_are_not_supported),
		cmocka_unit_test(test_rsa_limits_hold),
		cmocka_unit_test(test_a_large_exponent_is_over_the_limit),
		cmocka_unit_test(test_a_point_off_the_curve_is_refused),
		cmocka_unit_test(test_no_spki_of_a_point_off_the_curve),
		cmocka_unit_test(
		    test_a_curve_name_that_is_not_the_types_is_refused),
		cmocka_unit_test(
		    test_der_and_x509_give_the_blob_of_ssh_keygen),
		cmocka_unit_test(test_spki_of_a_blob_gives_the_blob_back),
		cmocka_unit_test(test_a_foreign_key_is_refused_by_name),
		cmocka_unit_test(test_an_ed25519_key_goes_through_x509),
		cmocka_unit_test(
		    test_p256_written_as_numbers_is_p256_or_refused),
		cmocka_unit_test(
		    test_an_rsa_key_of_512_bits_is_over_the_limit),
		cmocka_unit_test(
		    test_a_broken_key_of_a_known_kind_is_not_called_foreign),
		cmocka_unit_test(test_der_cut_anywhere_is_refused),
		cmocka_unit_test(test_a_byte_after_der_is_refused),
		cmocka_unit_test(test_names_and_sizes_are_those_of_the_rfcs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
