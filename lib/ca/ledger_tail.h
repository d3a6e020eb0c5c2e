/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_LEDGER_TAIL_H
#define CA_LEDGER_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The last row of a table in the file of an SQLite database, without its
 * log: which SQLite does not tell.  Reads what its file format, 1.3 and 1.6,
 * says of the rightmost pages, and believes nothing.
 */
enum ledger_tail_got {
	LEDGER_TAIL_ALL,
	LEDGER_TAIL_SHORT,		/* the file ends before */
	LEDGER_TAIL_ERROR,
};

/* n bytes from offset `at` on. */
typedef enum ledger_tail_got ledger_tail_fn(void *arg, uint8_t *buf,
	    size_t n, uint64_t at);

/*
 * The key of it, 0 when there is no row, or no such table yet.  false: it
 * cannot be told, as when somebody was killed who copied the log to the file:
 * pages are missing that others name.
 */
bool	 ledger_tail_find(ledger_tail_fn *fn, void *arg, uint64_t root,
	    uint64_t *key);

#endif
