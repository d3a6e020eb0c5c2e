/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_BIND_H
#define AGENT_BIND_H

#include <stdbool.h>

#include "base/err.h"
#include "ssh/wire.h"

/*
 * What session-bind@openssh.com told of one connection: the SSH sessions
 * that requests on it come through, each proven by the server's signature,
 * and whether the agent is used for a login there or forwarded to it.  A
 * session for a login is the last: behind it nobody can be.
 *
 * All zero is a connection that told nothing.
 */
#define BIND_MAX_HOPS		16
#define BIND_MAX_SESSION_ID	128
#define BIND_MAX_BYTES		(64 * 1024)	/* of all sessions */

struct bind_hop {
	struct span	 key;		/* blob of the host's key */
	struct span	 session_id;
	bool		 forwarding;
	bool		 certified;	/* a certificate that its CA signed */
	struct span	 body;		/* as it came, for another agent */
	uint8_t		*bytes;		/* which the spans are of */
};

struct bind {
	struct bind_hop	*hops;		/* the first is from here */
	size_t		 n;
	bool		 tried;
	bool		 doubtful;
};

/*
 * The data of the extension, after its name; bytes after the last field are
 * passed over, as OpenSSH does.  Not 0: answer MSG_EXTENSION_FAILURE; the
 * attempt counts.  ERR_DENIED: a wrong signature, of the host or of a CA
 * under its certificate; a session after one for a login; or one whose id
 * another key has.  ERR_LIMIT: too much of something.  0 and nothing is
 * stored for a session that is known.
 */
int	 bind_add(struct bind *b, struct span body, struct err *e) MUST_CHECK;
void	 bind_clear(struct bind *b);	/* frees what is in it */

/* Somebody tried, with whatever end. */
bool	 bind_tried(const struct bind *b);

/* Somebody tried and nothing is known: keys with constraints are hidden. */
bool	 bind_failed(const struct bind *b);

/*
 * The connection may come from another host: a session says so, or an
 * attempt that was refused did or was malformed.
 */
bool	 bind_is_forwarded(const struct bind *b);

/*
 * For a person: "at host SHA256:... via SHA256:... over a forwarded
 * connection", "from host ..." when it is the last host that asks, "over a
 * forwarded connection" alone when no host is known, or "".  Always
 * NUL-terminated, cut at len; BIND_TEXT_MAX is enough.
 */
#define BIND_TEXT_MAX	1024

void	 bind_describe(const struct bind *b, char *buf, size_t len);

#endif
