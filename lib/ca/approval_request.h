/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_APPROVAL_REQUEST_H
#define CA_APPROVAL_REQUEST_H

#include "base/err.h"
#include "ssh/cert.h"
#include "ssh/wire.h"

/*
 * The file that asks for a certificate, for people to read and to sign with
 * ssh-keygen -Y (ca/approval.h):
 *
 *	hsm-ssh-agent certificate request 1
 *	type: user
 *	subject: ssh-ed25519 SHA256:...
 *	CA: ecdsa-sha2-nistp256 SHA256:...
 *	key id: "alice"
 *	principal: "alice"
 *	valid from: 2026-11-26 08:00:00 UTC
 *	valid until: 2026-11-26 16:00:00 UTC
 *	critical option: force-command "/bin/true"
 *	extension: permit-pty
 *	draft:
 *	AAAAIHNzaC1lZDI1NTE5LWNlcnQtdjAxQG9wZW5zc2guY29tAAAA...
 *
 * The draft is the body of the certificate, with serial number 0 and a nonce
 * of its own.  It alone counts; but there is one text only for a draft, and
 * a file with any other is refused, so that nobody approves something else
 * than he reads.  Nothing is left out of the lines or cut short: '"', '\'
 * and bytes that no line should have are \", \\ and \xHH.
 */
#define APPROVAL_TEXT_MAX	65536

struct approval_request {
	struct wire_w	 draft;		/* its bytes, */
	struct cert	 cert;		/* and what is in them */
};

/*
 * The text for a draft, free(3).  ERR_FORMAT: that is no body, or has a
 * serial number; ERR_DENIED: no CA would sign it (ca/form.h); ERR_LIMIT.
 */
int	 approval_request_put(struct span draft, char **text, struct err *e)
	    MUST_CHECK;

/*
 * Read a text again; *q is to be freed after 0 only.  Errors as above, and
 * ERR_DENIED when its lines and its draft say different things: the sentence
 * names the first that does.  ERR_UNSUPPORTED: of another version.
 */
int	 approval_request_read(struct span text, struct approval_request *q,
	    struct err *e) MUST_CHECK;
void	 approval_request_free(struct approval_request *q);

#endif
