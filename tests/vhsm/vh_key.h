/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_VH_KEY_H
#define VHSM_VH_KEY_H

#include <openssl/evp.h>

#include "tests/vhsm/vh_buf.h"
#include "tests/vhsm/vh_curve.h"

/*
 * What a card does with a key pair, by libcrypto.  Functions that append to
 * a buffer return false if the operation failed; nothing here knows of
 * PINs, counters or status words.
 */
/*
 * Under valgrind making an RSA key takes half a minute, or ten.  So where
 * there is $VHSM_RSA_KEYS/BITS, in PEM, this is the key.
 */
EVP_PKEY	*vh_key_new_rsa(unsigned bits, struct span e);
EVP_PKEY	*vh_key_new_ec(const struct vh_curve *c);

bool	 vh_key_is_rsa(const EVP_PKEY *key);
size_t	 vh_key_size(const EVP_PKEY *key);	/* bytes of modulus, field */

/* Append a number of the key by OSSL_PKEY_PARAM name; n 0: no padding. */
bool	 vh_key_put_bn(const EVP_PKEY *key, const char *param, size_t n,
	    struct vh_buf *out);
/* Append the public point as 04 x y. */
bool	 vh_key_put_point(const EVP_PKEY *key, struct vh_buf *out);
/* Append PKCS#8 DER of the private key. */
bool	 vh_key_put_pkcs8(const EVP_PKEY *key, struct vh_buf *out);

/* One call of EVP_PKEY_sign; md NULL and pad 0 as libcrypto means them. */
struct vh_scheme {
	const char	*md;		/* NULL: none named */
	int		 pad;		/* RSA_*_PADDING; 0: an EC key */
};
bool	 vh_key_sign_hash(EVP_PKEY *key, const struct vh_scheme *s,
	    struct span hash, struct vh_buf *out);
bool	 vh_key_sign_message(EVP_PKEY *key, const struct vh_scheme *s,
	    struct span msg, struct vh_buf *out);

/* Signature of a CVC: PKCS#1 v1.5 or plain r | s, both with SHA-256. */
bool	 vh_key_sign_cvc(EVP_PKEY *key, struct span msg, struct vh_buf *out);

bool	 vh_key_decrypt_raw(EVP_PKEY *key, struct span in,
	    struct vh_buf *out);
/* The whole product point, 04 x y. */
bool	 vh_key_ecdh(EVP_PKEY *key, struct span point, struct vh_buf *out);

#endif
