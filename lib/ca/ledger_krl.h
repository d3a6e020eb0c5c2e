/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_LEDGER_KRL_H
#define CA_LEDGER_KRL_H

#include "ca/ledger.h"
#include "ssh/krl_view.h"

/*
 * The revocation list that the ledger stands for.  What a command says of a
 * certificate is asked of this list, and this list is what servers get: the
 * two cannot differ.
 *
 * A serial number and a key ID are revoked for one CA.  A key is in the list
 * of each: who has stolen it has it for all of them.  A principal is all
 * certificates for it that were in the ledger when it was revoked, by their
 * serial numbers; where one has none, by its key ID.
 */
#define LEDGER_KRL_NS	"krl@hsm-ssh-agent"	/* of SSHSIG */

struct ledger_krl {
	struct wire_w	 bytes;
	struct krl_view	 view;		/* of them */
};

struct ledger_krl_head {
	uint64_t	 version, date;
	const char	*comment;	/* NULL: none */
};

/* Of one CA or (empty) of all.  Free *out in any case. */
int	 ledger_krl_make(struct ledger *l, struct span ca,
	    const struct ledger_krl_head *head, struct ledger_krl *out,
	    struct err *e) MUST_CHECK;
void	 ledger_krl_free(struct ledger_krl *k);

#endif
