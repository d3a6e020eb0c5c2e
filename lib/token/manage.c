/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "token/manage.h"

static int
cannot(const char *what, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, 0, "this token cannot %s", what);
}

int
token_generate(struct token *t, const struct token_key_spec *s, struct
    token_key *made, struct err *e)
{
	if (t->manage == NULL || t->manage->generate == NULL)
		return cannot("make keys", e);
	return t->manage->generate(t, s, made, e);
}

int
token_remove(struct token *t, const char *ref, struct err *e)
{
	if (t->manage == NULL || t->manage->remove == NULL)
		return cannot("delete keys", e);
	return t->manage->remove(t, ref, e);
}

int
token_leftovers(struct token *t, struct token_leftovers *out, struct err *e)
{
	if (t->manage == NULL || t->manage->leftovers == NULL)
		return cannot("tell what is left over", e);
	return t->manage->leftovers(t, out, e);
}

int
token_set_label(struct token *t, const char *ref, const char *label, struct
    err *e)
{
	if (t->manage == NULL || t->manage->set_label == NULL)
		return cannot("be labelled", e);
	return t->manage->set_label(t, ref, label, e);
}

int
token_get_certificate(struct token *t, const char *ref, uint8_t *der, size_t
    *n, struct err *e)
{
	if (t->manage == NULL || t->manage->get_certificate == NULL)
		return cannot("hold certificates", e);
	return t->manage->get_certificate(t, ref, der, n, e);
}

int
token_put_certificate(struct token *t, const char *ref, struct span der,
    struct err *e)
{
	if (t->manage == NULL || t->manage->put_certificate == NULL)
		return cannot("hold certificates", e);
	return t->manage->put_certificate(t, ref, der, e);
}

int
token_random(struct token *t, uint8_t *out, size_t n, struct err *e)
{
	if (t->manage == NULL || t->manage->random == NULL)
		return cannot("make random numbers", e);
	return t->manage->random(t, out, n, e);
}

int
token_setup(struct token *t, const struct token_setup *s, struct err *e)
{
	if (t->manage == NULL || t->manage->setup == NULL)
		return cannot("be initialised", e);
	return t->manage->setup(t, s, e);
}

int
token_change_pin(struct token *t, const struct secret *old, const struct
    secret *new, bool last_too, struct err *e)
{
	if (t->manage == NULL || t->manage->change_pin == NULL)
		return cannot("change its PIN", e);
	return t->manage->change_pin(t, old, new, last_too, e);
}

int
token_change_so(struct token *t, const struct secret *old, const struct secret
    *new, bool last_too, struct err *e)
{
	if (t->manage == NULL || t->manage->change_so == NULL)
		return cannot("change its SO-PIN", e);
	return t->manage->change_so(t, old, new, last_too, e);
}

int
token_unblock(struct token *t, const struct secret *so_pin, const struct
    secret *new, bool last_too, struct err *e)
{
	if (t->manage == NULL || t->manage->unblock == NULL)
		return cannot("set a PIN by the SO-PIN", e);
	return t->manage->unblock(t, so_pin, new, last_too, e);
}

int
token_import_share(struct token *t, const struct secret *share, struct err *e)
{
	if (t->manage == NULL || t->manage->import_share == NULL)
		return cannot("take DKEK shares", e);
	return t->manage->import_share(t, share, e);
}

int
token_wrap(struct token *t, const char *ref, struct token_wrapped *out, struct
    err *e)
{
	if (t->manage == NULL || t->manage->wrap == NULL)
		return cannot("back keys up", e);
	return t->manage->wrap(t, ref, out, e);
}

int
token_unwrap(struct token *t, const struct token_wrapped *in, char ref[8],
    struct err *e)
{
	if (t->manage == NULL || t->manage->unwrap == NULL)
		return cannot("restore keys", e);
	return t->manage->unwrap(t, in, ref, e);
}

void
token_leftovers_free(struct token_leftovers *l)
{
	free(l->v);
	*l = (struct token_leftovers){ 0 };
}
