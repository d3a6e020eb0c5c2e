/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tests/unit/hostkey.h"
#include "tests/vhsm/vh_key.h"

#define ED25519_BYTES	32
#define SIG_ROOM	512

static const struct {
	const char	*curve;
	enum sig_alg	 alg;
	const char	*digest;
} types[] = {
	[HOSTKEY_ED25519] = { NULL, SIG_RSA_SHA1, NULL },	/* no alg */
	[HOSTKEY_RSA] = { NULL, SIG_RSA_SHA512, NULL },
	[HOSTKEY_P256] = { "P-256", SIG_ECDSA_P256, "SHA256" },
	[HOSTKEY_P384] = { "P-384", SIG_ECDSA_P384, "SHA384" },
	[HOSTKEY_P521] = { "P-521", SIG_ECDSA_P521, "SHA512" },
};

static void
put_blob(const struct hostkey *k, struct wire_w *w)
{
	uint8_t raw[ED25519_BYTES], *der = NULL;
	size_t n = sizeof(raw);
	struct err e;
	int len;

	if (k->type == HOSTKEY_ED25519) {
		assert_int_equal(EVP_PKEY_get_raw_public_key(k->pkey, raw,
		    &n), 1);
		wire_put_cstring(w, "ssh-ed25519");
		wire_put_string(w, (struct span){ raw, n });
		return;
	}
	assert_true((len = i2d_PUBKEY(k->pkey, &der)) > 0);
	assert_int_equal(key_put_x509(w, (struct span){ der, (size_t)len },
	    &e), 0);
	OPENSSL_free(der);
}

void
hostkey_make(struct hostkey *k, enum hostkey_type t)
{
	static const uint8_t f4[] = { 1, 0, 1 };
	struct wire_w w;

	k->type = t;
	if (t == HOSTKEY_ED25519)
		k->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	else if (t == HOSTKEY_RSA)
		k->pkey = vh_key_new_rsa(2048, (struct span){ f4, sizeof(f4) });
	else
		k->pkey = EVP_EC_gen(types[t].curve);
	assert_non_null(k->pkey);
	assert_true(wire_write(&w, 4096));
	put_blob(k, &w);
	k->blob = data_copy(wire_bytes(&w));
	wire_free(&w);
}

void
hostkey_free(struct hostkey *k)
{
	EVP_PKEY_free(k->pkey);
	data_free(&k->blob);
}

static const char *
digest_of(const struct hostkey *k, enum sig_alg rsa)
{
	if (k->type != HOSTKEY_RSA)
		return types[k->type].digest;
	return rsa == SIG_RSA_SHA1 ? "SHA1" :
	    rsa == SIG_RSA_SHA256 ? "SHA256" : "SHA512";
}

static void
put_signature(const struct hostkey *k, enum sig_alg rsa, struct span raw,
    struct wire_w *w)
{
	struct err e;

	if (k->type == HOSTKEY_ED25519) {
		wire_put_cstring(w, "ssh-ed25519");
		wire_put_string(w, raw);
	} else if (k->type == HOSTKEY_RSA)
		assert_int_equal(sig_put_rsa(w, rsa, raw, raw.n, &e), 0);
	else
		assert_int_equal(sig_put_ecdsa_der(w, types[k->type].alg,
		    raw, &e), 0);
}

struct data
hostkey_sign_as(const struct hostkey *k, enum sig_alg rsa, struct span data)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t raw[SIG_ROOM];
	size_t n = sizeof(raw);
	struct wire_w w;
	struct data d;

	assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, digest_of(k, rsa),
	    NULL, NULL, k->pkey, NULL), 1);
	assert_int_equal(EVP_DigestSign(ctx, raw, &n, data.p, data.n), 1);
	EVP_MD_CTX_free(ctx);
	assert_true(wire_write(&w, SIG_BLOB_MAX));
	put_signature(k, rsa, (struct span){ raw, n }, &w);
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	return d;
}

struct data
hostkey_sign(const struct hostkey *k, struct span data)
{
	return hostkey_sign_as(k, SIG_RSA_SHA512, data);
}

struct data
hostkey_bind(struct span key, const struct hostkey *signer,
    struct span session_id, uint8_t forwarding)
{
	struct data sig = hostkey_sign(signer, session_id), d;
	struct wire_w w;

	assert_true(wire_write(&w, 1 << 17));
	wire_put_string(&w, key);
	wire_put_string(&w, session_id);
	wire_put_string(&w, data_span(&sig));
	wire_put_u8(&w, forwarding);
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	data_free(&sig);
	return d;
}

/* Its type, a nonce, and the fields of the key. */
static void
put_subject(struct wire_w *w, struct span subject)
{
	struct span type;
	struct wire_r r;
	char name[80];

	wire_read(&r, subject);
	type = wire_get_string(&r);
	snprintf(name, sizeof(name), "%.*s-cert-v01@openssh.com",
	    (int)type.n, (const char *)type.p);
	wire_put_cstring(w, name);
	wire_put_cstring(w, "a nonce for this test");
	wire_put_raw(w, wire_get_raw(&r, r.left));
}

struct data
hostkey_certify_blob(struct span subject, const struct hostkey *ca,
    const struct hostkey_cert *c)
{
	struct data sig, d;
	struct wire_w w;

	assert_true(wire_write(&w, 1 << 17));
	put_subject(&w, subject);
	wire_put_u64(&w, c->serial);
	wire_put_u32(&w, c->type);
	wire_put_cstring(&w, "host");
	wire_put_string(&w, c->principals);
	wire_put_u64(&w, c->after);
	wire_put_u64(&w, c->before);
	wire_put_string(&w, c->critical);
	wire_put_string(&w, (struct span){ 0 });
	wire_put_string(&w, (struct span){ 0 });
	wire_put_string(&w, data_span(&ca->blob));
	sig = hostkey_sign(ca, wire_bytes(&w));
	wire_put_string(&w, data_span(&sig));
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	data_free(&sig);
	return d;
}

struct data
hostkey_certify_user(struct span subject, const struct hostkey *ca,
    uint64_t serial)
{
	const struct hostkey_cert what = { .type = CERT_USER,
	    .serial = serial, .before = CERT_FOREVER };

	return hostkey_certify_blob(subject, ca, &what);
}

struct data
hostkey_certify(const struct hostkey *subject, const struct hostkey *ca,
    const struct hostkey_cert *c)
{
	return hostkey_certify_blob(data_span(&subject->blob), ca, c);
}
