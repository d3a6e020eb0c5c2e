/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "agent/session.h"
#include "pin/pin.h"

struct session {
	struct token		*token;
	struct session_conf	 conf;
	struct token_keys	 keys;
	struct token_info	 info;		/* label "" until it is read */
	struct secret		*pin;		/* while unlocked */
	struct secret		*rejected;	/* last wrong one, or empty */
	int			 tries_then;	/* left after it was rejected */
	bool			 unlocked;
};

int
session_new(struct session **out, struct token *t,
    const struct session_conf *conf, struct err *e)
{
	struct session *s;
	int r;

	if ((s = calloc(1, sizeof(*s))) == NULL) {
		token_close(t);
		return err_set(e, ERR_NOMEM, 0, "session");
	}
	s->token = t;
	s->conf = *conf;
	if ((s->pin = secret_new()) == NULL ||
	    (s->rejected = secret_new()) == NULL) {
		r = err_set(e, ERR_NOMEM, 0, "session");
	} else if ((r = token_begin(t, e)) == 0) {
		r = token_list(t, NULL, &s->keys, e);
		token_end(t);
	}
	if (r != 0) {
		session_free(s);
		return r;
	}
	*out = s;
	return 0;
}

void
session_free(struct session *s)
{
	struct err e;

	if (s == NULL)
		return;
	if (s->unlocked && session_lock(s, &e) != 0)
		log_debug(s->conf.log, "token %s: %s", s->token->serial,
		    e.msg);
	token_keys_free(&s->keys);
	secret_free(s->pin);
	secret_free(s->rejected);
	token_close(s->token);
	free(s);
}

const char *
session_serial(const struct session *s)
{
	return s->token->serial;
}

const char *
session_label(const struct session *s)
{
	return s->info.label;
}

const struct token_keys *
session_keys(const struct session *s)
{
	return &s->keys;
}

bool
session_unlocked(const struct session *s)
{
	return s->unlocked;
}

static void
forget(struct session *s)
{
	secret_clear(s->pin);
	s->unlocked = false;
}

static bool
was_rejected(const struct session *s, const struct secret *pin)
{
	return secret_len(s->rejected) > 0 && secret_eq(pin, s->rejected);
}

/*
 * Inside a transaction.  When somebody logged in or set a new PIN since one
 * was rejected, what was wrong may be right.
 */
static int
see_state(struct session *s, enum token_pin_state *st, int *tries,
    struct err *e)
{
	int r;

	r = token_pin_state(s->token, st, tries, e);
	if (r == 0 && (*st == TOKEN_PIN_VERIFIED || *tries > s->tries_then))
		secret_clear(s->rejected);
	return r;
}

/* Inside a transaction: one VERIFY at the most, and its consequences. */
static int
login(struct session *s, const struct secret *pin, struct err *e)
{
	enum token_pin_state st;
	int r, tries;

	if (was_rejected(s, pin) && (r = see_state(s, &st, &tries, e)) != 0)
		return r;
	if (was_rejected(s, pin))
		return err_set(e, ERR_DENIED, -1,
		    "the token has rejected this PIN before; it was not sent "
		    "again");
	r = token_login(s->token, pin, e);
	if (r == 0) {
		secret_clear(s->rejected);
		if (pin != s->pin)
			secret_copy(s->pin, pin);
		s->unlocked = true;
		log_info(s->conf.log, "token %s: unlocked", s->token->serial);
		return 0;
	}
	if (r == ERR_PIN_WRONG) {
		secret_copy(s->rejected, pin);
		s->tries_then = e->detail;
	}
	forget(s);
	return r;
}

static int
send_pin(struct session *s, const struct secret *pin, struct err *e)
{
	int r;

	if ((r = token_begin(s->token, e)) != 0)
		return r;
	r = login(s, pin, e);
	token_end(s->token);
	return r;
}

int
session_read_label(struct session *s, struct err *e)
{
	int r;

	if (s->info.label[0] != '\0')
		return 0;
	if ((r = token_begin(s->token, e)) != 0)
		return r;
	r = token_get_info(s->token, &s->info, e);
	token_end(s->token);
	return r;
}

/* What the prompt says: label once, the tries left each time. */
static int
look(struct session *s, enum token_pin_state *st, int *tries, struct err *e)
{
	int r;

	if ((r = session_read_label(s, e)) != 0 ||
	    (r = token_begin(s->token, e)) != 0)
		return r;
	r = see_state(s, st, tries, e);
	token_end(s->token);
	return r;
}

static int
ask(struct session *s, int tries, struct secret *pin, struct err *e)
{
	const struct pin_asker how = { 0 };
	const struct pin_prompt prompt = { .label = s->info.label,
	    .serial = s->token->serial, .tries = tries > 0 ? tries : -1 };
	char left[32] = "";

	if (tries > 0)
		snprintf(left, sizeof(left), ", %d tries left", tries);
	log_debug(s->conf.log, "token %s: asking for the PIN%s",
	    s->token->serial, left);
	return pin_ask(&how, &prompt, s->conf.cancel_fd, pin, e);
}

/* Is there a PIN that was given beforehand, and not rejected yet? */
static bool
given(struct session *s, struct secret *pin)
{
	struct err e;
	int r;

	r = pins_get(s->conf.pins, s->token->serial, s->info.label, pin, &e);
	if (r != 0 && r != ERR_NOTFOUND)
		log_error(s->conf.log, "token %s: %s", s->token->serial,
		    e.msg);
	return r == 0 && !was_rejected(s, pin);
}

/* One may have been given for the label; else a person is asked. */
static int
obtain(struct session *s, struct secret *pin, struct err *e)
{
	enum token_pin_state st;
	int r, tries;

	if (given(s, pin))
		return 0;
	if ((r = look(s, &st, &tries, e)) != 0 ||
	    (r = token_pin_sendable(st, tries, e)) != 0)
		return r;
	return given(s, pin) ? 0 : ask(s, tries, pin, e);
}

int
session_unlock(struct session *s, const struct secret *pin, struct err *e)
{
	struct secret *own;
	int r;

	if (pin != NULL)
		return send_pin(s, pin, e);
	if ((own = secret_new()) == NULL)
		return err_set(e, ERR_NOMEM, 0, "PIN");
	if ((r = obtain(s, own, e)) == 0)
		r = send_pin(s, own, e);
	secret_free(own);
	return r;
}

int
session_lock(struct session *s, struct err *e)
{
	bool ours = s->unlocked;
	int r;

	forget(s);
	if (!ours)
		return 0;
	if ((r = token_begin(s->token, e)) != 0)
		return r;
	r = token_logout(s->token, e);
	token_end(s->token);
	return r;
}

static const struct token_key *
find_key(const struct session *s, struct span blob)
{
	const struct token_key *k;

	for (size_t i = 0; i < s->keys.n; i++) {
		k = &s->keys.v[i];
		if (span_eq((struct span){ k->blob, k->blob_n }, blob))
			return k;
	}
	return NULL;
}

/*
 * A signature is one command and needs no transaction.  Where the login
 * turns out to be gone, taking it back once and signing are one.
 */
static int
sign_unlocked(struct session *s, const struct token_key *k, enum sig_alg alg,
    struct span data, struct wire_w *sig, struct err *e)
{
	int r, first;

	first = token_sign(s->token, k, alg, data, sig, e);
	if (first != ERR_PIN_NEEDED && first != ERR_AGAIN)
		return first;
	if ((r = token_begin(s->token, e)) != 0)
		return r;
	r = first;
	if (r == ERR_AGAIN)
		r = token_sign(s->token, k, alg, data, sig, e);
	if (r == ERR_PIN_NEEDED) {
		log_debug(s->conf.log, "token %s: the login was lost, logging "
		    "in again", s->token->serial);
		if ((r = login(s, s->pin, e)) == 0)
			r = token_sign(s->token, k, alg, data, sig, e);
	}
	token_end(s->token);
	return r;
}

int
session_sign(struct session *s, struct span blob, enum sig_alg alg,
    struct span data, struct wire_w *sig, struct err *e)
{
	const struct token_key *k;
	int r;

	if ((k = find_key(s, blob)) == NULL)
		return err_set(e, ERR_NOTFOUND, 0, "the token has no such key");
	/* Somebody else's login is not ours to use. */
	if (!s->unlocked && (r = session_unlock(s, NULL, e)) != 0)
		return r;
	return sign_unlocked(s, k, alg, data, sig, e);
}
