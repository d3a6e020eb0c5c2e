/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_REMOVE_H
#define TOKEN_SCHSM_REMOVE_H

#include "token/manage.h"

/*
 * Deleting a key, and finding what is left of one that was cut off on its
 * way in or out, by us or by others: OpenSC leaves the certificate of each
 * key it deletes.  The contracts of token_remove() and token_leftovers().
 */
int	 schsm_remove(struct token *t, const char *ref, struct err *e)
	    MUST_CHECK;
int	 schsm_leftovers(struct token *t, struct token_leftovers *out,
	    struct err *e) MUST_CHECK;

#endif
