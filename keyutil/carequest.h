/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CAREQUEST_H
#define KEYUTIL_CAREQUEST_H

#include <stdio.h>

#include "ca/approval.h"
#include "keyutil/certorder.h"
#include "keyutil/signkey.h"

/*
 * A request for a certificate as it goes from one person to the next: the
 * text in FILE (ca/approval_request.h), the signature of who asks in
 * FILE.sig, and those of who approves in FILE.WHO.approval beside them.  None
 * of it is secret, and each proves itself.
 */
#define CAREQUEST_END		".request"
#define CAREQUEST_SIG_END	".sig"
#define CAREQUEST_APPROVAL_END	".approval"

struct carequest_approval {
	char		*file;
	uint8_t		*bytes;
	char		 by[APPROVAL_NAME_MAX];
};

struct carequest {
	const char	*file;		/* lent */
	uint8_t		*text, *sig;
	struct approval_request request;
	char		 by[APPROVAL_NAME_MAX];	/* who asks */
	struct carequest_approval approval[APPROVAL_MAX];
	struct span	 bytes[APPROVAL_MAX];	/* of each */
	struct approval_papers papers;	/* all of it */
};

/*
 * Read FILE and FILE.sig.  0: it is well formed, and signed by q->by.  The
 * errors name the file.  Free *q in any case.
 */
int	 carequest_read(struct carequest *q, const char *file, struct err *e)
	    MUST_CHECK;
void	 carequest_free(struct carequest *q);

/*
 * Add the approvals beside it in the order of their names, or the one in
 * this file.  What is no signature of this request is warned of and left
 * out.  ERR_LIMIT: more than APPROVAL_MAX.
 */
int	 carequest_find(struct carequest *q, struct err *e) MUST_CHECK;
int	 carequest_add(struct carequest *q, const char *file, struct err *e)
	    MUST_CHECK;

/* ERR_DENIED: what it asks for has ended by now. */
int	 carequest_check_time(const struct carequest *q, struct err *e)
	    MUST_CHECK;

/*
 * Are these the approvals that the CA wants?  *n: so many count.  ERR_DENIED,
 * and where one more would help it was told on stderr who gives it how.
 */
int	 carequest_check(const struct carequest *q, const struct ca_policy *p,
	    size_t *n, struct err *e) MUST_CHECK;

/* A line for who asks, and for each who approves. */
void	 carequest_tell(FILE *f, const struct carequest *q);

/* FILE.WHO.approval of this key; free it, NULL: no memory. */
char	*carequest_approval_name(const struct carequest *q,
	    const struct signkey *k);

/*
 * The certificate as an order, to `output`, else to NAME-cert.pub beside
 * NAME.request.
 */
int	 carequest_order(const struct carequest *q, const char *output,
	    struct certorders *l, struct err *e) MUST_CHECK;

#endif
