/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keyutil/ask.h"
#include "keyutil/login.h"
#include "keyutil/out.h"

static int
log_in(struct login *l, const struct secret *pin, struct err *e)
{
	struct token *t = l->slot->token;
	int r;

	if ((r = token_begin(t, e)) != 0)
		return r;
	if ((r = token_login(t, pin, e)) != 0)
		token_end(t);
	else
		l->others = token_had_login(t);
	return r;
}

/* Nobody is asked for a PIN that would not be sent. */
static int
look_before_asking(struct slot *s, struct err *e)
{
	int r;

	if ((r = slot_know(s, TOKEN_INFO_PIN | TOKEN_INFO_LABEL, e)) != 0)
		return r;
	return token_takes_pin(s->token, s->info.pin, s->info.pin_tries, e);
}

/* The person types it there, and nothing but the token sees it. */
static int
log_in_at_pad(struct login *l, struct err *e)
{
	out_warn("token %s: type the PIN at the reader",
	    l->slot->info.serial);
	return log_in(l, NULL, e);
}

int
login_begin(struct login *l, struct slot *s, const char *pin_file,
    const char *reason, struct err *e)
{
	struct secret *pin = secret_new();
	int r;

	*l = (struct login){ .slot = s };
	if (pin == NULL)
		return err_set(e, ERR_NOMEM, 0, "PIN");
	r = pin_file != NULL ? 0 : look_before_asking(s, e);
	if (r == 0 && pin_file == NULL && s->in_module &&
	    token_has_pad(s->token))
		r = log_in_at_pad(l, e);
	else if (r == 0 && (r = ask_pin(s, pin_file, reason, pin, e)) == 0)
		r = log_in(l, pin, e);
	secret_free(pin);
	return r == 0 ? 0 : err_wrap(e, "token %s", s->info.serial);
}

void
login_end(struct login *l)
{
	struct err e;

	if (!l->others && token_logout(l->slot->token, &e) != 0)
		out_warn("token %s: cannot log out: %s",
		    l->slot->info.serial, e.msg);
	token_end(l->slot->token);
}
