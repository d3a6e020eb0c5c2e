/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_LABEL_H
#define TOKEN_SCHSM_LABEL_H

#include "token/schsm_card.h"

/*
 * Write the token's own label: the PKCS#15 TokenInfo, as sc-hsm-tool does
 * (facts/smartcard-hsm 3.5).  One command; be logged in.  ERR_LIMIT over
 * TOKEN_LABEL_MAX bytes.
 */
int	 schsm_label_write(struct schsm_card *c, const char *label,
	    struct err *e) MUST_CHECK;

#endif
