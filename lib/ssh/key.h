/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_KEY_H
#define SSH_KEY_H

#include <stdbool.h>

#include "base/err.h"
#include "ssh/wire.h"

/*
 * Public keys in SSH wire format ("key blobs", RFC 4253 sec. 6.6, RFC 5656
 * sec. 3.1, RFC 8709 sec. 4): made from the numbers a token tells us, taken
 * apart again, and turned into what libcrypto reads.  Only the key types
 * that a token can sign with; other blobs are opaque spans elsewhere.
 */
enum key_type {
	KEY_RSA,
	KEY_P256,
	KEY_P384,
	KEY_P521,
	KEY_ED25519,
};

/* A parsed blob; the spans borrow from it. */
struct key {
	enum key_type	 type;
	unsigned int	 bits;		/* modulus or field size */
	struct span	 e, n;		/* KEY_RSA: big-endian, no leading 0 */
	struct span	 q;		/* 04 || X || Y; Ed25519: 32 bytes */
};

#define KEY_BLOB_MAX	4096

/*
 * For a program that stays: before anything else here, so that libcrypto
 * leaves the words of its errors, half a MiB, where they are.  Nobody here
 * prints them; struct err has our own.
 */
void		 key_stay_small(void);

/* Bytes of a coordinate, and of half a signature; 0 for RSA. */
size_t		 key_field_bytes(enum key_type t);

/* "ssh-rsa", "ecdsa-sha2-nistp256", ... */
const char	*key_type_name(enum key_type t);

/* "nistp256", ...; NULL for RSA and Ed25519. */
const char	*key_curve_name(enum key_type t);

/*
 * Append a blob to *out; nothing is appended when a key is refused.  e and
 * n are big-endian, leading zeros allowed; both odd, n of 1024 to 16384
 * bits, e >= 3 and of 64 bits at most (libcrypto's limit for a large n),
 * else ERR_FORMAT or ERR_LIMIT.
 */
int	 key_put_rsa(struct wire_w *out, struct span e, struct span n,
	    struct err *err) MUST_CHECK;

/* q is an uncompressed point; ERR_FORMAT unless it lies on the curve. */
int	 key_put_ec(struct wire_w *out, enum key_type t, struct span q,
	    struct err *err) MUST_CHECK;

/* q is the 32 bytes of RFC 8032 sec. 5.1.5. */
int	 key_put_ed25519(struct wire_w *out, struct span q, struct err *err)
	    MUST_CHECK;

/*
 * The blob of the public key in a DER SubjectPublicKeyInfo or in an X.509
 * certificate.  ERR_UNSUPPORTED for a key SSH has no use for (another
 * curve, DSA, ...); the message names it.
 */
int	 key_put_x509(struct wire_w *out, struct span der, struct err *err)
	    MUST_CHECK;

/*
 * Strict: left-over bytes, negative or padded mpints are ERR_FORMAT, as is
 * q of a wrong length; the limits of key_put_rsa() hold.  Cheap: whether q
 * lies on the curve is asked by key_put_spki() and sig_verify().  Another
 * key type is ERR_UNSUPPORTED.
 */
int	 key_parse(struct span blob, struct key *k, struct err *err)
	    MUST_CHECK;

/* DER SubjectPublicKeyInfo of a blob, appended to *out. */
int	 key_put_spki(struct wire_w *out, struct span blob, struct err *err)
	    MUST_CHECK;

/* For sig.c: libcrypto's EVP_PKEY of a key; NULL when q is off the curve. */
struct evp_pkey_st	*key_to_pkey(const struct key *k);

#endif
