/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_CERT_H
#define SSH_CERT_H

#include <stdbool.h>

#include "base/err.h"
#include "ssh/wire.h"

/*
 * OpenSSH certificates (draft-ietf-sshm-cert): the whole one as it lies in
 * a file, and the part to be signed (TBS: all up to and including the CA
 * key) as it arrives in a sign request.  Reads and judges form only; who
 * may sign what is policy and lives elsewhere.
 */
enum cert_type {
	CERT_USER = 1,
	CERT_HOST = 2,
};

#define CERT_MAX_PRINCIPALS	256
#define CERT_NONCE		32	/* bytes of one that we make */
#define CERT_FOREVER		UINT64_MAX

/* All spans borrow from the bytes that were parsed. */
struct cert {
	struct span	 type_name;	/* "ssh-ed25519-cert-v01@openssh.com" */
	const char	*plain_name;	/* "ssh-ed25519" */
	struct span	 nonce;
	struct span	 key_fields;	/* the subject key without its name */
	uint64_t	 serial;
	enum cert_type	 type;
	struct span	 key_id;
	struct span	 principals;	/* packed strings; cert_principal() */
	size_t		 n_principals;
	uint64_t	 valid_after;	/* seconds since the epoch, inclusive */
	uint64_t	 valid_before;	/* exclusive */
	struct span	 critical;	/* packed name, data pairs */
	struct span	 extensions;
	struct span	 ca;		/* blob of the signing key, plain */
	struct span	 tbs;		/* the bytes that are signed */
	struct span	 signature;	/* empty when a TBS was parsed */
};

/*
 * Strict: every length, no left-over bytes, at most CERT_MAX_PRINCIPALS
 * (else ERR_LIMIT), well-formed option lists, a plain key as CA, a user or
 * a host certificate, nothing in the reserved field; a key, subject or CA,
 * in the one form its type has, although not checked for being on its
 * curve.  A type we do not know is ERR_UNSUPPORTED.  What is only unwise is
 * let pass, for policy to judge: unsorted or repeated options, an empty
 * nonce, no principals or an empty one, times that are never valid.
 */
int	 cert_parse_tbs(struct span tbs, struct cert *c, struct err *e)
	    MUST_CHECK;
int	 cert_parse(struct span blob, struct cert *c, struct err *e)
	    MUST_CHECK;

/*
 * Whether data begins as a certificate does, of any type, known or not: who
 * signs what it is not sure of must not sign this.
 */
bool	 cert_is_meant(struct span data);

/*
 * Whether a blob is a plain key of a type that certificates are about, in
 * the one form that its type has.
 */
bool	 cert_is_plain_key(struct span blob);

/* The plain key blob of the subject, appended to *out. */
void	 cert_put_subject(const struct cert *c, struct wire_w *out);

/*
 * The other way: the fields that tell of the subject, from its plain blob,
 * which they borrow from.  As strict as the parser, with its errors.
 */
int	 cert_set_subject(struct cert *c, struct span blob, struct err *e)
	    MUST_CHECK;

/* Fresh random bytes. */
int	 cert_make_nonce(uint8_t nonce[CERT_NONCE], struct err *e) MUST_CHECK;

/* The body, made anew from its fields; c->tbs is not looked at. */
void	 cert_put_tbs(const struct cert *c, struct wire_w *out);

/*
 * Step through c->principals, after wire_read(&r, c->principals): false at
 * the end, with *name as it was.
 */
bool	 cert_next_principal(struct wire_r *r, struct span *name);

/* Step through c->critical or c->extensions in the same way. */
bool	 cert_next_option(struct wire_r *r, struct span *name,
	    struct span *data);

/*
 * One line for a person, e.g. `user certificate "id", serial 7, for alice,
 * ops, 8h`.  What is not printable ASCII, and in names the '"', ',' and ' '
 * that this line itself uses, is shown as '?'; long names and lists are cut
 * short visibly.  Always NUL-terminated, cut at len.
 */
void	 cert_describe(const struct cert *c, char *buf, size_t len);

/*
 * All the principals where cert_describe() cuts them short, as `alice, ops`,
 * else "".  false: there are more than buf has room for.
 */
bool	 cert_describe_principals(const struct cert *c, char *buf, size_t len)
	    MUST_CHECK;

/*
 * More of the same kind: `from 2026-11-26 08:00 UTC until ...`; and
 * c->critical or c->extensions as `force-command="/bin/true",
 * verify-required`, or `none`.
 */
void	 cert_describe_times(const struct cert *c, char *buf, size_t len);
void	 cert_describe_options(struct span options, char *buf, size_t len);

#endif
