/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token/prkd.h"
#include "token/tlv.h"

enum {
	TAG_INTEGER = 0x02,
	TAG_OCTETS = 0x04,
	TAG_UTF8 = 0x0c,
	TAG_SEQUENCE = 0x30,
	TAG_SUBCLASS = 0xa0,
	TAG_TYPE = 0xa1,
	TAG_EC_KEY = 0xa0,
	TAG_SECRET_KEY = 0xa8,
};

static enum prkd_kind
kind_of(uint16_t tag)
{
	switch (tag) {
	case TAG_SEQUENCE:
		return PRKD_RSA;
	case TAG_EC_KEY:
		return PRKD_EC;
	case TAG_SECRET_KEY:
		return PRKD_SECRET;
	default:
		return PRKD_OTHER;
	}
}

static unsigned int
small_int(struct span v)
{
	unsigned int n = 0;

	if (v.n > 3)
		return 0;
	for (size_t i = 0; i < v.n; i++)
		n = n << 8 | v.p[i];
	return n;
}

/*
 * The key size is an INTEGER inside the type attributes' SEQUENCE, or after
 * it in descriptions written by early tools.  It is only shown, so whatever
 * does not fit is passed over.
 */
static unsigned int
parse_bits(struct span type_attributes)
{
	struct tlv_r outer, inner;

	tlv_read(&outer, type_attributes);
	tlv_read(&inner, tlv_get(&outer, TAG_SEQUENCE));
	while (!inner.bad && inner.left > 0) {
		if (tlv_peek(&inner) == TAG_INTEGER)
			return small_int(tlv_get(&inner, TAG_INTEGER));
		tlv_skip(&inner);
	}
	return small_int(tlv_get_opt(&outer, TAG_INTEGER));
}

int
prkd_parse(struct span in, struct prkd *p, struct err *e)
{
	struct span common, key, subclass;
	struct tlv_r r;
	uint16_t tag;

	*p = (struct prkd){ 0 };
	tlv_read(&r, in);
	tag = tlv_peek(&r);
	p->kind = kind_of(tag);
	tlv_read(&r, tlv_get(&r, tag));
	common = tlv_get(&r, TAG_SEQUENCE);
	key = tlv_get(&r, TAG_SEQUENCE);
	if (tag == 0 || r.bad)
		return err_set(e, ERR_FORMAT, 0, "not a key description");
	subclass = tlv_get_opt(&r, TAG_SUBCLASS);
	p->bits = parse_bits(tlv_get_opt(&r, TAG_TYPE));
	if (p->kind == PRKD_SECRET)	/* keyLen, ISO 7816-15 sec. 8.6 */
		p->bits = parse_bits(subclass);

	tlv_read(&r, common);
	p->label = tlv_get_opt(&r, TAG_UTF8);
	tlv_read(&r, key);
	p->id = tlv_get_opt(&r, TAG_OCTETS);
	return 0;
}
