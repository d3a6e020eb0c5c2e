/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_SSHSIG_H
#define SSH_SSHSIG_H

#include "base/err.h"
#include "ssh/wire.h"

/*
 * Signatures of files (OpenSSH PROTOCOL.sshsig), as ssh-keygen -Y makes and
 * checks them: of a message's hash, within a namespace, so that no signature
 * counts for another purpose.  What the agent is asked to sign of them is
 * read in ssh/request.h.
 */
#define SSHSIG_MAX	65536		/* bytes, without the armour */
#define SSHSIG_TEXT_MAX	90112		/* with it */
#define SSHSIG_NS_MAX	256		/* bytes of a namespace */

enum sshsig_hash {
	SSHSIG_SHA256,
	SSHSIG_SHA512,			/* ssh-keygen's own choice */
};

/*
 * The spans of one to be made are the caller's; those of one that was parsed
 * lie in `bytes`, until sshsig_free().
 */
struct sshsig {
	struct span	 key;		/* a plain blob, or a certificate */
	struct span	 ns;
	struct span	 reserved;	/* empty today */
	enum sshsig_hash hash;
	struct span	 signature;	/* blob, as ssh/sig.h has them */
	struct wire_w	 bytes;
};

/*
 * What the key signs, appended to *out: all but s->key and s->signature, and
 * the hash of the message.  The message may have any size.
 */
int	 sshsig_put_tbs(const struct sshsig *s, struct span message,
	    struct wire_w *out, struct err *e) MUST_CHECK;

/*
 * The signature for a file: in binary, appended to *out, which is bad then
 * when there is no room; and as text, byte for byte as ssh-keygen writes the
 * same (free(3), NULL: no memory, or over SSHSIG_MAX).
 */
void	 sshsig_put(const struct sshsig *s, struct wire_w *out);
char	*sshsig_armor(const struct sshsig *s);

/*
 * Either form, as `in` begins.  Strict: version 1, no byte after it, one
 * armour with nothing around it (lines of up to 76, ended by LF or CR LF), a
 * namespace that is text of up to SSHSIG_NS_MAX, a key and a signature.
 * Whether these are any good is asked by sshsig_verify().  ERR_UNSUPPORTED
 * for another version or hash.  *s is to be freed after 0 only.
 */
int	 sshsig_parse(struct span in, struct sshsig *s, struct err *e)
	    MUST_CHECK;
void	 sshsig_free(struct sshsig *s);

/*
 * 0 only when s->key, or the key in that certificate, signed the message in
 * just this namespace; who issued a certificate, and whether it holds, is
 * not asked.  RSA with SHA-1 and DSA are ERR_UNSUPPORTED; security keys are
 * believed when somebody touched them.  ERR_DENIED when it is well formed
 * and wrong, ERR_FORMAT or ERR_LIMIT when key or signature is not.
 */
int	 sshsig_verify(const struct sshsig *s, const char *ns,
	    struct span message, struct err *e) MUST_CHECK;

#endif
