/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "ssh/keytext.h"
#include "token/manage.h"
#include "token/prkd_edit.h"
#include "token/schsm_keys.h"

int
token_check_label(const char *label, size_t max, struct err *e)
{
	char clean[256];

	if (label[0] == '\0' || strlen(label) > max ||
	    strlen(label) >= sizeof(clean))
		return err_set(e, ERR_USAGE, 0,
		    "such a label has 1 to %zu bytes", max);
	keytext_clean(clean, sizeof(clean), span_cstr(label));
	if (strcmp(clean, label) != 0)
		return err_set(e, ERR_USAGE, 0, "a label is one line of "
		    "characters that can be seen, in UTF-8");
	return 0;
}

static int
cannot(const char *what, struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, 0, "this token cannot %s", what);
}

int
token_can_generate(struct token *t, const struct token_key_spec *s,
    struct err *e)
{
	if (t->manage == NULL || t->manage->generate == NULL)
		return cannot("make keys", e);
	return t->manage->can_generate == NULL ? 0 :
	    t->manage->can_generate(t, s, e);
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

/* The longer the PIN, the more guesses it stands (facts/smartcard-hsm 2.1). */
static int
most_tries(size_t pin_n)
{
	return pin_n >= 8 ? 10 : pin_n == 7 ? 5 : 3;
}

int
token_setup_check(const struct token_setup *s, struct err *e)
{
	const size_t n = secret_len(s->pin);
	const int most = most_tries(n);
	int r;

	if ((r = token_check_label(s->label, TOKEN_LABEL_MAX, e)) != 0)
		return r;
	if (n < TOKEN_PIN_MIN || n > TOKEN_PIN_MAX)
		return err_set(e, ERR_USAGE, 0, "a PIN has %d to %d "
		    "characters", TOKEN_PIN_MIN, TOKEN_PIN_MAX);
	if (s->so_pin != NULL &&
	    secret_len(s->so_pin) != TOKEN_SO_PIN_BYTES)
		return err_set(e, ERR_USAGE, 0, "a SO-PIN has %d bytes",
		    TOKEN_SO_PIN_BYTES);
	/* With one, any mistake would block it, and no login is safe. */
	if (s->tries < 2 || s->tries > most)
		return err_set(e, ERR_USAGE, 0, "a PIN of %zu characters can "
		    "have 2 to %d tries, not %d%s", n, most, s->tries,
		    most < 10 ? "; one of 8 or more can have 10" : "");
	if (s->dkek_shares < -1 || s->dkek_shares > 255)
		return err_set(e, ERR_USAGE, 0, "a DKEK has 1 to 255 shares, "
		    "or is random");
	return 0;
}

int
token_pin_changeable(enum token_pin_state st, int tries, bool last_too,
    struct err *e)
{
	if (st == TOKEN_PIN_TRANSPORT ||
	    (st == TOKEN_PIN_NEEDED && tries > 0 && last_too))
		return 0;
	if (st != TOKEN_PIN_NEEDED || tries != 1)
		return token_pin_sendable(st, tries, e);
	return err_set(e, ERR_DENIED, tries,
	    "one PIN try left; if it is wrong, the PIN is blocked, and only "
	    "\"hsm-keyutil pin unblock\" helps, with the SO-PIN; if you are "
	    "sure of it, add --last-try");
}

int
token_so_sendable(enum token_pin_state st, int tries, bool last_too,
    struct err *e)
{
	switch (st) {
	case TOKEN_PIN_VERIFIED:
		return 0;
	case TOKEN_PIN_NEEDED:
		if (tries > 1 || last_too)
			return 0;
		return err_set(e, ERR_DENIED, tries,
		    "one SO-PIN try left; if it is wrong, the token can never "
		    "be set up anew, nor a blocked PIN be set; if you are "
		    "sure of it, add --last-try");
	case TOKEN_PIN_BLOCKED:
		return err_set(e, ERR_PIN_BLOCKED, 0,
		    "the SO-PIN is blocked for ever: the token cannot be set "
		    "up anew, nor a blocked PIN be set; its keys work as long "
		    "as the PIN does");
	case TOKEN_PIN_TRANSPORT:
	case TOKEN_PIN_UNSET:
		return token_pin_sendable(TOKEN_PIN_UNSET, -1, e);
	case TOKEN_PIN_UNKNOWN:
		break;
	}
	if (last_too)
		return 0;
	return err_set(e, ERR_DENIED, -1, "the token does not tell how many "
	    "tries the SO-PIN has left, and this may be the last; if you are "
	    "sure of it, add --last-try");
}

int
token_login_last(struct token *t, const struct secret *pin, struct err *e)
{
	if (t->manage == NULL || t->manage->login_last == NULL)
		return cannot("take the last PIN try", e);
	return t->manage->login_last(t, pin, e);
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

/* No driver but this one wraps keys. */
int
token_wrapped_key(const struct token_wrapped *w, struct token_key *k,
    struct err *e)
{
	return schsm_keys_of_files(0, (struct span){ w->certificate,
	    w->certificate_n }, (struct span){ w->description,
	    w->description_n }, k, e);
}

int
token_wrapped_rename(struct token_wrapped *w, const char *label,
    struct span id, struct err *e)
{
	const struct prkd_change c = { .label = label, .id = id };
	uint8_t d[sizeof(w->description)];
	size_t n = sizeof(d);
	int r;

	if (label != NULL && (r = token_check_label(label,
	    TOKEN_KEY_LABEL_MAX, e)) != 0)
		return r;
	if (w->description_n == 0)
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "it has no description that could tell a label or an id");
	if ((r = prkd_edit((struct span){ w->description, w->description_n },
	    &c, d, &n, e)) != 0)
		return r;
	memcpy(w->description, d, n);
	w->description_n = n;
	return 0;
}
