/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token/manage.h"
#include "token/modchan.h"
#include "token/modhost.h"
#include "token/modproto.h"

struct host {
	int		 fd;
	const struct modhost_ops *ops;
	void		*arg;
	struct token	*token;		/* NULL: none is open */
	struct token_keys keys;		/* as they were listed last */
	struct secret	*pin;		/* room for one */
	struct wire_w	 sig;
};

static bool
take_text(char *out, size_t len, struct span s)
{
	if (s.n >= len || (s.n > 0 && memchr(s.p, '\0', s.n) != NULL))
		return false;
	snprintf(out, len, "%.*s", (int)s.n, s.n > 0 ? (const char *)s.p : "");
	return true;
}

static int
malformed(struct err *e)
{
	return err_set(e, ERR_FORMAT, 0, "the request is malformed");
}

static int
open_token(struct host *h, const struct mod_request *q, struct err *e)
{
	token_keys_free(&h->keys);
	token_close(h->token);
	h->token = NULL;
	return h->ops->open(h->arg, q->slot, &h->token, e);
}

/* The answer borrows nothing: it gets a copy. */
static int
list(struct host *h, const struct mod_request *q, struct mod_answer *a)
{
	const struct token_keys *known = NULL;
	struct token_keys keys;
	int r;

	if (token_keys_stamped(&h->keys) && span_eq(q->stamp, (struct span){
	    h->keys.stamp, sizeof(h->keys.stamp) }))
		known = &h->keys;
	if ((r = token_list(h->token, known, &keys, &a->err)) != 0)
		return r;
	a->same = known != NULL && memcmp(keys.stamp, h->keys.stamp,
	    sizeof(keys.stamp)) == 0;
	token_keys_free(&h->keys);
	h->keys = keys;
	return a->same ? 0 : token_keys_copy(&a->keys, &keys, &a->err);
}

static int
sign(struct host *h, const struct mod_request *q, struct mod_answer *a)
{
	struct token_key k = { .blob_n = q->blob.n };
	int r;

	if (!take_text(k.ref, sizeof(k.ref), q->ref) ||
	    !take_text(k.id, sizeof(k.id), q->id) ||
	    !take_text(k.label, sizeof(k.label), q->label) ||
	    q->blob.n == 0 || q->blob.n > KEY_BLOB_MAX)
		return malformed(&a->err);
	if ((k.blob = malloc(q->blob.n)) == NULL ||
	    !wire_write(&h->sig, SIG_BLOB_MAX)) {
		free(k.blob);
		return err_set(&a->err, ERR_NOMEM, 0, "signature");
	}
	memcpy(k.blob, q->blob.p, q->blob.n);
	r = token_sign(h->token, &k, q->alg, q->data, &h->sig, &a->err);
	a->sig = wire_bytes(&h->sig);
	free(k.blob);
	return r;
}

static int
generate(struct host *h, const struct mod_request *q, struct mod_answer *a)
{
	char type[64], label[TOKEN_KEY_LABEL_MAX + 1];
	struct token_key_spec s = { .type = type, .label = label,
	    .id = q->id };
	int r;

	if (!take_text(type, sizeof(type), q->type) ||
	    !take_text(label, sizeof(label), q->label))
		return malformed(&a->err);
	if ((a->keys.v = calloc(1, sizeof(*a->keys.v))) == NULL)
		return err_set(&a->err, ERR_NOMEM, 0, "key");
	r = token_generate(h->token, &s, &a->keys.v[0], &a->err);
	a->keys.n = r == 0;
	return r;
}

static int
set_label(struct host *h, const struct mod_request *q, struct err *e)
{
	char ref[8], label[256];

	if (!take_text(ref, sizeof(ref), q->ref) ||
	    !take_text(label, sizeof(label), q->label))
		return malformed(e);
	return token_set_label(h->token, q->named ? ref : NULL, label, e);
}

static int
remove_key(struct host *h, const struct mod_request *q, struct err *e)
{
	char ref[8];

	if (!take_text(ref, sizeof(ref), q->ref))
		return malformed(e);
	return token_remove(h->token, ref, e);
}

static int
carry_out(struct host *h, const struct mod_request *q, struct mod_answer *a)
{
	struct err *e = &a->err;

	switch (q->kind) {
	case MOD_SLOTS:
		return h->ops->list(h->arg, &a->slots, e);
	case MOD_WAIT:
		return h->ops->wait(h->arg, e);
	case MOD_OPEN:
		return open_token(h, q, e);
	case MOD_BEGIN:
		return token_begin(h->token, e);
	case MOD_END:
		token_end(h->token);
		return 0;
	case MOD_INFO:
		return token_get_info(h->token, q->parts, &a->info, e);
	case MOD_PIN_STATE:
		return token_pin_state(h->token, &a->pin, &a->tries, e);
	case MOD_LIST:
		return list(h, q, a);
	case MOD_LOGIN:
		return token_login(h->token, q->pin ? h->pin : NULL, e);
	case MOD_LOGOUT:
		return token_logout(h->token, e);
	case MOD_SIGN:
		return sign(h, q, a);
	case MOD_GENERATE:
		return generate(h, q, a);
	case MOD_REMOVE:
		return remove_key(h, q, e);
	case MOD_SET_LABEL:
		return set_label(h, q, e);
	}
	return malformed(e);
}

static bool
needs_token(enum mod_kind kind)
{
	return kind != MOD_SLOTS && kind != MOD_WAIT && kind != MOD_OPEN;
}

static void
tell_state(const struct token *t, struct mod_answer *a)
{
	const struct token_manage_ops *m = t->manage;

	snprintf(a->serial, sizeof(a->serial), "%s", t->serial);
	a->has_pad = t->has_pad;
	a->had_login = t->had_login;
	a->pin_doubt = t->pin_doubt;
	if (m == NULL)
		return;
	a->can = (m->generate != NULL ? MOD_CAN_GENERATE : 0) |
	    (m->remove != NULL ? MOD_CAN_REMOVE : 0) |
	    (m->set_label != NULL ? MOD_CAN_SET_LABEL : 0);
}

static int
reply(struct host *h, const struct mod_answer *a, struct err *e)
{
	struct wire_w w;
	int r;

	if (!wire_write(&w, MODPROTO_MAX))
		return err_set(e, ERR_NOMEM, 0, "answer");
	mod_answer_put(a, &w);
	r = w.bad ? err_set(e, ERR_LIMIT, 0, "an answer that is too long") :
	    modchan_send(h->fd, wire_bytes(&w), NULL, -1, e);
	wire_free(&w);
	return r;
}

static int
serve_one(struct host *h, struct span msg, struct err *e)
{
	struct mod_answer a = { 0 };
	struct mod_request q;
	int r;

	if (!mod_request_parse(msg, &q))
		return malformed(e);
	if (q.pin && (r = modchan_receive_pin(h->fd, h->pin, -1, e)) != 0)
		return r;
	a.kind = q.kind;
	if (needs_token(q.kind) && h->token == NULL)
		a.r = err_set(&a.err, ERR_TOKEN_GONE, 0, "no token is open");
	else
		a.r = carry_out(h, &q, &a);
	secret_clear(h->pin);
	if (h->token != NULL)
		tell_state(h->token, &a);
	r = reply(h, &a, e);
	mod_answer_free(&a);
	wire_free(&h->sig);
	h->sig = (struct wire_w){ 0 };
	return r;
}

void
modhost_serve(int fd, const struct modhost_ops *ops, void *arg)
{
	struct host h = { .fd = fd, .ops = ops, .arg = arg };
	uint8_t *msg;
	struct err e;
	size_t n;
	int r = 0;

	if ((h.pin = secret_new()) == NULL)
		return;
	while (r == 0 &&
	    modchan_receive(fd, &msg, &n, MODPROTO_MAX, -1, &e) == 0) {
		r = serve_one(&h, (struct span){ msg, n }, &e);
		free(msg);
	}
	token_keys_free(&h.keys);
	token_close(h.token);
	secret_free(h.pin);
}
