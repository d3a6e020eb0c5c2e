/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_INFO_H
#define TOKEN_SCHSM_INFO_H

#include "token/schsm_card.h"
#include "token/token.h"

/*
 * What a SmartCard-HSM tells of itself without a PIN and without a SELECT,
 * so that looking never logs another program out.  The contract of
 * token_get_info(), after a start; `serial` was read when the card was
 * opened.
 */
void	 schsm_info_start(const struct schsm_card *c, const char *serial,
	    struct token_info *i);
int	 schsm_info(struct schsm_card *c, unsigned int parts,
	    struct token_info *i, struct err *e) MUST_CHECK;

/* The serial number: the holder of the device certificate, less 5. */
int	 schsm_serial(struct schsm_card *c, char *serial, size_t len,
	    struct err *e) MUST_CHECK;

/* The token's own label. */
int	 schsm_label(struct schsm_card *c, char *label, size_t len,
	    struct err *e) MUST_CHECK;

#endif
