/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CAPLAN_H
#define KEYUTIL_CAPLAN_H

#include <stdbool.h>

#include "base/err.h"
#include "ssh/cert.h"

/*
 * What a new CA is to sign: said by options, else asked at the terminal.
 */
#define CAPLAN_LIST_MAX	4096

struct caplan {
	enum cert_type	 type;		/* 0: not said */
	char		 principals[CAPLAN_LIST_MAX + 1];
	char		 max_validity[32];
};

/* --for, --principals and --max-validity; NULL: not given. */
struct caplan_options {
	const char	*type, *principals, *max_validity;
};

/* ERR_USAGE for what no CA block could say. */
int	 caplan_parse(struct caplan *p, const struct caplan_options *o,
	    struct err *e) MUST_CHECK;

/* Is there anything left to ask? */
bool	 caplan_is_whole(const struct caplan *p);

/*
 * Ask for what was not said.  ERR_USAGE, which names the options, when there
 * is no terminal; ERR_CANCELLED after some answers that made no sense.
 */
int	 caplan_ask(struct caplan *p, struct err *e) MUST_CHECK;

#endif
