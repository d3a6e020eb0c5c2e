/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token/schsm_pin.h"

#define INS_VERIFY	0x20
#define PIN_MIN		6
#define PIN_MAX		16

/* A mistake of ours must never lock a card: the last try is the user's. */
#define TRIES_KEPT	1

static int
verify(struct schsm_card *c, enum schsm_pin_ref ref, const struct secret *pin,
    uint16_t *sw, struct err *e)
{
	struct apdu a = { .ins = INS_VERIFY, .p2 = (uint8_t)ref };
	uint8_t none[1];
	size_t n = sizeof(none);
	int r;

	if (pin != NULL) {
		a.data = (struct span){ secret_bytes(pin), secret_len(pin) };
		a.secret = true;
	}
	if ((r = schsm_card_send(c, &a, none, &n, sw, e)) != 0)
		return err_wrap(e, "VERIFY");
	return 0;
}

static bool
says_tries(uint16_t sw)
{
	return (sw & 0xfff0) == 0x63c0;
}

int
schsm_pin_state(struct schsm_card *c, enum schsm_pin_ref ref,
    enum token_pin_state *st, int *tries, struct err *e)
{
	uint16_t sw;
	int r;

	*st = TOKEN_PIN_UNKNOWN;
	*tries = -1;
	if ((r = verify(c, ref, NULL, &sw, e)) != 0)
		return r;
	if (schsm_sw_unselected(sw))
		return err_set(e, ERR_UNSUPPORTED, sw,
		    "the SmartCard-HSM applet is not selected");
	if (says_tries(sw)) {
		*st = TOKEN_PIN_NEEDED;
		*tries = sw & 0xf;
	} else if (sw == SW_OK) {
		*st = TOKEN_PIN_VERIFIED;
	} else if (sw == SW_BLOCKED) {
		*st = TOKEN_PIN_BLOCKED;
	} else if (sw == 0x6984) {
		*st = TOKEN_PIN_TRANSPORT;
	} else if (sw == 0x6a88) {
		*st = TOKEN_PIN_UNSET;
	}
	if (*st == TOKEN_PIN_NEEDED && *tries == 0)
		*st = TOKEN_PIN_BLOCKED;
	return 0;
}

/* 0 when the state lets a PIN be sent without spending the last try. */
static int
may_send(enum token_pin_state st, int tries, struct err *e)
{
	switch (st) {
	case TOKEN_PIN_VERIFIED:
		/* The counter is full: the last VERIFY was a right one. */
		return 0;
	case TOKEN_PIN_NEEDED:
		if (tries > TRIES_KEPT)
			return 0;
		return err_set(e, ERR_DENIED, tries,
		    "one PIN try left, and the agent never spends the last "
		    "one; log in once with \"pkcs11-tool --login -O\" "
		    "if you are sure of the PIN");
	case TOKEN_PIN_BLOCKED:
		return err_set(e, ERR_PIN_BLOCKED, 0,
		    "the PIN is blocked; it can be set anew with the SO-PIN");
	case TOKEN_PIN_TRANSPORT:
	case TOKEN_PIN_UNSET:
		return err_set(e, ERR_PIN_BLOCKED, 0,
		    "no PIN is set: the token is not initialised, or has a "
		    "transport PIN that must be changed first");
	case TOKEN_PIN_UNKNOWN:
		break;
	}
	return err_set(e, ERR_UNSUPPORTED, 0,
	    "the token does not take a PIN (public-key authentication?)");
}

int
schsm_pin_verify(struct schsm_card *c, const struct secret *pin,
    struct err *e)
{
	enum token_pin_state st;
	int r, tries;
	uint16_t sw;

	if (secret_len(pin) < PIN_MIN || secret_len(pin) > PIN_MAX)
		return err_set(e, ERR_DENIED, -1,
		    "a PIN has %d to %d characters; nothing was sent to the "
		    "token", PIN_MIN, PIN_MAX);
	if ((r = schsm_pin_state(c, SCHSM_USER_PIN, &st, &tries, e)) != 0 ||
	    (r = may_send(st, tries, e)) != 0 ||
	    (r = verify(c, SCHSM_USER_PIN, pin, &sw, e)) != 0)
		return r;
	if (sw == SW_OK)
		return 0;
	if (says_tries(sw))
		return err_set(e, ERR_PIN_WRONG, sw & 0xf,
		    "wrong PIN, %d %s left", sw & 0xf,
		    (sw & 0xf) == 1 ? "try" : "tries");
	if (sw == SW_BLOCKED)
		return err_set(e, ERR_PIN_WRONG, 0,
		    "wrong PIN, and it is blocked now");
	return err_set(e, ERR_TOKEN, sw, "VERIFY: the card says %04x", sw);
}
