/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/session.h"
#include "token/keycache.h"

struct session {
	struct token		*token;
	struct session_conf	 conf;
	struct token_keys	 keys;
	unsigned int		 version;	/* of the keys */
	struct token_info	 info;		/* label "" until it is read */
	const struct options	*policy_of;	/* NULL: not known yet */
	bool			 keeps_login, keeps_pin;
	bool			 logged_in;	/* by us, as far as we know */
	char			 problem[200];	/* with a PIN nobody typed */
};

/* Where a PIN came from: typed for this request, or found by ourselves. */
struct pin_found {
	const struct secret	*pin;		/* NULL: on the PIN pad */
	const char		*origin;	/* NULL: a person typed it */
	bool			 kept;		/* it is the vault's */
};

/* One signature to make. */
struct work {
	const struct session_work *what;
	struct wire_w	*sig;
	struct secret	*buf;		/* for a PIN that is found */
	struct pin_found found;
	int		 first;		/* how it went without a PIN */
};

/* Something to do inside a transaction. */
typedef int	 part(struct session *s, void *arg, struct err *e);

/* Once more when somebody reset the card meanwhile, but no loop. */
static int
within(struct session *s, part *fn, void *arg, struct err *e)
{
	int r = ERR_AGAIN;

	for (int i = 0; i < 2 && r == ERR_AGAIN; i++) {
		if ((r = token_begin(s->token, e)) != 0)
			return r;
		r = fn(s, arg, e);
		token_end(s->token);
	}
	return r;
}

/* --- the keys --- */

/* A part: read the keys, or see that they are the known ones. */
static int
read_keys(struct session *s, void *arg, struct err *e)
{
	const struct token_keys *known = arg;
	struct token_keys keys;
	struct err why;
	int r;

	if ((r = token_list(s->token, known, &keys, e)) != 0)
		return r;
	if (known == &s->keys && token_keys_stamped(&keys) &&
	    memcmp(keys.stamp, s->keys.stamp, sizeof(keys.stamp)) == 0) {
		token_keys_free(&keys);
		return 0;
	}
	token_keys_free(&s->keys);
	s->keys = keys;
	s->version++;
	if (s->conf.cache_dir != NULL && keycache_store(s->conf.cache_dir,
	    s->token->serial, &s->keys, &why) != 0)
		log_debug(s->conf.log, "token %s: %s", s->token->serial,
		    why.msg);
	return 0;
}

/* With the keys that the cache remembers, if it does. */
static int
first_read(struct session *s, struct err *e)
{
	struct token_keys cached = { 0 };
	struct token_keys *known = NULL;
	int r;

	if (s->conf.cache_dir != NULL && keycache_load(s->conf.cache_dir,
	    s->token->serial, &cached, e) == 0)
		known = &cached;
	r = within(s, read_keys, known, e);
	token_keys_free(&cached);
	return r;
}

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
	if ((r = first_read(s, e)) != 0) {
		session_free(s);
		return r;
	}
	*out = s;
	return 0;
}

/* A part. */
static int
log_out(struct session *s, void *arg, struct err *e)
{
	(void)arg;
	s->logged_in = false;
	return token_logout(s->token, e);
}

/* What is remembered outlives the session; the card must not stay open. */
void
session_free(struct session *s)
{
	struct err e;

	if (s == NULL)
		return;
	if (s->logged_in && within(s, log_out, NULL, &e) != 0)
		log_debug(s->conf.log, "token %s: %s", s->token->serial,
		    e.msg);
	token_keys_free(&s->keys);
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

unsigned int
session_version(const struct session *s)
{
	return s->version;
}

const char *
session_problem(const struct session *s)
{
	return s->problem;
}

bool
session_unlocked(const struct session *s)
{
	return vault_unlocked(s->conf.vault, s->token->serial);
}

static int
read_info(struct session *s, void *arg, struct err *e)
{
	(void)arg;
	return token_get_info(s->token, TOKEN_INFO_LABEL, &s->info, e);
}

int
session_read_label(struct session *s, struct err *e)
{
	return s->info.label[0] != '\0' ? 0 : within(s, read_info, NULL, e);
}

/* --- the policy --- */

/* A label costs card commands: it is read only where one may be named. */
static int
know_policy(struct session *s, struct err *e)
{
	const struct options *o = settings_get(s->conf.settings);
	struct token_policy p;
	int r;

	if (s->policy_of == o)
		return 0;
	if (options_name_labels(o, s->token->serial) &&
	    (r = session_read_label(s, e)) != 0)
		return r;
	p = options_policy(o, s->token->serial, s->info.label);
	s->keeps_login = p.scope == LOGIN_SCOPE_SESSION &&
	    p.cache != PIN_CACHE_NEVER;
	s->keeps_pin = p.cache == PIN_CACHE_MEMORY;
	s->policy_of = o;
	vault_restrict(s->conf.vault, s->token->serial, s->keeps_login,
	    s->keeps_pin);
	return 0;
}

/* --- the login --- */

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

/* A PIN that was sent in vain: nothing may send it, or another, by itself. */
static void
note_rejected(struct session *s, const struct pin_found *f, int tries)
{
	const char *serial = s->token->serial;
	struct err e;

	if (f->pin != NULL)
		vault_rejected(s->conf.vault, serial, f->pin, tries);
	if (f->origin == NULL)
		return;
	snprintf(s->problem, sizeof(s->problem), "The PIN %s was rejected",
	    f->origin);
	log_error(s->conf.log, "token %s: the PIN %s was rejected; none is "
	    "sent again before somebody logs in", serial, f->origin);
	if (vault_bar(s->conf.vault, serial, &e) != 0)
		log_error(s->conf.log, "token %s: this will be forgotten "
		    "when the agent ends: %s", serial, e.msg);
}

static void
note_login(struct session *s, const struct pin_found *f)
{
	struct vault *v = s->conf.vault;

	s->logged_in = true;
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
	int r;

	if (f->pin == NULL || !vault_was_rejected(v, s->token->serial, f->pin))
		return 0;
	if ((r = see_state(s, &now, e)) != 0)
		return r;
	if (!vault_was_rejected(v, s->token->serial, f->pin) ||
	    (f->origin == NULL && vault_is_unsure(v, s->token->serial)))
		return 0;
	if (f->origin != NULL)
		return err_set(e, ERR_PIN_WRONG, now.tries,
		    "the token has rejected the PIN %s", f->origin);
	return err_set(e, ERR_DENIED, -1, "the token has rejected this PIN "
	    "before; it was not sent again");
}

/* Inside a transaction: one VERIFY at the most, and its consequences. */
static int
login(struct session *s, const struct pin_found *f, struct err *e)
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

/* Only a person can help: say so, unless no PIN could help. */
static int
need_person(struct session *s, struct err *e)
{
	struct pin_state now;
	int r;

	if ((r = session_read_label(s, e)) == 0 &&
	    (r = within(s, see_state, &now, e)) == 0 &&
	    (r = token_takes_pin(s->token, now.st, now.tries, e)) == 0)
		r = err_set(e, ERR_PIN_NEEDED, token_tries_told(s->token,
		    now.tries), "the PIN is needed");
	return r;
}

/* `buf` holds what is found; ERR_PIN_NEEDED when nothing is. */
static int
find_pin(struct session *s, const struct secret *typed, struct secret *buf,
    struct pin_found *f, struct err *e)
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
	return need_person(s, e);
}

/* --- what the caller asks for --- */

/* A part: log in and, where no login is kept, out again. */
static int
try_pin(struct session *s, void *arg, struct err *e)
{
	int r;

	if ((r = login(s, arg, e)) == 0 && !s->keeps_login)
		r = log_out(s, NULL, e);
	return r;
}

int
session_unlock(struct session *s, const struct secret *pin, struct err *e)
{
	struct secret *buf;
	struct pin_found f;
	int r;

	if ((r = know_policy(s, e)) != 0)
		return r;
	if (!s->keeps_login && !s->keeps_pin)
		return err_set(e, ERR_DENIED, 0, "the PIN of this token is "
		    "asked for at each signature (PinCache, LoginScope)");
	if ((buf = secret_new()) == NULL)
		return err_set(e, ERR_NOMEM, 0, "PIN");
	if ((r = find_pin(s, pin, buf, &f, e)) == 0)
		r = within(s, try_pin, &f, e);
	secret_free(buf);
	if (r == ERR_PIN_WRONG && f.origin != NULL)
		r = need_person(s, e);
	return r;
}

int
session_lock(struct session *s, struct err *e)
{
	vault_lock(s->conf.vault, s->token->serial);
	s->problem[0] = '\0';
	return s->logged_in ? within(s, log_out, NULL, e) : 0;
}

void
session_settle(struct session *s)
{
	const bool unlocked = session_unlocked(s);
	struct err e;

	if (!s->logged_in || (unlocked && s->keeps_login))
		return;
	if ((unlocked ? within(s, log_out, NULL, &e) :
	    session_lock(s, &e)) != 0)
		log_error(s->conf.log, "token %s: logging out: %s",
		    s->token->serial, e.msg);
}

static const struct token_key *
find_key(const struct session *s, struct span blob)
{
	const struct token_key *k;

	for (size_t i = 0; i < s->keys.n; i++) {
		k = &s->keys.v[i];
		if (k->blob != NULL &&
		    span_eq((struct span){ k->blob, k->blob_n }, blob))
			return k;
	}
	return NULL;
}

static int
sign(struct session *s, const struct work *w, struct err *e)
{
	const struct token_key *k = find_key(s, w->what->blob);

	if (k == NULL)
		return err_set(e, ERR_NOTFOUND, 0,
		    "the token no longer has this key");
	return token_sign(s->token, k, w->what->alg, w->what->data, w->sig, e);
}

/*
 * Inside a transaction, and logged in.  Where the token turns out to hold
 * other keys than were known, it is read again, and the key may be found
 * in another place.
 */
static int
sign_or_read_again(struct session *s, const struct work *w, struct err *e)
{
	int r;

	if ((r = sign(s, w, e)) != ERR_STALE)
		return r;
	log_info(s->conf.log, "token %s: %s; reading its keys again",
	    s->token->serial, e->msg);
	if ((r = read_keys(s, NULL, e)) != 0)
		return r;
	return sign(s, w, e);
}

/*
 * A part, after a signature without a transaction: `first` is how that
 * went.  The login is taken back, once, with the PIN that is kept.
 */
static int
sign_recovering(struct session *s, void *arg, struct err *e)
{
	struct work *w = arg;
	struct pin_found f = { w->buf, "in memory", true };
	int r = w->first;

	if (r != ERR_PIN_NEEDED)
		r = sign_or_read_again(s, w, e);
	if (r != ERR_PIN_NEEDED)
		return r;
	s->logged_in = false;
	log_debug(s->conf.log, "token %s: the login was lost",
	    s->token->serial);
	if (!vault_pin(s->conf.vault, s->token->serial, w->buf)) {
		vault_lock(s->conf.vault, s->token->serial);
		return r;
	}
	if ((r = login(s, &f, e)) == 0)
		r = sign_or_read_again(s, w, e);
	return r;
}

/*
 * With a login of ours, as far as we know.  A signature is one command and
 * needs no transaction; ERR_PIN_NEEDED when the login is gone and no PIN is
 * kept.
 */
static int
sign_logged_in(struct session *s, struct work *w, struct err *e)
{
	w->first = s->logged_in ? sign(s, w, e) :
	    err_set(e, ERR_PIN_NEEDED, -1, "logged out");
	if (w->first != ERR_PIN_NEEDED && w->first != ERR_AGAIN &&
	    w->first != ERR_STALE)
		return w->first;
	if ((w->buf = secret_new()) == NULL)
		return err_set(e, ERR_NOMEM, 0, "PIN");
	return within(s, sign_recovering, w, e);
}

/* A part: log in, sign and, where the policy wants it, log out. */
static int
sign_between(struct session *s, void *arg, struct err *e)
{
	struct work *w = arg;
	struct err why;
	int r;

	if ((r = login(s, &w->found, e)) == 0)
		r = sign_or_read_again(s, w, e);
	if (s->logged_in && !s->keeps_login && log_out(s, NULL, &why) != 0)
		log_error(s->conf.log, "token %s: logging out: %s",
		    s->token->serial, why.msg);
	return r;
}

static int
sign_with_login(struct session *s, const struct secret *typed,
    struct work *w, struct err *e)
{
	int r;

	if (w->buf == NULL && (w->buf = secret_new()) == NULL)
		return err_set(e, ERR_NOMEM, 0, "PIN");
	if ((r = find_pin(s, typed, w->buf, &w->found, e)) != 0)
		return r;
	r = within(s, sign_between, w, e);
	if (r == ERR_PIN_WRONG && w->found.origin != NULL)
		r = need_person(s, e);
	return r;
}

int
session_sign(struct session *s, const struct secret *pin,
    const struct session_work *what, struct wire_w *sig, struct err *e)
{
	struct work w = { .what = what, .sig = sig };
	int r;

	if (find_key(s, what->blob) == NULL)
		return err_set(e, ERR_NOTFOUND, 0, "the token has no such key");
	if ((r = know_policy(s, e)) != 0)
		return r;
	session_settle(s);
	/* Somebody else's login is not ours to use. */
	r = ERR_PIN_NEEDED;
	if (pin == NULL && s->keeps_login && session_unlocked(s))
		r = sign_logged_in(s, &w, e);
	if (r == ERR_PIN_NEEDED || (r == ERR_PIN_WRONG && pin == NULL))
		r = sign_with_login(s, pin, &w, e);
	if (r == 0)
		vault_used(s->conf.vault, s->token->serial);
	secret_free(w.buf);
	return r;
}

int
session_check(struct session *s, struct err *e)
{
	int r;

	if (s->policy_of != NULL && (r = know_policy(s, e)) != 0)
		return r;
	return within(s, read_keys, &s->keys, e);
}
