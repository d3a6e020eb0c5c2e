/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "token/token.h"

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
token_get_info(struct token *t, struct token_info *i, struct err *e)
{
	return t->ops->info(t, i, e);
}

int
token_pin_state(struct token *t, enum token_pin_state *st, int *tries,
    struct err *e)
{
	return t->ops->pin_state(t, st, tries, e);
}

int
token_list(struct token *t, struct token_keys *k, struct err *e)
{
	return t->ops->list(t, k, e);
}

void
token_keys_free(struct token_keys *k)
{
	for (size_t i = 0; i < k->n; i++)
		free(k->v[i].blob);
	free(k->v);
	*k = (struct token_keys){ 0 };
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
