/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ssh/key.h"
#include "tests/unit/card.h"
#include "tests/unit/data.h"
#include "tests/unit/use.h"
#include "token/manage.h"

/* X.509 certificates of keys on a SmartCard-HSM. */

struct cert {
	uint8_t	*p;
	size_t	 n;
};

/*
 * A certificate with this public key, signed by nobody in particular.  The
 * name makes it as long as is wanted.
 */
static struct cert
cert_of(EVP_PKEY *key, int name_n)
{
	EVP_PKEY *issuer = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	unsigned char name[60];
	struct cert c = { 0 };

	memset(name, 'n', sizeof(name));
	for (int i = 0; i < name_n; i++)
		assert_int_equal(X509_NAME_add_entry_by_txt(
		    X509_get_subject_name(x), "OU", MBSTRING_ASC, name,
		    sizeof(name), -1, 0), 1);
	assert_int_equal(X509_set_pubkey(x, key), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x), 3600));
	assert_true(X509_sign(x, issuer, EVP_sha256()) > 0);
	c.n = (size_t)i2d_X509(x, &c.p);
	X509_free(x);
	EVP_PKEY_free(issuer);
	EVP_PKEY_free(key);
	return c;
}

static struct cert
cert_for(const struct token_key *k, int name_n)
{
	const unsigned char *p;
	struct wire_w w;
	EVP_PKEY *key;
	struct err e;

	assert_true(wire_write(&w, KEY_BLOB_MAX));
	assert_int_equal(key_put_spki(&w, (struct span){ k->blob, k->blob_n },
	    &e), 0);
	p = wire_bytes(&w).p;
	key = d2i_PUBKEY(NULL, &p, (long)wire_bytes(&w).n);
	assert_non_null(key);
	wire_free(&w);
	return cert_of(key, name_n);
}

static int
put(struct token *t, const char *ref, const struct cert *c, struct err *e)
{
	int r;

	assert_int_equal(token_begin(t, e), 0);
	r = token_put_certificate(t, ref, (struct span){ c->p, c->n }, e);
	token_end(t);
	return r;
}

static int
get(struct token *t, const char *ref, uint8_t *der, size_t *n, struct err *e)
{
	int r;

	*n = TOKEN_CERT_MAX;
	assert_int_equal(token_begin(t, e), 0);
	r = token_get_certificate(t, ref, der, n, e);
	token_end(t);
	return r;
}

struct fixture {
	struct card	 c;
	struct token	*t;
	struct token_keys keys;
};

static void
open_with(struct fixture *f, const char *const *keys, size_t n,
    bool short_only)
{
	const struct vhsm_options o = { .short_only = short_only };
	struct err e;

	card_open(&f->c, &o);
	card_keys(&f->c, keys, n);
	f->t = use_open(&f->c);
	assert_int_equal(use_login(f->t, VHSM_PIN, &e), 0);
	f->keys = use_list(f->t, NULL);
}

static void
done(struct fixture *f)
{
	token_keys_free(&f->keys);
	token_close(f->t);
	card_close(&f->c);
}

static void
assert_usable(struct fixture *f, size_t i, enum sig_alg alg)
{
	struct token_keys now = use_list(f->t, NULL);
	struct err e;

	assert_non_null(now.v[i].blob);
	assert_int_equal(now.v[i].blob_n, f->keys.v[i].blob_n);
	assert_memory_equal(now.v[i].blob, f->keys.v[i].blob,
	    now.v[i].blob_n);
	assert_string_equal(now.v[i].label, f->keys.v[i].label);
	assert_int_equal(use_sign(f->t, &now.v[i], alg, &e), 0);
	token_keys_free(&now);
}

static void
goes_in_and_comes_out(bool short_only, int name_n)
{
	static const char *const keys[] = { "rsa2048:a", "p256:b" };
	uint8_t der[TOKEN_CERT_MAX];
	struct fixture f;
	struct cert c;
	struct err e;
	size_t n;

	open_with(&f, keys, 2, short_only);
	assert_int_equal(get(f.t, "01", der, &n, &e), ERR_NOTFOUND);
	for (size_t i = 0; i < 2; i++) {
		c = cert_for(&f.keys.v[i], name_n);
		assert_int_equal(put(f.t, f.keys.v[i].ref, &c, &e), 0);
		assert_int_equal(get(f.t, f.keys.v[i].ref, der, &n, &e), 0);
		assert_int_equal(n, c.n);
		assert_memory_equal(der, c.p, n);
		OPENSSL_free(c.p);
	}
	if (!short_only)
		assert_usable(&f, 0, SIG_RSA_SHA256);
	assert_usable(&f, 1, SIG_ECDSA_P256);
	done(&f);
}

static void
test_a_certificate_goes_in_and_comes_out(void **state)
{
	(void)state;
	goes_in_and_comes_out(false, 1);
	goes_in_and_comes_out(false, 40);
	goes_in_and_comes_out(true, 1);
}

static void
test_another_keys_certificate_is_refused(void **state)
{
	static const char *const keys[] = { "p256:a", "p256:b", "p384:c",
	    "brainpoolP256r1:d" };
	struct fixture f;
	struct cert c;
	struct err e;

	(void)state;
	open_with(&f, keys, 4, false);
	c = cert_for(&f.keys.v[0], 1);
	assert_int_equal(put(f.t, "02", &c, &e), ERR_DENIED);
	assert_int_equal(put(f.t, "03", &c, &e), ERR_DENIED);
	assert_int_equal(put(f.t, "00", &c, &e), ERR_NOTFOUND);
	OPENSSL_free(c.p);
	c = cert_of(EVP_EC_gen("brainpoolP256r1"), 1);
	assert_int_equal(put(f.t, "04", &c, &e), ERR_DENIED);
	assert_int_equal(put(f.t, "01", &c, &e), ERR_DENIED);
	OPENSSL_free(c.p);
	assert_usable(&f, 1, SIG_ECDSA_P256);
	done(&f);
}

static void
test_what_is_no_certificate_is_refused(void **state)
{
	struct cert cut, c;
	struct fixture f;
	struct err e;

	(void)state;
	open_with(&f, (const char *const[]){ "p256:a" }, 1, false);
	c = cert_for(&f.keys.v[0], 1);
	for (cut = c, cut.n = 0; cut.n < c.n; cut.n++)
		assert_int_equal(put(f.t, "01", &cut, &e), ERR_FORMAT);
	assert_usable(&f, 0, SIG_ECDSA_P256);
	OPENSSL_free(c.p);
	done(&f);
}

/* As it is when somebody pulled the token half way. */
static void
test_a_key_without_its_public_part_proves_itself(void **state)
{
	static const char *const keys[] = { "p256:a", "p256:b" };
	struct fixture f;
	struct cert c;
	struct err e;

	(void)state;
	open_with(&f, keys, 2, false);
	card_do(&f.c, "00E4020002CE01");
	card_do(&f.c, "00D7CE020A" "54020000" "5304" "30820400");
	c = cert_for(&f.keys.v[1], 1);
	assert_int_equal(put(f.t, "01", &c, &e), ERR_DENIED);
	assert_int_equal(put(f.t, "02", &c, &e), 0);
	OPENSSL_free(c.p);
	c = cert_for(&f.keys.v[0], 1);
	assert_int_equal(put(f.t, "01", &c, &e), 0);
	OPENSSL_free(c.p);
	assert_usable(&f, 0, SIG_ECDSA_P256);
	assert_usable(&f, 1, SIG_ECDSA_P256);
	done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_certificate_goes_in_and_comes_out),
		cmocka_unit_test(test_another_keys_certificate_is_refused),
		cmocka_unit_test(test_what_is_no_certificate_is_refused),
		cmocka_unit_test(
		    test_a_key_without_its_public_part_proves_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
