/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ca/ledger.h"

/* Apart from the ledger: the agent has this, and no database. */
struct ledger_rule
ledger_rule_of(const struct ca_policy *p, bool enforced)
{
	if (p == NULL || (enforced && p->observe))
		return (struct ledger_rule){ 0 };
	return (struct ledger_rule){ .rate = p->rate, .per = p->per,
	    .once = p->approvals > 0 };
}
