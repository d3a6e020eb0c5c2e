/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "tests/vhsm/vh_card.h"

static const uint8_t aid[] = {
	0xe8, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x81, 0xc3, 0x1f, 0x02, 0x01
};

static bool
is_aid(struct span s)
{
	return s.n == sizeof(aid) && memcmp(s.p, aid, sizeof(aid)) == 0;
}

static bool
is_key(uint16_t fid)
{
	return fid >> 8 == VH_FID_KEY >> 8;
}

/* Template of a SELECT answer: P2 bits 3-4 say which, 0C asks for none. */
static bool
put_template(struct vh_buf *out, uint8_t p2, struct vh_buf *inner)
{
	bool ok = true;

	if (p2 == 0x00 || p2 == 0x04)
		vh_buf_put_tlv(out, p2 == 0x04 ? 0x62 : 0x6f,
		    vh_buf_bytes(inner));
	else
		ok = p2 == 0x0c;
	out->bad |= inner->bad;
	vh_buf_free(inner);
	return ok;
}

/* No applet has that AID; what is selected stays so, mostly. */
static void
not_found(struct vhsm *v)
{
	if (v->quirk[VHSM_QUIRK_FOREIGN_LOGOUT])
		v->session.user = v->session.so = false;
	if (v->quirk[VHSM_QUIRK_FOREIGN_DESELECT])
		v->session.selected = false;
}

static uint16_t
select_applet(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	struct vh_session fresh = { .selected = true };
	uint8_t df = 0x78, version[5] = { 0 };
	struct span type = { &df, 1 }, prop = { version, 5 };
	struct vh_buf fci = { 0 };

	if (!is_aid(a->data)) {
		not_found(v);
		return SW_NOT_FOUND;
	}
	version[0] = (uint8_t)(v->st.options >> 8);
	version[1] = (uint8_t)v->st.options;
	version[2] = v->opt.pico ? 0xff : 0x00;
	version[3] = v->opt.major;
	version[4] = v->opt.minor;
	if (v->opt.major < 2) {
		prop.p += 3;
		prop.n -= 3;
	}
	vh_buf_put_tlv(&fci, 0x82, type);
	vh_buf_put_tlv(&fci, 0x85, prop);
	if (!put_template(out, v->opt.pico ? 0x04 : a->p2, &fci))
		return SW_P1P2;
	v->session = fresh;
	return SW_OK;
}

static uint16_t
select_file(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	uint8_t size[2], ef = 0x01;
	struct span size_s = { size, 2 }, type = { &ef, 1 };
	struct vh_buf fci = { 0 };
	struct vh_object *o;
	uint16_t fid;

	if (a->data.n != 2)
		return SW_LENGTH;
	fid = (uint16_t)(a->data.p[0] << 8 | a->data.p[1]);
	if ((o = vh_store_find(&v->st, fid)) == NULL)
		return SW_NOT_FOUND;
	size[0] = is_key(fid) ? 0 : (uint8_t)(o->n >> 8);
	size[1] = is_key(fid) ? 0 : (uint8_t)o->n;
	vh_buf_put_tlv(&fci, 0x80, size_s);
	vh_buf_put_tlv(&fci, 0x82, type);
	vh_buf_put_tlv(&fci, 0x83, a->data);
	if (!put_template(out, a->p2, &fci))
		return SW_P1P2;
	v->session.current = fid;
	return SW_OK;
}

/* The one command that a card with nothing selected understands. */
uint16_t
vh_file_select(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	if (v->opt.foreign)
		return SW_NOT_FOUND;
	if (a->p1 == 0x04 && vh_other_is_aid(v, a->data))
		return vh_other_select(v, a, out);
	if (a->p1 == 0x04)
		return select_applet(v, a, out);
	if (!v->session.selected)
		return SW_NOT_FOUND;
	return a->p1 == 0x00 ? select_file(v, a, out) : SW_P1P2;
}

uint16_t
vh_file_enumerate(struct vhsm *v, const struct vh_apdu *a,
    struct vh_buf *out)
{
	bool no_ce = v->opt.pico || v->quirk[VHSM_QUIRK_NO_CE_LIST];
	bool pad = v->opt.pico || v->quirk[VHSM_QUIRK_ENUM_PAD];

	if (vh_apdu_p1p2(a) != 0)
		return SW_P1P2;
	for (size_t i = 0; i < v->st.obj_n; i++) {
		uint16_t fid = v->st.obj[i].fid;

		if (no_ce && fid >> 8 == VH_FID_CERT >> 8)
			continue;
		if (out->n + 2 > a->ne)
			break;
		vh_buf_put_u16(out, fid);
	}
	if (pad && out->n + 2 <= a->ne)
		vh_buf_put_u16(out, 0);
	return SW_OK;
}

/* P1P2 of the odd instructions: a file, or 0000 for the current one. */
static uint16_t
file_of(const struct vhsm *v, const struct vh_apdu *a)
{
	uint16_t fid = vh_apdu_p1p2(a);

	return fid != 0 ? fid : v->session.current;
}

static bool
parse_offset(struct span *data, size_t *off)
{
	struct span o;
	unsigned tag;

	if (!vh_tlv_next(data, &tag, &o) || tag != 0x54 || o.n < 1 ||
	    o.n > 2)
		return false;
	*off = o.n == 2 ? (size_t)o.p[0] << 8 | o.p[1] : o.p[0];
	return true;
}

uint16_t
vh_file_read(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	struct span in = a->data, part, skip;
	struct vh_object *o;
	uint16_t fid = file_of(v, a);
	size_t off;

	if (!parse_offset(&in, &off) || in.n != 0)
		return SW_DATA;
	if (a->ne == 0)
		return SW_LENGTH;
	if ((o = vh_store_find(&v->st, fid)) == NULL)
		return SW_NOT_FOUND;
	if (is_key(fid) || (fid >> 8 == 0xcd && !v->session.user))
		return SW_SECURITY;
	v->session.current = fid;
	part.p = o->p;
	part.n = o->n;
	if (!vh_span_take(&part, off < o->n ? off : o->n, &skip))
		return SW_INTERNAL;
	if (part.n >= a->ne) {
		part.n = a->ne;
		vh_buf_put(out, part);
		return SW_OK;
	}
	vh_buf_put(out, part);
	if (v->opt.pico ? off <= o->n : v->quirk[VHSM_QUIRK_EOF_OK])
		return SW_OK;
	return SW_EOF;
}

/* Write at an offset; writing at 0 starts the file anew. */
static bool
write_at(struct vh_store *st, uint16_t fid, size_t off, struct span data)
{
	struct vh_object *o = vh_store_find(st, fid);
	struct vh_buf b = { 0 };
	struct span old = { NULL, 0 };
	uint8_t *pad;
	bool ok = false;

	if (o != NULL && off != 0) {
		old.p = o->p;
		old.n = o->n;
	}
	vh_buf_put(&b, old);
	if (off > b.n && (pad = vh_buf_add(&b, off - b.n)) != NULL)
		memset(pad, 0, (size_t)(b.p + b.n - pad));
	if (off + data.n > b.n)
		vh_buf_add(&b, off + data.n - b.n);
	if (!b.bad) {
		if (data.n != 0)
			memcpy(b.p + off, data.p, data.n);
		ok = vh_store_put(st, fid, vh_buf_bytes(&b), NULL);
	}
	vh_buf_free(&b);
	return ok;
}

static bool
is_writable(uint16_t fid)
{
	if (fid == VH_FID_LABEL || fid == VH_FID_STAGING)
		return true;
	switch (fid >> 8) {
	case 0xc4: case 0xc8: case 0xc9: case 0xca:
	case 0xcd: case 0xce: case 0xcf:
		return true;
	}
	return false;
}

/* What describes a key, where there is no key. */
static bool
is_too_early(struct vhsm *v, uint16_t fid)
{
	const uint16_t key = (uint16_t)(VH_FID_KEY | (fid & 0xff));

	return v->quirk[VHSM_QUIRK_KEY_FIRST] &&
	    (fid >> 8 == VH_FID_PRKD >> 8 || fid >> 8 == VH_FID_CERT >> 8) &&
	    vh_store_find(&v->st, key) == NULL;
}

uint16_t
vh_file_update(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	struct span in = a->data, data;
	uint16_t fid = file_of(v, a);
	struct vh_buf info = { 0 };
	unsigned tag;
	size_t off;
	bool ok;

	(void)out;
	if (!parse_offset(&in, &off) || !vh_tlv_next(&in, &tag, &data) ||
	    tag != 0x53 || in.n != 0)
		return SW_DATA;
	if (fid == 0)
		return SW_NOT_FOUND;
	if (!is_writable(fid))
		return SW_SECURITY;
	if (is_too_early(v, fid))
		return SW_REFERENCE;
	if (fid == VH_FID_LABEL && off == 0 &&
	    vh_profile_put_info(v, data, &info))
		data = vh_buf_bytes(&info);
	ok = !info.bad && write_at(&v->st, fid, off, data);
	vh_buf_free(&info);
	if (!ok)
		return SW_SPACE;
	v->session.current = fid;
	return SW_OK;
}

uint16_t
vh_file_delete(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	uint16_t fid;

	(void)out;
	if (vh_apdu_p1p2(a) != 0x0200)
		return SW_P1P2;
	if (a->data.n != 2)
		return SW_LENGTH;
	fid = (uint16_t)(a->data.p[0] << 8 | a->data.p[1]);
	if (fid == VH_FID_DEVCERT || fid == VH_FID_DEVKEY)
		return SW_SECURITY;
	if (!vh_store_delete(&v->st, fid))
		return SW_NOT_FOUND;
	if (v->session.current == fid)
		v->session.current = 0;
	return SW_OK;
}
