/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/hostsig.h"
#include "tests/unit/hostkey.h"

static const char session[] = "01234567890123456789012345678901";

static int
verify(const struct hostkey *k, struct span data, struct span sig)
{
	struct err e;

	return hostsig_verify(data_span(&k->blob), data, sig, &e);
}

/* A key of each type, and its signature of the session. */
struct signer {
	struct hostkey	 key;
	struct data	 sig;
};

static void
each_type(void (*fn)(struct signer *))
{
	for (int t = 0; t < N_HOSTKEY_TYPES; t++) {
		struct signer s;

		hostkey_make(&s.key, (enum hostkey_type)t);
		s.sig = hostkey_sign(&s.key, span_cstr(session));
		fn(&s);
		data_free(&s.sig);
		hostkey_free(&s.key);
	}
}

static int
verify_session(const struct signer *s)
{
	return verify(&s->key, span_cstr(session), data_span(&s->sig));
}

static void
believe(struct signer *s)
{
	const struct span sig = data_span(&s->sig);

	assert_int_equal(verify_session(s), 0);
	assert_int_equal(verify(&s->key, span_cstr(session + 1), sig),
	    ERR_DENIED);
	assert_int_equal(verify(&s->key, (struct span){ 0 }, sig),
	    ERR_DENIED);
}

static void
test_every_type_of_host_key_is_believed_for_what_it_signed(void **state)
{
	(void)state;
	each_type(believe);
}

/* Every `step`th bit of *d in turn. */
static void
flip(struct signer *s, struct data *d, size_t step)
{
	for (size_t i = 0; i < d->n * 8; i += step) {
		d->p[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_not_equal(verify_session(s), 0);
		d->p[i / 8] ^= (uint8_t)(1 << i % 8);
	}
}

static void
flip_both(struct signer *s)
{
	const size_t few = getenv("UNDER_VALGRIND") != NULL ? 9 : 1;

	flip(s, &s->sig, 5 * few);
	flip(s, &s->key.blob, 7 * few);
}

static void
test_a_flipped_bit_of_key_or_signature_is_refused(void **state)
{
	(void)state;
	each_type(flip_both);
}

static void
refuse_key(struct span cut, void *arg)
{
	const struct signer *s = arg;
	struct err e;
	int r;

	r = hostsig_verify(cut, span_cstr(session), data_span(&s->sig), &e);
	assert_true(r == ERR_FORMAT || r == ERR_LIMIT);
}

static void
refuse_sig(struct span cut, void *arg)
{
	const struct signer *s = arg;

	assert_int_equal(verify(&s->key, span_cstr(session), cut),
	    ERR_FORMAT);
}

static struct data
longer(const struct data *d)
{
	struct data more = { malloc(d->n + 1), d->n + 1 };

	assert_non_null(more.p);
	memcpy(more.p, d->p, d->n);
	more.p[d->n] = 0;
	return more;
}

static void
refuse_lengths(struct signer *s)
{
	struct data key = longer(&s->key.blob), sig = longer(&s->sig);

	data_each_cut(data_span(&s->key.blob), refuse_key, s);
	data_each_cut(data_span(&s->sig), refuse_sig, s);
	refuse_key(data_span(&key), s);
	refuse_sig(data_span(&sig), s);
	data_free(&sig);
	data_free(&key);
}

static void
test_what_is_cut_anywhere_or_too_long_is_malformed(void **state)
{
	(void)state;
	each_type(refuse_lengths);
}

static int
verify_rsa(const struct hostkey *k, enum sig_alg alg)
{
	struct data sig = hostkey_sign_as(k, alg, span_cstr(session));
	const int r = verify(k, span_cstr(session), data_span(&sig));

	data_free(&sig);
	return r;
}

static void
test_rsa_is_believed_with_sha2_only(void **state)
{
	struct hostkey k;

	(void)state;
	hostkey_make(&k, HOSTKEY_RSA);
	assert_int_equal(verify_rsa(&k, SIG_RSA_SHA256), 0);
	assert_int_equal(verify_rsa(&k, SIG_RSA_SHA512), 0);
	assert_int_equal(verify_rsa(&k, SIG_RSA_SHA1), ERR_UNSUPPORTED);
	hostkey_free(&k);
}

static void
test_a_signature_of_another_type_is_refused(void **state)
{
	struct hostkey ed, rsa, ec;
	struct data sig;

	(void)state;
	hostkey_make(&ed, HOSTKEY_ED25519);
	hostkey_make(&rsa, HOSTKEY_RSA);
	hostkey_make(&ec, HOSTKEY_P256);
	sig = hostkey_sign(&ed, span_cstr(session));
	assert_int_equal(verify(&rsa, span_cstr(session), data_span(&sig)),
	    ERR_FORMAT);
	assert_int_equal(verify(&ec, span_cstr(session), data_span(&sig)),
	    ERR_FORMAT);
	data_free(&sig);
	sig = hostkey_sign(&ec, span_cstr(session));
	assert_int_equal(verify(&ed, span_cstr(session), data_span(&sig)),
	    ERR_FORMAT);
	data_free(&sig);
	hostkey_free(&ec);
	hostkey_free(&rsa);
	hostkey_free(&ed);
}

static void
test_a_certificate_stands_for_the_key_in_it(void **state)
{
	const struct hostkey_cert what = { .type = CERT_HOST };
	struct hostkey k, other, ca;
	struct data cert, sig, wrong;
	struct err e;

	(void)state;
	hostkey_make(&k, HOSTKEY_ED25519);
	hostkey_make(&other, HOSTKEY_ED25519);
	hostkey_make(&ca, HOSTKEY_P256);
	cert = hostkey_certify(&k, &ca, &what);
	sig = hostkey_sign(&k, span_cstr(session));
	wrong = hostkey_sign(&other, span_cstr(session));
	assert_int_equal(hostsig_verify(data_span(&cert),
	    span_cstr(session), data_span(&sig), &e), 0);
	assert_int_equal(hostsig_verify(data_span(&cert),
	    span_cstr(session), data_span(&wrong), &e), ERR_DENIED);
	cert.n--;
	assert_int_equal(hostsig_verify(data_span(&cert),
	    span_cstr(session), data_span(&sig), &e), ERR_FORMAT);
	data_free(&wrong);
	data_free(&sig);
	data_free(&cert);
	hostkey_free(&ca);
	hostkey_free(&other);
	hostkey_free(&k);
}

static void
test_security_keys_and_strangers_are_not_supported(void **state)
{
	const char *names[] = { "sk_ed25519", "sk_ecdsa", "sk_ed25519-cert",
	    "sk_ecdsa-cert" };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct data d = data_pub(names[i]);

		assert_int_equal(hostsig_verify(data_span(&d),
		    span_cstr(session), span_cstr("x"), &e),
		    ERR_UNSUPPORTED);
		data_free(&d);
	}
	assert_int_equal(hostsig_verify(span_cstr("\0\0\0\007ssh-dss"),
	    span_cstr(session), span_cstr("x"), &e), ERR_FORMAT);
	assert_int_equal(hostsig_verify((struct span){
	    (const uint8_t *)"\0\0\0\007ssh-dss", 11 },
	    span_cstr(session), span_cstr("x"), &e), ERR_UNSUPPORTED);
}

/* By CA keys of all types, Ed25519 among them. */
static const char *const certs[] = { "u_ecdsa-cert", "u_rsa-cert",
    "u_ed25519-cert", "p384-cert", "p521-cert", "sk_ed25519-cert",
    "sk_ecdsa-cert" };

#define N_CERTS	(sizeof(certs) / sizeof(certs[0]))

static void
test_certificates_of_ssh_keygen_are_signed_by_their_ca(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CERTS; i++) {
		struct data d = data_pub(certs[i]);
		struct cert c;
		struct err e;

		assert_int_equal(cert_parse(data_span(&d), &c, &e), 0);
		assert_int_equal(hostsig_verify_cert(&c, &e), 0);
		data_free(&d);
	}
}

/* Where the serial number is, so that it still parses. */
static void
test_a_certificate_changed_afterwards_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_CERTS; i++) {
		struct data d = data_pub(certs[i]);
		struct cert c;
		struct err e;
		size_t at;

		assert_int_equal(cert_parse(data_span(&d), &c, &e), 0);
		at = (size_t)(c.key_fields.p - d.p) + c.key_fields.n;
		d.p[at] ^= 1;
		assert_int_equal(cert_parse(data_span(&d), &c, &e), 0);
		assert_int_equal(hostsig_verify_cert(&c, &e), ERR_DENIED);
		data_free(&d);
	}
}

static void
test_a_ca_that_is_a_security_key_is_not_supported(void **state)
{
	struct data d = data_pub("p384-cert"), sk = data_pub("sk_ed25519");
	struct cert c;
	struct err e;

	(void)state;
	assert_int_equal(cert_parse(data_span(&d), &c, &e), 0);
	c.ca = data_span(&sk);
	assert_int_equal(hostsig_verify_cert(&c, &e), ERR_UNSUPPORTED);
	data_free(&sk);
	data_free(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_every_type_of_host_key_is_believed_for_what_it_signed),
		cmocka_unit_test(
		    test_a_flipped_bit_of_key_or_signature_is_refused),
		cmocka_unit_test(
		    test_what_is_cut_anywhere_or_too_long_is_malformed),
		cmocka_unit_test(test_rsa_is_believed_with_sha2_only),
		cmocka_unit_test(test_a_signature_of_another_type_is_refused),
		cmocka_unit_test(test_a_certificate_stands_for_the_key_in_it),
		cmocka_unit_test(
		    test_security_keys_and_strangers_are_not_supported),
		cmocka_unit_test(
		    test_certificates_of_ssh_keygen_are_signed_by_their_ca),
		cmocka_unit_test(
		    test_a_certificate_changed_afterwards_is_refused),
		cmocka_unit_test(
		    test_a_ca_that_is_a_security_key_is_not_supported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
