/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PIN_ASSUAN_H
#define PIN_ASSUAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/secret.h"

/*
 * What an Assuan server says to a client that asks it for a secret.  Bytes
 * go in, answers come out; who reads and writes them is the caller's.
 *
 * libassuan does the same and more, but keeps the lines in ordinary memory.
 * Here a secret is in pages of its kind from read(2) on.
 */
#define ASSUAN_LINE_MAX		1000	/* with its line feed */
#define ASSUAN_ANSWER_LINES	100	/* until an OK or ERR */

enum assuan_kind {
	ASSUAN_MORE,		/* not yet: it needs more bytes */
	ASSUAN_OK,
	ASSUAN_ERR,
	ASSUAN_INQUIRE,		/* it wants to know something itself */
};

struct assuan_answer {
	enum assuan_kind	 kind;
	unsigned int		 code;		/* of an ERR, as libgpg-error */
	char			 text[100];	/* of an ERR, printable */
};

struct assuan;

struct assuan	*assuan_new(void);		/* NULL: no memory */
void		 assuan_free(struct assuan *a);	/* NULL is fine */

/* Where the next bytes go, and how many fit: never 0 after ASSUAN_MORE. */
void	*assuan_room(struct assuan *a, size_t *n);
void	 assuan_added(struct assuan *a, size_t n);

/*
 * Take whole lines, until there is an answer.  Data goes to *data; NULL:
 * none is expected.  After an error nothing more can be understood:
 * ERR_FORMAT, or ERR_LIMIT for what is too long.
 */
int	 assuan_next(struct assuan *a, struct secret *data,
	    struct assuan_answer *answer, struct err *e) MUST_CHECK;

/*
 * Append text to the command in line, whose room is ASSUAN_LINE_MAX, in the
 * form that it has there; as much as fits with a line feed and a NUL.
 * False when that is not all of it.
 */
bool	 assuan_escape(char *line, const char *text);

#endif
