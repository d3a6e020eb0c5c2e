/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CERTSHOW_H
#define KEYUTIL_CERTSHOW_H

#include "keyutil/out.h"
#include "keyutil/verdict.h"
#include "ssh/cert.h"

/*
 * A certificate for "hsm-keyutil ca show": in words for a person, and as
 * JSON.  All that is in it was written by somebody else, and is cleaned.
 */
enum certshow_signature {
	CERTSHOW_RIGHT,
	CERTSHOW_WRONG,
	CERTSHOW_UNKNOWN,	/* of a kind that is not checked here */
};

struct certshow {
	const char	*file;
	unsigned int	 line;
	struct span	 blob, comment;
	struct cert	 cert;
	enum certshow_signature signature;
	struct err	 signature_err;	/* unless it is right */
	struct err	 form;		/* code 0: nothing against it */
	const struct verdict *question;	/* its time counts in any case */
	bool		 asked;		/* and this is the answer */
	struct explain	 answer;
};

/* Fill in what is judged of the certificate itself.  ERR_NOMEM. */
int	 certshow_judge(struct certshow *s, struct err *e) MUST_CHECK;

int	 certshow_print(FILE *f, const struct certshow *s, struct err *e)
	    MUST_CHECK;

/*
 * The same of one that is only asked for: what it will say, but for its serial
 * number.
 */
int	 certshow_print_wish(FILE *f, const struct cert *c, uint64_t now,
	    struct err *e) MUST_CHECK;

/* NULL: no memory. */
json_t	*certshow_json(const struct certshow *s);

/* "valid", "not yet valid", "expired" or "never valid". */
const char	*certshow_state(const struct cert *c, uint64_t now);

#endif
