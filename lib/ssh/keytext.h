/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_KEYTEXT_H
#define SSH_KEYTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "ssh/wire.h"

/*
 * Public keys as text, in every form OpenSSH reads or prints: byte for byte
 * what ssh-keygen prints for the same key (tests hold them together).  A
 * returned string belongs to the caller, free(3); NULL means no memory, or
 * a blob of a type that ssh-keygen has no such form for, as it says.
 * A comment or pattern is printed as it is; keytext_clean() first.
 */

/*
 * "SHA256:..." and "MD5:aa:bb:..." of a key blob.  A certificate has the
 * fingerprint of the key in it; bytes that are no key, of themselves.
 */
char	*keytext_fingerprint(struct span blob);
char	*keytext_fingerprint_md5(struct span blob);

/* Is it formed as the first of these, and whole? */
bool	 keytext_is_fingerprint(const char *text);

/* "ssh-rsa AAAA... comment" without newline; no comment: NULL or "". */
char	*keytext_openssh(struct span blob, const char *comment);

/*
 * "256 SHA256:... comment (ECDSA)" as ssh-keygen -l, also for Ed25519, sk
 * and certificate blobs; NULL for other types.
 */
char	*keytext_listing(struct span blob, const char *comment);

/*
 * Multi-line forms, each line ended: ssh-keygen -e (RFC 4716), -m PKCS8.
 * The comment is the whole value of the Comment header, where ssh-keygen
 * puts "256-bit ECDSA, converted by USER@HOST from OpenSSH"; NULL or "": no
 * header.  PEM is of the key in a certificate; types of key.h, else NULL.
 */
char	*keytext_rfc4716(struct span blob, const char *comment);
char	*keytext_pem(struct span blob);

/*
 * "host IN SSHFP 3 1 ...\nhost IN SSHFP 3 2 ...\n" as ssh-keygen -r host.
 * Plain RSA, ECDSA and Ed25519 keys, else NULL.
 */
char	*keytext_sshfp(struct span blob, const char *host);

/*
 * Read one line of an OpenSSH .pub or -cert.pub file, with or without its
 * end of line, and append its blob: type, base64, rest.  The type must be
 * the blob's own; what else is in the blob is for key_parse() or
 * cert_parse().  Lines over 64 KiB: ERR_LIMIT.  *comment (may be NULL)
 * borrows from `line`, without blanks around it.
 */
int	 keytext_parse(const char *line, struct wire_w *blob,
	    struct span *comment, struct err *e) MUST_CHECK;

/*
 * Make `in` fit for one line of a text file or a terminal: control
 * characters, DEL, characters that end a line or turn its direction, and
 * bytes that are not UTF-8 become '?'.  Always NUL-terminated; cut between
 * characters when len is short.
 */
void	 keytext_clean(char *out, size_t len, struct span in);

/* Would keytext_clean() leave it as it is? */
bool	 keytext_is_clean(struct span in);

#endif
