/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CAREVOKE_H
#define KEYUTIL_CAREVOKE_H

#include "ca/ledger_krl.h"
#include "keyutil/out.h"

/*
 * What is to be revoked, as a person says it, and what of the ledger that
 * is.
 */
struct carevoke_wish {			/* one of them; NULL: not given */
	const char	*serial, *key_id, *subject, *principal, *certificate;
};

struct carevoke {
	enum ledger_revoked how;
	struct wire_w	 what;		/* see ledger_entry.h */
	struct wire_w	 ca;		/* of the certificate, or empty */
	uint64_t	 low, high;	/* LEDGER_SERIALS */
	char		 words[600];	/* for a person */
};

/*
 * ERR_USAGE, with the way out, for what no list could hold.  Free *out in
 * any case.
 */
int	 carevoke_parse(const struct carevoke_wish *w, struct carevoke *out,
	    struct err *e) MUST_CHECK;
void	 carevoke_free(struct carevoke *v);

struct carevoke_found {
	uint64_t	 n, revoked;	/* certificates, and those that are */
	struct out_table table;		/* of the first ones */
	uint64_t	 entry, time;	/* where the same was revoked, or 0 */
	bool		 is_ca;		/* it is the key of a CA in there */
};

/* End the table in any case. */
int	 carevoke_find(struct ledger *l, struct span ca,
	    const struct carevoke *v, struct carevoke_found *out,
	    struct err *e) MUST_CHECK;

/* Nothing would be changed by it. */
bool	 carevoke_is_done(const struct carevoke *v,
	    const struct carevoke_found *f);

#endif
