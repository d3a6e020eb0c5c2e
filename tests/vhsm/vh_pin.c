/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <openssl/crypto.h>

#include "tests/vhsm/vh_card.h"

#define USER	0x81
#define SO	0x88

bool
vh_pin_is_user_size(size_t n)
{
	return n >= 6 && n <= 16;
}

/*
 * Every guess costs a try before it is looked at, and a right one gives all
 * of them back.
 */
static uint16_t
try_pin(struct vhsm *v, struct vh_pin *pin, struct span guess)
{
	uint8_t before = pin->tries;

	if (pin->n == 0)
		return SW_REFERENCE;
	if (pin->tries == 0)
		return SW_BLOCKED;
	pin->tries--;
	if (guess.n == pin->n &&
	    CRYPTO_memcmp(guess.p, pin->value, pin->n) == 0) {
		pin->tries = pin->max;
		v->st.dirty |= before != pin->max;
		return SW_OK;
	}
	v->st.dirty = true;
	return (uint16_t)(SW_TRIES | pin->tries);
}

uint16_t
vh_pin_try_so(struct vhsm *v, struct span guess)
{
	uint16_t sw = try_pin(v, &v->st.so, guess);

	if (sw != SW_OK)
		v->session.so = false;
	return sw;
}

static uint16_t
try_user(struct vhsm *v, struct span guess)
{
	uint8_t before = v->st.user.tries;
	uint16_t sw = try_pin(v, &v->st.user, guess);

	if (sw == SW_OK)
		return sw;
	v->pins.lost += v->st.user.tries < before;
	v->session.user = false;
	return sw;
}

static void
set_pin(struct vhsm *v, struct vh_pin *pin, struct span value)
{
	memset(pin->value, 0, sizeof(pin->value));
	memcpy(pin->value, value.p, value.n);
	pin->n = (uint8_t)value.n;
	pin->tries = pin->max;
	v->st.dirty = true;
}

static uint16_t
status(const struct vh_pin *pin, bool in)
{
	if (pin->tries == 0)
		return SW_BLOCKED;
	return in ? SW_OK : (uint16_t)(SW_TRIES | pin->tries);
}

static uint16_t
verify_user(struct vhsm *v, struct span guess)
{
	uint16_t sw;

	if (v->pka_sw != 0)
		return v->pka_sw;
	if (v->st.user.n == 0)
		return v->opt.major < 2 ? SW_INVALIDATED : SW_REFERENCE;
	if (guess.n != 0 && !vh_pin_is_user_size(guess.n))
		return SW_DATA;
	if (v->st.transport && v->st.user.tries != 0)
		return SW_INVALIDATED;
	if (guess.n == 0)
		return status(&v->st.user, v->session.user);
	if ((sw = try_user(v, guess)) == SW_OK)
		v->session.user = true;
	return sw;
}

static uint16_t
verify_so(struct vhsm *v, struct span guess)
{
	uint16_t sw;

	if (v->st.so.n == 0)
		return SW_REFERENCE;
	if (guess.n == 0)
		return status(&v->st.so, v->session.so);
	if (guess.n != 8)
		return SW_DATA;
	if ((sw = vh_pin_try_so(v, guess)) == SW_OK)
		v->session.so = true;
	return sw;
}

uint16_t
vh_pin_verify(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	(void)out;
	if (a->p1 != 0)
		return SW_P1P2;
	switch (a->p2) {
	case USER:
		return verify_user(v, a->data);
	case SO:
		return verify_so(v, a->data);
	case 0x85: case 0x86:		/* biometric templates */
		return SW_REFERENCE;
	}
	return SW_P1P2;
}

/* The old PIN is as long as the card knows it to be; the rest is new. */
uint16_t
vh_pin_change(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	bool user = a->p2 == USER;
	struct vh_pin *pin = user ? &v->st.user : &v->st.so;
	struct span old, new = a->data;
	uint16_t sw;

	(void)out;
	if (a->p1 != 0 || (!user && a->p2 != SO))
		return SW_P1P2;
	if (pin->n == 0)
		return SW_REFERENCE;
	if (!vh_span_take(&new, pin->n, &old) ||
	    (user ? !vh_pin_is_user_size(new.n) : new.n != 8))
		return pin->tries == 0 ? SW_BLOCKED : SW_DATA;
	sw = user ? try_user(v, old) : vh_pin_try_so(v, old);
	if (sw != SW_OK)
		return sw;
	set_pin(v, pin, new);
	if (user)
		v->st.transport = false;
	return SW_OK;
}

/* P1: bit 0 set, only the counter; bit 1 set, the SO is logged in. */
uint16_t
vh_pin_reset(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	bool counter_only = (a->p1 & 1) != 0;
	unsigned need = VH_OPTION_RRC;
	struct span so, new = a->data;
	uint16_t sw;

	(void)out;
	if (a->p1 > 3 || a->p2 != USER)
		return SW_P1P2;
	if (v->st.user.n == 0)
		return SW_REFERENCE;
	if (counter_only)
		need |= VH_OPTION_RRC_ONLY;
	else if ((v->st.options & VH_OPTION_RRC_ONLY) != 0)
		need = 0;
	if ((v->st.options & need) == 0 || (v->opt.pico && counter_only &&
	    (v->st.options & need) != need))
		return SW_CONDITIONS;
	if ((a->p1 & 2) != 0) {
		if (!v->session.so)
			return SW_SECURITY;
	} else if (!vh_span_take(&new, 8, &so)) {
		return SW_DATA;
	}
	if (counter_only ? new.n != 0 : !vh_pin_is_user_size(new.n))
		return SW_DATA;
	if ((a->p1 & 2) == 0 && (sw = vh_pin_try_so(v, so)) != SW_OK)
		return sw;
	if (!counter_only)
		set_pin(v, &v->st.user, new);
	v->st.user.tries = v->st.user.max;
	v->st.dirty = true;
	return SW_OK;
}

/* Status of public key authentication: one of two keys, none registered. */
uint16_t
vh_pin_pka(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	static const uint8_t state[] = { 2, 2, 1, 0 };
	struct span s = { state, sizeof(state) };

	if (v->pka_sw == 0)
		return SW_INS;
	if (vh_apdu_p1p2(a) != 0)
		return SW_P1P2;
	if (a->data.n != 0)
		return SW_NOT_SUPPORTED;
	vh_buf_put(out, s);
	return SW_OK;
}
