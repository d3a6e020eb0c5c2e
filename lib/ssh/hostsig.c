/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stddef.h>

#include <openssl/err.h>
#include <openssl/evp.h>

#include "ssh/hostsig.h"
#include "ssh/sig.h"

#define ED25519			"ssh-ed25519"
#define ED25519_KEY_BYTES	32
#define ED25519_SIG_BYTES	64
#define CERT_SUFFIX		"-cert-v01@openssh.com"

/* The first string of a key or signature: its type. */
static struct span
name_of(struct span blob)
{
	struct wire_r r;

	wire_read(&r, blob);
	return wire_get_string(&r);
}

static bool
ends_with(struct span s, const char *tail)
{
	const struct span t = span_cstr(tail);

	return s.n >= t.n &&
	    span_eq((struct span){ s.p + s.n - t.n, t.n }, t);
}

/* The contents of a blob that is a name and one string of n bytes. */
static bool
get_fixed(struct span blob, const char *name, size_t n, struct span *out)
{
	struct wire_r r;
	bool named;

	wire_read(&r, blob);
	named = span_is(wire_get_string(&r), name);
	*out = wire_get_string(&r);
	return wire_end(&r) && named && out->n == n;
}

static int
verify_ed25519(struct span key, struct span data, struct span sig,
    struct err *e)
{
	EVP_PKEY *pkey = NULL;
	EVP_MD_CTX *ctx;
	bool ok;

	if (!get_fixed(key, ED25519, ED25519_KEY_BYTES, &key))
		return err_set(e, ERR_FORMAT, 0, "malformed Ed25519 key");
	if (!get_fixed(sig, ED25519, ED25519_SIG_BYTES, &sig))
		return err_set(e, ERR_FORMAT, 0,
		    "malformed Ed25519 signature");
	ctx = EVP_MD_CTX_new();
	pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key.p,
	    key.n);
	ok = ctx != NULL && pkey != NULL &&
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
	    EVP_DigestVerify(ctx, sig.p, sig.n, data.p, data.n) == 1;
	ERR_clear_error();
	EVP_PKEY_free(pkey);
	EVP_MD_CTX_free(ctx);
	if (!ok)
		return err_set(e, ERR_DENIED, 0, "signature is wrong");
	return 0;
}

/* An RSA key makes several signatures: theirs say which. */
static int
verify_rsa(struct span key, struct span data, struct span sig, struct err *e)
{
	static const enum sig_alg algs[] = { SIG_RSA_SHA256, SIG_RSA_SHA512 };
	const struct span name = name_of(sig);

	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (span_is(name, sig_alg_name(algs[i])))
			return sig_verify(key, algs[i], data, sig, e);
	if (span_is(name, sig_alg_name(SIG_RSA_SHA1)))
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "RSA signature with SHA-1, which is not safe");
	return err_set(e, ERR_FORMAT, 0, "not a signature by an RSA key");
}

static int
verify_plain(struct span key, struct span data, struct span sig,
    struct err *e)
{
	static const enum sig_alg ecdsa[] = { SIG_ECDSA_P256, SIG_ECDSA_P384,
	    SIG_ECDSA_P521 };
	const struct span name = name_of(key);

	if (name.n == 0)
		return err_set(e, ERR_FORMAT, 0, "malformed public key");
	if (span_is(name, ED25519))
		return verify_ed25519(key, data, sig, e);
	if (span_is(name, key_type_name(KEY_RSA)))
		return verify_rsa(key, data, sig, e);
	for (size_t i = 0; i < sizeof(ecdsa) / sizeof(ecdsa[0]); i++)
		if (span_is(name, sig_alg_name(ecdsa[i])))
			return sig_verify(key, ecdsa[i], data, sig, e);
	return err_set(e, ERR_UNSUPPORTED, 0,
	    "key of a type whose signatures are not checked here");
}

static int
verify_subject(struct span cert, struct span data, struct span sig,
    struct err *e)
{
	struct wire_w key;
	struct cert c;
	int r;

	if ((r = cert_parse(cert, &c, e)) != 0)
		return r;
	if (!wire_write(&key, cert.n))
		return err_set(e, ERR_NOMEM, 0, "key of a certificate");
	cert_put_subject(&c, &key);
	if (key.bad)
		r = err_set(e, ERR_NOMEM, 0, "key of a certificate");
	else
		r = verify_plain(wire_bytes(&key), data, sig, e);
	wire_free(&key);
	return r;
}

int
hostsig_verify(struct span key, struct span data, struct span sig,
    struct err *e)
{
	if (ends_with(name_of(key), CERT_SUFFIX))
		return verify_subject(key, data, sig, e);
	return verify_plain(key, data, sig, e);
}

int
hostsig_verify_cert(const struct cert *c, struct err *e)
{
	return verify_plain(c->ca, c->tbs, c->signature, e);
}
