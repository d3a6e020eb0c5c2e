/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "token/manage.h"
#include "token/token.h"

/* A mistake of ours must never lock a token: the last try is the user's. */
#define TRIES_KEPT	1

int
token_begin(struct token *t, struct err *e)
{
	return t->ops->begin(t, e);
}

void
token_end(struct token *t)
{
	t->ops->end(t);
}

int
token_get_info(struct token *t, unsigned int parts, struct token_info *i,
    struct err *e)
{
	return t->ops->info(t, parts, i, e);
}

int
token_pin_state(struct token *t, enum token_pin_state *st, int *tries,
    struct err *e)
{
	return t->ops->pin_state(t, st, tries, e);
}

int
token_tries_told(const struct token *t, int tries)
{
	if (!t->tries_untold || tries <= TRIES_KEPT)
		return tries;
	return tries == TRIES_KEPT + 1 ? TOKEN_TRIES_FEW : -1;
}

int
token_pin_sendable(enum token_pin_state st, int tries, struct err *e)
{
	switch (st) {
	case TOKEN_PIN_VERIFIED:
		/* The counter is full: the last VERIFY was a right one. */
		return 0;
	case TOKEN_PIN_NEEDED:
		if (tries > TRIES_KEPT)
			return 0;
		return err_set(e, ERR_DENIED, tries,
		    "one PIN try left, and the last one is never spent "
		    "unasked; if you are sure of the PIN: "
		    "\"hsm-keyutil unlock --last-try\"");
	case TOKEN_PIN_BLOCKED:
		return err_set(e, ERR_PIN_BLOCKED, 0,
		    "the PIN is blocked; \"hsm-keyutil pin unblock\" sets a "
		    "new one, with the SO-PIN");
	case TOKEN_PIN_TRANSPORT:
		return err_set(e, ERR_PIN_BLOCKED, 0,
		    "the token has a transport PIN, which has to be changed "
		    "before use: \"hsm-keyutil pin change\"");
	case TOKEN_PIN_UNSET:
		return err_set(e, ERR_PIN_BLOCKED, 0,
		    "the token was never set up; \"hsm-keyutil init\" does "
		    "that");
	case TOKEN_PIN_UNKNOWN:
		break;
	}
	return err_set(e, ERR_UNSUPPORTED, 0,
	    "the token does not take a PIN (public-key authentication?)");
}

int
token_takes_pin(const struct token *t, enum token_pin_state st, int tries,
    struct err *e)
{
	const int r = token_pin_sendable(st, tries, e);

	if ((t->manage != NULL && t->manage->unblock != NULL) ||
	    (r != ERR_DENIED && r != ERR_PIN_BLOCKED))
		return r;
	return err_set(e, r, e->detail, r == ERR_DENIED ? "one PIN try is "
	    "left, and the last one is never spent here; log in once with "
	    "the tools of the token's maker" : "the PIN is blocked or not "
	    "set; see to it with the tools of the token's maker");
}

bool
token_had_login(const struct token *t)
{
	return t->had_login;
}

int
token_pin_doubt(const struct token *t)
{
	return t->pin_doubt;
}

int
token_list(struct token *t, const struct token_keys *known,
    struct token_keys *out, struct err *e)
{
	return t->ops->list(t, known, out, e);
}

int
token_keys_copy(struct token_keys *to, const struct token_keys *from,
    struct err *e)
{
	struct token_key *k;

	*to = (struct token_keys){ 0 };
	memcpy(to->stamp, from->stamp, sizeof(to->stamp));
	if (from->n == 0)
		return 0;
	if ((to->v = calloc(from->n, sizeof(*to->v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "key list");
	for (; to->n < from->n; to->n++) {
		k = &to->v[to->n];
		*k = from->v[to->n];
		if (k->blob == NULL)
			continue;
		if ((k->blob = malloc(k->blob_n)) == NULL) {
			token_keys_free(to);
			return err_set(e, ERR_NOMEM, 0, "key list");
		}
		memcpy(k->blob, from->v[to->n].blob, k->blob_n);
	}
	return 0;
}

bool
token_keys_stamped(const struct token_keys *k)
{
	static const uint8_t none[TOKEN_STAMP_BYTES];

	return memcmp(k->stamp, none, sizeof(none)) != 0;
}

void
token_keys_free(struct token_keys *k)
{
	for (size_t i = 0; i < k->n; i++)
		free(k->v[i].blob);
	free(k->v);
	*k = (struct token_keys){ 0 };
}

bool
token_has_pad(const struct token *t)
{
	return t->has_pad;
}

int
token_login(struct token *t, const struct secret *pin, struct err *e)
{
	return t->ops->login(t, pin, e);
}

int
token_logout(struct token *t, struct err *e)
{
	return t->ops->logout(t, e);
}

int
token_sign(struct token *t, const struct token_key *k, enum sig_alg alg,
    struct span data, struct wire_w *sig, struct err *e)
{
	return t->ops->sign(t, k, alg, data, sig, e);
}

void
token_close(struct token *t)
{
	if (t != NULL)
		t->ops->close(t);
}
