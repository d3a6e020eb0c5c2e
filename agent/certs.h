/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CERTS_H
#define AGENT_CERTS_H

#include "agent/certfile.h"
#include "base/log.h"
#include "ssh/wire.h"

/*
 * The certificates in the configured places, as they are now.  Looking
 * again is stat(2) of what is there; a file is read when it changed, and
 * nothing blocks but the disk.  Sorted by path; a certificate that is in
 * two files counts once.
 */
#define CERTS_MAX	1024		/* over all places */
#define CERTS_BYTES_MAX	(2 * 1024 * 1024)	/* of all blobs */

struct certs;

/*
 * Copies the places; "~/" means nothing here.  Nothing is looked at before
 * the first certs_refresh().  `log` is borrowed.
 */
int	 certs_new(struct certs **out, const struct log *log,
	    char *const *places, size_t n, struct err *e) MUST_CHECK;
void	 certs_free(struct certs *c);	/* NULL is fine */

/*
 * Look at the places again.  True when the set is another: every struct
 * certfile from before is void then.  Where memory or descriptors are short
 * all stays as it was, until a later call.  `now` tells how long ago a file
 * changed: one that did just now is read again.
 */
bool	 certs_refresh(struct certs *c, time_t now);

/* All of them, expired and bad ones, too. */
const struct certfile *const *certs_all(const struct certs *c, size_t *n);

/* NULL when none has this blob. */
const struct certfile *certs_find(const struct certs *c, struct span blob);

/* The comment of a key that is plugged in; NULL when there is none such. */
struct certs_names {
	const char *(*comment)(void *arg, struct span key);
	void	*arg;
};

/*
 * The certificate part of AGENT_EXT_STATUS: `more` (those that clients
 * added), then those of `c` (NULL: none), as many as fit.
 */
void	 certs_put_status(struct wire_w *w, const struct certs *c,
	    const struct certfile *const *more, size_t n_more, time_t now,
	    const struct certs_names *names);

#endif
