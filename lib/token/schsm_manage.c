/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token/schsm.h"
#include "token/schsm_certificate.h"
#include "token/schsm_dkek.h"
#include "token/schsm_generate.h"
#include "token/schsm_init.h"
#include "token/schsm_manage.h"
#include "token/schsm_pin.h"
#include "token/schsm_random.h"
#include "token/schsm_relabel.h"
#include "token/schsm_remove.h"
#include "token/schsm_wrap.h"

/*
 * What needs no login comes first in its transaction: another program may
 * have selected another applet.  Asking for the PIN state selects ours.
 */
static int
find_applet(struct token *t, struct err *e)
{
	enum token_pin_state st;
	int tries;

	return token_pin_state(t, &st, &tries, e);
}

static int
setup(struct token *t, const struct token_setup *s, struct err *e)
{
	int r;

	if ((r = find_applet(t, e)) != 0)
		return r;
	return schsm_init(schsm_card_of(t), s, e);
}

static int
login_last(struct token *t, const struct secret *pin, struct err *e)
{
	int r;

	if ((r = find_applet(t, e)) != 0)
		return r;
	return schsm_pin_verify_last(schsm_card_of(t), pin, e);
}

static int
change_pin(struct token *t, const struct secret *old,
    const struct secret *new, bool last_too, struct err *e)
{
	int r;

	if ((r = find_applet(t, e)) != 0)
		return r;
	return schsm_pin_change(schsm_card_of(t), old, new, last_too, e);
}

static int
change_so(struct token *t, const struct secret *old, const struct secret *new,
    bool last_too, struct err *e)
{
	int r;

	if ((r = find_applet(t, e)) != 0)
		return r;
	return schsm_pin_change_so(schsm_card_of(t), old, new, last_too, e);
}

static int
unblock(struct token *t, const struct secret *so_pin,
    const struct secret *new, bool last_too, struct err *e)
{
	int r;

	if ((r = find_applet(t, e)) != 0)
		return r;
	return schsm_pin_unblock(schsm_card_of(t), so_pin, new, last_too, e);
}

static int
import_share(struct token *t, const struct secret *share, struct err *e)
{
	int r;

	if ((r = find_applet(t, e)) != 0)
		return r;
	return schsm_dkek_import(schsm_card_of(t), share, e);
}

const struct token_manage_ops schsm_manage_ops = {
	.can_generate = schsm_can_generate,
	.generate = schsm_generate,
	.remove = schsm_remove,
	.leftovers = schsm_leftovers,
	.set_label = schsm_relabel,
	.get_certificate = schsm_get_certificate,
	.put_certificate = schsm_put_certificate,
	.random = schsm_random,
	.import_share = import_share,
	.wrap = schsm_wrap_out,
	.unwrap = schsm_wrap_in,
	.setup = setup,
	.login_last = login_last,
	.change_pin = change_pin,
	.change_so = change_so,
	.unblock = unblock,
};
