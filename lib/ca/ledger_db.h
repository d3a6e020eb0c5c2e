/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_LEDGER_DB_H
#define CA_LEDGER_DB_H

#include <sqlite3.h>

#include "ca/ledger.h"
#include "ca/ledger_file.h"

/*
 * The inside of the ledger, shared by its files: ledger.c opens it,
 * ledger_add.c and ledger_numbers.c write, ledger_find.c reads,
 * ledger_verify.c checks, ledger_log.c knows the database's own log.
 * ledger_db.c is what SQLite is told, in as few words as possible, and the
 * frame of each change.
 */
struct ledger {
	sqlite3		*db;
	char		*path, *head_path;
	char		*witness;	/* NULL: there is none */
	enum ledger_mode mode;
	struct ledger_file file, head_file;	/* those that are open */
	int		 head_fd;	/* -1: there is none */
	struct ledger_head seen;	/* the head, as last read or written */
	int		 log_pages;	/* of the log, after the last commit */
};

/* An error of SQLite's: the disk is ERR_SYS, other programs ERR_AGAIN. */
int	 db_error(const struct ledger *l, struct err *e);

/* Statements without results. */
int	 db_exec(struct ledger *l, const char *sql, struct err *e) MUST_CHECK;

/*
 * A statement with parameters.  Everything remembers its first failure;
 * db_step() is true for each row, and db_end() tells how it went, and frees.
 */
struct db_query {
	struct ledger	*l;
	sqlite3_stmt	*st;
	int		 at;		/* parameters that are bound */
	int		 r;		/* of SQLite */
};

struct db_query	 db_query(struct ledger *l, const char *sql);
void		 db_number(struct db_query *q, uint64_t v);
void		 db_bytes(struct db_query *q, struct span s);
bool		 db_step(struct db_query *q);
int		 db_end(struct db_query *q, struct err *e);

/* Columns of the row, from 0; spans are lent until the next step. */
uint64_t	 db_get_number(const struct db_query *q, int i);
struct span	 db_get_bytes(const struct db_query *q, int i);

/*
 * The only one who writes to it, until one of the other two: all that was
 * written is on the disk, or none of it happens; the latter returns r.
 */
int		 ledger_begin(struct ledger *l, struct err *e) MUST_CHECK;
int		 ledger_commit(struct ledger *l, struct err *e) MUST_CHECK;
int		 ledger_give_up(struct ledger *l, int r);

/* The next entry; *en gets its place, time and prev. */
int		 ledger_put_entry(struct ledger *l, struct ledger_entry *en,
		    struct err *e) MUST_CHECK;

/* The place of a CA in its table; 0: it has none. */
int		 ledger_ca_id(struct ledger *l, struct span ca, uint64_t *id,
		    struct err *e) MUST_CHECK;

/* The same; it gets one. */
int		 ledger_ca_id_for(struct ledger *l, struct span ca,
		    uint64_t *id, struct err *e) MUST_CHECK;

/* All of a head but `base`, as in the database; seq 0: it is empty. */
int		 ledger_last(struct ledger *l, struct ledger_head *h,
		    struct err *e) MUST_CHECK;

/* SHA-256 of the subject's key blob, by which it is found. */
int		 ledger_subject(const struct cert *c,
		    uint8_t hash[LEDGER_HASH], struct err *e) MUST_CHECK;

/* The end of a validity as a number with a sign; "for ever" is the highest. */
static inline uint64_t
ledger_ends(uint64_t before)
{
	return before > INT64_MAX ? INT64_MAX : before;
}

/* The database is not behind its head: ERR_STALE. */
int		 ledger_compare(struct ledger *l, struct err *e) MUST_CHECK;

#endif
