/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token/schsm.h"
#include "token/schsm_manage.h"

const struct token_manage_ops schsm_manage_ops = {
	.generate = NULL,
};
