/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_RELABEL_H
#define TOKEN_SCHSM_RELABEL_H

#include "token/manage.h"
#include "token/schsm_card.h"

/*
 * The labels of keys and of the token: in files of others', where all but
 * the label is kept.  Each is changed by one command and read back.  The
 * contract of token_set_label().
 */
int	 schsm_relabel(struct token *t, const char *ref, const char *label,
	    struct err *e) MUST_CHECK;

/* The token's own, at most TOKEN_LABEL_MAX bytes; be logged in. */
int	 schsm_relabel_token(struct schsm_card *c, const char *label,
	    struct err *e) MUST_CHECK;

#endif
