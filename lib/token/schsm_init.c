/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "token/schsm_init.h"
#include "token/schsm_pin.h"
#include "token/schsm_relabel.h"

#define INS_INITIALIZE		0x50
#define OPTION_PIN_RESET	0x0001
#define SW_CONDITIONS		0x6985

enum tag {
	TAG_OPTIONS = 0x80,
	TAG_PIN = 0x81,
	TAG_SO_PIN = 0x82,
	TAG_TRIES = 0x91,
	TAG_SHARES = 0x92,
};

static bool
put(struct secret *to, enum tag tag, const void *p, size_t n)
{
	const uint8_t head[] = { (uint8_t)tag, (uint8_t)n };

	return secret_add(to, head, sizeof(head)) == 0 &&
	    secret_add(to, p, n) == 0;
}

static bool
put_secret(struct secret *to, enum tag tag, const struct secret *s)
{
	return put(to, tag, secret_bytes(s), secret_len(s));
}

static bool
put_all(struct secret *to, const struct token_setup *s)
{
	const uint8_t options[] = { 0, s->pin_reset ? OPTION_PIN_RESET : 0 };
	const uint8_t tries = (uint8_t)s->tries;
	const uint8_t shares = (uint8_t)s->dkek_shares;

	return put(to, TAG_OPTIONS, options, sizeof(options)) &&
	    put_secret(to, TAG_PIN, s->pin) &&
	    put_secret(to, TAG_SO_PIN, s->so_pin) &&
	    put(to, TAG_TRIES, &tries, 1) &&
	    (s->dkek_shares < 0 || put(to, TAG_SHARES, &shares, 1));
}

static int
initialize(struct schsm_card *c, const struct token_setup *s, struct err *e)
{
	struct apdu a = { .cla = 0x80, .ins = INS_INITIALIZE,
	    .secret = true };
	struct secret *data = secret_new();
	uint8_t none[1];
	size_t n = sizeof(none);
	uint16_t sw;
	int r;

	if (data == NULL || !put_all(data, s)) {
		secret_free(data);
		return err_set(e, ERR_NOMEM, 0, "INITIALIZE");
	}
	a.data = (struct span){ secret_bytes(data), secret_len(data) };
	r = schsm_card_send(c, &a, none, &n, &sw, e);
	secret_free(data);
	if (r != 0)
		return err_wrap(e, "INITIALIZE");
	if (sw == SW_CONDITIONS)
		return err_set(e, ERR_DENIED, sw, "the token does not let "
		    "itself be set up anew (%04x)", sw);
	return schsm_pin_judge(SCHSM_SO_PIN, sw, "INITIALIZE", e);
}

/* Only a token that was never set up has no SO-PIN yet. */
static int
check_so(struct schsm_card *c, bool last_too, struct err *e)
{
	enum token_pin_state st;
	int r, tries;

	if ((r = schsm_pin_state(c, SCHSM_SO_PIN, &st, &tries, e)) != 0)
		return r;
	return st == TOKEN_PIN_UNSET ? 0 :
	    token_so_sendable(st, tries, last_too, e);
}

int
schsm_init(struct schsm_card *c, const struct token_setup *s, struct err *e)
{
	int r;

	if ((r = token_setup_check(s, e)) != 0 ||
	    (r = check_so(c, s->last_too, e)) != 0 ||
	    (r = initialize(c, s, e)) != 0)
		return r;
	if ((r = schsm_pin_verify(c, s->pin, e)) != 0 ||
	    (r = schsm_relabel_token(c, s->label, e)) != 0 ||
	    (r = schsm_card_select(c, e)) != 0)
		return err_wrap(e, "the token is set up, but has no label yet "
		    "(\"hsm-keyutil label --token-itself\")");
	return 0;
}
