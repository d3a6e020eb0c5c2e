/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/span.h"

/*
 * Configuration text: lines of a keyword and its values, as ssh_config(5)
 * has them.  Values are separated by blanks or one '='; "double quotes"
 * keep blanks together, \" and \\ inside them; # starts a comment where a
 * word could start.  What the keywords mean is the caller's.
 */
#define CONF_WORDS_MAX	32
#define CONF_TEXT_MAX	(1024 * 1024)

struct conf_line {
	const char	*file;
	unsigned int	 number;		/* from 1 */
	const char	*word[CONF_WORDS_MAX];	/* word[0] is the keyword */
	size_t		 n;			/* at least 1 */
};

/* Called for each line that is not empty; its error ends the parse. */
typedef int conf_line_fn(void *arg, const struct conf_line *l,
    struct err *e);

/* Every error names file and line. */
int	 conf_parse(struct span text, const char *file, conf_line_fn *fn,
	    void *arg, struct err *e) MUST_CHECK;

/*
 * The same from a file.  ERR_NOTFOUND when there is none; ERR_DENIED when
 * it is not the user's or root's own, or others may write to it.
 */
int	 conf_load(const char *path, conf_line_fn *fn, void *arg,
	    struct err *e) MUST_CHECK;

/*
 * From `path`, or where that is NULL from the user's configuration file, or
 * where there is none from the system's: one file, not several.  *file is
 * its name, for free(3), also after an error in it; NULL: none was read.
 * That none of the last two is there is no error.
 */
int	 conf_load_usual(const char *path, char **file, conf_line_fn *fn,
	    void *arg, struct err *e) MUST_CHECK;

/* "yes" or "no" as the only value. */
int	 conf_bool(const struct conf_line *l, bool *out, struct err *e)
	    MUST_CHECK;

/* The only value; "~/" at its start is the home directory.  Free it. */
int	 conf_path(const struct conf_line *l, char **out, struct err *e)
	    MUST_CHECK;

/*
 * A time as sshd_config(5) writes it: "90", "10m", "1h30m"; seconds, at
 * most a year.
 */
int	 conf_time(const char *text, unsigned int *seconds, struct err *e)
	    MUST_CHECK;

/*
 * The text as one word of a line, in quotes where it needs them: what is
 * parsed again is the text.  No word can have a line end: ERR_FORMAT.  Free
 * it.
 */
int	 conf_quote(const char *text, char **out, struct err *e) MUST_CHECK;

/* Put "file:line: " before the message. */
int	 conf_where(const struct conf_line *l, struct err *e);

#endif
