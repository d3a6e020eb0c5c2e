/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_KRL_VIEW_H
#define SSH_KRL_VIEW_H

#include "base/err.h"
#include "ssh/cert.h"
#include "ssh/wire.h"

/*
 * OpenSSH's key revocation lists (PROTOCOL.krl) of anybody, read where they
 * lie: nothing is allocated for what is in them, however many serial numbers
 * a range or a bitmap has.  What a list says of a key or a certificate is
 * what ssh-keygen -Q and sshd say.  krl.h writes lists.
 */
struct krl_view {
	uint64_t	 version, date, flags;
	struct span	 comment;	/* any bytes but NUL */
	struct span	 sections;	/* borrowed; known to be well formed */
};

/*
 * Accepts what OpenSSH does, and bitmaps longer than it can read.  A section
 * of an unknown type, a critical extension, and a signature, which OpenSSH
 * refuses since 9.4, are ERR_UNSUPPORTED; more than KRL_MAX bytes (krl.h)
 * ERR_LIMIT; ERR_FORMAT for the rest, among it serial number 0.
 */
int	 krl_view_parse(struct krl_view *v, struct span in, struct err *e)
	    MUST_CHECK;

/* By what something is revoked. */
enum krl_by {
	KRL_BY_NOTHING,
	KRL_BY_SERIAL,
	KRL_BY_KEY_ID,
	KRL_BY_KEY,
	KRL_BY_SHA1,
	KRL_BY_SHA256,
};

struct krl_verdict {
	enum krl_by	 by;		/* KRL_BY_NOTHING: it is not revoked */
	bool		 of_ca;		/* what is revoked is its CA's key */
};

/*
 * What the list says of a certificate, or of a blob that is a plain key or
 * a certificate: a plain key may be of any type, a certificate that
 * cert_parse() refuses is its error.  When that or libcrypto fails nothing
 * is known: take it for revoked.
 */
int	 krl_view_ask_cert(const struct krl_view *v, const struct cert *c,
	    struct krl_verdict *out, struct err *e) MUST_CHECK;
int	 krl_view_ask_blob(const struct krl_view *v, struct span blob,
	    struct krl_verdict *out, struct err *e) MUST_CHECK;

/*
 * The same in words, e.g. "its serial number is revoked" or "its CA's key
 * is revoked by its SHA-256 hash".
 */
const char *krl_view_words(const struct krl_verdict *v);

#endif
