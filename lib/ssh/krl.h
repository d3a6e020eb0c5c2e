/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_KRL_H
#define SSH_KRL_H

#include "base/err.h"
#include "ssh/wire.h"

/*
 * Writes OpenSSH's key revocation lists (PROTOCOL.krl), which RevokedKeys of
 * sshd_config(5) names.  sshd lets nobody in by a list that it cannot read,
 * so what would make it such a list is refused here when it is added.  The
 * bytes depend on what is in the list, not on the order in which it came.
 * krl_view.h asks lists, krl_walk.h lists what is in them.
 */
#define KRL_MAX		(64 << 20)	/* bytes of one that is read */

struct krl;

/*
 * An empty list; `date` is in seconds since the epoch, the comment (NULL:
 * none) for people.  NULL: no memory.
 */
struct krl	*krl_new(uint64_t version, uint64_t date,
		    const char *comment);
void		 krl_free(struct krl *k);

/*
 * Revoke what the CA with this plain key blob signed: by serial numbers, lo
 * and hi among them, or by key ID.  What is borrowed is copied.  ERR_USAGE
 * for serial number 0, which a list cannot hold (it is that of certificates
 * without a number), for hi < lo, and for a NUL in a key ID; ERR_FORMAT for
 * a CA that cert.h knows for no plain key.
 */
int		 krl_add_serial(struct krl *k, struct span ca, uint64_t lo,
		    uint64_t hi, struct err *e) MUST_CHECK;
int		 krl_add_key_id(struct krl *k, struct span ca,
		    struct span id, struct err *e) MUST_CHECK;

/*
 * Revoke a key, every certificate of it, and everything that it certified:
 * by its plain blob (another is ERR_FORMAT), by the SHA-256 hash of that, or
 * by the same as text, "SHA256:...".
 */
int		 krl_add_key(struct krl *k, struct span blob, struct err *e)
		    MUST_CHECK;
int		 krl_add_sha256(struct krl *k, struct span hash,
		    struct err *e) MUST_CHECK;
int		 krl_add_fingerprint(struct krl *k, const char *text,
		    struct err *e) MUST_CHECK;

/* Append the list to *out; ERR_LIMIT when it does not fit there. */
int		 krl_write(struct krl *k, struct wire_w *out, struct err *e)
		    MUST_CHECK;

#endif
