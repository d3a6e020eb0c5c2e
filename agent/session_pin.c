/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <time.h>

#include "agent/session_inside.h"

struct pin_state {
	enum token_pin_state	 st;
	int			 tries;
};

/* A part: what does the token say of PINs and tries? */
static int
see_state(struct session *s, void *arg, struct err *e)
{
	struct pin_state *p = arg;
	int r;

	if ((r = token_pin_state(s->token, &p->st, &p->tries, e)) != 0)
		return r;
	if (p->st == TOKEN_PIN_VERIFIED || p->st == TOKEN_PIN_NEEDED)
		vault_saw_tries(s->conf.vault, s->token->serial,
		    p->st == TOKEN_PIN_VERIFIED ? -1 : p->tries);
	return 0;
}

/* No token has so many: nothing was heard of the PIN, and never will be. */
#define TRIES_UNSURE	(TOKEN_TRIES_UNKNOWN - 1)

/* A PIN that was sent in vain: nothing may send it, or another, by itself. */
static void
note_rejected(struct session *s, const struct pin_found *f, int tries)
{
	const char *serial = s->token->serial;
	const bool unsure = tries >= TRIES_UNSURE;
	struct err e;

	if (f->pin != NULL)
		vault_rejected(s->conf.vault, serial, f->pin, tries);
	if (f->origin == NULL)
		return;
	snprintf(s->problem, sizeof(s->problem), unsure ? "It is not known "
	    "whether the token took the PIN %s" : "The PIN %s was rejected",
	    f->origin);
	log_error(s->conf.log, unsure ? "token %s: it is not known whether it "
	    "took the PIN %s; none is sent again before somebody logs in" :
	    "token %s: the PIN %s was rejected; none is sent again before "
	    "somebody logs in", serial, f->origin);
	if (vault_bar(s->conf.vault, serial, &e) != 0)
		log_error(s->conf.log, "token %s: this will be forgotten "
		    "when the agent ends: %s", serial, e.msg);
}

static void
note_login(struct session *s, const struct pin_found *f)
{
	struct vault *v = s->conf.vault;

	s->logged_in = true;
	s->origin = f->origin;
	s->problem[0] = '\0';
	if (f->kept)
		return;
	vault_unlock(v, s->token->serial, s->keeps_pin ? f->pin : NULL);
	if (!s->keeps_login && !s->keeps_pin)
		vault_lock(v, s->token->serial);
	log_info(s->conf.log, "token %s: %s", s->token->serial,
	    session_unlocked(s) ? "unlocked" : "logged in for one signature");
}

/*
 * A PIN that was rejected, or of which nothing was heard, is sent again only
 * when the tries left say that it may be right; by a person if they never do.
 */
static int
may_send(struct session *s, const struct pin_found *f, struct err *e)
{
	struct vault *v = s->conf.vault;
	struct pin_state now;
	bool unsure;
	int r;

	if (f->pin == NULL || !vault_was_rejected(v, s->token->serial, f->pin))
		return 0;
	if ((r = see_state(s, &now, e)) != 0)
		return r;
	unsure = vault_is_unsure(v, s->token->serial);
	if (!vault_was_rejected(v, s->token->serial, f->pin) ||
	    (f->origin == NULL && unsure))
		return 0;
	if (f->origin != NULL)
		return err_set(e, ERR_PIN_WRONG,
		    unsure ? TRIES_UNSURE : now.tries,
		    "the token has rejected the PIN %s", f->origin);
	return err_set(e, ERR_DENIED, -1, "the token has rejected this PIN "
	    "before; it was not sent again");
}

int
session_login(struct session *s, const struct pin_found *f, struct err *e)
{
	struct vault *v = s->conf.vault;
	int r;

	if ((r = may_send(s, f, e)) == 0 &&
	    (r = token_login(s->token, f->pin, e)) == 0) {
		note_login(s, f);
		return 0;
	}
	s->logged_in = false;
	if (r == ERR_PIN_WRONG)
		note_rejected(s, f, e->detail);
	else if (f->pin != NULL && token_pin_doubt(s->token) > 0)
		vault_rejected(v, s->token->serial, f->pin,
		    token_pin_doubt(s->token) - 1);
	if (r == ERR_PIN_WRONG || r == ERR_PIN_BLOCKED || r == ERR_DENIED)
		vault_lock(v, s->token->serial);
	return r;
}

static void
note_signature(struct session *s, const struct pin_found *f,
    const struct err *e)
{
	if (e->code == ERR_PIN_WRONG || e->code == ERR_PIN_BLOCKED) {
		note_rejected(s, f, e->code == ERR_PIN_WRONG ? e->detail : 0);
		vault_lock(s->conf.vault, s->token->serial);
	} else if (f->pin != NULL)
		vault_rejected(s->conf.vault, s->token->serial, f->pin,
		    token_pin_doubt(s->token) - 1);
}

void
session_note_signature(struct session *s, const struct pin_found *f,
    const struct err *e)
{
	struct pin_found of = { .origin = s->origin };
	struct secret *kept;

	if (e->code != ERR_PIN_WRONG && e->code != ERR_PIN_BLOCKED &&
	    token_pin_doubt(s->token) == 0)
		return;
	if (f->pin != NULL) {
		note_signature(s, f, e);
		return;
	}
	kept = secret_new();
	if (kept != NULL && vault_pin(s->conf.vault, s->token->serial, kept))
		of = (struct pin_found){ kept, "in memory", true };
	note_signature(s, &of, e);
	secret_free(kept);
}

/* --- where a PIN comes from --- */

/* Given at start or in the configuration, and not rejected since? */
static bool
given(struct session *s, struct secret *pin, const char **origin)
{
	struct pins_query q = { .serial = s->token->serial,
	    .label = s->info.label, .cancel_fd = s->conf.cancel_fd };
	struct timespec since;
	struct err e;
	int r;

	if (vault_barred(s->conf.vault, s->token->serial, &since))
		q.barred = &since;
	r = pins_get(s->conf.pins, &q, pin, origin, &e);
	if (r == 0)
		return true;
	if (r != ERR_NOTFOUND) {
		snprintf(s->problem, sizeof(s->problem), "%.190s", e.msg);
		log_error(s->conf.log, "token %s: %s", s->token->serial,
		    e.msg);
	}
	return false;
}

int
session_need_person(struct session *s, struct err *e)
{
	struct pin_state now;
	int r;

	if ((r = session_read_label(s, e)) == 0 &&
	    (r = session_within(s, see_state, &now, e)) == 0 &&
	    (r = token_takes_pin(s->token, now.st, now.tries, e)) == 0)
		r = err_set(e, ERR_PIN_NEEDED, token_tries_told(s->token,
		    now.tries), "the PIN is needed");
	return r;
}

int
session_find_pin(struct session *s, const struct secret *typed,
    struct secret *buf, struct pin_found *f, struct err *e)
{
	*f = (struct pin_found){ .pin = typed };
	if (typed != NULL)
		return 0;
	if (vault_pin(s->conf.vault, s->token->serial, buf)) {
		*f = (struct pin_found){ buf, "in memory", true };
		return 0;
	}
	if (given(s, buf, &f->origin)) {
		f->pin = buf;
		return 0;
	}
	if (token_has_pad(s->token)) {
		log_info(s->conf.log, "token %s: the PIN is asked for on the "
		    "reader", s->token->serial);
		return 0;
	}
	return session_need_person(s, e);
}
