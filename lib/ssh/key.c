/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include "ssh/key.h"

#define RSA_MIN_BITS	1024
#define RSA_MAX_BITS	16384
#define RSA_MAX_E_BYTES	8
#define FIELD_MAX	66		/* P-521 */
#define ED25519_BYTES	32
#define X509_MAX	65536

static const struct kind {
	const char	*name;		/* SSH's */
	const char	*curve;
	const char	*group;		/* libcrypto's */
	unsigned int	 bits;
} kinds[] = {
	[KEY_RSA] = { "ssh-rsa", NULL, NULL, 0 },
	[KEY_P256] = { "ecdsa-sha2-nistp256", "nistp256", "prime256v1", 256 },
	[KEY_P384] = { "ecdsa-sha2-nistp384", "nistp384", "secp384r1", 384 },
	[KEY_P521] = { "ecdsa-sha2-nistp521", "nistp521", "secp521r1", 521 },
	[KEY_ED25519] = { "ssh-ed25519", NULL, NULL, 256 },
};

#define N_KINDS	(sizeof(kinds) / sizeof(kinds[0]))

const char *
key_type_name(enum key_type t)
{
	return kinds[t].name;
}

const char *
key_curve_name(enum key_type t)
{
	return kinds[t].curve;
}

void
key_stay_small(void)
{
	/* Without it, all works and is larger. */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL);
}

size_t
key_field_bytes(enum key_type t)
{
	return (kinds[t].bits + 7) / 8;
}

/* s has no leading zeros. */
static size_t
count_bits(struct span s)
{
	size_t bits = s.n * 8;

	if (s.n == 0)
		return 0;
	for (uint8_t top = s.p[0]; (top & 0x80) == 0; top = (uint8_t)(top << 1))
		bits--;
	return bits;
}

static int
check_rsa(struct span e, struct span n, struct err *err)
{
	const size_t bits = count_bits(n);

	if (bits < RSA_MIN_BITS || bits > RSA_MAX_BITS)
		return err_set(err, ERR_LIMIT, 0,
		    "RSA key of %zu bits, not %d to %d", bits, RSA_MIN_BITS,
		    RSA_MAX_BITS);
	if ((n.p[n.n - 1] & 1) == 0)
		return err_set(err, ERR_FORMAT, 0, "RSA modulus is even");
	if (e.n == 0 || (e.p[e.n - 1] & 1) == 0 || (e.n == 1 && e.p[0] == 1))
		return err_set(err, ERR_FORMAT, 0,
		    "RSA exponent is even or below 3");
	if (e.n > RSA_MAX_E_BYTES)
		return err_set(err, ERR_LIMIT, 0,
		    "RSA exponent over %d bits", RSA_MAX_E_BYTES * 8);
	return 0;
}

static int
check_point_form(enum key_type t, struct span q, struct err *err)
{
	if (t == KEY_ED25519 && q.n == ED25519_BYTES)
		return 0;
	if (t == KEY_ED25519)
		return err_set(err, ERR_FORMAT, 0,
		    "Ed25519 key of %zu bytes", q.n);
	if (q.n != 1 + 2 * key_field_bytes(t) || q.p[0] != 4)
		return err_set(err, ERR_FORMAT, 0,
		    "not an uncompressed point of %s", kinds[t].curve);
	return 0;
}

static int
written(const struct wire_w *out, struct err *err)
{
	if (out->bad)
		return err_set(err, ERR_NOMEM, 0, "no room for a public key");
	return 0;
}

int
key_put_rsa(struct wire_w *out, struct span e, struct span n, struct err *err)
{
	int r;

	e = span_strip_zeros(e);
	n = span_strip_zeros(n);
	if ((r = check_rsa(e, n, err)) != 0)
		return r;
	wire_put_cstring(out, kinds[KEY_RSA].name);
	wire_put_mpint(out, e);
	wire_put_mpint(out, n);
	return written(out, err);
}

static EVP_PKEY *
pkey_from(const char *type, OSSL_PARAM_BLD *bld)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *pkey = NULL;

	if (params == NULL || ctx == NULL ||
	    EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		ERR_clear_error();
	EVP_PKEY_CTX_free(ctx);
	OSSL_PARAM_free(params);
	return pkey;
}

static EVP_PKEY *
rsa_pkey(struct span e, struct span n)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	BIGNUM *be = BN_bin2bn(e.p, (int)e.n, NULL);
	BIGNUM *bn = BN_bin2bn(n.p, (int)n.n, NULL);
	EVP_PKEY *pkey = NULL;

	if (bld != NULL && be != NULL && bn != NULL &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
	    OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, be) == 1)
		pkey = pkey_from("RSA", bld);
	BN_free(be);
	BN_free(bn);
	OSSL_PARAM_BLD_free(bld);
	return pkey;
}

/* libcrypto refuses a point that is not on the curve. */
static EVP_PKEY *
ec_pkey(enum key_type t, struct span q)
{
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	EVP_PKEY *pkey = NULL;

	if (bld != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
	    kinds[t].group, 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
	    q.p, q.n) == 1)
		pkey = pkey_from("EC", bld);
	OSSL_PARAM_BLD_free(bld);
	return pkey;
}

EVP_PKEY *
key_to_pkey(const struct key *k)
{
	if (k->type == KEY_RSA)
		return rsa_pkey(k->e, k->n);
	if (k->type == KEY_ED25519)
		return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
		    k->q.p, k->q.n);
	return ec_pkey(k->type, k->q);
}

int
key_put_ec(struct wire_w *out, enum key_type t, struct span q, struct err *err)
{
	EVP_PKEY *pkey;
	int r;

	if (kinds[t].group == NULL)
		return err_set(err, ERR_UNSUPPORTED, 0, "%s has no point",
		    kinds[t].name);
	if ((r = check_point_form(t, q, err)) != 0)
		return r;
	if ((pkey = ec_pkey(t, q)) == NULL)
		return err_set(err, ERR_FORMAT, 0, "point is not on %s",
		    kinds[t].curve);
	EVP_PKEY_free(pkey);
	wire_put_cstring(out, kinds[t].name);
	wire_put_cstring(out, kinds[t].curve);
	wire_put_string(out, q);
	return written(out, err);
}

int
key_put_ed25519(struct wire_w *out, struct span q, struct err *err)
{
	int r;

	if ((r = check_point_form(KEY_ED25519, q, err)) != 0)
		return r;
	wire_put_cstring(out, kinds[KEY_ED25519].name);
	wire_put_string(out, q);
	return written(out, err);
}

static X509_PUBKEY *
read_x509(struct span der)
{
	const unsigned char *end = der.p + der.n, *p = der.p;
	X509_PUBKEY *pub = NULL;
	X509 *cert;

	if ((cert = d2i_X509(NULL, &p, (long)der.n)) != NULL) {
		if (p == end)
			pub = X509_PUBKEY_dup(X509_get_X509_PUBKEY(cert));
		X509_free(cert);
	} else {
		p = der.p;
		pub = d2i_X509_PUBKEY(NULL, &p, (long)der.n);
		if (pub != NULL && p != end) {
			X509_PUBKEY_free(pub);
			pub = NULL;
		}
	}
	ERR_clear_error();
	return pub;
}

/*
 * Say what a key is that has no SSH form: the curve when there is one, else
 * the algorithm.  A key of an algorithm we know is broken, not foreign.
 */
static int
refuse_pubkey(const X509_PUBKEY *pub, bool decoded, struct err *err)
{
	ASN1_OBJECT *what = NULL;
	X509_ALGOR *alg = NULL;
	const void *value;
	char name[80];
	int type;

	if (X509_PUBKEY_get0_param(&what, NULL, NULL, &alg, pub) != 1)
		return err_set(err, ERR_FORMAT, 0, "public key without type");
	X509_ALGOR_get0(NULL, &type, &value, alg);
	if (!decoded && OBJ_obj2nid(what) == NID_rsaEncryption)
		return err_set(err, ERR_FORMAT, 0, "malformed RSA key");
	if (OBJ_obj2nid(what) == NID_X9_62_id_ecPublicKey) {
		if (type != V_ASN1_OBJECT)
			return err_set(err, decoded ? ERR_UNSUPPORTED :
			    ERR_FORMAT, 0, "EC key without a named curve");
		OBJ_obj2txt(name, sizeof(name), value, 0);
		return err_set(err, decoded ? ERR_UNSUPPORTED : ERR_FORMAT, 0,
		    "%s key on curve %s", decoded ? "SSH has no use for a" :
		    "malformed or unknown", name);
	}
	OBJ_obj2txt(name, sizeof(name), what, 0);
	return err_set(err, ERR_UNSUPPORTED, 0, "SSH has no use for a %s key",
	    name);
}

static int
put_pkey_rsa(struct wire_w *out, const EVP_PKEY *pkey, struct err *err)
{
	uint8_t e[RSA_MAX_E_BYTES], n[RSA_MAX_BITS / 8];
	BIGNUM *be = NULL, *bn = NULL;
	int r;

	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &be) != 1 ||
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &bn) != 1)
		r = err_set(err, ERR_NOMEM, 0, "RSA key");
	else if (BN_num_bytes(be) > (int)sizeof(e) ||
	    BN_num_bytes(bn) > (int)sizeof(n))
		r = err_set(err, ERR_LIMIT, 0, "RSA key of %d bits with an "
		    "exponent of %d bits", BN_num_bits(bn), BN_num_bits(be));
	else
		r = key_put_rsa(out,
		    (struct span){ e, (size_t)BN_bn2bin(be, e) },
		    (struct span){ n, (size_t)BN_bn2bin(bn, n) }, err);
	BN_free(be);
	BN_free(bn);
	return r;
}

/* From the coordinates, because the point may have been compressed. */
static int
put_pkey_ec(struct wire_w *out, enum key_type t, const EVP_PKEY *pkey,
    struct err *err)
{
	const int field = (int)key_field_bytes(t);
	uint8_t q[1 + 2 * FIELD_MAX] = { 4 };
	BIGNUM *x = NULL, *y = NULL;
	int r;

	if (EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_X, &x) != 1 ||
	    EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, &y) != 1 ||
	    BN_bn2binpad(x, q + 1, field) != field ||
	    BN_bn2binpad(y, q + 1 + field, field) != field)
		r = err_set(err, ERR_FORMAT, 0, "EC key without a point");
	else
		r = key_put_ec(out, t,
		    (struct span){ q, 1 + 2 * (size_t)field }, err);
	BN_free(x);
	BN_free(y);
	return r;
}

static int
put_pkey_ed25519(struct wire_w *out, const EVP_PKEY *pkey, struct err *err)
{
	uint8_t q[ED25519_BYTES];
	size_t n = sizeof(q);

	if (EVP_PKEY_get_raw_public_key(pkey, q, &n) != 1)
		return err_set(err, ERR_FORMAT, 0, "malformed Ed25519 key");
	return key_put_ed25519(out, (struct span){ q, n }, err);
}

static int
put_pubkey(struct wire_w *out, const X509_PUBKEY *pub, struct err *err)
{
	const EVP_PKEY *pkey = X509_PUBKEY_get0(pub);
	char group[80];

	if (pkey == NULL)
		return refuse_pubkey(pub, false, err);
	if (EVP_PKEY_is_a(pkey, "RSA"))
		return put_pkey_rsa(out, pkey, err);
	if (EVP_PKEY_is_a(pkey, "ED25519"))
		return put_pkey_ed25519(out, pkey, err);
	if (EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_utf8_string_param(pkey,
	    OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof(group), NULL) == 1)
		for (enum key_type t = KEY_P256; t <= KEY_P521; t++)
			if (strcmp(group, kinds[t].group) == 0)
				return put_pkey_ec(out, t, pkey, err);
	return refuse_pubkey(pub, true, err);
}

int
key_put_x509(struct wire_w *out, struct span der, struct err *err)
{
	X509_PUBKEY *pub;
	int r;

	if (der.n == 0)
		return err_set(err, ERR_FORMAT, 0, "public key is empty");
	if (der.n > X509_MAX)
		return err_set(err, ERR_LIMIT, 0,
		    "public key or certificate of %zu bytes", der.n);
	if ((pub = read_x509(der)) == NULL)
		return err_set(err, ERR_FORMAT, 0,
		    "neither a public key nor an X.509 certificate");
	r = put_pubkey(out, pub, err);
	ERR_clear_error();
	X509_PUBKEY_free(pub);
	return r;
}

static int
parse_rsa(struct wire_r *r, struct key *k, struct err *err)
{
	int c;

	k->e = wire_get_mpint(r);
	k->n = wire_get_mpint(r);
	if (!wire_end(r))
		return err_set(err, ERR_FORMAT, 0, "malformed RSA key");
	if ((c = check_rsa(k->e, k->n, err)) != 0)
		return c;
	k->bits = (unsigned int)count_bits(k->n);
	return 0;
}

static int
parse_point(struct wire_r *r, struct key *k, struct err *err)
{
	const char *curve = kinds[k->type].curve;

	if (curve != NULL && !span_is(wire_get_string(r), curve))
		r->bad = true;
	k->q = wire_get_string(r);
	if (!wire_end(r))
		return err_set(err, ERR_FORMAT, 0, "malformed %s key",
		    kinds[k->type].name);
	k->bits = kinds[k->type].bits;
	return check_point_form(k->type, k->q, err);
}

int
key_parse(struct span blob, struct key *k, struct err *err)
{
	struct span name;
	struct wire_r r;

	*k = (struct key){ 0 };
	wire_read(&r, blob);
	name = wire_get_string(&r);
	if (r.bad)
		return err_set(err, ERR_FORMAT, 0, "key blob without a type");
	for (k->type = KEY_RSA; k->type < N_KINDS; k->type++)
		if (span_is(name, kinds[k->type].name))
			return k->type == KEY_RSA ? parse_rsa(&r, k, err) :
			    parse_point(&r, k, err);
	return err_set(err, ERR_UNSUPPORTED, 0,
	    "key type is neither RSA, ECDSA nor Ed25519");
}

int
key_put_spki(struct wire_w *out, struct span blob, struct err *err)
{
	unsigned char *der = NULL;
	EVP_PKEY *pkey;
	struct key k;
	int n, r;

	if ((r = key_parse(blob, &k, err)) != 0)
		return r;
	if ((pkey = key_to_pkey(&k)) == NULL)
		return err_set(err, ERR_FORMAT, 0, "%s key is not valid",
		    kinds[k.type].name);
	n = i2d_PUBKEY(pkey, &der);
	if (n > 0)
		wire_put_raw(out, (struct span){ der, (size_t)n });
	else
		out->bad = true;
	OPENSSL_free(der);
	EVP_PKEY_free(pkey);
	return written(out, err);
}
