/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "ssh/key.h"
#include "ssh/keytext.h"
#include "token/curve.h"
#include "token/cvc.h"
#include "token/prkd.h"
#include "token/schsm_keys.h"
#include "token/tlv.h"

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
 * Errors that concern this one key become its `unusable` text; those that
 * concern the token (removed, out of memory) are returned.
 */
static int
settle(struct token_key *k, int r, const struct err *e)
{
	if (r == 0 || r == ERR_NOMEM || r == ERR_TOKEN_GONE ||
	    r == ERR_NO_TOKEN)
		return r;
	snprintf(k->unusable, sizeof(k->unusable), "%.95s", e->msg);
	return 0;
}

static int
read_public(struct schsm_card *c, uint8_t ref, struct token_key *k,
    struct err *e)
{
	uint8_t file[SCHSM_FILE_MAX];
	size_t n = sizeof(file);
	struct wire_w w;
	int r;

	r = schsm_card_read(c, (uint16_t)(SCHSM_CERTIFICATE << 8 | ref), file,
	    &n, e);
	if (r == ERR_NOTFOUND)
		(void)err_set(e, ERR_NOTFOUND, 0,
		    "its public part is not on the token");
	if (r != 0)
		return settle(k, r, e);
	if (!wire_write(&w, KEY_BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "key list");
	if ((r = blob_of_certificate(k, (struct span){ file, n }, &w, e)) == 0)
		r = adopt_blob(k, &w, e);
	wire_free(&w);
	return settle(k, r, e);
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

static int
read_description(struct schsm_card *c, uint8_t ref, struct token_key *k,
    struct err *e)
{
	uint8_t file[SCHSM_FILE_MAX];
	size_t n = sizeof(file);
	struct prkd p;
	int r;

	r = schsm_card_read(c, (uint16_t)(SCHSM_DESCRIPTION << 8 | ref), file,
	    &n, e);
	if (r == ERR_TOKEN_GONE || r == ERR_NO_TOKEN)
		return r;
	if (r == 0 && prkd_parse((struct span){ file, n }, &p, e) == 0)
		describe(k, &p);
	return 0;	/* without one the key still works, by its reference */
}

static int
read_key(struct schsm_card *c, uint8_t ref, struct token_key *k,
    struct err *e)
{
	int r;

	*k = (struct token_key){ 0 };
	snprintf(k->ref, sizeof(k->ref), "%02x", ref);
	snprintf(k->id, sizeof(k->id), "%02x", ref);
	if ((r = read_public(c, ref, k, e)) != 0 ||
	    (r = read_description(c, ref, k, e)) != 0)
		return r;
	if (k->algo[0] == '\0')
		snprintf(k->algo, sizeof(k->algo), "unknown");
	return 0;
}

int
schsm_keys_list(struct schsm_card *c, struct token_keys *keys, struct err *e)
{
	uint16_t fids[SCHSM_FIDS_MAX];
	bool is_key[256] = { false };
	size_t n = SCHSM_FIDS_MAX, count = 0;
	int r;

	*keys = (struct token_keys){ 0 };
	if ((r = schsm_card_enumerate(c, fids, &n, e)) != 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (fids[i] >> 8 == SCHSM_KEY && (fids[i] & 0xff) != 0)
			is_key[fids[i] & 0xff] = true;
	for (size_t i = 1; i < 256; i++)
		count += is_key[i];
	if (count == 0)
		return 0;
	if ((keys->v = calloc(count, sizeof(*keys->v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "key list");
	for (size_t ref = 1; ref < 256; ref++) {
		if (!is_key[ref])
			continue;
		r = read_key(c, (uint8_t)ref, &keys->v[keys->n++], e);
		if (r != 0) {
			token_keys_free(keys);
			return r;
		}
	}
	return 0;
}
