/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_SIG_H
#define SSH_SIG_H

#include "base/err.h"
#include "ssh/key.h"
#include "ssh/wire.h"

/*
 * Signatures: which algorithm, what a token is given to sign, how its
 * answer is written on the wire (RFC 4253 6.6, RFC 5656 3.1.2, RFC 8332 3,
 * RFC 8709 6), and whether it is right.  Hashing is done here, so a message
 * may be of any size; but Ed25519 has none, and the token gets the message.
 */
enum sig_alg {
	SIG_RSA_SHA1,			/* "ssh-rsa" */
	SIG_RSA_SHA256,
	SIG_RSA_SHA512,
	SIG_ECDSA_P256,
	SIG_ECDSA_P384,
	SIG_ECDSA_P521,
	SIG_ED25519,
};

#define SIG_ALG_LAST	SIG_ED25519

#define SIG_DIGEST_MAX	64
#define SIG_BLOB_MAX	2200		/* RSA-16384 and its two lengths */

/* What is signed: a hash or, with n 0, the message itself, which is lent. */
struct sig_digest {
	uint8_t		 bytes[SIG_DIGEST_MAX];
	size_t		 n;
	struct span	 message;	/* Ed25519 only */
};

const char	*sig_alg_name(enum sig_alg a);

/* false when a key of that type cannot make that signature. */
bool		 sig_alg_fits(enum sig_alg a, enum key_type t);

/* What a key of that type signs with if nobody says: RSA with SHA-512. */
enum sig_alg	 sig_alg_for(enum key_type t);

/* Hash `data` as the algorithm wants it, or keep it for Ed25519. */
int		 sig_hash(enum sig_alg a, struct span data,
		    struct sig_digest *md, struct err *e) MUST_CHECK;

/*
 * EMSA-PKCS1-v1_5 (RFC 8017 sec. 9.2): fill block[0..len) for an RSA key
 * with a modulus of len bytes.  ERR_LIMIT when the key is too short.
 */
int		 sig_rsa_block(enum sig_alg a, const struct sig_digest *md,
		    uint8_t *block, size_t len, struct err *e) MUST_CHECK;

/*
 * Append a signature blob: RSA from the raw number, left-padded to modulus
 * length `len`; ECDSA from DER SEQUENCE { r, s } or from raw r || s of the
 * same length each.  Numbers may be shorter than the field, or padded with
 * more zeros than DER allows, as cards answer; zero, negative or longer than
 * the field is ERR_FORMAT, and nothing is appended.
 */
int		 sig_put_rsa(struct wire_w *out, enum sig_alg a,
		    struct span raw, size_t len, struct err *e) MUST_CHECK;
int		 sig_put_ecdsa_der(struct wire_w *out, enum sig_alg a,
		    struct span der, struct err *e) MUST_CHECK;
int		 sig_put_ecdsa_raw(struct wire_w *out, enum sig_alg a,
		    struct span rs, struct err *e) MUST_CHECK;

/* The same for the 64 bytes that Ed25519 makes. */
int		 sig_put_ed25519(struct wire_w *out, struct span raw,
		    struct err *e) MUST_CHECK;

/*
 * 0 only when `sig` (a signature blob, nothing after it) is a signature of
 * `data` by the key in `blob` with algorithm `a`, in the one form that has
 * on the wire.  ERR_DENIED when it is well formed and wrong (or libcrypto
 * failed: then nobody knows), ERR_FORMAT when it or the key is malformed,
 * ERR_UNSUPPORTED when that key makes no such signature.
 */
int		 sig_verify(struct span blob, enum sig_alg a,
		    struct span data, struct span sig, struct err *e)
		    MUST_CHECK;

/*
 * The same for a hash made earlier, with a key made ready once to check
 * many signatures: libcrypto takes its time to load one.
 */
struct sig_verifier;

int		 sig_verifier_new(struct sig_verifier **out,
		    struct span blob, struct err *e) MUST_CHECK;
void		 sig_verifier_free(struct sig_verifier *v); /* NULL is fine */
struct span	 sig_verifier_blob(const struct sig_verifier *v);
int		 sig_verifier_check(const struct sig_verifier *v,
		    enum sig_alg a, const struct sig_digest *md,
		    struct span sig, struct err *e) MUST_CHECK;

#endif
