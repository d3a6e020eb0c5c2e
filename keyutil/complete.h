/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_COMPLETE_H
#define KEYUTIL_COMPLETE_H

#include <stddef.h>

/*
 * What a word of a command line that is being typed may become, going by
 * the table of commands and by those of their options.  Looks at nothing
 * but the words.
 */
#define COMPLETE_MAX	64

enum complete_kind {
	COMPLETE_WORDS,		/* nothing but the words of v, if any */
	COMPLETE_FILES,
	COMPLETE_DIRS,
	COMPLETE_KEYS,
	COMPLETE_TOKENS,
};

struct complete_word {
	char		 text[32];
	const char	*help;		/* or "" */
};

struct complete {
	enum complete_kind kind;
	const char	*token;		/* of --token, lent; else NULL */
	struct complete_word v[COMPLETE_MAX];
	size_t		 n;
};

/*
 * The words after the name of the program; the last one, which may be empty,
 * is being typed.  Words that do not begin as that one does are in *out too:
 * shells have rules of their own for what fits.  After "--name=" they are
 * without that.
 */
void	 complete(char *const *words, size_t n, struct complete *out);

#endif
