/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_SCHSM_MANAGE_H
#define TOKEN_SCHSM_MANAGE_H

#include "token/manage.h"

/*
 * The SmartCard-HSM's side of token/manage.h: which function of the driver
 * does what.
 */
extern const struct token_manage_ops schsm_manage_ops;

#endif
