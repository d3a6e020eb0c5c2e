/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token/manage.h"
#include "token/pinpad.h"
#include "token/schsm_pin.h"

#define INS_VERIFY	0x20
#define INS_CHANGE	0x24
#define INS_RESET	0x2c		/* RESET RETRY COUNTER */
#define SW_TRANSPORT	0x6984
#define SW_CONDITIONS	0x6985
#define SW_DATA		0x6a80
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

static int
ask_state(struct schsm_card *c, enum schsm_pin_ref ref,
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
	} else if (sw == SW_TRANSPORT) {
		*st = TOKEN_PIN_TRANSPORT;
	} else if (sw == 0x6a88) {
		*st = TOKEN_PIN_UNSET;
	}
	if (*st == TOKEN_PIN_NEEDED && *tries == 0)
		*st = TOKEN_PIN_BLOCKED;
	return 0;
}

/*
 * Some firmware says "transport PIN" also before the first INITIALIZE: then
 * there is no SO-PIN.
 */
int
schsm_pin_state(struct schsm_card *c, enum schsm_pin_ref ref,
    enum token_pin_state *st, int *tries, struct err *e)
{
	enum token_pin_state so;
	int r, so_tries;

	if ((r = ask_state(c, ref, st, tries, e)) != 0 ||
	    ref != SCHSM_USER_PIN || *st != TOKEN_PIN_TRANSPORT)
		return r;
	if ((r = ask_state(c, SCHSM_SO_PIN, &so, &so_tries, e)) != 0)
		return r;
	if (so != TOKEN_PIN_NEEDED && so != TOKEN_PIN_VERIFIED &&
	    so != TOKEN_PIN_BLOCKED)
		*st = TOKEN_PIN_UNSET;
	return 0;
}

static int
verify_on_pad(struct schsm_card *c, uint16_t *sw, struct err *e)
{
	static const uint8_t header[4] = { 0, INS_VERIFY, 0, SCHSM_USER_PIN };

	return pinpad_verify(&c->io, c->pad, header, TOKEN_PIN_MIN,
	    PAD_PIN_MAX, sw, e);
}

int
schsm_pin_judge(enum schsm_pin_ref ref, uint16_t sw, const char *command,
    struct err *e)
{
	const char *name = ref == SCHSM_SO_PIN ? "SO-PIN" : "PIN";
	const int left = sw & 0xf;

	if (sw == SW_OK)
		return 0;
	if (says_tries(sw) && left > 0)
		return err_set(e, ERR_PIN_WRONG, left, "wrong %s, %d %s left",
		    name, left, left == 1 ? "try" : "tries");
	if (says_tries(sw) || sw == SW_BLOCKED)
		return err_set(e, ERR_PIN_WRONG, 0,
		    "wrong %s, and it is blocked now%s", name,
		    ref == SCHSM_SO_PIN ? " for ever" :
		    "; \"hsm-keyutil pin unblock\" sets a new one, with the "
		    "SO-PIN");
	return err_set(e, ERR_TOKEN, sw, "%s: the card says %04x", command,
	    sw);
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
		return schsm_pin_judge(SCHSM_USER_PIN, sw, "VERIFY", e);
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

static bool
is_pin_size(const struct secret *pin)
{
	return secret_len(pin) >= TOKEN_PIN_MIN &&
	    secret_len(pin) <= TOKEN_PIN_MAX;
}

static int
wrong_size(struct err *e)
{
	return err_set(e, ERR_DENIED, -1, "a PIN has %d to %d characters; "
	    "nothing was sent to the token", TOKEN_PIN_MIN, TOKEN_PIN_MAX);
}

static int
wrong_so_size(struct err *e)
{
	return err_set(e, ERR_DENIED, -1, "a SO-PIN has %d bytes; nothing "
	    "was sent to the token", TOKEN_SO_PIN_BYTES);
}

static int
verify_user(struct schsm_card *c, const struct secret *pin, bool last_too,
    struct err *e)
{
	enum token_pin_state st;
	int r, tries;
	uint16_t sw;

	c->pin_doubt = 0;
	if (pin != NULL && !is_pin_size(pin))
		return wrong_size(e);
	if ((r = schsm_pin_state(c, SCHSM_USER_PIN, &st, &tries, e)) != 0)
		return r;
	c->had_login = st == TOKEN_PIN_VERIFIED;
	if ((!last_too || st != TOKEN_PIN_NEEDED) &&
	    (r = token_pin_sendable(st, tries, e)) != 0)
		return r;
	if (pin == NULL)
		return (r = verify_on_pad(c, &sw, e)) != 0 ? r :
		    pad_result(sw, e);
	return (r = send_pin(c, pin, tries, &sw, e)) != 0 ? r :
	    schsm_pin_judge(SCHSM_USER_PIN, sw, "VERIFY", e);
}

int
schsm_pin_verify(struct schsm_card *c, const struct secret *pin,
    struct err *e)
{
	return verify_user(c, pin, false, e);
}

int
schsm_pin_verify_last(struct schsm_card *c, const struct secret *pin,
    struct err *e)
{
	return verify_user(c, pin, true, e);
}

/* Send what proves the right to it, and the new PIN behind. */
static int
send_pair(struct schsm_card *c, struct apdu *a, const struct secret *proof,
    const struct secret *new, uint16_t *sw, struct err *e)
{
	struct secret *both = secret_new();
	uint8_t none[1];
	size_t n = sizeof(none);
	int r;

	if (both == NULL || secret_add(both, secret_bytes(proof),
	    secret_len(proof)) != 0 || secret_add(both, secret_bytes(new),
	    secret_len(new)) != 0) {
		secret_free(both);
		return err_set(e, ERR_NOMEM, 0, "PIN");
	}
	a->data = (struct span){ secret_bytes(both), secret_len(both) };
	a->secret = true;
	r = schsm_card_send(c, a, none, &n, sw, e);
	secret_free(both);
	return r;
}

static int
not_wanted(uint16_t sw, struct err *e)
{
	return err_set(e, ERR_DENIED, sw, "the token does not take this new "
	    "PIN (%04x): with so many tries as it has, it may want a longer "
	    "one", sw);
}

/*
 * The card cuts the old PIN from the new one by the length it knows, so one
 * that is too short might be completed by the new one: it is verified alone
 * before.  A transport PIN cannot be.
 */
int
schsm_pin_change(struct schsm_card *c, const struct secret *old,
    const struct secret *new, bool last_too, struct err *e)
{
	struct apdu a = { .ins = INS_CHANGE, .p2 = SCHSM_USER_PIN };
	enum token_pin_state st;
	int r, tries;
	uint16_t sw;

	if (!is_pin_size(old) || !is_pin_size(new))
		return wrong_size(e);
	if ((r = schsm_pin_state(c, SCHSM_USER_PIN, &st, &tries, e)) != 0 ||
	    (r = token_pin_changeable(st, tries, last_too, e)) != 0)
		return r;
	if (st != TOKEN_PIN_TRANSPORT &&
	    (r = verify_user(c, old, last_too, e)) != 0)
		return r;
	if ((r = send_pair(c, &a, old, new, &sw, e)) != 0)
		return err_wrap(e, "CHANGE REFERENCE DATA");
	if (sw == SW_DATA || sw == SW_WRONG_LENGTH || sw == SW_CONDITIONS)
		return not_wanted(sw, e);
	return schsm_pin_judge(SCHSM_USER_PIN, sw, "CHANGE REFERENCE DATA",
	    e);
}

/* Nothing is sent unless the tries are known, and this is not the last. */
static int
may_send_so(struct schsm_card *c, const struct secret *so_pin, bool last_too,
    struct err *e)
{
	enum token_pin_state st;
	int r, tries;

	if (secret_len(so_pin) != TOKEN_SO_PIN_BYTES)
		return wrong_so_size(e);
	if ((r = schsm_pin_state(c, SCHSM_SO_PIN, &st, &tries, e)) != 0)
		return r;
	return token_so_sendable(st, tries, last_too, e);
}

int
schsm_pin_change_so(struct schsm_card *c, const struct secret *old,
    const struct secret *new, bool last_too, struct err *e)
{
	struct apdu a = { .ins = INS_CHANGE, .p2 = SCHSM_SO_PIN };
	uint16_t sw;
	int r;

	if (secret_len(new) != TOKEN_SO_PIN_BYTES)
		return wrong_so_size(e);
	if ((r = may_send_so(c, old, last_too, e)) != 0)
		return r;
	if ((r = send_pair(c, &a, old, new, &sw, e)) != 0)
		return err_wrap(e, "CHANGE REFERENCE DATA");
	return schsm_pin_judge(SCHSM_SO_PIN, sw, "CHANGE REFERENCE DATA", e);
}

int
schsm_pin_unblock(struct schsm_card *c, const struct secret *so_pin,
    const struct secret *new, bool last_too, struct err *e)
{
	struct apdu a = { .ins = INS_RESET, .p2 = SCHSM_USER_PIN };
	uint16_t sw;
	int r;

	if (!is_pin_size(new))
		return wrong_size(e);
	if ((r = may_send_so(c, so_pin, last_too, e)) != 0)
		return r;
	if ((r = send_pair(c, &a, so_pin, new, &sw, e)) != 0)
		return err_wrap(e, "RESET RETRY COUNTER");
	if (sw == SW_CONDITIONS)
		return err_set(e, ERR_DENIED, sw, "this token was set up so "
		    "that its SO-PIN cannot set a PIN; once the PIN is "
		    "blocked, only \"hsm-keyutil init\" helps, which "
		    "destroys the keys");
	if (sw == SW_DATA || sw == SW_WRONG_LENGTH)
		return not_wanted(sw, e);
	return schsm_pin_judge(SCHSM_SO_PIN, sw, "RESET RETRY COUNTER", e);
}
