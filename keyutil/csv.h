/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CSV_H
#define KEYUTIL_CSV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/span.h"

/*
 * A table as text, RFC 4180: fields parted by commas, rows by line ends
 * (either kind), "quotes" around what has one of these or a "" in it.  A byte
 * order mark in front and rows of nothing are passed over.  Stricter than
 * some: a quote stands around a whole field, and no field has a NUL.
 */
#define CSV_FIELDS_MAX	32
#define CSV_FIELD_MAX	65536		/* bytes */

struct csv {
	struct span	 rest;
	size_t		 line;		/* of its beginning, from 1 */
};

struct csv_row {
	char		*field[CSV_FIELDS_MAX];	/* C strings, its own */
	size_t		 n;
	size_t		 line;		/* in which it begins */
};

/* The text is lent. */
void	 csv_begin(struct csv *c, struct span text);

/*
 * The next row; n is 0 behind the last.  Clear it in any case.  ERR_FORMAT
 * or ERR_LIMIT names the line; there is nothing to be read after it.
 */
int	 csv_next(struct csv *c, struct csv_row *row, struct err *e)
	    MUST_CHECK;
void	 csv_row_clear(struct csv_row *row);

#endif
