/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token/pinpad.h"
#include "token/schsm_pin.h"

#define INS_VERIFY	0x20
#define PIN_MIN		6
#define PIN_MAX		16
#define PAD_PIN_MAX	15		/* what readers are known to take */

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
		return schsm_err_unselected(e, sw);
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

static int
verify_on_pad(struct schsm_card *c, uint16_t *sw, struct err *e)
{
	static const uint8_t header[4] = { 0, INS_VERIFY, 0, SCHSM_USER_PIN };

	return pinpad_verify(&c->io, c->pad, header, PIN_MIN, PAD_PIN_MAX, sw,
	    e);
}

static int
verify_result(uint16_t sw, struct err *e)
{
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

/* The reader has status words of its own for what never got to the card. */
static int
pad_result(uint16_t sw, struct err *e)
{
	switch (sw) {
	case SW_PAD_TIMEOUT:
		return err_set(e, ERR_CANCELLED, sw,
		    "no PIN was typed at the reader in time");
	case SW_PAD_CANCELLED:
		return err_set(e, ERR_CANCELLED, sw,
		    "cancelled at the reader");
	case SW_PAD_LENGTH:
		return err_set(e, ERR_DENIED, -1,
		    "the PIN typed at the reader was too short or too long; "
		    "nothing was sent to the token");
	default:
		return verify_result(sw, e);
	}
}

/* An answer that was lost says nothing: the PIN may have cost a try. */
static int
send_pin(struct schsm_card *c, const struct secret *pin, int tries,
    uint16_t *sw, struct err *e)
{
	int r = verify(c, SCHSM_USER_PIN, pin, sw, e);

	if (r != 0 && r != ERR_AGAIN)
		c->pin_doubt = tries > 0 ? tries : SCHSM_TRIES_MAX;
	return r;
}

int
schsm_pin_verify(struct schsm_card *c, const struct secret *pin,
    struct err *e)
{
	enum token_pin_state st;
	int r, tries;
	uint16_t sw;

	c->pin_doubt = 0;
	if (pin != NULL &&
	    (secret_len(pin) < PIN_MIN || secret_len(pin) > PIN_MAX))
		return err_set(e, ERR_DENIED, -1,
		    "a PIN has %d to %d characters; nothing was sent to the "
		    "token", PIN_MIN, PIN_MAX);
	if ((r = schsm_pin_state(c, SCHSM_USER_PIN, &st, &tries, e)) != 0 ||
	    (r = token_pin_sendable(st, tries, e)) != 0)
		return r;
	if (pin == NULL)
		return (r = verify_on_pad(c, &sw, e)) != 0 ? r :
		    pad_result(sw, e);
	return (r = send_pin(c, pin, tries, &sw, e)) != 0 ? r :
	    verify_result(sw, e);
}
