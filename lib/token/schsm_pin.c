/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token/schsm_pin.h"

#define INS_VERIFY	0x20
#define PIN_MIN		6
#define PIN_MAX		16

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
	    (r = token_pin_sendable(st, tries, e)) != 0 ||
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
