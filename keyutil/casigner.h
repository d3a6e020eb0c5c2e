/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CASIGNER_H
#define KEYUTIL_CASIGNER_H

#include <stdbool.h>

#include "ca/approval.h"
#include "ca/blocks.h"

/*
 * The way to signatures of a CA: through the running agent if that has its
 * key, else on the token itself.  Either way the CA's policy is applied, each
 * certificate is in the ledger before the caller has it, and its signature
 * was verified.
 */
struct casigner;

struct casigner_wish {
	const struct ca_blocks *blocks;	/* lent for the signer's life */
	const char	*name;		/* label, id or fingerprint; NULL: the
					 * only key that can be meant */
	const char	*token;		/* this one, and no agent; or NULL */
	const char	*pin_file;	/* on the token; NULL: ask a person */
	const struct approval_papers *papers;	/* lent as well; NULL: nobody
					 * asked for it in writing */
	bool		 looks;		/* and does not sign */
};

/*
 * Nobody is asked for a PIN yet.  ERR_DENIED: the CA wants approvals, and
 * there are no papers.
 */
int		 casigner_open(struct casigner **out,
		    const struct casigner_wish *wish, struct err *e)
		    MUST_CHECK;
void		 casigner_close(struct casigner *s);	/* NULL is fine */

struct span	 casigner_ca(const struct casigner *s);	/* its blob */

/* Is it the running agent that signs, and judges? */
bool		 casigner_is_agent(const struct casigner *s);

/* What the configuration says of it; NULL: nothing. */
const struct ca_block *casigner_block(const struct casigner *s);

/* Give out n numbers for certificates; see ledger_serials(). */
int		 casigner_serials(struct casigner *s, uint64_t n,
		    uint64_t *first, struct err *e) MUST_CHECK;

/*
 * What is known to speak against a body before anything is signed.  0: the
 * way to the signature may have more to say.
 */
int		 casigner_judge(const struct casigner *s, struct span tbs,
		    struct err *e) MUST_CHECK;

/* Certificates that are to be signed; an error ends the work. */
struct casigner_work {
	size_t		 n;

	/* Append the body of the i-th: called in order, each once. */
	int		 (*body)(void *arg, size_t i, struct wire_w *tbs,
			    struct err *e);

	/*
	 * There it is.  One call at a time, but perhaps on another thread
	 * than body(), and in another order.
	 */
	int		 (*done)(void *arg, size_t i, struct span cert,
			    struct err *e);
	void		*arg;
};

/*
 * Sign them, several under way at a time so that the token is always busy.
 * On the token itself the PIN is asked for first.  After an error, the
 * first of which is returned, and when somebody interrupts it
 * (ERR_CANCELLED), no more are begun; those that were signed are still given
 * to done().
 */
int		 casigner_sign(struct casigner *s,
		    const struct casigner_work *w, struct err *e) MUST_CHECK;

#endif
