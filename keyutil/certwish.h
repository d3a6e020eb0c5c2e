/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CERTWISH_H
#define KEYUTIL_CERTWISH_H

#include "ca/blocks.h"
#include "keyutil/certorder.h"

/*
 * What a certificate is to say: the words of the command line, or of a row,
 * before those of a profile, before those of the CA's block.
 */
struct certwish {
	const struct ca_profile *profile;	/* NULL: none */
	const struct ca_block *block;		/* NULL: none */
	enum cert_type	 type;
	const char	*principals;	/* with commas; NULL: not said */
	const char	*validity, *key_id;	/* NULL: not said */
	const char	*serial;		/* NULL: the next one */
	const char	*const *options;	/* as after ssh-keygen -O */
	size_t		 n_options;
	const char	*more_options;	/* NULL, or separated by ';' */
	time_t		 now;
};

/* Fill in key id and draft of an order that has neither. */
int	 certwish_fill(const struct certwish *w, struct certorder *o,
	    struct err *e) MUST_CHECK;

#endif
