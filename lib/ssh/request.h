/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_REQUEST_H
#define SSH_REQUEST_H

#include <stdbool.h>

#include "ssh/cert.h"
#include "ssh/wire.h"

/*
 * What a client asks to have signed.  The agent protocol carries bytes, not
 * meaning; this module reads the bytes (facts/ssh-certificates A5) so that
 * policy, prompts and the log can speak of logins and certificates.
 */
enum request_kind {
	REQUEST_UNKNOWN,
	REQUEST_USERAUTH,		/* RFC 4252 sec. 7 */
	REQUEST_USERAUTH_HOSTBOUND,	/* the same, with the server's key */
	REQUEST_SSHSIG,			/* ssh-keygen -Y, git */
	REQUEST_CERT,			/* a certificate body for this CA key */
	REQUEST_HOST_KEX,		/* exchange hash, sshd HostKeyAgent */
	REQUEST_HOSTKEYS_PROVE,		/* hostkeys-prove-00@openssh.com */
	REQUEST_PAM,			/* pam_ssh_agent_auth */
	REQUEST_TEST,			/* random bytes of ssh-add -T */
};

/* Spans borrow from the data; those that a kind does not have are empty. */
struct request {
	enum request_kind kind;
	size_t		 size;		/* bytes of the data, always set */
	struct span	 session_id;	/* REQUEST_PAM: its record */
	struct span	 user;
	struct span	 algorithm;	/* signature algorithm the data names */
	struct span	 key;		/* key or certificate blob inside */
	struct span	 host_key;	/* hostbound, hostkeys-prove */
	struct span	 ns;		/* SSHSIG namespace */
	struct span	 hash;		/* SSHSIG hash algorithm name */
	struct cert	 cert;		/* REQUEST_CERT only */
};

/*
 * Never fails: what fits no form exactly, to the last byte, is
 * REQUEST_UNKNOWN.  `key` is the plain key to sign with: a
 * certificate body counts only when its CA is that key, and a host key
 * proof only when it is about that key.  A login counts only when it names
 * that key or a certificate of it, and an algorithm of its type: ssh may ask
 * with the plain key and log in with a certificate.
 */
void	 request_parse(struct span data, struct span key, struct request *r);

/*
 * One line, e.g. `login as alice`, `SSHSIG signature, namespace git`,
 * cert_describe()'s, `unknown data (1024 bytes)`; names are cleaned as by
 * keytext_clean() and cut at 64 bytes.  Always NUL-terminated, cut at len.
 */
void	 request_describe(const struct request *r, char *buf, size_t len);

#endif
