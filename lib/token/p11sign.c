/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "token/p11inside.h"

#define SIGN_TRIES	3

/* What is to be signed, and by what. */
struct work {
	CK_OBJECT_HANDLE o;
	bool		 wants_pin;	/* each time */
	bool		 unsure;	/* several keys have this id */
	enum sig_alg	 alg;
	struct span	 data;
	struct sig_digest md;
};

/*
 * A key that wants the PIN each time gets that of the login before, once:
 * whoever logs in again for the next signature has asked for it, or was told
 * to remember it.
 */
static CK_RV
prove_again(struct p11_token *p)
{
	CK_RV rv;

	if (p->t.has_pad)
		return p11_log_in_as(p, CKU_CONTEXT_SPECIFIC, NULL);
	if (secret_eq(p->pin, p->rejected)) {
		secret_clear(p->pin);
		return CKR_PIN_INCORRECT;
	}
	rv = p11_log_in_as(p, CKU_CONTEXT_SPECIFIC, p->pin);
	if (rv == CKR_PIN_INCORRECT)
		secret_copy(p->rejected, p->pin);
	secret_clear(p->pin);
	if (p11_in_doubt(rv))
		p->t.pin_doubt = 1;	/* try, at the least */
	return rv;
}

/* What C_SignInit began ends with C_Sign, whatever that returns. */
static void
sign_nothing(struct p11_token *p, struct span in, struct p11_attr *out)
{
	CK_ULONG n = sizeof(out->bytes);

	(void)p->f->C_Sign(p->session, p11_unconst(in.p), in.n, out->bytes,
	    &n);
}

static CK_RV
use_once(struct p11_token *p, const struct work *w, CK_MECHANISM_TYPE type,
    struct span in, struct p11_attr *out)
{
	CK_MECHANISM m = { type, NULL, 0 };
	CK_ULONG n = sizeof(out->bytes);
	CK_RV rv;

	if (w->wants_pin && !p->t.has_pad && secret_len(p->pin) == 0)
		return CKR_USER_NOT_LOGGED_IN;
	if ((rv = p->f->C_SignInit(p->session, &m, w->o)) == CKR_OK &&
	    w->wants_pin && (rv = prove_again(p)) != CKR_OK && !p->t.has_pad)
		sign_nothing(p, in, out);
	if (rv == CKR_OK)
		rv = p->f->C_Sign(p->session, p11_unconst(in.p), in.n,
		    out->bytes, &n);
	if (rv == CKR_OK && n > sizeof(out->bytes))
		rv = CKR_GENERAL_ERROR;
	out->n = rv == CKR_OK ? n : 0;
	return rv;
}

/*
 * A PIN was rejected that the login took.  For a key that wants none it is
 * none of ours, and who has typed it at the reader does so anew by himself.
 */
static int
pin_rejected(struct p11_token *p, const struct work *w, struct err *e)
{
	enum token_pin_state st;
	struct err why;
	int left;

	if (!w->wants_pin || p->t.has_pad)
		return (int)(e->code = ERR_TOKEN);
	if (token_pin_state(&p->t, &st, &left, &why) != 0 || left < 0)
		left = 0;
	return err_set(e, ERR_PIN_WRONG, left, "the token took the PIN to log "
	    "in, and rejected it for this key, which wants it at each "
	    "signature");
}

/*
 * OpenSC now and then cannot read a card's ECDSA signature, whose numbers it
 * wants at their full length; the next one is another.
 */
static int
use(struct p11_token *p, const struct work *w, CK_MECHANISM_TYPE type,
    struct span in, struct p11_attr *out, struct err *e)
{
	CK_RV rv = CKR_DATA_INVALID;
	int r;

	for (int i = 0; i < SIGN_TRIES && rv == CKR_DATA_INVALID; i++)
		rv = use_once(p, w, type, in, out);
	if (rv == CKR_USER_NOT_LOGGED_IN)
		p->logged_in = false;
	if (rv == CKR_OK)
		return 0;
	r = p11_failed(e, rv, "signature");
	return r == ERR_PIN_WRONG ? pin_rejected(p, w, e) : r;
}

/* DigestInfo: what is left of the block without its padding. */
static int
digest_info(enum sig_alg alg, const struct sig_digest *md, uint8_t *block,
    size_t len, struct span *out, struct err *e)
{
	size_t i = 2;
	int r;

	if ((r = sig_rsa_block(alg, md, block, len, e)) != 0)
		return r;
	while (i < len && block[i] == 0xff)
		i++;
	*out = (struct span){ block + i + 1, len - i - 1 };
	return 0;
}

/* By one that hashes, for modules that have no other. */
static const struct {
	enum sig_alg	 alg;
	CK_MECHANISM_TYPE type;
} hashing[] = {
	{ SIG_RSA_SHA1,		CKM_SHA1_RSA_PKCS },
	{ SIG_RSA_SHA256,	CKM_SHA256_RSA_PKCS },
	{ SIG_RSA_SHA512,	CKM_SHA512_RSA_PKCS },
	{ SIG_ECDSA_P256,	CKM_ECDSA_SHA256 },
	{ SIG_ECDSA_P384,	CKM_ECDSA_SHA384 },
	{ SIG_ECDSA_P521,	CKM_ECDSA_SHA512 },
};

static int
use_either(struct p11_token *p, const struct work *w, CK_MECHANISM_TYPE type,
    struct span in, struct p11_attr *raw, struct err *e)
{
	int r = use(p, w, type, in, raw, e);

	for (size_t i = 0; r == ERR_UNSUPPORTED && i < sizeof(hashing) /
	    sizeof(*hashing); i++)
		if (hashing[i].alg == w->alg)
			return use(p, w, hashing[i].type, w->data, raw, e);
	return r;
}

static int
make_signature(struct p11_token *p, const struct work *work,
    const struct key *key, struct wire_w *w, struct err *e)
{
	struct span in = { work->md.bytes, work->md.n };
	uint8_t block[P11_ATTR_MAX];
	struct p11_attr raw;
	int r;

	if (key->type == KEY_ED25519) {
		if ((r = use(p, work, CKM_EDDSA, work->md.message, &raw,
		    e)) != 0)
			return r;
		return sig_put_ed25519(w, p11_attr_bytes(&raw), e);
	}
	if (key->type != KEY_RSA) {
		if ((r = use_either(p, work, CKM_ECDSA, in, &raw, e)) != 0)
			return r;
		return sig_put_ecdsa_raw(w, work->alg, p11_attr_bytes(&raw),
		    e);
	}
	if (key->n.n > sizeof(block))
		return err_set(e, ERR_LIMIT, 0, "a key of %u bits", key->bits);
	if ((r = digest_info(work->alg, &work->md, block, key->n.n, &in,
	    e)) != 0 ||
	    (r = use_either(p, work, CKM_RSA_PKCS, in, &raw, e)) != 0)
		return r;
	return sig_put_rsa(w, work->alg, p11_attr_bytes(&raw), key->n.n, e);
}

static int
verify(struct p11_token *p, struct span blob, enum sig_alg alg,
    const struct sig_digest *md, struct span sig, struct err *e)
{
	int r;

	if (p->verifier == NULL ||
	    !span_eq(sig_verifier_blob(p->verifier), blob)) {
		sig_verifier_free(p->verifier);
		p->verifier = NULL;
		if ((r = sig_verifier_new(&p->verifier, blob, e)) != 0)
			return r;
	}
	return sig_verifier_check(p->verifier, alg, md, sig, e);
}

/* The last try is not spent on a signature either. */
static int
may_use(struct p11_token *p, const struct work *work, struct err *e)
{
	enum token_pin_state st;
	int tries, r;

	if (!work->wants_pin)
		return 0;
	if ((r = token_pin_state(&p->t, &st, &tries, e)) != 0)
		return r;
	return token_takes_pin(&p->t, st, tries, e);
}

static int
sign_by(struct p11_token *p, const struct work *work, struct span blob,
    const struct key *key, struct wire_w *sig, struct err *e)
{
	struct wire_w w;
	int r;

	if ((r = may_use(p, work, e)) != 0)
		return r;
	if (!wire_write(&w, SIG_BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "signature");
	r = make_signature(p, work, key, &w, e);
	if (r == 0 && work->unsure)
		r = verify(p, blob, work->alg, &work->md, wire_bytes(&w), e);
	if (r == 0)
		wire_put_raw(sig, wire_bytes(&w));
	wire_free(&w);
	return r;
}

void
p11_sign_forget(struct p11_token *p)
{
	token_keys_free(&p->used.key);
	p->used = (struct p11_used){ .n = 0 };
}

static bool
is_known(const struct p11_used *u, const struct token_key *k)
{
	return u->n > 0 && strcmp(u->key.v[0].id, k->id) == 0 &&
	    strcmp(u->key.v[0].label, k->label) == 0 &&
	    span_eq((struct span){ u->key.v[0].blob, u->key.v[0].blob_n },
	    (struct span){ k->blob, k->blob_n });
}

static int
find(struct p11_token *p, const struct token_key *k, enum key_type type,
    struct err *e)
{
	const struct token_keys one = { .v = p11_unconst(k), .n = 1 };
	struct p11_used *u = &p->used;
	size_t n = P11_SAME_ID_MAX;
	int r;

	p11_sign_forget(p);
	if ((r = p11_keys_private(p, k, type, u->o, &n, e)) != 0 ||
	    (r = token_keys_copy(&u->key, &one, e)) != 0)
		return r;
	for (size_t i = 0; i < n; i++)
		u->wants_pin[i] = p11_keys_wants_pin(p, u->o[i]);
	u->n = n;
	return 0;
}

/* A signature that is wrong may be that of another key with the id. */
static int
sign_by_any(struct p11_token *p, struct work *work, struct span blob,
    const struct key *key, struct wire_w *sig, struct err *e)
{
	int r = ERR_DENIED;

	work->unsure = p->used.n > 1;
	for (size_t i = 0; i < p->used.n && r == ERR_DENIED; i++) {
		work->o = p->used.o[i];
		work->wants_pin = p->used.wants_pin[i];
		r = sign_by(p, work, blob, key, sig, e);
	}
	return r;
}

int
p11_sign(struct token *t, const struct token_key *k, enum sig_alg alg,
    struct span data, struct wire_w *sig, struct err *e)
{
	const struct span blob = { k->blob, k->blob_n };
	struct work work = { .alg = alg, .data = data };
	const bool known = is_known(&p11_of(t)->used, k);
	struct key key;
	int r;

	t->pin_doubt = 0;
	if ((r = key_parse(blob, &key, e)) != 0)
		return r;
	if (!sig_alg_fits(alg, key.type))
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "%s with a key of another kind", sig_alg_name(alg));
	if ((r = sig_hash(alg, data, &work.md, e)) != 0 ||
	    (!known && (r = find(p11_of(t), k, key.type, e)) != 0))
		return r;
	r = sign_by_any(p11_of(t), &work, blob, &key, sig, e);
	if (r == ERR_STALE && known &&
	    (r = find(p11_of(t), k, key.type, e)) == 0)
		r = sign_by_any(p11_of(t), &work, blob, &key, sig, e);
	return r;
}

int
p11_sign_proves(struct p11_token *p, const struct token_key *k,
    CK_OBJECT_HANDLE o, struct err *e)
{
	const struct span blob = { k->blob, k->blob_n };
	struct work work = { .o = o, .unsure = true,
	    .data = span_cstr("whose key is this?") };
	struct wire_w sig;
	struct key key;
	int r;

	if ((r = key_parse(blob, &key, e)) != 0)
		return r;
	work.alg = sig_alg_for(key.type);
	if (p11_keys_wants_pin(p, o))
		return err_set(e, ERR_PIN_NEEDED, -1, "the PIN is needed");
	if ((r = sig_hash(work.alg, work.data, &work.md, e)) != 0)
		return r;
	if (!wire_write(&sig, SIG_BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "signature");
	r = sign_by(p, &work, blob, &key, &sig, e);
	wire_free(&sig);
	return r;
}
