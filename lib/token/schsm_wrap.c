/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "token/prkd_edit.h"
#include "token/schsm.h"
#include "token/schsm_place.h"
#include "token/schsm_wrap.h"
#include "token/tlv.h"

#define INS_WRAP	0x72
#define INS_UNWRAP	0x74
#define ALG_WRAP	0x92
#define ALG_UNWRAP	0x93
#define FID_STAGING	0x2f10
#define SHORT_DATA_MAX	255

/* Why the card did not do it; `what` is WRAP or UNWRAP. */
static int
refused(uint16_t sw, const char *what, struct err *e)
{
	switch (sw) {
	case SW_SECURITY_STATUS:
		return err_set(e, ERR_PIN_NEEDED, -1,
		    "%s: nobody is logged in any more", what);
	case 0x6985:
	case SW_INS_UNKNOWN:
	case SW_CLA_UNKNOWN:
		return err_set(e, ERR_UNSUPPORTED, sw, "%s: the card says "
		    "%04x, as one without a complete DKEK does", what, sw);
	case SW_NO_SPACE:
		return err_set(e, ERR_LIMIT, sw, "the token is full");
	case SW_WRONG_LENGTH:
		return err_set(e, ERR_TOKEN, sw, "%s: the reader or the token "
		    "takes no APDU of this length", what);
	default:
		return err_set(e, ERR_TOKEN, sw, "%s: the card says %04x",
		    what, sw);
	}
}

static int
wrap_refused(uint16_t sw, struct err *e)
{
	switch (sw) {
	case 0x6a81:
		return err_set(e, ERR_DENIED, sw, "the key was made with a "
		    "list of allowed algorithms, and to be wrapped (92) is "
		    "not in it");
	case SW_NOT_FOUND:
	case 0x6a88:
		return err_set(e, ERR_NOTFOUND, sw,
		    "the key is no longer on the token");
	default:
		return refused(sw, "WRAP", e);
	}
}

static int
unwrap_refused(uint16_t sw, struct err *e)
{
	switch (sw) {
	case 0x6a80:
	case 0x6a88:
		return err_set(e, ERR_DENIED, sw, "the token does not take "
		    "the key: it was wrapped under another DKEK, or was "
		    "altered");
	default:
		return refused(sw, "UNWRAP", e);
	}
}

/* A file of a key, cut to the object in it; none, or a broken one: empty. */
static int
read_file(struct schsm_card *c, uint16_t fid, uint8_t *buf, size_t *n,
    struct err *e)
{
	size_t size;
	int r;

	if ((r = schsm_card_read(c, fid, buf, n, e)) != 0)
		*n = 0;
	size = tlv_size((struct span){ buf, *n });
	*n = size <= *n ? size : 0;
	return r == ERR_NOTFOUND ? 0 : r;
}

int
schsm_wrap_out(struct token *t, const char *ref, struct token_wrapped *out,
    struct err *e)
{
	struct schsm_card *c = schsm_card_of(t);
	const uint8_t place = (uint8_t)strtoul(ref, NULL, 16);
	const struct apdu a = { .cla = 0x80, .ins = INS_WRAP, .p1 = place,
	    .p2 = ALG_WRAP, .extended = !c->short_only,
	    .le = c->short_only ? 256 : 65536 };
	uint16_t sw;
	int r;

	out->blob_n = sizeof(out->blob);
	if ((r = schsm_card_send(c, &a, out->blob, &out->blob_n, &sw,
	    e)) != 0)
		return err_wrap(e, "WRAP");
	if (sw != SW_OK)
		return wrap_refused(sw, e);
	out->description_n = sizeof(out->description);
	if ((r = read_file(c, schsm_fid(SCHSM_DESCRIPTION, place),
	    out->description, &out->description_n, e)) != 0)
		return r;
	out->certificate_n = sizeof(out->certificate);
	return read_file(c, schsm_fid(SCHSM_CERTIFICATE, place),
	    out->certificate, &out->certificate_n, e);
}

/* With its new place in it; what cannot be read stays as it was. */
static int
write_description(struct schsm_card *c, struct schsm_place *p,
    const struct token_wrapped *in, struct err *e)
{
	const struct prkd_change change = { .ref = p->ref };
	struct span d = { in->description, in->description_n };
	uint8_t edited[sizeof(in->description) + 4];
	size_t n = sizeof(edited);
	struct err ignored;

	if (d.n == 0)
		return 0;
	if (prkd_edit(d, &change, edited, &n, &ignored) == 0)
		d = (struct span){ edited, n };
	p->description = true;
	return schsm_card_write(c, schsm_fid(SCHSM_DESCRIPTION, p->ref), d,
	    e);
}

static int
write_files(struct schsm_card *c, struct schsm_place *p,
    const struct token_wrapped *in, struct err *e)
{
	int r;

	if ((r = write_description(c, p, in, e)) != 0 ||
	    in->certificate_n == 0)
		return r;
	p->certificate = true;
	return schsm_card_write(c, schsm_fid(SCHSM_CERTIFICATE, p->ref),
	    (struct span){ in->certificate, in->certificate_n }, e);
}

static int
remove_staged(struct schsm_card *c, struct err *e)
{
	const int r = schsm_card_delete(c, FID_STAGING, e);

	return r == ERR_NOTFOUND ? 0 : r;
}

/*
 * What does not fit one command is put down in a file of its own before,
 * from which the card takes it.  An old file is removed first, as its end
 * might stay.
 */
static int
send_key(struct schsm_card *c, uint8_t ref, struct span blob, struct err *e)
{
	const size_t most = c->short_only ? SHORT_DATA_MAX : APDU_MAX_DATA;
	const bool stage = blob.n > most;
	struct apdu a = { .cla = 0x80, .ins = INS_UNWRAP, .p1 = ref,
	    .p2 = ALG_UNWRAP };
	struct err ignored;
	uint8_t none[1];
	size_t n = sizeof(none);
	uint16_t sw;
	int r;

	if (!stage)
		a.data = blob;
	else if ((r = remove_staged(c, e)) != 0 ||
	    (r = schsm_card_write(c, FID_STAGING, blob, e)) != 0)
		return r;
	if ((r = schsm_card_send(c, &a, none, &n, &sw, e)) != 0)
		err_wrap(e, "UNWRAP");
	else if (sw != SW_OK)
		r = unwrap_refused(sw, e);
	/* If it stays it is encrypted, and the next one replaces it. */
	if (stage && r != ERR_TOKEN_GONE &&
	    remove_staged(c, &ignored) == ERR_TOKEN_GONE)
		return r != 0 ? r : err_set(e, ERR_TOKEN_GONE, 0, "%s",
		    ignored.msg);
	return r;
}

static int
put_key(struct schsm_card *c, struct schsm_place *p,
    const struct token_wrapped *in, struct err *e)
{
	const struct span blob = { in->blob, in->blob_n };
	struct err ignored;
	int r, late;

	/* A card may want the key before what describes it. */
	late = write_files(c, p, in, e);
	if (late != 0 && late != ERR_TOKEN && late != ERR_NOTFOUND)
		return late;
	if ((r = send_key(c, p->ref, blob, e)) != 0 || late == 0)
		return r;
	if ((r = write_files(c, p, in, e)) != 0 && schsm_card_delete(c,
	    schsm_fid(SCHSM_KEY, p->ref), &ignored) != 0)
		return err_wrap(e, "the key is there and has no description");
	return r;
}

int
schsm_wrap_in(struct token *t, const struct token_wrapped *in, char ref[8],
    struct err *e)
{
	struct schsm_card *c = schsm_card_of(t);
	struct schsm_place p;
	struct err ignored;
	int r;

	if ((r = schsm_place_find(c, &p, e)) != 0 ||
	    (r = schsm_place_clear(c, &p, e)) != 0)
		return r;
	if ((r = put_key(c, &p, in, e)) == 0)
		snprintf(ref, 8, "%02x", p.ref);
	else if (r != ERR_TOKEN_GONE && schsm_place_clear(c, &p,
	    &ignored) != 0)
		return err_wrap(e, "its description was left over in place "
		    "%02x", p.ref);
	return r;
}
