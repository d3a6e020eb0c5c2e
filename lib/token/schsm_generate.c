/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "ssh/curveparams.h"
#include "token/keytype.h"
#include "token/prkd_write.h"
#include "token/schsm.h"
#include "token/schsm_card.h"
#include "token/schsm_generate.h"
#include "token/schsm_keys.h"
#include "token/schsm_place.h"
#include "token/tlv.h"

#define INS_GENERATE		0x46
#define SW_CONDITIONS		0x6985
#define SW_BAD_DATA		0x6a80
#define SHORT_DATA_MAX		255

/* As OpenSC names the issuer, and numbers the holder after its serial. */
#define ISSUER			"UTCA00001"
#define HOLDER_NUMBER		"00001"

enum {
	TAG_OID = 0x06,
	TAG_BITS = 0x02,
	TAG_PRIME = 0x81,
	TAG_A_OR_EXPONENT = 0x82,
	TAG_B = 0x83,
	TAG_GENERATOR = 0x84,
	TAG_ORDER = 0x85,
	TAG_COFACTOR = 0x87,
	TAG_ISSUER = 0x42,
	TAG_USES = 0x90,
	TAG_ALGORITHMS = 0x91,
	TAG_HOLDER = 0x5f20,
	TAG_PROFILE = 0x5f29,
	TAG_PUBLIC_KEY = 0x7f49,
};

/* id-TA-RSA-v1-5-SHA-256 and id-TA-ECDSA-SHA-256. */
static const uint8_t oid_rsa[] =
    { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x02, 0x01, 0x02 };
static const uint8_t oid_ecdsa[] =
    { 0x04, 0x00, 0x7f, 0x00, 0x07, 0x02, 0x02, 0x02, 0x02, 0x03 };

/* A key on its way: the order, and the place and the files it gets. */
struct making {
	struct schsm_card	 *card;
	const struct token_key_spec *spec;
	const struct keytype	 *type;
	uint8_t			  place;
	struct wire_w		  description;
	uint8_t			  certificate[SCHSM_FILE_MAX];
	size_t			  certificate_n;
};

static int
check_spec(const struct token_key_spec *s, const struct keytype **type,
    struct err *e)
{
	int r;

	if ((*type = keytype_by_name(s->type)) == NULL)
		return err_set(e, ERR_USAGE, 0, "no such type of key: %.64s",
		    s->type);
	if (keytype_is_ed25519(*type))
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "a SmartCard-HSM makes no Ed25519 keys");
	if ((r = token_check_label(s->label, TOKEN_KEY_LABEL_MAX,
	    e)) != 0)
		return r;
	if (s->id.n > TOKEN_ID_MAX)
		return err_set(e, ERR_USAGE, 0,
		    "the id of a key has %d bytes at most", TOKEN_ID_MAX);
	if (s->algs.n > TOKEN_ALGS_MAX)
		return err_set(e, ERR_USAGE, 0,
		    "a key has a list of %d algorithms at most",
		    TOKEN_ALGS_MAX);
	return 0;
}

static void
put_rsa(struct wire_w *w, const struct keytype *type)
{
	static const uint8_t f4[] = { 1, 0, 1 };

	tlv_put(w, TAG_OID, (struct span){ oid_rsa, sizeof(oid_rsa) });
	tlv_put(w, TAG_A_OR_EXPONENT, (struct span){ f4, sizeof(f4) });
	tlv_put_uint(w, type->bits);
}

static void
put_ec(struct wire_w *w, const struct curveparams *c)
{
	static const uint8_t one[] = { 1 };

	tlv_put(w, TAG_OID, (struct span){ oid_ecdsa, sizeof(oid_ecdsa) });
	tlv_put(w, TAG_PRIME, (struct span){ c->p, c->field_n });
	tlv_put(w, TAG_A_OR_EXPONENT, (struct span){ c->a, c->field_n });
	tlv_put(w, TAG_B, (struct span){ c->b, c->field_n });
	tlv_put(w, TAG_GENERATOR, (struct span){ c->g, 1 + 2 * c->field_n });
	tlv_put(w, TAG_ORDER, (struct span){ c->n, c->order_n });
	tlv_put(w, TAG_COFACTOR, (struct span){ one, sizeof(one) });
}

/* Every curve of ours has the cofactor 1. */
static int
put_public_key(struct wire_w *w, const struct keytype *type, struct err *e)
{
	struct curveparams c;
	struct wire_w in;
	int r;

	if (!wire_write(&in, APDU_MAX_DATA))
		return err_set(e, ERR_NOMEM, 0, "key parameters");
	if (type->group == NULL) {
		put_rsa(&in, type);
	} else if ((r = curveparams_get(type->group, &c, e)) != 0) {
		wire_free(&in);
		return r;
	} else {
		put_ec(&in, &c);
	}
	w->bad |= in.bad;
	tlv_put(w, TAG_PUBLIC_KEY, wire_bytes(&in));
	wire_free(&in);
	return 0;
}

static void
put_limits(struct wire_w *w, const struct token_key_spec *s)
{
	const uint8_t uses[] = { (uint8_t)(s->uses >> 24),
	    (uint8_t)(s->uses >> 16), (uint8_t)(s->uses >> 8),
	    (uint8_t)s->uses };

	if (s->uses > 0)
		tlv_put(w, TAG_USES, (struct span){ uses, sizeof(uses) });
	if (s->algs.n > 0)
		tlv_put(w, TAG_ALGORITHMS, s->algs);
}

static int
put_order(struct wire_w *w, const struct making *m, const char *serial,
    struct err *e)
{
	static const uint8_t profile[] = { 0 };
	char holder[48];
	int r;

	snprintf(holder, sizeof(holder), "%s" HOLDER_NUMBER, serial);
	tlv_put(w, TAG_PROFILE, (struct span){ profile, sizeof(profile) });
	tlv_put(w, TAG_ISSUER, span_cstr(ISSUER));
	if ((r = put_public_key(w, m->type, e)) != 0)
		return r;
	tlv_put(w, TAG_HOLDER, span_cstr(holder));
	put_limits(w, m->spec);
	if (w->bad)
		return err_set(e, ERR_LIMIT, 0, "the order for the key is "
		    "too long");
	if (m->card->short_only && wire_bytes(w).n > SHORT_DATA_MAX)
		return err_set(e, ERR_UNSUPPORTED, 0, "a key of the type %s "
		    "is made in a reader with extended length only",
		    m->type->name);
	return 0;
}

/* Why the card made no key. */
static int
refused(const struct making *m, uint16_t sw, struct err *e)
{
	if (schsm_sw_unselected(sw))
		return schsm_err_unselected(e, sw);
	switch (sw) {
	case SW_SECURITY_STATUS:
		return err_set(e, ERR_PIN_NEEDED, -1,
		    "nobody is logged in any more");
	case SW_NO_SPACE:
		return err_set(e, ERR_LIMIT, sw, "the token is full");
	case SW_CONDITIONS:
		return err_set(e, ERR_DENIED, sw, "the token makes no key "
		    "now: shares of its DKEK are missing; see "
		    "\"hsm-keyutil dkek status\"");
	case SW_BAD_DATA:
		return err_set(e, ERR_UNSUPPORTED, sw, "the token refuses to "
		    "make a key of the type %s; its firmware may be too old",
		    m->type->name);
	default:
		return err_set(e, ERR_TOKEN, sw,
		    "GENERATE: the card says %04x", sw);
	}
}

/*
 * The answer is what the card then has as the key's certificate.  Where the
 * reader is too narrow for it, none is asked for, and the file is read.
 */
static int
order(struct making *m, const char *serial, struct err *e)
{
	struct apdu a = { .ins = INS_GENERATE, .p1 = m->place,
	    .extended = !m->card->short_only,
	    .le = m->card->short_only ? 0 : 65536 };
	struct wire_w w;
	uint16_t sw;
	int r;

	if (!wire_write(&w, APDU_MAX_DATA))
		return err_set(e, ERR_NOMEM, 0, "key parameters");
	m->certificate_n = sizeof(m->certificate);
	if ((r = put_order(&w, m, serial, e)) == 0) {
		a.data = wire_bytes(&w);
		r = schsm_card_send(m->card, &a, m->certificate,
		    &m->certificate_n, &sw, e);
		if (r != 0)
			r = err_wrap(e, "GENERATE");
		else if (sw != SW_OK)
			r = refused(m, sw, e);
	}
	wire_free(&w);
	return r;
}

/* Is there a key of the type that was wanted now? */
static int
take(const struct making *m, struct token_key *made, struct err *e)
{
	bool foreign;
	int r;

	r = schsm_keys_of_files(m->place,
	    (struct span){ m->certificate, m->certificate_n },
	    wire_bytes(&m->description), made, e);
	if (r != 0)
		return r;
	foreign = m->type->group != NULL && !m->type->ssh;
	if (strcmp(made->algo, m->type->algo) == 0 &&
	    (made->blob != NULL || foreign))
		return 0;
	(void)err_set(e, ERR_TOKEN, 0, "the token answered with a key of the "
	    "type %s, not %s", made->algo, m->type->algo);
	free(made->blob);
	made->blob = NULL;
	return ERR_TOKEN;
}

/* What makes no sense may be an odd answer: then the file is right. */
static int
take_made(struct making *m, struct token_key *made, struct err *e)
{
	int r;

	if (m->certificate_n > 0 && (r = take(m, made, e)) != ERR_TOKEN)
		return r;
	m->certificate_n = sizeof(m->certificate);
	r = schsm_card_read_object(m->card,
	    schsm_fid(SCHSM_CERTIFICATE, m->place), m->certificate,
	    &m->certificate_n, e);
	return r != 0 ? r : take(m, made, e);
}

static int
describe(struct making *m, struct err *e)
{
	return schsm_card_write(m->card,
	    schsm_fid(SCHSM_DESCRIPTION, m->place),
	    wire_bytes(&m->description), e);
}

/* Back to what was there before.  What cannot be removed is a leftover. */
static void
undo(struct making *m)
{
	static const uint8_t kinds[] = { SCHSM_KEY, SCHSM_CERTIFICATE,
	    SCHSM_DESCRIPTION };
	struct err e;

	for (size_t i = 0; i < sizeof(kinds); i++)
		if (schsm_card_delete(m->card, schsm_fid(kinds[i],
		    m->place), &e) == ERR_TOKEN_GONE)
			return;
}

/* Some card may want the key before its description: so be it. */
static int
make(struct making *m, const char *serial, struct token_key *made,
    struct err *e)
{
	bool described;
	int r;

	if ((r = describe(m, e)) != 0 && r != ERR_TOKEN && r != ERR_NOTFOUND)
		return r;
	described = r == 0;
	if ((r = order(m, serial, e)) == 0 && !described)
		r = describe(m, e);
	if (r == 0)
		r = take_made(m, made, e);
	if (r != 0 && r != ERR_TOKEN_GONE)
		undo(m);
	return r;
}

static int
put_description(struct making *m, struct err *e)
{
	const struct prkd_spec d = {
		.kind = m->type->group != NULL ? PRKD_EC : PRKD_RSA,
		.label = m->spec->label,
		.id = m->spec->id.n > 0 ? m->spec->id :
		    (struct span){ &m->place, 1 },
		.ref = m->place,
		.bits = m->type->bits,
	};

	if (!wire_write(&m->description, PRKD_MAX))
		return err_set(e, ERR_NOMEM, 0, "key description");
	prkd_put(&m->description, &d);
	if (m->description.bad)
		return err_set(e, ERR_NOMEM, 0, "key description");
	return 0;
}

int
schsm_can_generate(struct token *t, const struct token_key_spec *s,
    struct err *e)
{
	const struct keytype *type;

	(void)t;
	return check_spec(s, &type, e);
}

int
schsm_generate(struct token *t, const struct token_key_spec *s,
    struct token_key *made, struct err *e)
{
	struct making m = { .card = schsm_card_of(t), .spec = s };
	struct schsm_place place;
	int r;

	*made = (struct token_key){ 0 };
	if ((r = check_spec(s, &m.type, e)) != 0 ||
	    (r = schsm_place_find(m.card, &place, e)) != 0 ||
	    (r = schsm_place_clear(m.card, &place, e)) != 0)
		return r;
	m.place = place.ref;
	if ((r = put_description(&m, e)) == 0)
		r = make(&m, t->serial, made, e);
	wire_free(&m.description);
	return r;
}
