/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/bn.h>

#include "ssh/cert.h"
#include "ssh/sig.h"
#include "tests/unit/data.h"

/* Certificates are signatures that another program made. */
static const struct {
	const char	*file;
	enum sig_alg	 alg;
} signed_by[] = {
	{ "u_ecdsa-cert", SIG_ECDSA_P256 },
	{ "u_ed25519-cert", SIG_ECDSA_P256 },
	{ "p521-cert", SIG_ECDSA_P384 },
	{ "sk_ed25519-cert", SIG_ECDSA_P521 },
	{ "u_rsa-cert", SIG_RSA_SHA512 },
	{ "sk_ecdsa-cert", SIG_RSA_SHA256 },
	{ "p384-cert", SIG_ED25519 },
};

#define N_SIGNED	(sizeof(signed_by) / sizeof(signed_by[0]))

struct vector {
	struct data	 blob;
	struct cert	 cert;
	struct span	 key, data, sig;
	enum sig_alg	 alg;
};

static void
vector_load(struct vector *v, size_t i)
{
	struct err e;

	v->blob = data_pub(signed_by[i].file);
	v->alg = signed_by[i].alg;
	assert_int_equal(cert_parse(data_span(&v->blob), &v->cert, &e), 0);
	v->key = v->cert.ca;
	v->data = v->cert.tbs;
	v->sig = v->cert.signature;
}

static int
verify(const struct vector *v, struct span sig)
{
	struct err e;

	return sig_verify(v->key, v->alg, v->data, sig, &e);
}

static void
each_vector(void (*fn)(struct vector *))
{
	struct vector v;

	for (size_t i = 0; i < N_SIGNED; i++) {
		vector_load(&v, i);
		fn(&v);
		data_free(&v.blob);
	}
}

static void
accept(struct vector *v)
{
	assert_int_equal(verify(v, v->sig), 0);
}

static void
test_signatures_of_ssh_keygen_verify(void **state)
{
	(void)state;
	each_vector(accept);
}

static void
flip_bits(struct vector *v)
{
	const size_t step = getenv("UNDER_VALGRIND") != NULL ? 43 : 3;
	struct data d = data_copy(v->sig);

	for (size_t n = 0; n < d.n * 8; n += step) {
		d.p[n / 8] ^= (uint8_t)(1 << n % 8);
		assert_int_not_equal(verify(v, data_span(&d)), 0);
		d.p[n / 8] ^= (uint8_t)(1 << n % 8);
	}
	data_free(&d);
}

static void
test_a_flipped_bit_of_a_signature_is_refused(void **state)
{
	(void)state;
	each_vector(flip_bits);
}

static void
refuse_cut(struct span sig, void *arg)
{
	assert_int_equal(verify(arg, sig), ERR_FORMAT);
}

static void
cut(struct vector *v)
{
	data_each_cut(v->sig, refuse_cut, v);
}

static void
test_a_signature_cut_anywhere_is_malformed(void **state)
{
	(void)state;
	each_vector(cut);
}

static void
append(struct vector *v)
{
	struct wire_w w;

	assert_true(wire_write(&w, SIG_BLOB_MAX));
	wire_put_raw(&w, v->sig);
	wire_put_u8(&w, 0);
	assert_int_equal(verify(v, wire_bytes(&w)), ERR_FORMAT);
	wire_free(&w);
}

static void
test_a_byte_after_a_signature_is_refused(void **state)
{
	(void)state;
	each_vector(append);
}

static void
shorten_data(struct vector *v)
{
	v->data.n--;
	assert_int_equal(verify(v, v->sig), ERR_DENIED);
}

static void
test_a_right_signature_of_other_data_is_denied(void **state)
{
	(void)state;
	each_vector(shorten_data);
}

static void
test_a_signature_by_another_key_is_denied(void **state)
{
	struct data key = data_pub("rsa2048");
	struct vector v;

	(void)state;
	vector_load(&v, 4);		/* made by rsaca, as long */
	v.key = data_span(&key);
	assert_int_equal(verify(&v, v.sig), ERR_DENIED);
	data_free(&v.blob);
	data_free(&key);
}

static void
change_algorithm(struct vector *v)
{
	const enum sig_alg right = v->alg;

	for (int a = SIG_RSA_SHA1; a <= SIG_ALG_LAST; a++) {
		v->alg = (enum sig_alg)a;
		if (v->alg != right)
			assert_int_not_equal(verify(v, v->sig), 0);
	}
}

static void
test_a_signature_of_another_algorithm_is_refused(void **state)
{
	(void)state;
	each_vector(change_algorithm);
}

static void
test_a_renamed_rsa_signature_is_denied(void **state)
{
	struct vector v;
	struct data d;

	(void)state;
	vector_load(&v, 4);
	d = data_copy(v.sig);
	memcpy(d.p + 4, "rsa-sha2-256", 12);
	v.alg = SIG_RSA_SHA256;
	assert_int_equal(verify(&v, data_span(&d)), ERR_DENIED);
	data_free(&d);
	data_free(&v.blob);
}

/* A key of 2048 bits answers with 256 bytes, zero in front or not. */
static void
test_an_rsa_signature_of_another_length_is_malformed(void **state)
{
	struct span name, raw;
	struct wire_r r;
	struct wire_w w;
	struct vector v;

	(void)state;
	vector_load(&v, 4);
	wire_read(&r, v.sig);
	name = wire_get_string(&r);
	raw = wire_get_string(&r);
	assert_true(wire_write(&w, SIG_BLOB_MAX));
	wire_put_string(&w, name);
	wire_put_u32(&w, (uint32_t)raw.n + 1);
	wire_put_u8(&w, 0);
	wire_put_raw(&w, raw);
	assert_int_equal(verify(&v, wire_bytes(&w)), ERR_FORMAT);
	wire_free(&w);
	data_free(&v.blob);
}

static void
test_a_key_off_its_curve_verifies_nothing(void **state)
{
	struct vector v;
	struct data d;

	(void)state;
	vector_load(&v, 0);
	d = data_copy(v.key);
	d.p[d.n - 1] ^= 1;
	v.key = data_span(&d);
	assert_int_equal(verify(&v, v.sig), ERR_FORMAT);
	data_free(&d);
	data_free(&v.blob);
}

static void
test_a_digest_of_the_wrong_length_is_refused(void **state)
{
	struct sig_digest md = { .n = 20 };
	uint8_t block[256];
	struct sig_verifier *key;
	struct vector v;
	struct err e;

	(void)state;
	vector_load(&v, 0);
	assert_int_equal(sig_verifier_new(&key, v.key, &e), 0);
	assert_int_equal(sig_verifier_check(key, v.alg, &md, v.sig, &e),
	    ERR_UNSUPPORTED);
	sig_verifier_free(key);
	data_free(&v.blob);
	assert_int_equal(sig_rsa_block(SIG_RSA_SHA256, &md, block,
	    sizeof(block), &e), ERR_UNSUPPORTED);
	assert_int_equal(sig_rsa_block(SIG_ECDSA_P256, &md, block,
	    sizeof(block), &e), ERR_UNSUPPORTED);
}

static void
test_ed25519_signs_no_hash(void **state)
{
	struct sig_verifier *key;
	struct sig_digest md;
	struct vector v;
	struct err e;

	(void)state;
	vector_load(&v, N_SIGNED - 1);
	assert_int_equal(sig_hash(SIG_ED25519, v.data, &md, &e), 0);
	assert_int_equal(md.n, 0);
	assert_true(md.message.p == v.data.p && md.message.n == v.data.n);
	assert_int_equal(sig_verifier_new(&key, v.key, &e), 0);
	assert_int_equal(sig_verifier_check(key, v.alg, &md, v.sig, &e), 0);
	assert_int_equal(sig_hash(SIG_RSA_SHA512, v.data, &md, &e), 0);
	assert_int_equal(md.message.n, 0);
	assert_int_equal(sig_verifier_check(key, v.alg, &md, v.sig, &e),
	    ERR_UNSUPPORTED);
	sig_verifier_free(key);
	data_free(&v.blob);
}

/* Sixty-four bytes, and in its blob the same. */
static void
test_ed25519_is_written_as_it_is(void **state)
{
	struct vector v;
	struct wire_r r;
	struct wire_w w;
	struct span raw;
	struct err e;

	(void)state;
	vector_load(&v, N_SIGNED - 1);
	wire_read(&r, v.sig);
	assert_true(span_is(wire_get_string(&r), "ssh-ed25519"));
	raw = wire_get_string(&r);
	assert_true(wire_write(&w, SIG_BLOB_MAX));
	assert_int_equal(sig_put_ed25519(&w, (struct span){ raw.p, 63 }, &e),
	    ERR_FORMAT);
	assert_int_equal(wire_bytes(&w).n, 0);
	assert_int_equal(sig_put_ecdsa_raw(&w, SIG_ED25519, raw, &e),
	    ERR_UNSUPPORTED);
	assert_int_equal(sig_put_ed25519(&w, raw, &e), 0);
	assert_true(span_eq(wire_bytes(&w), v.sig));
	wire_free(&w);
	data_free(&v.blob);
}

/* signature ^ e mod n: what ssh-keygen's own padding was. */
static void
open_rsa(const struct vector *v, uint8_t *block, size_t len)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *s, *e, *n;
	struct wire_r r;
	struct err err;
	struct key k;
	struct span raw;

	assert_int_equal(key_parse(v->key, &k, &err), 0);
	wire_read(&r, v->sig);
	wire_get_string(&r);
	raw = wire_get_string(&r);
	s = BN_bin2bn(raw.p, (int)raw.n, NULL);
	e = BN_bin2bn(k.e.p, (int)k.e.n, NULL);
	n = BN_bin2bn(k.n.p, (int)k.n.n, NULL);
	assert_int_equal(BN_mod_exp(s, s, e, n, ctx), 1);
	assert_int_equal(BN_bn2binpad(s, block, (int)len), len);
	BN_free(s);
	BN_free(e);
	BN_free(n);
	BN_CTX_free(ctx);
}

static void
test_the_rsa_block_is_the_one_ssh_keygen_signed(void **state)
{
	uint8_t *got = malloc(256), want[256];
	struct sig_digest md;
	struct vector v;
	struct err e;

	(void)state;
	for (size_t i = 4; i < 6; i++) {
		vector_load(&v, i);
		open_rsa(&v, want, sizeof(want));
		assert_int_equal(sig_hash(v.alg, v.data, &md, &e), 0);
		assert_int_equal(sig_rsa_block(v.alg, &md, got, 256, &e), 0);
		assert_memory_equal(got, want, 256);
		data_free(&v.blob);
	}
	free(got);
}

static void
test_an_rsa_key_too_short_for_the_hash_is_over_the_limit(void **state)
{
	const size_t least = 11 + 19 + 64;
	struct sig_digest md;
	struct err e;

	(void)state;
	assert_int_equal(sig_hash(SIG_RSA_SHA512, span_cstr("abc"), &md, &e),
	    0);
	for (size_t n = 0; n <= least; n++) {
		uint8_t *block = malloc(n);

		assert_int_equal(sig_rsa_block(SIG_RSA_SHA512, &md, block, n,
		    &e), n < least ? ERR_LIMIT : 0);
		free(block);
	}
}

static void
test_a_short_rsa_number_is_padded_to_the_modulus(void **state)
{
	struct data want = data_hex("00000007" "7373682d727361"
	    "00000004" "00000102");
	struct data raw = data_hex("0102"), long_raw = data_hex("000000000102");
	struct wire_w w;
	struct err e;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_true(wire_write(&w, SIG_BLOB_MAX));
		assert_int_equal(sig_put_rsa(&w, SIG_RSA_SHA1,
		    data_span(i == 0 ? &raw : &long_raw), 4, &e), 0);
		assert_true(span_eq(wire_bytes(&w), data_span(&want)));
		wire_free(&w);
	}
	data_free(&long_raw);
	data_free(&raw);
	data_free(&want);
}

static void
test_an_rsa_number_that_is_zero_or_too_long_is_refused(void **state)
{
	struct data zero = data_hex("00000000"), big = data_hex("0101010101");
	struct wire_w w;
	struct err e;

	(void)state;
	assert_true(wire_write(&w, SIG_BLOB_MAX));
	assert_int_equal(sig_put_rsa(&w, SIG_RSA_SHA1, data_span(&zero), 4,
	    &e), ERR_FORMAT);
	assert_int_equal(sig_put_rsa(&w, SIG_RSA_SHA1, data_span(&big), 4,
	    &e), ERR_FORMAT);
	assert_int_equal(sig_put_rsa(&w, SIG_RSA_SHA1, (struct span){ 0 }, 4,
	    &e), ERR_FORMAT);
	assert_int_equal(sig_put_rsa(&w, SIG_RSA_SHA1, data_span(&big), 2049,
	    &e), ERR_LIMIT);
	assert_int_equal(sig_put_rsa(&w, SIG_ECDSA_P256, data_span(&big), 8,
	    &e), ERR_UNSUPPORTED);
	assert_int_equal(wire_bytes(&w).n, 0);
	wire_free(&w);
	data_free(&zero);
	data_free(&big);
}

/* r || s of a vector, each a field long; the length of a field. */
static size_t
raw_form(const struct vector *v, uint8_t rs[2 * 66])
{
	struct wire_r in;
	struct span n[2];
	struct err e;
	struct key k;
	size_t field;

	assert_int_equal(key_parse(v->key, &k, &e), 0);
	field = key_field_bytes(k.type);
	wire_read(&in, v->sig);
	wire_get_string(&in);
	wire_get_u32(&in);
	memset(rs, 0, 2 * field);
	for (size_t i = 0; i < 2; i++) {
		n[i] = wire_get_mpint(&in);
		memcpy(rs + (i + 1) * field - n[i].n, n[i].p, n[i].n);
	}
	assert_true(wire_end(&in));
	return field;
}

static void
convert(struct vector *v)
{
	struct wire_w der, w;
	uint8_t rs[2 * 66];
	struct err e;
	size_t field;

	if (v->alg < SIG_ECDSA_P256 || v->alg > SIG_ECDSA_P521)
		return;
	field = raw_form(v, rs);
	assert_true(wire_write(&w, SIG_BLOB_MAX));
	assert_int_equal(sig_put_ecdsa_raw(&w, v->alg,
	    (struct span){ rs, 2 * field }, &e), 0);
	assert_true(span_eq(wire_bytes(&w), v->sig));
	wire_free(&w);

	assert_true(wire_write(&der, SIG_BLOB_MAX));
	wire_put_raw(&der, (struct span){ (const uint8_t *)"\x30\x81", 2 });
	wire_put_u8(&der, (uint8_t)(2 * (3 + field)));
	for (size_t i = 0; i < 2; i++) {
		wire_put_u8(&der, 0x02);
		wire_put_u8(&der, (uint8_t)(field + 1));
		wire_put_u8(&der, 0);
		wire_put_raw(&der, (struct span){ rs + i * field, field });
	}
	assert_true(wire_write(&w, SIG_BLOB_MAX));
	assert_int_equal(sig_put_ecdsa_der(&w, v->alg, wire_bytes(&der), &e),
	    0);
	assert_true(span_eq(wire_bytes(&w), v->sig));
	wire_free(&w);
	wire_free(&der);
}

static void
test_der_and_raw_give_the_blob_of_ssh_keygen(void **state)
{
	(void)state;
	each_vector(convert);
}

static void
test_a_full_writer_is_reported(void **state)
{
	struct data d = data_hex("0102");
	struct wire_w w;
	struct err e;

	(void)state;
	assert_true(wire_write(&w, 20));
	assert_int_equal(sig_put_ecdsa_raw(&w, SIG_ECDSA_P256, data_span(&d),
	    &e), ERR_NOMEM);
	wire_free(&w);
	data_free(&d);
}

static void
test_each_algorithm_fits_one_key_type(void **state)
{
	(void)state;
	assert_true(sig_alg_fits(SIG_RSA_SHA1, KEY_RSA));
	assert_true(sig_alg_fits(SIG_RSA_SHA512, KEY_RSA));
	assert_false(sig_alg_fits(SIG_RSA_SHA256, KEY_P256));
	assert_true(sig_alg_fits(SIG_ECDSA_P384, KEY_P384));
	assert_false(sig_alg_fits(SIG_ECDSA_P384, KEY_P521));
	assert_false(sig_alg_fits(SIG_ED25519, KEY_P256));
	assert_int_equal(sig_alg_for(KEY_RSA), SIG_RSA_SHA512);
	assert_int_equal(sig_alg_for(KEY_P384), SIG_ECDSA_P384);
	assert_int_equal(sig_alg_for(KEY_ED25519), SIG_ED25519);
	assert_string_equal(sig_alg_name(SIG_RSA_SHA512), "rsa-sha2-512");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signatures_of_ssh_keygen_verify),
		cmocka_unit_test(
		    test_a_flipped_bit_of_a_signature_is_refused),
		cmocka_unit_test(test_a_signature_cut_anywhere_is_malformed),
		cmocka_unit_test(test_a_byte_after_a_signature_is_refused),
		cmocka_unit_test(
		    test_a_right_signature_of_other_data_is_denied),
		cmocka_unit_test(test_a_signature_by_another_key_is_denied),
		cmocka_unit_test(
		    test_a_signature_of_another_algorithm_is_refused),
		cmocka_unit_test(test_a_renamed_rsa_signature_is_denied),
		cmocka_unit_test(
		    test_an_rsa_signature_of_another_length_is_malformed),
		cmocka_unit_test(test_a_key_off_its_curve_verifies_nothing),
		cmocka_unit_test(test_a_digest_of_the_wrong_length_is_refused),
		cmocka_unit_test(
		    test_the_rsa_block_is_the_one_ssh_keygen_signed),
		cmocka_unit_test(
		    test_an_rsa_key_too_short_for_the_hash_is_over_the_limit),
		cmocka_unit_test(
		    test_a_short_rsa_number_is_padded_to_the_modulus),
		cmocka_unit_test(
		    test_an_rsa_number_that_is_zero_or_too_long_is_refused),
		cmocka_unit_test(test_der_and_raw_give_the_blob_of_ssh_keygen),
		cmocka_unit_test(test_a_full_writer_is_reported),
		cmocka_unit_test(test_ed25519_signs_no_hash),
		cmocka_unit_test(test_ed25519_is_written_as_it_is),
		cmocka_unit_test(test_each_algorithm_fits_one_key_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
