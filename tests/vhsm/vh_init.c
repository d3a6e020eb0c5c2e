/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <openssl/rand.h>

#include "tests/vhsm/vh_card.h"
#include "tests/vhsm/vh_wrap.h"

struct init {
	uint16_t	 options;
	struct span	 pin, so;
	uint8_t		 tries;
	bool		 dkek;
	uint8_t		 shares;
};

/* The longer the PIN, the more guesses the card may allow. */
static bool
is_tries(uint8_t tries, size_t pin_n)
{
	uint8_t most = pin_n >= 8 ? 10 : pin_n == 7 ? 5 : 3;

	return tries >= 1 && tries <= most;
}

static uint16_t
parse_field(struct init *in, unsigned tag, struct span f)
{
	switch (tag) {
	case 0x80:
		if (f.n != 2)
			return SW_DATA;
		in->options = (uint16_t)(f.p[0] << 8 | f.p[1]);
		return SW_OK;
	case 0x81:
		in->pin = f;
		return vh_pin_is_user_size(f.n) ? SW_OK : SW_DATA;
	case 0x82:
		in->so = f;
		return f.n == 8 ? SW_OK : SW_DATA;
	case 0x91:
		in->tries = f.n == 1 ? f.p[0] : 0;
		return SW_OK;
	case 0x92:
		in->dkek = true;
		in->shares = f.n == 1 ? f.p[0] : 0;
		return f.n == 1 ? SW_OK : SW_DATA;
	case 0x93: case 0x95: case 0x96: case 0x97:
		return SW_NOT_SUPPORTED;
	}
	return SW_DATA;
}

static uint16_t
parse(struct init *in, struct span data)
{
	struct span f;
	unsigned tag;
	uint16_t sw;

	in->tries = 3;
	while (data.n != 0) {
		if (!vh_tlv_next(&data, &tag, &f))
			return SW_DATA;
		if ((sw = parse_field(in, tag, f)) != SW_OK)
			return sw;
	}
	if (in->pin.n == 0 || in->so.n == 0 ||
	    !is_tries(in->tries, in->pin.n))
		return SW_DATA;
	return SW_OK;
}

static void
set_pin(struct vh_pin *pin, struct span value, uint8_t tries)
{
	memset(pin, 0, sizeof(*pin));
	memcpy(pin->value, value.p, value.n);
	pin->n = (uint8_t)value.n;
	pin->tries = pin->max = tries;
}

static uint16_t
free_memory(const struct vhsm *v, struct vh_buf *out)
{
	vh_buf_put_u32(out, (uint32_t)(VH_SPACE - v->st.used));
	vh_buf_put_u8(out, v->opt.major);
	vh_buf_put_u8(out, v->opt.minor);
	return SW_OK;
}

uint16_t
vh_init_device(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	struct vh_session fresh = { .selected = true };
	struct vh_dkek dkek = { 0 };
	struct init in = { 0 };
	uint16_t sw;

	if (vh_apdu_p1p2(a) != 0)
		return SW_P1P2;
	if (a->data.n == 0)
		return a->ne != 0 ? free_memory(v, out) : SW_LENGTH;
	if ((sw = parse(&in, a->data)) != SW_OK)
		return sw;
	if (v->st.so.n != 0 && (sw = vh_pin_try_so(v, in.so)) != SW_OK)
		return sw;
	dkek.on = in.dkek;
	dkek.shares = dkek.missing = in.shares;
	if (dkek.on && dkek.shares == 0 &&
	    RAND_bytes(dkek.key, sizeof(dkek.key)) != 1)
		return SW_INTERNAL;
	vh_store_wipe(&v->st);
	v->st.options = in.options;
	v->st.transport = (in.options & VH_OPTION_TRANSPORT) != 0;
	v->st.dkek = dkek;
	set_pin(&v->st.user, in.pin, in.tries);
	set_pin(&v->st.so, in.so, 15);
	fresh.user = v->opt.pico;
	v->session = fresh;
	return SW_OK;
}

static uint16_t
dkek_status(const struct vh_dkek *d, struct vh_buf *out)
{
	uint8_t kcv[8] = { 0 };
	struct span s = { kcv, sizeof(kcv) };

	vh_buf_put_u8(out, d->shares);
	vh_buf_put_u8(out, d->missing);
	if (d->missing == 0 && !vh_wrap_kcv(d, kcv))
		return SW_INTERNAL;
	vh_buf_put(out, s);
	return SW_OK;
}

uint16_t
vh_init_dkek(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	struct vh_dkek *d = &v->st.dkek;

	if (!d->on)
		return SW_INS;
	if (a->p1 != 0)
		return SW_P1P2;
	if (a->p2 != 0)
		return SW_REFERENCE;
	if (a->data.n == 0)
		return dkek_status(d, out);
	if (a->data.n != sizeof(d->key))
		return SW_LENGTH;
	if (d->missing == 0)
		return SW_CONDITIONS;
	for (size_t i = 0; i < sizeof(d->key); i++)
		d->key[i] ^= a->data.p[i];
	d->missing--;
	v->st.dirty = true;
	return dkek_status(d, out);
}
