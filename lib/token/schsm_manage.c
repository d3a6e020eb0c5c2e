/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token/schsm_manage.h"
#include "token/schsm_wrap.h"

const struct token_manage_ops schsm_manage_ops = {
	.wrap = schsm_wrap_out,
	.unwrap = schsm_wrap_in,
};
