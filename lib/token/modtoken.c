/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token/manage.h"
#include "token/modtoken.h"

struct modtoken {
	struct token	 t;		/* first */
	struct modclient *client;
	struct token_manage_ops manage;	/* what it can */
	struct sig_verifier *verifier;	/* of the key used last */
};

static struct modtoken *
of(struct token *t)
{
	return (struct modtoken *)t;
}

/* Ask, and take in how the token is now. */
static int
ask_with(struct modtoken *m, const struct mod_request *q,
    const struct secret *pin, const struct mod_answer **a, struct err *e)
{
	int r;

	if ((r = modclient_ask(m->client, q, pin, a, e)) != 0)
		return r;
	if ((*a)->r != 0)
		*e = (*a)->err;
	if ((*a)->serial[0] == '\0')
		return (*a)->r;
	if (m->t.serial[0] != '\0' &&
	    strcmp(m->t.serial, (*a)->serial) != 0)
		return err_set(e, ERR_TOKEN_GONE, 0, "another token is in "
		    "the slot now");
	snprintf(m->t.serial, sizeof(m->t.serial), "%s", (*a)->serial);
	m->t.has_pad = (*a)->has_pad;
	m->t.had_login = (*a)->had_login;
	return (*a)->r;
}

static int
ask(struct token *t, const struct mod_request *q, const struct mod_answer **a,
    struct err *e)
{
	return ask_with(of(t), q, NULL, a, e);
}

/* One that is answered by nothing but that it is done. */
static int
do_it(struct token *t, const struct mod_request *q, struct err *e)
{
	const struct mod_answer *a;

	return ask(t, q, &a, e);
}

static int
mod_begin(struct token *t, struct err *e)
{
	return do_it(t, &(struct mod_request){ .kind = MOD_BEGIN }, e);
}

static void
mod_end(struct token *t)
{
	struct err e;

	(void)do_it(t, &(struct mod_request){ .kind = MOD_END }, &e);
}

static int
mod_info(struct token *t, unsigned int parts, struct token_info *i,
    struct err *e)
{
	const struct mod_request q = { .kind = MOD_INFO, .parts = parts };
	const struct mod_answer *a;
	int r;

	if ((r = ask(t, &q, &a, e)) == 0)
		*i = a->info;
	return r;
}

static int
mod_pin_state(struct token *t, enum token_pin_state *st, int *tries,
    struct err *e)
{
	const struct mod_request q = { .kind = MOD_PIN_STATE };
	const struct mod_answer *a;
	int r;

	if ((r = ask(t, &q, &a, e)) != 0)
		return r;
	*st = a->pin;
	*tries = a->tries;
	return 0;
}

static int
mod_list(struct token *t, const struct token_keys *known,
    struct token_keys *out, struct err *e)
{
	struct mod_request q = { .kind = MOD_LIST };
	const struct mod_answer *a;
	int r;

	if (known != NULL && token_keys_stamped(known))
		q.stamp = (struct span){ known->stamp, sizeof(known->stamp) };
	if ((r = ask(t, &q, &a, e)) != 0)
		return r;
	if (a->same && q.stamp.n == 0)
		return err_set(e, ERR_TOKEN, 0, "the list of keys is missing");
	return token_keys_copy(out, a->same ? known : &a->keys, e);
}

/* Modules tell only whether the tries are few, and some not even that. */
static int
mod_login(struct token *t, const struct secret *pin, struct err *e)
{
	const struct mod_request q = { .kind = MOD_LOGIN, .pin = pin != NULL };
	enum token_pin_state st;
	const struct mod_answer *a;
	int tries, r;

	t->pin_doubt = 0;
	if ((r = mod_pin_state(t, &st, &tries, e)) != 0 ||
	    (r = token_takes_pin(t, st, tries, e)) != 0)
		return r;
	r = ask_with(of(t), &q, pin, &a, e);
	if (r == ERR_AGAIN)		/* no PIN is sent again by itself */
		r = err_set(e, ERR_TOKEN, 0, "the module takes no PIN now");
	/* An answer says what became of the PIN, and of which token. */
	if (pin != NULL && r != 0 && (a == NULL || r != a->r ||
	    a->pin_doubt > 0))
		t->pin_doubt = TOKEN_TRIES_UNKNOWN;
	return r;
}

static int
mod_logout(struct token *t, struct err *e)
{
	return do_it(t, &(struct mod_request){ .kind = MOD_LOGOUT }, e);
}

/* The key used last is ready to be checked with. */
static int
verifier_for(struct modtoken *m, struct span blob, struct err *e)
{
	if (m->verifier != NULL &&
	    span_eq(sig_verifier_blob(m->verifier), blob))
		return 0;
	sig_verifier_free(m->verifier);
	m->verifier = NULL;
	return sig_verifier_new(&m->verifier, blob, e);
}

static int
mod_sign(struct token *t, const struct token_key *k, enum sig_alg alg,
    struct span data, struct wire_w *sig, struct err *e)
{
	const struct mod_request q = { .kind = MOD_SIGN, .alg = alg,
	    .ref = span_cstr(k->ref), .id = span_cstr(k->id),
	    .label = span_cstr(k->label), .blob = { k->blob, k->blob_n },
	    .data = data };
	const struct mod_answer *a;
	struct sig_digest md;
	int r;

	t->pin_doubt = 0;
	if ((r = verifier_for(of(t), q.blob, e)) != 0 ||
	    (r = sig_hash(alg, data, &md, e)) != 0)
		return r;
	if ((r = ask(t, &q, &a, e)) != 0) {
		if (a != NULL && a->pin_doubt > 0)
			t->pin_doubt = TOKEN_TRIES_UNKNOWN;
		return r;
	}
	if (sig_verifier_check(of(t)->verifier, alg, &md, a->sig, e) != 0)
		return err_set(e, ERR_TOKEN, 0, "the module's signature is "
		    "wrong");
	wire_put_raw(sig, a->sig);
	return sig->bad ? err_set(e, ERR_NOMEM, 0, "signature") : 0;
}

static void
mod_close(struct token *t)
{
	struct modtoken *m = of(t);

	modclient_free(m->client);
	sig_verifier_free(m->verifier);
	free(m);
}

static const struct token_ops ops = {
	.begin = mod_begin,
	.end = mod_end,
	.info = mod_info,
	.pin_state = mod_pin_state,
	.list = mod_list,
	.login = mod_login,
	.logout = mod_logout,
	.sign = mod_sign,
	.close = mod_close,
};

/* --- changes --- */

static int
mod_can_generate(struct token *t, const struct token_key_spec *s,
    struct err *e)
{
	(void)t;
	if (s->uses != 0 || s->algs.n > 0)
		return err_set(e, ERR_UNSUPPORTED, 0, "a PKCS#11 module "
		    "counts no uses of a key, and has no list of algorithms");
	return 0;
}

static int
mod_generate(struct token *t, const struct token_key_spec *s,
    struct token_key *made, struct err *e)
{
	const struct mod_request q = { .kind = MOD_GENERATE,
	    .type = span_cstr(s->type), .label = span_cstr(s->label),
	    .id = s->id };
	const struct mod_answer *a;
	struct token_keys copy;
	int r;

	if ((r = mod_can_generate(t, s, e)) != 0 ||
	    (r = ask(t, &q, &a, e)) != 0 ||
	    (r = token_keys_copy(&copy, &a->keys, e)) != 0)
		return r;
	*made = copy.v[0];
	free(copy.v);
	return 0;
}

static int
mod_remove(struct token *t, const char *ref, struct err *e)
{
	return do_it(t, &(struct mod_request){ .kind = MOD_REMOVE,
	    .ref = span_cstr(ref) }, e);
}

static int
mod_set_label(struct token *t, const char *ref, const char *label,
    struct err *e)
{
	return do_it(t, &(struct mod_request){ .kind = MOD_SET_LABEL,
	    .named = ref != NULL, .ref = span_cstr(ref != NULL ? ref : ""),
	    .label = span_cstr(label) }, e);
}

int
modtoken_over(struct token **out, struct modclient *c, uint64_t slot,
    struct err *e)
{
	const struct mod_request q = { .kind = MOD_OPEN, .slot = slot };
	const struct mod_answer *a;
	struct modtoken *m;
	int r;

	if ((m = calloc(1, sizeof(*m))) == NULL) {
		modclient_free(c);
		return err_set(e, ERR_NOMEM, 0, "token");
	}
	m->t.ops = &ops;
	m->t.tries_untold = true;
	m->client = c;
	if ((r = ask_with(m, &q, NULL, &a, e)) == 0 &&
	    m->t.serial[0] == '\0')
		r = err_set(e, ERR_UNSUPPORTED, 0, "a token without a serial "
		    "number");
	if (r != 0) {
		mod_close(&m->t);
		return r;
	}
	m->manage = (struct token_manage_ops){
	    .can_generate = mod_can_generate,
	    .generate = a->can & MOD_CAN_GENERATE ? mod_generate : NULL,
	    .remove = a->can & MOD_CAN_REMOVE ? mod_remove : NULL,
	    .set_label = a->can & MOD_CAN_SET_LABEL ? mod_set_label : NULL };
	m->t.manage = a->can != 0 ? &m->manage : NULL;
	*out = &m->t;
	return 0;
}

int
modtoken_open(struct token **out, const char *module, uint64_t slot,
    unsigned int timeout, struct err *e)
{
	struct modclient *c;
	int r;

	if ((r = modclient_new(&c, module, timeout, e)) != 0)
		return r;
	return modtoken_over(out, c, slot, e);
}
