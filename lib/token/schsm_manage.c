/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token/schsm_certificate.h"
#include "token/schsm_generate.h"
#include "token/schsm_manage.h"
#include "token/schsm_random.h"
#include "token/schsm_relabel.h"
#include "token/schsm_remove.h"
#include "token/schsm_wrap.h"

const struct token_manage_ops schsm_manage_ops = {
	.generate = schsm_generate,
	.remove = schsm_remove,
	.leftovers = schsm_leftovers,
	.set_label = schsm_relabel,
	.get_certificate = schsm_get_certificate,
	.put_certificate = schsm_put_certificate,
	.random = schsm_random,
	.wrap = schsm_wrap_out,
	.unwrap = schsm_wrap_in,
};
