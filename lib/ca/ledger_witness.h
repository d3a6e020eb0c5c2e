/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_LEDGER_WITNESS_H
#define CA_LEDGER_WITNESS_H

#include <stdbool.h>

#include "ca/ledger_head.h"

/*
 * The head of a ledger once more, among the caches, which backups leave out:
 * who puts back an old ledger and its head together is found by it.  A file
 * for each path that a ledger has.  It may be removed at any time, and then
 * tells nothing, as it does when it is damaged or not the user's own.
 */

/*
 * Its path, for free(3); NULL when there is no place for it.  The directory
 * is made where it is missing and `make`.
 */
char	*ledger_witness_path(const char *ledger, bool make);

/* false: it tells nothing. */
bool	 ledger_witness_read(const char *path, struct ledger_head *h);

/* Nothing depends on it that it works. */
void	 ledger_witness_write(const char *path, const struct ledger_head *h);

#endif
