/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_AUDIT_H
#define AGENT_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/peer.h"
#include "base/err.h"
#include "base/log.h"
#include "base/span.h"
#include "ssh/cert.h"

/*
 * The audit log: one entry for each decision, as a line of JSON in a file
 * or with fields of its own in systemd's journal; its members are in
 * hsm-ssh-agent.conf(5).  There is never a PIN in it, nor what was signed.
 *
 * What cannot be written is counted, said once in the log, and noted in the
 * next entry; nobody waits for room.  (A journal that hangs holds us up, as
 * it does with syslog(3).)  All from one thread.
 */
struct audit;

/*
 * Texts may be NULL or "", spans empty, where there is nothing to say: the
 * member is left out then.  They may come from a client as they are.
 */
struct audit_entry {
	const struct peer *peer;	/* NULL: nobody, as for an expiry */
	const char	*action;	/* "sign", "unlock", "add", ... */
	const char	*token;		/* serial number */
	const char	*key;		/* its comment */
	const char	*fingerprint;

	/* What was to be signed. */
	const char	*kind;		/* "login", "sshsig", "unknown", ... */
	const char	*what;		/* request_describe() */
	struct span	 user, ns;
	const struct cert *cert;	/* NULL: not a certificate */

	/* Where, if the connection is bound to a host. */
	const char	*host;		/* fingerprint of its key */
	bool		 forwarded;

	bool		 confirmed;	/* a person said yes */
	const struct err *refused;	/* NULL: it was allowed */
	const struct err *observed;	/* would be refused; NULL: nothing */
	int64_t		 duration_ms;	/* since the request came; -1: none */
};

/*
 * `where` is the absolute path of a file, or "journal".  A file that is not
 * there is made with mode 0600; one that is has to be a regular file of this
 * user or root that nobody else may write (else ERR_DENIED).  The journal is
 * ERR_UNSUPPORTED without libsystemd, ERR_NOTFOUND where there is none.
 */
int	 audit_new(struct audit **out, const struct log *log,
	    const char *where, struct err *e) MUST_CHECK;
void	 audit_free(struct audit *a);		/* NULL is fine */

/* As it was given; NULL where a is. */
const char *audit_where(const struct audit *a);

/* Does nothing when a is NULL. */
void	 audit_write(struct audit *a, const struct audit_entry *en);

/*
 * The file may have been moved away: open it by its name again.  Each entry
 * looks for that by itself; when it fails the old one goes on, and the log
 * says so.  NULL is fine.
 */
void	 audit_reopen(struct audit *a);

/*
 * The entry as it would be written now, after so many that were lost: one
 * line without its end; free(3) it.  NULL: no memory.
 */
char	*audit_line(const struct audit_entry *en, uint64_t lost);

#endif
