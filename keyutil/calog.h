/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CALOG_H
#define KEYUTIL_CALOG_H

#include "ca/ledger_krl.h"
#include "keyutil/out.h"

/*
 * A certificate of the ledger for "hsm-keyutil ca log".  Whether it is
 * revoked is asked of the list that "ca krl" would write.
 */
struct calog_line {
	const struct ledger_entry *entry;
	const struct cert *cert;
	struct krl_verdict verdict;
	uint64_t	 now;
};

int	 calog_judge(struct calog_line *line, const struct krl_view *v,
	    struct err *e) MUST_CHECK;
bool	 calog_is_revoked(const struct calog_line *line);

/* A row of a table that calog_table() began. */
struct out_table calog_table(void);
void	 calog_row(struct out_table *t, const struct calog_line *line);

/* All that is known of it; NULL: no memory. */
json_t	*calog_json(const struct calog_line *line);

#endif
