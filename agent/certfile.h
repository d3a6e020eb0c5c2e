/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CERTFILE_H
#define AGENT_CERTFILE_H

#include <time.h>

#include "base/err.h"
#include "ssh/cert.h"

/*
 * One certificate for a key that may be on a token, as it lay in a file or
 * came in a message.  Its form is good; whether its CA really signed it is
 * for those to find out who are to believe it.
 */
#define CERTFILE_TEXT_MAX	65537	/* one more than a line has */

enum certfile_state {
	CERTFILE_OFFERED,
	CERTFILE_EXPIRED,
	CERTFILE_NOT_YET,
	CERTFILE_BAD,
};

struct certfile {
	char		*path;		/* "" when it was in no file */
	char		*comment;	/* clean */
	uint8_t		*blob;
	size_t		 blob_n;
	uint8_t		*key;		/* the plain blob of its subject */
	size_t		 key_n;
	enum cert_type	 type;
	uint64_t	 valid_after;	/* as in struct cert */
	uint64_t	 valid_before;
	char		 bad[160];	/* why only path is set, or "" */
};

/*
 * Read what a -cert.pub file begins with: empty lines and comments (#) are
 * passed over, the first other line counts.  ERR_UNSUPPORTED: a certificate
 * for a key of a type that no token has, so of no interest; other errors
 * tell what is wrong.  On success certfile_free() it.
 */
int	 certfile_read(struct certfile *f, const char *path,
	    struct span text, struct err *e) MUST_CHECK;

/* The same from a certificate's blob; the comment may be anything. */
int	 certfile_take(struct certfile *f, const char *path,
	    struct span blob, struct span comment, struct err *e) MUST_CHECK;

/* One that cannot be used, and why. */
int	 certfile_spoil(struct certfile *f, const char *path,
	    const char *why, struct err *e) MUST_CHECK;

void	 certfile_free(struct certfile *f);

enum certfile_state	 certfile_state(const struct certfile *f, time_t now);

/* "offered", "expired", "not yet valid", "bad" */
const char	*certfile_state_name(enum certfile_state s);

/* cert_describe(), or what is wrong. */
void	 certfile_describe(const struct certfile *f, char *buf, size_t len);

static inline struct span
certfile_blob(const struct certfile *f)
{
	return (struct span){ f->blob, f->blob_n };
}

static inline struct span
certfile_key(const struct certfile *f)
{
	return (struct span){ f->key, f->key_n };
}

#endif
