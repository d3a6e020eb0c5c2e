/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ssh/key.h"
#include "ssh/keytext.h"
#include "ssh/sig.h"
#include "token/curve.h"
#include "token/cvc.h"
#include "token/prkd.h"
#include "token/schsm_keys.h"
#include "token/tlv.h"

#define READ_TRIES	2	/* one odd answer does not lose a key */

static const char *
algo_name(enum key_type t)
{
	switch (t) {
	case KEY_P256:
		return "P-256";
	case KEY_P384:
		return "P-384";
	case KEY_P521:
		return "P-521";
	case KEY_ED25519:
	case KEY_RSA:
		break;
	}
	return "RSA";
}

/* Take the blob that was built, and name the key by what is in it. */
static int
adopt_blob(struct token_key *k, const struct wire_w *w, struct err *e)
{
	struct span blob = wire_bytes(w);
	struct key key;
	int r;

	if ((r = key_parse(blob, &key, e)) != 0)
		return r;
	if (key.type == KEY_ED25519)
		return err_set(e, ERR_UNSUPPORTED, 0, "its certificate is "
		    "for an Ed25519 key, which this token cannot have");
	if ((k->blob = malloc(blob.n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "key list");
	memcpy(k->blob, blob.p, blob.n);
	k->blob_n = blob.n;
	if (key.type == KEY_RSA)
		snprintf(k->algo, sizeof(k->algo), "RSA-%u", key.bits);
	else
		snprintf(k->algo, sizeof(k->algo), "%s", algo_name(key.type));
	return 0;
}

static int
blob_of_ec(struct token_key *k, const struct cvc *c, struct wire_w *w,
    struct err *e)
{
	const char *curve = curve_name(c->prime);

	snprintf(k->algo, sizeof(k->algo), "%s", curve != NULL ? curve : "EC");
	for (enum key_type t = KEY_P256; t <= KEY_P521; t++)
		if (curve != NULL && strcmp(curve, algo_name(t)) == 0)
			return key_put_ec(w, t, c->q, e);
	return err_set(e, ERR_UNSUPPORTED, 0, "SSH has no keys on the curve %s",
	    curve != NULL ? curve : "of this key");
}

/* The public part, from whatever kind of certificate the file holds. */
static int
blob_of_certificate(struct token_key *k, struct span file, struct wire_w *w,
    struct err *e)
{
	struct span object = { file.p, tlv_size(file) };
	struct cvc c;
	int r;

	if (file.n == 0)
		return err_set(e, ERR_NOTFOUND, 0,
		    "its certificate file is empty");
	if (object.n == 0 || object.n > file.n)
		return err_set(e, ERR_FORMAT, 0,
		    "its certificate file is damaged");
	if (file.p[0] == 0x30)
		return key_put_x509(w, object, e);
	if ((r = cvc_parse(object, &c, e)) != 0)
		return r;
	switch (c.key) {
	case CVC_RSA:
		return key_put_rsa(w, c.e, c.n, e);
	case CVC_EC:
		break;
	}
	return blob_of_ec(k, &c, w, e);
}

/*
 * A file of one key, cut to the object in it.  It is for its key alone that
 * it is missing or unreadable, so that is an answer too.
 */
struct key_file {
	uint16_t	 fid;
	uint8_t		 bytes[SCHSM_FILE_MAX];
	size_t		 n;
	int		 r;		/* how the reading went */
	struct err	 err;
};

struct listing {
	struct schsm_card *card;
	struct key_file	 newest;	/* public part of the key made last */
	bool		 doubtful;	/* a file was there and not read */
};

static uint16_t
fid_of(uint8_t kind, uint8_t ref)
{
	return (uint16_t)(kind << 8 | ref);
}

static struct span
contents(const struct key_file *f)
{
	return (struct span){ f->bytes, f->n };
}

/* A file that could not be read, while the next one perhaps can be. */
static bool
concerns_file(int r)
{
	return r == ERR_NOTFOUND || r == ERR_TOKEN || r == ERR_FORMAT;
}

static int
read_file(struct schsm_card *c, uint16_t fid, struct key_file *f,
    struct err *e)
{
	size_t size;

	f->fid = fid;
	f->r = ERR_TOKEN;
	for (int i = 0; i < READ_TRIES && f->r == ERR_TOKEN; i++) {
		f->n = sizeof(f->bytes);
		f->r = schsm_card_read(c, fid, f->bytes, &f->n, &f->err);
	}
	if (f->r != 0) {
		f->n = 0;
		*e = f->err;
		return concerns_file(f->r) ? 0 : f->r;
	}
	size = tlv_size(contents(f));
	if (size != 0 && size < f->n)
		f->n = size;
	return 0;
}

/*
 * What makes no sense may be an odd answer instead of the file: then it is
 * another one the next time.
 */
static int
read_again(struct listing *l, struct key_file *f, struct err *e)
{
	struct key_file now;
	int r;

	if ((r = read_file(l->card, f->fid, &now, e)) != 0)
		return r;
	l->doubtful |= now.r != 0 || !span_eq(contents(&now), contents(f));
	*f = now;
	return 0;
}

static int
adopt_certificate(struct token_key *k, struct span file, struct err *e)
{
	struct wire_w w;
	int r;

	if (!wire_write(&w, KEY_BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "key list");
	r = blob_of_certificate(k, file, &w, e);
	if (r == 0)
		r = adopt_blob(k, &w, e);
	wire_free(&w);
	return r;
}

static int
take_public(struct token_key *k, const struct key_file *f, struct err *e)
{
	if (f->r == ERR_NOTFOUND)
		return err_set(e, ERR_NOTFOUND, 0,
		    "its public part is not on the token");
	if (f->r != 0) {
		*e = f->err;
		return f->r;
	}
	return adopt_certificate(k, contents(f), e);
}

static void
put_unusable(struct token_key *k, const struct err *why)
{
	keytext_clean(k->unusable, sizeof(k->unusable), span_cstr(why->msg));
}

static int
add_public(struct listing *l, uint8_t ref, struct token_key *k,
    struct err *e)
{
	const uint16_t fid = fid_of(SCHSM_CERTIFICATE, ref);
	struct key_file other, *f = &l->newest;
	int r;

	if (fid != f->fid) {
		f = &other;
		if ((r = read_file(l->card, fid, f, e)) != 0)
			return r;
	}
	l->doubtful |= f->r != 0 && f->r != ERR_NOTFOUND;
	r = take_public(k, f, e);
	if (f->r == 0 && (r == ERR_FORMAT || r == ERR_NOTFOUND)) {
		if ((r = read_again(l, f, e)) != 0)
			return r;
		r = take_public(k, f, e);
	}
	if (r == 0 || r == ERR_NOMEM)
		return r;
	put_unusable(k, e);
	return 0;
}

static void
put_hex(char *out, size_t len, struct span in)
{
	for (size_t i = 0; i < in.n && 2 * i + 2 < len; i++)
		snprintf(out + 2 * i, len - 2 * i, "%02x", in.p[i]);
}

/* "RSA-2048", or "RSA" where the description does not tell the size. */
static void
put_algo(struct token_key *k, const char *name, unsigned int bits)
{
	if (bits > 0)
		snprintf(k->algo, sizeof(k->algo), "%s-%u", name, bits);
	else
		snprintf(k->algo, sizeof(k->algo), "%s", name);
}

/* Label, id and, where the public part told nothing, the algorithm. */
static void
describe(struct token_key *k, const struct prkd *p)
{
	keytext_clean(k->label, sizeof(k->label), p->label);
	if (p->id.n > 0)
		put_hex(k->id, sizeof(k->id), p->id);
	if (k->algo[0] != '\0')
		return;
	switch (p->kind) {
	case PRKD_RSA:
		put_algo(k, "RSA", p->bits);
		break;
	case PRKD_SECRET:
		put_algo(k, "AES", p->bits);
		snprintf(k->unusable, sizeof(k->unusable),
		    "SSH has no use for an AES key");
		break;
	case PRKD_EC:
		put_algo(k, "EC", p->bits);
		break;
	case PRKD_OTHER:
		break;
	}
}

/* Without a description the key still works, by its reference. */
static int
add_description(struct listing *l, uint8_t ref, struct token_key *k,
    struct err *e)
{
	struct key_file f;
	struct prkd p;
	int r;

	r = read_file(l->card, fid_of(SCHSM_DESCRIPTION, ref), &f, e);
	if (r != 0)
		return r;
	l->doubtful |= f.r != 0 && f.r != ERR_NOTFOUND;
	if (f.r == 0 && prkd_parse(contents(&f), &p, e) != 0 &&
	    (r = read_again(l, &f, e)) != 0)
		return r;
	if (f.r == 0 && prkd_parse(contents(&f), &p, e) == 0)
		describe(k, &p);
	return 0;
}

static struct token_key
key_at(uint8_t ref)
{
	struct token_key k = { 0 };

	snprintf(k.ref, sizeof(k.ref), "%02x", ref);
	snprintf(k.id, sizeof(k.id), "%02x", ref);
	return k;
}

static int
add_key(struct listing *l, uint8_t ref, struct token_key *k, struct err *e)
{
	int r;

	*k = key_at(ref);
	if ((r = add_public(l, ref, k, e)) != 0 ||
	    (r = add_description(l, ref, k, e)) != 0)
		return r;
	if (k->algo[0] == '\0')
		snprintf(k->algo, sizeof(k->algo), "unknown");
	return 0;
}

static bool
is_key(uint16_t fid)
{
	return fid >> 8 == SCHSM_KEY && (fid & 0xff) != 0;
}

/* 0 when there is no key. */
static uint8_t
newest_key(const uint16_t *fids, size_t n)
{
	uint8_t ref = 0;

	for (size_t i = 0; i < n; i++)
		if (is_key(fids[i]))
			ref = (uint8_t)fids[i];
	return ref;
}

static int
make_stamp(const uint16_t *fids, size_t n, const struct key_file *newest,
    uint8_t stamp[TOKEN_STAMP_BYTES], struct err *e)
{
	struct sig_digest md;
	struct wire_w w;
	int r;

	if (!wire_write(&w, 4 * SCHSM_FIDS_MAX + SCHSM_FILE_MAX + 8))
		return err_set(e, ERR_NOMEM, 0, "key list");
	wire_put_u32(&w, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		wire_put_u8(&w, (uint8_t)(fids[i] >> 8));
		wire_put_u8(&w, (uint8_t)fids[i]);
	}
	wire_put_string(&w, contents(newest));
	if (w.bad)
		r = err_set(e, ERR_NOMEM, 0, "key list");
	else if ((r = sig_hash(SIG_RSA_SHA256, wire_bytes(&w), &md, e)) == 0)
		memcpy(stamp, md.bytes, TOKEN_STAMP_BYTES);
	wire_free(&w);
	return r;
}

static int
add_keys(struct listing *l, const uint16_t *fids, size_t n,
    struct token_keys *keys, struct err *e)
{
	bool there[256] = { false };
	size_t count = 0;
	int r;

	for (size_t i = 0; i < n; i++)
		there[fids[i] & 0xff] |= is_key(fids[i]);
	for (size_t ref = 1; ref < 256; ref++)
		count += there[ref];
	if (count == 0)
		return 0;
	if ((keys->v = calloc(count, sizeof(*keys->v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "key list");
	for (size_t ref = 1; ref < 256; ref++)
		if (there[ref] && (r = add_key(l, (uint8_t)ref,
		    &keys->v[keys->n++], e)) != 0)
			return r;
	return 0;
}

int
schsm_keys_list(struct schsm_card *c, const struct token_keys *known,
    struct token_keys *keys, struct err *e)
{
	struct listing l = { .card = c };
	uint16_t fids[SCHSM_FIDS_MAX];
	size_t n = SCHSM_FIDS_MAX;
	uint8_t ref;
	int r;

	*keys = (struct token_keys){ 0 };
	if ((r = schsm_card_enumerate(c, fids, &n, e)) != 0)
		return r;
	if ((ref = newest_key(fids, n)) != 0 &&
	    (r = read_file(c, fid_of(SCHSM_CERTIFICATE, ref), &l.newest,
	    e)) != 0)
		return r;
	if ((r = make_stamp(fids, n, &l.newest, keys->stamp, e)) != 0)
		return r;
	if (known != NULL && memcmp(known->stamp, keys->stamp,
	    sizeof(keys->stamp)) == 0)
		return token_keys_copy(keys, known, e);
	if ((r = add_keys(&l, fids, n, keys, e)) != 0)
		token_keys_free(keys);
	else if (l.doubtful)
		memset(keys->stamp, 0, sizeof(keys->stamp));
	return r;
}

int
schsm_keys_check(struct schsm_card *c, const struct token_key *k,
    struct err *e)
{
	struct token_key now = { 0 };
	const uint8_t ref = (uint8_t)strtoul(k->ref, NULL, 16);
	struct key_file f;
	bool same;
	int r;

	r = read_file(c, fid_of(SCHSM_CERTIFICATE, ref), &f, e);
	if (r != 0)
		return r;
	r = take_public(&now, &f, e);
	same = r == 0 && span_eq((struct span){ now.blob, now.blob_n },
	    (struct span){ k->blob, k->blob_n });
	free(now.blob);
	if (same || r == ERR_NOMEM)
		return r;
	return err_set(e, ERR_STALE, 0,
	    "the key %s on the token is another one now", k->ref);
}

int
schsm_keys_of_files(uint8_t ref, struct span certificate,
    struct span description, struct token_key *k, struct err *e)
{
	struct prkd p;
	int r;

	*k = key_at(ref);
	r = adopt_certificate(k, certificate, e);
	if (r == ERR_NOMEM)
		return r;
	if (r != 0)
		put_unusable(k, e);
	if (description.n > 0 && prkd_parse(description, &p, e) == 0)
		describe(k, &p);
	if (k->algo[0] == '\0')
		snprintf(k->algo, sizeof(k->algo), "unknown");
	return 0;
}
