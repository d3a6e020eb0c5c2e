/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_LEDGER_LOG_H
#define CA_LEDGER_LOG_H

#include "ca/ledger_db.h"

/*
 * SQLite's log (ledger.db-wal), whose pages count instead of those in the
 * file, until they are copied there and the log begins anew.  When a process
 * was killed, its log stays; an old copy that is put under it becomes a
 * database which has both old and new pages, and which SQLite takes for whole.
 *
 * So the head says up to which entry the file alone has everything: `base`.
 * A file that ends before that is not the one the log was begun on.
 */

/* Is there a log?  To be asked before SQLite opens the database. */
bool	 ledger_log_exists(const struct ledger *l);

/*
 * ERR_STALE: it belongs to another file.  Else false in *own when that is
 * not sure: who closes the database must not copy it then.
 */
int	 ledger_log_check(struct ledger *l, bool *own, struct err *e)
	    MUST_CHECK;

/*
 * Copy it to the file, as far as nobody is reading; all of it: l->seen.base
 * is raised, and is to be written before anybody else writes.
 */
void	 ledger_log_copy(struct ledger *l);

#endif
