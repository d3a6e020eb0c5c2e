/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "tests/vhsm/vh_card.h"

/* ATRs: of JCOP 2.4.x, of JCOP 3 as a USB stick, and of no HSM at all. */
static const uint8_t atr_jcop2[] = {
	0x3b, 0xfe, 0x18, 0x00, 0x00, 0x81, 0x31, 0xfe, 0x45, 0x80, 0x31,
	0x81, 0x54, 0x48, 0x53, 0x4d, 0x31, 0x73, 0x80, 0x21, 0x40, 0x81,
	0x07, 0xfa
};
static const uint8_t atr_jcop3[] = {
	0x3b, 0xde, 0x96, 0xff, 0x81, 0x91, 0xfe, 0x1f, 0xc3, 0x80, 0x31,
	0x81, 0x54, 0x48, 0x53, 0x4d, 0x31, 0x73, 0x80, 0x21, 0x40, 0x81,
	0x07, 0x92
};
static const uint8_t atr_foreign[] = {
	0x3b, 0x86, 0x80, 0x01, 'O', 'T', 'H', 'E', 'R', '1',
	0x06 ^ 0x81 ^ 'O' ^ 'T' ^ 'H' ^ 'E' ^ 'R' ^ '1'
};

bool
vhsm_parse_firmware(struct vhsm_options *o, const char *s)
{
	unsigned major = 3, minor = 5;
	bool pico = strcmp(s, "pico") == 0;
	char more;

	if (!pico && (sscanf(s, "%2u.%2u%c", &major, &minor, &more) != 2 ||
	    major == 0))
		return false;
	o->major = (uint8_t)major;
	o->minor = (uint8_t)minor;
	o->pico = pico;
	return true;
}

bool
vhsm_set_firmware(struct vhsm *v, const char *s)
{
	return vhsm_parse_firmware(&v->opt, s);
}

bool
vhsm_set_atr(struct vhsm *v, struct span atr)
{
	if (atr.n > sizeof(v->atr))
		return false;
	if (atr.n != 0)
		memcpy(v->atr, atr.p, atr.n);
	v->atr_n = atr.n;
	return true;
}

const uint8_t *
vhsm_atr(const struct vhsm *v, size_t *n)
{
	if (v->atr_n != 0) {
		*n = v->atr_n;
		return v->atr;
	}
	if (v->opt.foreign) {
		*n = sizeof(atr_foreign);
		return atr_foreign;
	}
	if (v->opt.pico || v->opt.major < 3) {
		*n = sizeof(atr_jcop2);
		return atr_jcop2;
	}
	*n = sizeof(atr_jcop3);
	return atr_jcop3;
}

/* JCOP 2.4.1r3, 2.4.2r3, 3 and 4; what limits pico is not known. */
size_t
vh_profile_command_max(const struct vhsm *v)
{
	if (v->opt.pico)
		return 65535;
	switch (v->opt.major) {
	case 1:
		return 1462;
	case 3:
		return 1232;
	}
	return 1454;
}

uint16_t
vh_profile_used_up(const struct vhsm *v)
{
	return v->opt.pico ? SW_SPACE : SW_INVALIDATED;
}

uint16_t
vh_profile_not_allowed(const struct vhsm *v)
{
	return v->opt.pico ? SW_CONDITIONS : SW_NOT_SUPPORTED;
}

static const uint8_t *
find_label(struct span info, size_t *n)
{
	struct span in, f;
	unsigned tag;

	if (!vh_tlv_next(&info, &tag, &in) || tag != 0x30)
		return NULL;
	while (in.n != 0 && vh_tlv_next(&in, &tag, &f))
		if (tag == 0x80) {
			*n = f.n;
			return f.p;
		}
	return NULL;
}

bool
vh_profile_put_info(const struct vhsm *v, struct span info,
    struct vh_buf *out)
{
	static const uint8_t version[1], flags[2] = { 0x05, 0x20 };
	struct span version_s = { version, 1 }, flags_s = { flags, 2 };
	struct vh_buf in = { 0 };
	struct span label;

	if (!v->opt.pico || (label.p = find_label(info, &label.n)) == NULL)
		return false;
	vh_buf_put_tlv(&in, 0x02, version_s);
	vh_buf_put_tlv(&in, 0x04, span_cstr(v->st.serial));
	vh_buf_put_tlv(&in, 0x0c, span_cstr("a third party"));
	vh_buf_put_tlv(&in, 0x80, label);
	vh_buf_put_tlv(&in, 0x03, flags_s);
	vh_buf_put_tlv(out, 0x30, vh_buf_bytes(&in));
	out->bad |= in.bad;
	vh_buf_free(&in);
	return true;
}
