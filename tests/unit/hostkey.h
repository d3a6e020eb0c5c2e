/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_HOSTKEY_H
#define UNIT_HOSTKEY_H

#include "ssh/cert.h"
#include "ssh/sig.h"
#include "tests/unit/data.h"

/*
 * Keys that others have: a server's, a CA's, made by libcrypto for one test
 * run, with what they sign.  Asserts that libcrypto works.
 */
enum hostkey_type {
	HOSTKEY_ED25519,
	HOSTKEY_RSA,			/* of 2048 bits */
	HOSTKEY_P256,
	HOSTKEY_P384,
	HOSTKEY_P521,
};

#define N_HOSTKEY_TYPES	5

struct hostkey {
	enum hostkey_type	 type;
	struct evp_pkey_st	*pkey;
	struct data		 blob;
};

void		 hostkey_make(struct hostkey *k, enum hostkey_type t);
void		 hostkey_free(struct hostkey *k);

/* A signature blob; RSA uses `rsa`. */
struct data	 hostkey_sign_as(const struct hostkey *k, enum sig_alg rsa,
		    struct span data);

/* The same, with rsa-sha2-512. */
struct data	 hostkey_sign(const struct hostkey *k, struct span data);

/*
 * The data of a session-bind: this key, or a certificate of it, for this
 * session, which `signer` signed.
 */
struct data	 hostkey_bind(struct span key, const struct hostkey *signer,
		    struct span session_id, uint8_t forwarding);

/* What a CA certifies; principals and critical are packed strings. */
struct hostkey_cert {
	enum cert_type	 type;
	uint64_t	 serial;
	struct span	 principals, critical;
	uint64_t	 after, before;
};

/*
 * A certificate of the key in a plain blob, with the signature of `ca`; one
 * of a user holds for ever.
 */
struct data	 hostkey_certify_blob(struct span subject,
		    const struct hostkey *ca, const struct hostkey_cert *c);
struct data	 hostkey_certify_user(struct span subject,
		    const struct hostkey *ca, uint64_t serial);
struct data	 hostkey_certify(const struct hostkey *subject,
		    const struct hostkey *ca, const struct hostkey_cert *c);

#endif
