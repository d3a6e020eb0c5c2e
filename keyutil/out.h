/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_OUT_H
#define KEYUTIL_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

#include "base/err.h"
#include "base/span.h"

/*
 * Output: text laid out for people at an 80-column terminal, JSON for
 * programs.  Text from cards, readers and agents comes in here already
 * cleaned (keytext_clean); only out_warn() cleans by itself.
 */
#define OUT_COLUMNS	80

/* Columns that `s` takes on the terminal, going by the locale. */
size_t	 out_width(const char *s);

/*
 * Words of `s` from the column the cursor is in (`indent`) on, wrapped
 * before OUT_COLUMNS; each '\n' in it starts a line.  Ends its last line.
 */
void	 out_paragraph(FILE *f, size_t indent, const char *s);

/* "Name      text", the text wrapped in its own column. */
void	 out_field(FILE *f, const char *name, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

/* Rows of cells under headings, padded to the widest of each column. */
#define OUT_TABLE_COLUMNS	7

struct out_table {
	const char	*head[OUT_TABLE_COLUMNS];
	size_t		 columns;
	char	      *(*row)[OUT_TABLE_COLUMNS];
	size_t		 rows;
	bool		 bad;		/* no memory: out_table_print() says */
};

/*
 * Copy one cell for each column.  out_table_print() ends the table and
 * frees its rows.  Columns at the end in which nothing stands are left out;
 * where the rows are wider than the terminal, the last one gets lines of its
 * own.
 */
void	 out_table_row(struct out_table *t, const char *const *cell);
int	 out_table_print(FILE *f, struct out_table *t, struct err *e)
	    MUST_CHECK;

/* End one that is not to be printed. */
void	 out_table_drop(struct out_table *t);

/* Bytes from outside, cleaned, and cut where they are very long. */
struct out_clean {
	char	 s[512];
};

struct out_clean out_clean(struct span s);

/* Bytes from outside, cleaned, as a JSON string. */
json_t	*out_json_span(struct span s);

/* A number, or null when it is negative (not told). */
json_t	*out_json_count(long n);

/* Print to stdout; takes `j`, and NULL means that there was no memory. */
int	 out_json(json_t *j, struct err *e) MUST_CHECK;

/* "hsm-keyutil: ..." on stderr, one line whatever is in it. */
void	 out_warn(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));

/* ERR_SYS unless all that was printed to stdout has left. */
int	 out_flush(struct err *e);

#endif
