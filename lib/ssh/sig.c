/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "ssh/sig.h"

#define RSA_MAX_BYTES	2048
#define DER_MAX		144		/* ECDSA with P-521 takes 139 */
#define ED25519_BYTES	64

static const uint8_t sha1_info[] = {
	0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a,
	0x05, 0x00, 0x04, 0x14
};
static const uint8_t sha256_info[] = {
	0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
	0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20
};
static const uint8_t sha512_info[] = {
	0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
	0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40
};

/*
 * info: RFC 8017 sec. 9.2 note 1, the DigestInfo up to the hash.  md is NULL
 * where the algorithm hashes for itself.
 */
static const struct alg {
	const char	*name;
	enum key_type	 key;
	const EVP_MD	*(*md)(void);
	size_t		 hash_bytes;
	struct span	 info;
} algs[] = {
	[SIG_RSA_SHA1] = { "ssh-rsa", KEY_RSA, EVP_sha1, 20,
	    { sha1_info, sizeof(sha1_info) } },
	[SIG_RSA_SHA256] = { "rsa-sha2-256", KEY_RSA, EVP_sha256, 32,
	    { sha256_info, sizeof(sha256_info) } },
	[SIG_RSA_SHA512] = { "rsa-sha2-512", KEY_RSA, EVP_sha512, 64,
	    { sha512_info, sizeof(sha512_info) } },
	[SIG_ECDSA_P256] = { "ecdsa-sha2-nistp256", KEY_P256, EVP_sha256, 32,
	    { NULL, 0 } },
	[SIG_ECDSA_P384] = { "ecdsa-sha2-nistp384", KEY_P384, EVP_sha384, 48,
	    { NULL, 0 } },
	[SIG_ECDSA_P521] = { "ecdsa-sha2-nistp521", KEY_P521, EVP_sha512, 64,
	    { NULL, 0 } },
	[SIG_ED25519] = { "ssh-ed25519", KEY_ED25519, NULL, 0, { NULL, 0 } },
};

struct sig_verifier {
	EVP_PKEY	*pkey;
	struct key	 key;		/* its spans point into blob */
	struct span	 blob;
	uint8_t		 bytes[];
};

const char *
sig_alg_name(enum sig_alg a)
{
	return algs[a].name;
}

bool
sig_alg_fits(enum sig_alg a, enum key_type t)
{
	return algs[a].key == t;
}

enum sig_alg
sig_alg_for(enum key_type t)
{
	enum sig_alg a = SIG_ALG_LAST;

	while (algs[a].key != t)
		a--;
	return a;
}

int
sig_hash(enum sig_alg a, struct span data, struct sig_digest *md,
    struct err *e)
{
	unsigned int n;

	*md = (struct sig_digest){ .n = 0 };
	if (algs[a].md == NULL) {
		md->message = data;
		return 0;
	}
	if (EVP_Digest(data.p, data.n, md->bytes, &n, algs[a].md(),
	    NULL) != 1) {
		ERR_clear_error();
		return err_set(e, ERR_NOMEM, 0, "hash for %s", algs[a].name);
	}
	md->n = n;
	return 0;
}

int
sig_rsa_block(enum sig_alg a, const struct sig_digest *md, uint8_t *block,
    size_t len, struct err *e)
{
	const struct span info = algs[a].info;
	const size_t tail = info.n + md->n;

	if (algs[a].key != KEY_RSA || md->n != algs[a].hash_bytes)
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "no RSA block of %zu hash bytes for %s", md->n,
		    algs[a].name);
	if (len < tail + 11)
		return err_set(e, ERR_LIMIT, 0, "RSA key too short for %s",
		    algs[a].name);
	memset(block, 0xff, len);
	block[0] = 0;
	block[1] = 1;
	block[len - tail - 1] = 0;
	memcpy(block + len - tail, info.p, info.n);
	memcpy(block + len - md->n, md->bytes, md->n);
	return 0;
}

static int
written(const struct wire_w *out, struct err *e)
{
	if (out->bad)
		return err_set(e, ERR_NOMEM, 0, "no room for a signature");
	return 0;
}

int
sig_put_rsa(struct wire_w *out, enum sig_alg a, struct span raw, size_t len,
    struct err *e)
{
	uint8_t padded[RSA_MAX_BYTES] = { 0 };

	if (algs[a].key != KEY_RSA)
		return err_set(e, ERR_UNSUPPORTED, 0, "%s is not RSA",
		    algs[a].name);
	if (len > sizeof(padded))
		return err_set(e, ERR_LIMIT, 0, "RSA key of %zu bytes", len);
	raw = span_strip_zeros(raw);
	if (raw.n == 0 || raw.n > len)
		return err_set(e, ERR_FORMAT, 0,
		    "RSA signature of %zu bytes for a key of %zu", raw.n, len);
	memcpy(padded + len - raw.n, raw.p, raw.n);
	wire_put_cstring(out, algs[a].name);
	wire_put_string(out, (struct span){ padded, len });
	return written(out, e);
}

static uint32_t
mpint_bytes(struct span s)
{
	return (uint32_t)(4 + s.n + (s.p[0] >> 7));
}

static int
put_ecdsa(struct wire_w *out, enum sig_alg a, struct span r, struct span s,
    struct err *e)
{
	const size_t field = key_field_bytes(algs[a].key);

	r = span_strip_zeros(r);
	s = span_strip_zeros(s);
	if (r.n == 0 || s.n == 0 || r.n > field || s.n > field)
		return err_set(e, ERR_FORMAT, 0,
		    "r or s of an ECDSA signature is zero or too long");
	wire_put_cstring(out, algs[a].name);
	wire_put_u32(out, mpint_bytes(r) + mpint_bytes(s));
	wire_put_mpint(out, r);
	wire_put_mpint(out, s);
	return written(out, e);
}

/*
 * The contents of one DER element.  A card pads integers and lengths more
 * than DER allows, so this is not libcrypto's job; 81 is the longest length
 * form that any ECDSA signature needs.
 */
static struct span
der_get(struct wire_r *r, uint8_t tag)
{
	const bool right = wire_get_u8(r) == tag;
	uint8_t n = wire_get_u8(r);

	if (n == 0x81)
		n = wire_get_u8(r);
	else if (n >= 0x80)
		r->bad = true;
	r->bad = r->bad || !right;
	return wire_get_raw(r, n);
}

static struct span
der_get_uint(struct wire_r *r)
{
	const struct span s = der_get(r, 0x02);

	if (s.n == 0 || (s.p[0] & 0x80) != 0)
		r->bad = true;
	return s;
}

static int
check_ecdsa(enum sig_alg a, struct err *e)
{
	if (key_curve_name(algs[a].key) == NULL)
		return err_set(e, ERR_UNSUPPORTED, 0, "%s is not ECDSA",
		    algs[a].name);
	return 0;
}

int
sig_put_ecdsa_der(struct wire_w *out, enum sig_alg a, struct span der,
    struct err *e)
{
	struct wire_r outer, inner;
	struct span r, s;
	int c;

	if ((c = check_ecdsa(a, e)) != 0)
		return c;
	wire_read(&outer, der);
	wire_read(&inner, der_get(&outer, 0x30));
	r = der_get_uint(&inner);
	s = der_get_uint(&inner);
	if (!wire_end(&outer) || !wire_end(&inner))
		return err_set(e, ERR_FORMAT, 0,
		    "ECDSA signature is not two positive DER integers");
	return put_ecdsa(out, a, r, s, e);
}

int
sig_put_ecdsa_raw(struct wire_w *out, enum sig_alg a, struct span rs,
    struct err *e)
{
	const size_t half = rs.n / 2;
	int c;

	if ((c = check_ecdsa(a, e)) != 0)
		return c;
	if (half == 0 || rs.n % 2 != 0)
		return err_set(e, ERR_FORMAT, 0,
		    "ECDSA signature of %zu bytes", rs.n);
	return put_ecdsa(out, a, (struct span){ rs.p, half },
	    (struct span){ rs.p + half, half }, e);
}

int
sig_put_ed25519(struct wire_w *out, struct span raw, struct err *e)
{
	if (raw.n != ED25519_BYTES)
		return err_set(e, ERR_FORMAT, 0,
		    "Ed25519 signature of %zu bytes", raw.n);
	wire_put_cstring(out, algs[SIG_ED25519].name);
	wire_put_string(out, raw);
	return written(out, e);
}

/* r and s in DER for libcrypto; 0 when they are malformed or too long. */
static size_t
ecdsa_der(enum key_type t, struct span sig, uint8_t der[DER_MAX])
{
	const size_t field = key_field_bytes(t);
	BIGNUM *br = NULL, *bs = NULL;
	ECDSA_SIG *es = NULL;
	struct span r, s;
	struct wire_r in;
	int n = 0;

	wire_read(&in, sig);
	r = wire_get_mpint(&in);
	s = wire_get_mpint(&in);
	if (!wire_end(&in) || r.n > field || s.n > field)
		return 0;
	if ((es = ECDSA_SIG_new()) != NULL &&
	    (br = BN_bin2bn(r.p, (int)r.n, NULL)) != NULL &&
	    (bs = BN_bin2bn(s.p, (int)s.n, NULL)) != NULL &&
	    ECDSA_SIG_set0(es, br, bs) == 1) {
		br = bs = NULL;		/* handed over */
		n = i2d_ECDSA_SIG(es, &der);
	}
	BN_free(br);
	BN_free(bs);
	ECDSA_SIG_free(es);
	return n > 0 ? (size_t)n : 0;
}

static bool
verifies(EVP_PKEY *pkey, enum sig_alg a, const struct sig_digest *md,
    struct span sig)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	bool ok;

	ok = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
	    (algs[a].key != KEY_RSA ||
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1) &&
	    EVP_PKEY_CTX_set_signature_md(ctx, algs[a].md()) == 1 &&
	    EVP_PKEY_verify(ctx, sig.p, sig.n, md->bytes, md->n) == 1;
	ERR_clear_error();
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* By an algorithm that hashes for itself. */
static bool
verifies_message(EVP_PKEY *pkey, struct span message, struct span sig)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok;

	ok = ctx != NULL &&
	    EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
	    EVP_DigestVerify(ctx, sig.p, sig.n, message.p, message.n) == 1;
	ERR_clear_error();
	EVP_MD_CTX_free(ctx);
	return ok;
}

/* Take a signature blob apart and give the bytes that libcrypto checks. */
static int
open_blob(const struct key *k, enum sig_alg a, struct span blob,
    uint8_t der[DER_MAX], struct span *sig, struct err *e)
{
	struct span name;
	struct wire_r r;

	wire_read(&r, blob);
	name = wire_get_string(&r);
	*sig = wire_get_string(&r);
	if (!wire_end(&r))
		return err_set(e, ERR_FORMAT, 0, "malformed signature");
	if (!span_is(name, algs[a].name))
		return err_set(e, ERR_FORMAT, 0, "signature is not %s",
		    algs[a].name);
	if (k->type == KEY_RSA)
		sig->n = sig->n == k->n.n ? sig->n : 0;
	else if (k->type == KEY_ED25519)
		sig->n = sig->n == ED25519_BYTES ? sig->n : 0;
	else
		*sig = (struct span){ der, ecdsa_der(k->type, *sig, der) };
	if (sig->n == 0)
		return err_set(e, ERR_FORMAT, 0, "malformed %s signature",
		    algs[a].name);
	return 0;
}

int
sig_verifier_new(struct sig_verifier **out, struct span blob, struct err *e)
{
	struct sig_verifier *v;
	int r;

	v = malloc(sizeof(*v) + blob.n);
	if (v == NULL)
		return err_set(e, ERR_NOMEM, 0, "public key");
	v->pkey = NULL;
	v->blob = (struct span){ v->bytes, blob.n };
	if (blob.n > 0)
		memcpy(v->bytes, blob.p, blob.n);
	if ((r = key_parse(v->blob, &v->key, e)) == 0 &&
	    (v->pkey = key_to_pkey(&v->key)) == NULL)
		r = err_set(e, ERR_FORMAT, 0, "%s key is not valid",
		    key_type_name(v->key.type));
	if (r != 0) {
		sig_verifier_free(v);
		return r;
	}
	*out = v;
	return 0;
}

void
sig_verifier_free(struct sig_verifier *v)
{
	if (v == NULL)
		return;
	EVP_PKEY_free(v->pkey);
	free(v);
}

struct span
sig_verifier_blob(const struct sig_verifier *v)
{
	return v->blob;
}

int
sig_verifier_check(const struct sig_verifier *v, enum sig_alg a,
    const struct sig_digest *md, struct span sig, struct err *e)
{
	uint8_t der[DER_MAX];
	int r;

	if (!sig_alg_fits(a, v->key.type) || md->n != algs[a].hash_bytes)
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "a %s key makes no %s signature",
		    key_type_name(v->key.type), algs[a].name);
	if ((r = open_blob(&v->key, a, sig, der, &sig, e)) != 0)
		return r;
	if (!(algs[a].md != NULL ? verifies(v->pkey, a, md, sig) :
	    verifies_message(v->pkey, md->message, sig)))
		return err_set(e, ERR_DENIED, 0, "signature is wrong");
	return 0;
}

int
sig_verify(struct span blob, enum sig_alg a, struct span data,
    struct span sig, struct err *e)
{
	struct sig_verifier *v;
	struct sig_digest md;
	int r;

	if ((r = sig_hash(a, data, &md, e)) != 0 ||
	    (r = sig_verifier_new(&v, blob, e)) != 0)
		return r;
	r = sig_verifier_check(v, a, &md, sig, e);
	sig_verifier_free(v);
	return r;
}
