/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "agent/session_inside.h"
#include "token/keycache.h"

/* One signature to make. */
struct work {
	const struct session_work *what;
	struct wire_w	*sig;
	struct secret	*buf;		/* for a PIN that is found */
	struct pin_found found;
	int		 first;		/* how it went without a PIN */
};

int
session_within(struct session *s, session_part *fn, void *arg, struct err *e)
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
	r = session_within(s, read_keys, known, e);
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
	if (s->logged_in && session_within(s, log_out, NULL, &e) != 0)
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
	return s->info.label[0] != '\0' ? 0 :
	    session_within(s, read_info, NULL, e);
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

/* --- what the caller asks for --- */

/* A part: log in and, where no login is kept, out again. */
static int
try_pin(struct session *s, void *arg, struct err *e)
{
	int r;

	if ((r = session_login(s, arg, e)) == 0 && !s->keeps_login)
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
	if ((r = session_find_pin(s, pin, buf, &f, e)) == 0)
		r = session_within(s, try_pin, &f, e);
	secret_free(buf);
	if (r == ERR_PIN_WRONG && f.origin != NULL)
		r = session_need_person(s, e);
	return r;
}

int
session_lock(struct session *s, struct err *e)
{
	vault_lock(s->conf.vault, s->token->serial);
	s->problem[0] = '\0';
	return s->logged_in ? session_within(s, log_out, NULL, e) : 0;
}

void
session_settle(struct session *s)
{
	const bool unlocked = session_unlocked(s);
	struct err e;

	if (!s->logged_in || (unlocked && s->keeps_login))
		return;
	if ((unlocked ? session_within(s, log_out, NULL, &e) :
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
	int r;

	if (k == NULL)
		return err_set(e, ERR_NOTFOUND, 0,
		    "the token no longer has this key");
	if ((r = token_sign(s->token, k, w->what->alg, w->what->data, w->sig,
	    e)) != 0)
		session_note_signature(s, &w->found, e);
	return r;
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
 * Inside a transaction.  A token that wants a login after one gets no second:
 * there is one recovery, then a reason.
 */
static int
log_in_and_sign(struct session *s, const struct work *w, struct err *e)
{
	int r;

	if ((r = session_login(s, &w->found, e)) != 0 ||
	    (r = sign_or_read_again(s, w, e)) != ERR_PIN_NEEDED)
		return r;
	return err_set(e, ERR_TOKEN, 0, "the token took the PIN and says still "
	    "that nobody is logged in; the key may want another PIN");
}

/*
 * A part, after a signature without a transaction: `first` is how that
 * went.  The login is taken back, once, with the PIN that is kept.
 */
static int
sign_recovering(struct session *s, void *arg, struct err *e)
{
	struct work *w = arg;
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
	w->found = (struct pin_found){ w->buf, "in memory", true };
	return log_in_and_sign(s, w, e);
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
	return session_within(s, sign_recovering, w, e);
}

/* A part: log in, sign and, where the policy wants it, log out. */
static int
sign_between(struct session *s, void *arg, struct err *e)
{
	struct work *w = arg;
	struct err why;
	const int r = log_in_and_sign(s, w, e);

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
	if ((r = session_find_pin(s, typed, w->buf, &w->found, e)) != 0)
		return r;
	r = session_within(s, sign_between, w, e);
	if (r == ERR_PIN_WRONG && w->found.origin != NULL)
		r = session_need_person(s, e);
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
	return session_within(s, read_keys, &s->keys, e);
}
