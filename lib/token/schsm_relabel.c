/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "token/keytype.h"
#include "token/prkd_edit.h"
#include "token/prkd_write.h"
#include "token/schsm.h"
#include "token/schsm_card.h"
#include "token/schsm_info.h"
#include "token/schsm_keys.h"
#include "token/schsm_place.h"
#include "token/schsm_relabel.h"
#include "token/tlv.h"

enum {
	TAG_FLAGS = 0x03,
	TAG_SEQUENCE = 0x30,
	TAG_LABEL = 0x80,
};

/* One command, or none: half a description would lose the key's name. */
static int
rewrite(struct schsm_card *c, uint16_t fid, const struct wire_w *w,
    struct err *e)
{
	if (w->bad || wire_bytes(w).n > schsm_card_write_once_max(c))
		return err_set(e, ERR_LIMIT, 0,
		    "with this label the file %04x gets too long", fid);
	return schsm_card_write(c, fid, wire_bytes(w), e);
}

static int
not_kept(struct err *e)
{
	return err_set(e, ERR_TOKEN, 0,
	    "the token took the label and did not keep it");
}

/* A description for a key that has none, or a broken one. */
static int
put_new(struct schsm_card *c, uint8_t place, const char *label,
    struct wire_w *w, struct err *e)
{
	uint8_t file[SCHSM_FILE_MAX];
	size_t n = sizeof(file);
	const struct keytype *type;
	struct token_key k;
	int r;

	r = schsm_card_read_object(c,
	    schsm_fid(SCHSM_CERTIFICATE, place), file, &n, e);
	if (r == 0)
		r = schsm_keys_of_files(place, (struct span){ file, n },
		    (struct span){ 0 }, &k, e);
	if (r != 0)
		return r;
	free(k.blob);
	if ((type = keytype_by_algo(k.algo)) == NULL)
		return err_set(e, ERR_UNSUPPORTED, 0, "the key has no "
		    "description, and is of the type %s", k.algo);
	prkd_put(w, &(struct prkd_spec){
	    .kind = type->group != NULL ? PRKD_EC : PRKD_RSA,
	    .label = label, .id = { &place, 1 }, .ref = place,
	    .bits = type->bits });
	return 0;
}

static int
put_edited(struct span old, const char *label, struct wire_w *w,
    struct err *e)
{
	const struct prkd_change change = { .label = label };
	uint8_t out[PRKD_MAX];
	size_t n = sizeof(out);
	int r;

	if ((r = prkd_edit(old, &change, out, &n, e)) == 0)
		wire_put_raw(w, (struct span){ out, n });
	return r;
}

static int
label_key(struct schsm_card *c, uint8_t place, const char *label,
    struct wire_w *w, struct err *e)
{
	const uint16_t fid = schsm_fid(SCHSM_DESCRIPTION, place);
	uint8_t file[SCHSM_FILE_MAX];
	size_t n = sizeof(file);
	int r;

	r = schsm_card_read_object(c, fid, file, &n, e);
	if (r == 0)
		r = put_edited((struct span){ file, n }, label, w, e);
	if (r == ERR_NOTFOUND || r == ERR_FORMAT)
		r = put_new(c, place, label, w, e);
	if (r != 0 || (r = rewrite(c, fid, w, e)) != 0)
		return r;
	n = sizeof(file);
	if ((r = schsm_card_read_object(c, fid, file, &n, e)) != 0)
		return r;
	return span_eq((struct span){ file, n }, wire_bytes(w)) ? 0 :
	    not_kept(e);
}

/*
 * PKCS#15 TokenInfo: version, serial?, manufacturer?, label?, flags; without
 * one what sc-hsm-tool writes.  The flag is that of a random generator.
 */
static void
put_info(struct wire_w *w, struct span old, const char *label)
{
	static const uint8_t flags[] = { 0x05, 0x20 };
	struct tlv_r r, rest;
	const uint8_t *p;

	tlv_read(&r, old);
	tlv_read(&r, tlv_get_opt(&r, TAG_SEQUENCE));
	p = r.p;
	while (tlv_peek(&r) != 0 && tlv_peek(&r) < TAG_LABEL &&
	    tlv_peek(&r) != TAG_FLAGS)
		tlv_skip(&r);
	if (r.p == p)
		tlv_put_uint(w, 0);
	else
		wire_put_raw(w, (struct span){ p, (size_t)(r.p - p) });
	rest = r;
	(void)tlv_get_opt(&rest, TAG_LABEL);
	tlv_put(w, TAG_LABEL, span_cstr(label));
	if (rest.left > 0)
		wire_put_raw(w, (struct span){ rest.p, rest.left });
	else
		tlv_put(w, TAG_FLAGS, (struct span){ flags, sizeof(flags) });
}

static int
put_token_label(struct schsm_card *c, const char *label, struct wire_w *w,
    struct err *e)
{
	uint8_t file[SCHSM_FILE_MAX];
	size_t n = sizeof(file);
	char now[TOKEN_LABEL_MAX + 1];
	struct wire_w in;
	int r;

	r = schsm_card_read_object(c, SCHSM_FID_TOKEN_INFO, file, &n, e);
	if (r == ERR_NOTFOUND || r == ERR_FORMAT)
		n = 0;
	else if (r != 0)
		return r;
	if (!wire_write(&in, PRKD_MAX))
		return err_set(e, ERR_NOMEM, 0, "label");
	put_info(&in, (struct span){ file, n }, label);
	w->bad |= in.bad;
	tlv_put(w, TAG_SEQUENCE, wire_bytes(&in));
	wire_free(&in);
	if ((r = rewrite(c, SCHSM_FID_TOKEN_INFO, w, e)) != 0 ||
	    (r = schsm_label(c, now, sizeof(now), e)) != 0)
		return r;
	return strcmp(now, label) == 0 ? 0 : not_kept(e);
}

int
schsm_relabel_token(struct schsm_card *c, const char *label, struct err *e)
{
	struct wire_w w;
	int r;

	if (strlen(label) > TOKEN_LABEL_MAX)
		return err_set(e, ERR_USAGE, 0, "the label of a token has %d "
		    "bytes at most", TOKEN_LABEL_MAX);
	if (!wire_write(&w, PRKD_MAX))
		return err_set(e, ERR_NOMEM, 0, "label");
	r = put_token_label(c, label, &w, e);
	wire_free(&w);
	return r;
}

int
schsm_relabel(struct token *t, const char *ref, const char *label,
    struct err *e)
{
	const uint8_t place = ref != NULL ? schsm_place_parse(ref) : 0;
	struct schsm_card *c = schsm_card_of(t);
	struct wire_w w;
	int r;

	if ((r = token_check_label(label, ref != NULL ? TOKEN_KEY_LABEL_MAX :
	    TOKEN_LABEL_MAX, e)) != 0)
		return r;
	if (ref == NULL)
		return schsm_relabel_token(c, label, e);
	if (place == 0)
		return err_set(e, ERR_NOTFOUND, 0,
		    "there is no place %.8s", ref);
	if (!wire_write(&w, PRKD_MAX))
		return err_set(e, ERR_NOMEM, 0, "label");
	r = label_key(c, place, label, &w, e);
	wire_free(&w);
	return r;
}
