/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyutil/keys.h"
#include "keyutil/login.h"
#include "keyutil/out.h"
#include "keyutil/progress.h"
#include "keyutil/recall.h"
#include "keyutil/transfer.h"
#include "keyutil/trial.h"
#include "token/cvc.h"

int
transfers_new(struct transfers *ts, size_t n, struct err *e)
{
	*ts = (struct transfers){ .v = calloc(n + 1, sizeof(*ts->v)) };
	return ts->v != NULL ? 0 : err_set(e, ERR_NOMEM, 0, "keys");
}

void
transfers_free(struct transfers *ts)
{
	for (size_t i = 0; i < ts->n; i++)
		free(ts->v[i].key.blob);
	free(ts->v);
	*ts = (struct transfers){ 0 };
}

void
transfer_name(const struct token_key *k, char *out, size_t len)
{
	if (k->label[0] != '\0')
		snprintf(out, len, "the key \"%.100s\" (%s, id %s)",
		    k->label, k->algo, k->id);
	else
		snprintf(out, len, "the key with the id %s (%s)", k->id,
		    k->algo);
}

int
transfer_has_dkek(const struct slot *s, struct err *e)
{
	const struct token_info *i = &s->info;

	if (i->dkek_shares < 0)
		return err_set(e, ERR_UNSUPPORTED, 0, "token %s has no DKEK, "
		    "under which its keys could leave it or others come; it "
		    "gets one by \"hsm-keyutil init --dkek-shares N\", which "
		    "destroys all its keys", i->serial);
	if (i->dkek_missing > 0)
		return err_set(e, ERR_UNSUPPORTED, 0, "the DKEK of token %s "
		    "is not complete: %d of its %d shares are missing; give "
		    "them by \"hsm-keyutil dkek import-share FILE\"",
		    i->serial, i->dkek_missing, i->dkek_shares);
	return 0;
}

int
transfer_may_leave(const struct slot *s, struct err *e)
{
	int r;

	if ((r = transfer_has_dkek(s, e)) != 0)
		return r;
	if (strcmp(s->info.dkek_kcv, DKEK_KCV_OF_NOTHING) == 0)
		return err_set(e, ERR_DENIED, 0, "the DKEK of token %s is one "
		    "that everybody knows, as the same share was imported "
		    "twice: no key leaves the token under it; it gets another "
		    "one by \"hsm-keyutil init\", which destroys all its "
		    "keys", s->info.serial);
	return 0;
}

bool
transfer_public(const struct transfer *t, struct blob_public *p)
{
	const struct span certificate = { t->w.certificate,
	    t->w.certificate_n };
	struct err ignored;
	struct cvc c;
	struct key k;

	*p = (struct blob_public){ 0 };
	if (t->key.blob != NULL && key_parse((struct span){ t->key.blob,
	    t->key.blob_n }, &k, &ignored) == 0)
		*p = (struct blob_public){ .n = k.n, .e = k.e, .q = k.q };
	else if (cvc_parse(certificate, &c, &ignored) == 0)
		*p = (struct blob_public){ .n = c.n, .e = c.e, .q = c.q };
	return p->n.n > 0 || p->q.n > 0;
}

int
transfer_read(struct transfer *t, struct err *e)
{
	struct blob_public p;
	struct blob b;
	int r;

	if ((r = token_wrapped_key(&t->w, &t->key, e)) == 0 &&
	    (r = blob_parse((struct span){ t->w.blob, t->w.blob_n }, &b,
	    e)) == 0 && transfer_public(t, &p))
		r = blob_fits(&b, &p, e);
	return r == 0 ? 0 : err_wrap(e, "%s", t->from);
}

static void
put_from(struct transfer *t, const struct slot *from,
    const struct token_key *k)
{
	char name[TRANSFER_NAME_MAX];

	transfer_name(k, name, sizeof(name));
	snprintf(t->from, sizeof(t->from), "token %s, %s", from->info.serial,
	    name);
}

int
transfer_expect(struct transfer *t, const struct slot *from,
    const struct token_key *k, struct err *e)
{
	put_from(t, from, k);
	t->key = *k;
	t->key.blob = NULL;
	if (k->blob == NULL)
		return 0;
	if ((t->key.blob = malloc(k->blob_n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "key");
	memcpy(t->key.blob, k->blob, k->blob_n);
	return 0;
}

int
transfer_take(struct transfer *t, struct slot *from,
    const struct token_key *k, struct err *e)
{
	int r;

	put_from(t, from, k);
	free(t->key.blob);
	t->key.blob = NULL;
	if ((r = token_wrap(from->token, k->ref, &t->w, e)) != 0)
		return err_wrap(e, "%s", t->from);
	if ((r = transfer_read(t, e)) != 0)
		return r;
	if ((k->blob == NULL || keys_same(k, &t->key)) &&
	    strcmp(k->label, t->key.label) == 0 &&
	    strcmp(k->id, t->key.id) == 0)
		return 0;
	recall_forget(from);
	return err_set(e, ERR_STALE, 0, "%s: another program has changed it "
	    "meanwhile; run the command again", t->from);
}

/*
 * One key, and not two that share a name: keys without a public key that is
 * known have nothing but names.
 */
static bool
is_same(const struct token_key *a, const struct token_key *b)
{
	if (a->blob != NULL || b->blob != NULL)
		return keys_same(a, b);
	return strcmp(a->algo, b->algo) == 0 &&
	    strcmp(a->label, b->label) == 0 && strcmp(a->id, b->id) == 0;
}

static int
check_names(const struct transfer *t, const struct token_key *other,
    const char *where, struct err *e)
{
	const bool label = t->key.label[0] != '\0' &&
	    strcmp(t->key.label, other->label) == 0;
	char name[TRANSFER_NAME_MAX];

	if (!label && strcmp(t->key.id, other->id) != 0)
		return 0;
	transfer_name(other, name, sizeof(name));
	return err_set(e, ERR_DENIED, 0, "%s: its %s is that of another key "
	    "%s, %s; \"hsm-keyutil restore --%s\" gives it another one",
	    t->from, label ? "label" : "id", where, name,
	    label ? "label" : "id");
}

static int
check_one(struct transfers *ts, size_t i, const struct slot *to,
    struct err *e)
{
	struct transfer *t = &ts->v[i];
	char where[64], name[TRANSFER_NAME_MAX];
	int r;

	for (size_t k = 0; k < to->keys.n; k++)
		t->there |= is_same(&t->key, &to->keys.v[k]);
	for (size_t k = 0; k < i; k++)
		t->there |= is_same(&t->key, &ts->v[k].key);
	if (t->there) {
		transfer_name(&t->key, name, sizeof(name));
		out_warn("%s is on token %s already", name, to->info.serial);
		return 0;
	}
	snprintf(where, sizeof(where), "on token %s", to->info.serial);
	for (size_t k = 0; k < to->keys.n; k++)
		if ((r = check_names(t, &to->keys.v[k], where, e)) != 0)
			return r;
	for (size_t k = 0; k < i; k++)
		if ((r = check_names(t, &ts->v[k].key, "given with it",
		    e)) != 0)
			return r;
	return 0;
}

int
transfers_check(struct transfers *ts, const struct slot *to, struct err *e)
{
	int r;

	for (size_t i = 0; i < ts->n; i++)
		if ((r = check_one(ts, i, to, e)) != 0)
			return r;
	return 0;
}

static int
check_dkek(const struct transfer *t, const struct slot *to, struct err *e)
{
	char its[DKEK_KCV_LEN];
	struct blob b;
	int r;

	if ((r = blob_parse((struct span){ t->w.blob, t->w.blob_n }, &b,
	    e)) != 0)
		return r;
	blob_kcv_hex(&b, its);
	if (strcmp(its, to->info.dkek_kcv) == 0)
		return 0;
	return err_set(e, ERR_DENIED, 0, "%s is under the DKEK with the key "
	    "check value %s, and token %s has the DKEK with %s: it takes only "
	    "keys under its own", t->from, its, to->info.serial,
	    to->info.dkek_kcv);
}

int
transfers_check_dkek(const struct transfers *ts, const struct slot *to,
    struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ts->n; i++)
		if (!ts->v[i].there)
			r = check_dkek(&ts->v[i], to, e);
	return r;
}

size_t
transfers_left(const struct transfers *ts)
{
	size_t n = 0;

	for (size_t i = 0; i < ts->n; i++)
		n += !ts->v[i].there;
	return n;
}

int
transfer_prove(struct slot *s, const struct token_key *k, struct err *e)
{
	enum sig_alg alg[TRIAL_ALGS_MAX];
	double ms;

	if (trial_algs(k, alg) == 0)
		return err_set(e, ERR_UNSUPPORTED, 0, "%s", k->unusable);
	return trial_sign(s->token, k, alg[0], &ms, e);
}

/* Its public key is not the one in the file: nobody wants such a key. */
static int
take_back(struct slot *to, const struct transfer *t, const char *ref,
    struct err *e)
{
	struct err why;
	int r;

	if ((r = token_remove(to->token, ref, &why)) != 0)
		return err_set(e, ERR_DENIED, 0, "%s: it is not the key that "
		    "it says, and cannot be deleted again: %s", t->from,
		    why.msg);
	return err_set(e, ERR_DENIED, 0, "%s: it is not the key that it says: "
	    "what it signs does not verify with its public key; it was "
	    "deleted again", t->from);
}

static int
put(struct slot *to, struct transfer *t, struct err *e)
{
	struct token_key k = t->key;
	struct progress *p = progress_start("putting a key in");
	char name[TRANSFER_NAME_MAX];
	int r;

	transfer_name(&k, name, sizeof(name));
	r = token_unwrap(to->token, &t->w, k.ref, e);
	progress_end(p, r == 0);
	if (r != 0)
		return err_wrap(e, "%s", t->from);
	if (k.blob == NULL) {
		printf("%s is on token %s now\n", name, to->info.serial);
		out_warn("%s: not proved by a signature: %s", t->from,
		    k.unusable);
		return 0;
	}
	if ((r = transfer_prove(to, &k, e)) == ERR_STALE)
		return take_back(to, t, k.ref, e);
	if (r != 0)
		return err_wrap(e, "%s is on token %s now, and could not be "
		    "proved by a signature", name, to->info.serial);
	printf("%s is on token %s now, and signs\n", name, to->info.serial);
	return 0;
}

int
transfers_put(struct transfers *ts, struct slot *to, const char *pin_file,
    struct err *e)
{
	struct login l;
	int r;

	if ((r = login_begin(&l, to, pin_file, "to put keys in", e)) != 0)
		return r;
	for (size_t i = 0; r == 0 && i < ts->n; i++)
		if (!ts->v[i].there)
			r = put(to, &ts->v[i], e);
	login_end(&l);
	if (r == ERR_TOKEN_GONE)
		out_warn("run the command again when the token is back: it "
		    "goes on from where it was");
	return r;
}
