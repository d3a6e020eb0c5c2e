/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <openssl/rsa.h>

#include "tests/vhsm/vh_card.h"
#include "tests/vhsm/vh_key.h"

/* What P2 asks for: how the input is read and the scheme that signs it. */
enum input { IN_BLOCK, IN_DIGESTINFO, IN_PSS, IN_MESSAGE, IN_HASH };

static const struct alg {
	uint8_t			 id;
	uint8_t			 since;		/* firmware */
	enum input		 input;
	struct vh_scheme	 scheme;
} algs[] = {
	{ 0x20, 1, IN_BLOCK, { NULL, RSA_NO_PADDING } },
	{ 0x30, 1, IN_DIGESTINFO, { NULL, RSA_PKCS1_PADDING } },
	{ 0x31, 1, IN_MESSAGE, { "SHA1", RSA_PKCS1_PADDING } },
	{ 0x33, 1, IN_MESSAGE, { "SHA256", RSA_PKCS1_PADDING } },
	{ 0x34, 3, IN_MESSAGE, { "SHA384", RSA_PKCS1_PADDING } },
	{ 0x35, 3, IN_MESSAGE, { "SHA512", RSA_PKCS1_PADDING } },
	{ 0x40, 1, IN_PSS, { NULL, RSA_PKCS1_PSS_PADDING } },
	{ 0x41, 1, IN_MESSAGE, { "SHA1", RSA_PKCS1_PSS_PADDING } },
	{ 0x43, 1, IN_MESSAGE, { "SHA256", RSA_PKCS1_PSS_PADDING } },
	{ 0x44, 3, IN_MESSAGE, { "SHA384", RSA_PKCS1_PSS_PADDING } },
	{ 0x45, 3, IN_MESSAGE, { "SHA512", RSA_PKCS1_PSS_PADDING } },
	{ 0x70, 1, IN_HASH, { NULL, 0 } },
	{ 0x71, 1, IN_MESSAGE, { "SHA1", 0 } },
	{ 0x72, 1, IN_MESSAGE, { "SHA224", 0 } },
	{ 0x73, 1, IN_MESSAGE, { "SHA256", 0 } },
	{ 0x74, 3, IN_MESSAGE, { "SHA384", 0 } },
	{ 0x75, 3, IN_MESSAGE, { "SHA512", 0 } },
};

static const struct alg *
find_alg(const struct vhsm *v, uint8_t id)
{
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (algs[i].id == id && algs[i].since <= v->opt.major)
			return &algs[i];
	return NULL;
}

/* The key of P1, if it may do P2 once more. */
static uint16_t
find_key(struct vhsm *v, const struct vh_apdu *a, struct vh_key **key)
{
	struct vh_object *o;

	o = vh_store_find(&v->st, VH_FID_KEY | a->p1);
	if (a->p1 == 0 || o == NULL || o->key == NULL)
		return SW_NOT_FOUND;
	*key = o->key;
	if (o->key->counted && o->key->uses == 0)
		return vh_profile_used_up(v);
	if (o->key->pkey == NULL || (o->key->algs_n != 0 &&
	    memchr(o->key->algs, a->p2, o->key->algs_n) == NULL))
		return vh_profile_not_allowed(v);
	return SW_OK;
}

static void
count_use(struct vhsm *v, struct vh_key *key)
{
	if (!key->counted)
		return;
	key->uses--;
	v->st.dirty = true;
}

static uint16_t
sign_block(EVP_PKEY *key, const struct alg *alg, struct span in,
    struct vh_buf *out)
{
	if (in.n != vh_key_size(key))
		return SW_LENGTH;
	return vh_key_sign_hash(key, &alg->scheme, in, out) ?
	    SW_OK : SW_DATA;
}

static uint16_t
sign_digestinfo(EVP_PKEY *key, const struct alg *alg, struct span in,
    struct vh_buf *out)
{
	if (in.n == 0 || in.n > vh_key_size(key) - 11)
		return SW_LENGTH;
	return vh_key_sign_hash(key, &alg->scheme, in, out) ?
	    SW_OK : SW_DATA;
}

/* Clients send the bare hash or a DigestInfo around it. */
static uint16_t
sign_pss(EVP_PKEY *key, struct span in, struct vh_buf *out)
{
	static const struct {
		const char	*md;
		size_t		 hash_n, info_n;
	} forms[] = {
		{ "SHA1", 20, 35 }, { "SHA224", 28, 47 },
		{ "SHA256", 32, 51 }, { "SHA384", 48, 67 },
		{ "SHA512", 64, 83 },
	};
	struct vh_scheme s = { NULL, RSA_PKCS1_PSS_PADDING };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (in.n == forms[i].info_n && in.p[0] == 0x30) {
			in.p += forms[i].info_n - forms[i].hash_n;
			in.n = forms[i].hash_n;
		}
		if (in.n != forms[i].hash_n)
			continue;
		s.md = forms[i].md;
		return vh_key_sign_hash(key, &s, in, out) ? SW_OK : SW_DATA;
	}
	return SW_LENGTH;
}

static uint16_t
sign(EVP_PKEY *key, const struct alg *alg, struct span in,
    struct vh_buf *out)
{
	switch (alg->input) {
	case IN_BLOCK:
		return sign_block(key, alg, in, out);
	case IN_DIGESTINFO:
		return sign_digestinfo(key, alg, in, out);
	case IN_PSS:
		return sign_pss(key, in, out);
	case IN_MESSAGE:
		return vh_key_sign_message(key, &alg->scheme, in, out) ?
		    SW_OK : SW_DATA;
	case IN_HASH:
		if (in.n == 0 || in.n > 64)
			return SW_LENGTH;
		return vh_key_sign_hash(key, &alg->scheme, in, out) ?
		    SW_OK : SW_DATA;
	}
	return SW_INTERNAL;
}

uint16_t
vh_use_sign(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	const struct alg *alg = find_alg(v, a->p2);
	struct vh_key *key;
	uint16_t sw;

	if ((sw = find_key(v, a, &key)) != SW_OK)
		return sw;
	if (alg == NULL)
		return SW_P1P2;
	if (vh_key_is_rsa(key->pkey) != (alg->scheme.pad != 0))
		return SW_NOT_SUPPORTED;
	if ((sw = sign(key->pkey, alg, a->data, out)) == SW_OK)
		count_use(v, key);
	return sw;
}

uint16_t
vh_use_decipher(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	struct vh_key *key;
	bool rsa, ok;
	uint16_t sw;

	if ((sw = find_key(v, a, &key)) != SW_OK)
		return sw;
	if (a->p2 != 0x21 && a->p2 != 0x80)
		return SW_P1P2;
	rsa = vh_key_is_rsa(key->pkey);
	if (rsa != (a->p2 == 0x21))
		return SW_NOT_SUPPORTED;
	if (a->data.n != (rsa ? 0u : 1u) +
	    (rsa ? 1 : 2) * vh_key_size(key->pkey))
		return SW_LENGTH;
	ok = rsa ? vh_key_decrypt_raw(key->pkey, a->data, out) :
	    vh_key_ecdh(key->pkey, a->data, out);
	if (!ok)
		return SW_DATA;
	count_use(v, key);
	return SW_OK;
}
