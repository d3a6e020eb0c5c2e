/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ssh/hostsig.h"
#include "ssh/sig.h"

#define CERT_SUFFIX	"-cert-v01@openssh.com"

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
	const struct span name = name_of(key);

	if (name.n == 0)
		return err_set(e, ERR_FORMAT, 0, "malformed public key");
	for (enum key_type t = KEY_P256; t <= KEY_ED25519; t++)
		if (span_is(name, key_type_name(t)))
			return sig_verify(key, sig_alg_for(t), data, sig, e);
	if (span_is(name, key_type_name(KEY_RSA)))
		return verify_rsa(key, data, sig, e);
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
