/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "ssh/key.h"
#include "ssh/sig.h"
#include "token/pinpad.h"
#include "token/schsm.h"
#include "token/schsm_card.h"
#include "token/schsm_info.h"
#include "token/schsm_keys.h"
#include "token/schsm_manage.h"
#include "token/schsm_pin.h"

#define INS_SIGN	0x68
#define SIGN_RSA_RAW	0x20
#define SIGN_ECDSA	0x70
#define SERIAL_MIN	8		/* no chance word in a name */
#define RSA_BYTES_MAX	512		/* RSA-4096 */

enum card_state {
	READY,
	UNSELECTED,			/* the applet, on the same card */
	UNSURE,				/* nor is it sure to be that card */
};

struct schsm {
	struct token		 base;
	struct schsm_card	 card;
	struct sig_verifier	*verifier;	/* of the key used last */
	enum card_state		 state;
	bool			 built_in;	/* the card is the reader */
};

static struct schsm *
of(struct token *t)
{
	return (struct schsm *)t;
}

static int
check_serial(struct schsm *s, struct err *e)
{
	char serial[sizeof(s->base.serial)];
	int r;

	if ((r = schsm_serial(&s->card, serial, sizeof(serial), e)) != 0)
		return r;
	if (strcmp(serial, s->base.serial) != 0)
		return err_set(e, ERR_TOKEN_GONE, 0,
		    "token %s was replaced by token %s", s->base.serial,
		    serial);
	return 0;
}

/*
 * Select the applet, and make sure that the card is still the one that was
 * opened: a PIN must not reach another (promise 2).  What is not found out
 * now stays to be found out.
 */
struct schsm_card *
schsm_card_of(struct token *t)
{
	return &of(t)->card;
}

static int
make_ready(struct schsm *s, struct err *e)
{
	int r;

	if (s->state == READY)
		return 0;
	if ((r = schsm_card_select(&s->card, e)) == ERR_UNSUPPORTED)
		return err_set(e, ERR_TOKEN_GONE, 0,
		    "token %s was replaced by another card", s->base.serial);
	if (r != 0 || (s->state == UNSURE && (r = check_serial(s, e)) != 0))
		return r;
	s->state = READY;
	return 0;
}

/* The applet is not selected any more; who knows what else happened? */
static enum card_state
lost(const struct schsm *s)
{
	return s->built_in ? UNSELECTED : UNSURE;
}

/*
 * After a command that found the applet not selected.  Nobody has told why:
 * another program selected another applet, or somebody was very quick.
 */
static int
select_again(struct schsm *s, struct err *e)
{
	s->state = lost(s);
	return make_ready(s, e);
}

static int
begin_once(struct schsm *s, struct err *e)
{
	enum card_since since;
	int r;

	if ((r = s->card.io.begin(s->card.io.ctx, &since, e)) != 0)
		return r;
	if (since == CARD_UNSURE || (since == CARD_RESET && !s->built_in))
		s->state = UNSURE;
	else if (since == CARD_RESET && s->state == READY)
		s->state = UNSELECTED;
	if ((r = make_ready(s, e)) != 0)
		s->card.io.end(s->card.io.ctx);
	return r;
}

/* Somebody may reset the card just as we take it. */
static int
begin(struct token *t, struct err *e)
{
	int r = begin_once(of(t), e);

	return r == ERR_AGAIN ? begin_once(of(t), e) : r;
}

static void
end(struct token *t)
{
	of(t)->card.io.end(of(t)->card.io.ctx);
}

/* Another program may have selected another applet: one more try then. */
static int
pin_state(struct token *t, enum token_pin_state *st, int *tries,
    struct err *e)
{
	struct schsm *s = of(t);
	int r;

	r = schsm_pin_state(&s->card, SCHSM_USER_PIN, st, tries, e);
	if (r == ERR_UNSUPPORTED && (r = select_again(s, e)) == 0)
		r = schsm_pin_state(&s->card, SCHSM_USER_PIN, st, tries, e);
	return r;
}

static int
info(struct token *t, unsigned int parts, struct token_info *i,
    struct err *e)
{
	struct schsm *s = of(t);
	int r;

	if (i->known == 0)
		schsm_info_start(&s->card, t->serial, i);
	r = schsm_info(&s->card, parts, i, e);
	if (r == ERR_UNSUPPORTED && (r = select_again(s, e)) == 0)
		r = schsm_info(&s->card, parts, i, e);
	return r;
}

static int
list(struct token *t, const struct token_keys *known, struct token_keys *out,
    struct err *e)
{
	struct schsm *s = of(t);
	int r;

	r = schsm_keys_list(&s->card, known, out, e);
	if (r == ERR_UNSUPPORTED && (r = select_again(s, e)) == 0)
		r = schsm_keys_list(&s->card, known, out, e);
	return r;
}

static int
login(struct token *t, const struct secret *pin, struct err *e)
{
	struct schsm *s = of(t);
	int r;

	/* Here, as ERR_UNSUPPORTED means below that the applet is gone. */
	if (pin == NULL && !t->has_pad)
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "the reader has no PIN pad");
	if ((r = make_ready(s, e)) != 0)
		return r;
	r = schsm_pin_verify(&s->card, pin, e);
	if (r == ERR_UNSUPPORTED && (r = select_again(s, e)) == 0)
		r = schsm_pin_verify(&s->card, pin, e);
	t->pin_doubt = s->card.pin_doubt;
	t->had_login = s->card.had_login;
	return r;
}

/* The applet has no other way to log out (facts/smartcard-hsm 2.3). */
static int
logout(struct token *t, struct err *e)
{
	return schsm_card_select(&of(t)->card, e);
}

/* Why the card refused to sign (facts/smartcard-hsm 5.7). */
static int
sign_error(struct schsm *s, uint16_t sw, struct err *e)
{
	switch (sw) {
	case SW_INS_UNKNOWN:
	case SW_CLA_UNKNOWN:
		s->state = lost(s);
		return err_set(e, ERR_PIN_NEEDED, -1,
		    "another program selected another applet");
	case SW_SECURITY_STATUS:
		return err_set(e, ERR_PIN_NEEDED, -1, "the PIN is needed");
	case 0x6984:
	case 0x6a84:
		return err_set(e, ERR_TOKEN, sw,
		    "the key's use counter is used up");
	case 0x6a81:
	case 0x6985:
		return err_set(e, ERR_TOKEN, sw,
		    "the key was made with a list of allowed algorithms, and "
		    "this one is not in it");
	case SW_NOT_FOUND:
	case 0x6a88:
		return err_set(e, ERR_STALE, sw,
		    "the key is no longer on the token");
	case SW_WRONG_LENGTH:
		return err_set(e, ERR_TOKEN, sw,
		    "the reader or the token takes no APDU of this length "
		    "(RSA needs a reader with extended length)");
	default:
		return err_set(e, ERR_TOKEN, sw, "SIGN: the card says %04x",
		    sw);
	}
}

static int
card_sign(struct schsm *s, uint8_t ref, uint8_t alg, struct span in,
    size_t le, uint8_t *out, size_t *n, struct err *e)
{
	const struct apdu a = { .cla = 0x80, .ins = INS_SIGN, .p1 = ref,
	    .p2 = alg, .data = in, .le = le };
	uint16_t sw;
	int r;

	if ((r = schsm_card_send(&s->card, &a, out, n, &sw, e)) != 0)
		return err_wrap(e, "SIGN");
	return sw == SW_OK ? 0 : sign_error(s, sw, e);
}

/* The card answered what is no signature by the key that was known. */
static int
stale(struct err *e)
{
	e->code = ERR_STALE;
	return err_wrap(e, "what the token returned is no signature by the "
	    "key it had");
}

static int
sign_rsa(struct schsm *s, uint8_t ref, enum sig_alg alg, size_t len,
    const struct sig_digest *md, struct wire_w *sig, struct err *e)
{
	uint8_t block[RSA_BYTES_MAX], raw[RSA_BYTES_MAX];
	size_t n = sizeof(raw);
	int r;

	if (len > sizeof(block))
		return err_set(e, ERR_LIMIT, 0, "RSA key of %zu bits", 8 * len);
	if ((r = sig_rsa_block(alg, md, block, len, e)) != 0 ||
	    (r = card_sign(s, ref, SIGN_RSA_RAW, (struct span){ block, len },
	    len, raw, &n, e)) != 0)
		return r;
	if (sig_put_rsa(sig, alg, (struct span){ raw, n }, len, e) != 0)
		return stale(e);
	return 0;
}

static int
sign_ecdsa(struct schsm *s, uint8_t ref, enum sig_alg alg,
    const struct sig_digest *md, struct wire_w *sig, struct err *e)
{
	uint8_t der[256];
	size_t n = sizeof(der);
	int r;

	if ((r = card_sign(s, ref, SIGN_ECDSA,
	    (struct span){ md->bytes, md->n }, 256, der, &n, e)) != 0)
		return r;
	if (sig_put_ecdsa_der(sig, alg, (struct span){ der, n }, e) != 0)
		return stale(e);
	return 0;
}

static int
verifier_for(struct schsm *s, struct span blob, struct err *e)
{
	if (s->verifier != NULL &&
	    span_eq(sig_verifier_blob(s->verifier), blob))
		return 0;
	sig_verifier_free(s->verifier);
	s->verifier = NULL;
	return sig_verifier_new(&s->verifier, blob, e);
}

/*
 * A signature goes out only if it verifies.  One that does not, or is none,
 * was made with another key in the place of the one that was known, or what
 * was known is no key.
 */
static int
check(struct schsm *s, struct span blob, enum sig_alg alg,
    const struct sig_digest *md, struct span sig, struct err *e)
{
	int r;

	if ((r = verifier_for(s, blob, e)) == 0)
		r = sig_verifier_check(s->verifier, alg, md, sig, e);
	return r == 0 || r == ERR_NOMEM ? r : stale(e);
}

/* A card may refuse because another kind of key took the place of k. */
static int
why(struct schsm *s, const struct token_key *k, int r, struct err *e)
{
	struct err other;

	if (r == ERR_TOKEN &&
	    schsm_keys_check(&s->card, k, &other) == ERR_STALE)
		*e = other;
	return (int)e->code;
}

static int
sign_with(struct schsm *s, const struct token_key *k, enum sig_alg alg,
    struct span data, struct wire_w *sig, struct err *e)
{
	struct span blob = { k->blob, k->blob_n };
	uint8_t ref = (uint8_t)strtoul(k->ref, NULL, 16);
	struct sig_digest md;
	struct key key;
	int r;

	if ((r = key_parse(blob, &key, e)) != 0 ||
	    (r = sig_hash(alg, data, &md, e)) != 0)
		return r;
	if (!sig_alg_fits(alg, key.type) || key.type == KEY_ED25519)
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "%s with a key of another kind", sig_alg_name(alg));
	if (key.type == KEY_RSA)
		r = sign_rsa(s, ref, alg, key.n.n, &md, sig, e);
	else
		r = sign_ecdsa(s, ref, alg, &md, sig, e);
	if (r != 0)
		return why(s, k, r, e);
	return check(s, blob, alg, &md, wire_bytes(sig), e);
}

static int
sign(struct token *t, const struct token_key *k, enum sig_alg alg,
    struct span data, struct wire_w *sig, struct err *e)
{
	struct wire_w w;
	int r;

	if (!wire_write(&w, SIG_BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "signature");
	if ((r = sign_with(of(t), k, alg, data, &w, e)) == 0) {
		wire_put_raw(sig, wire_bytes(&w));
		if (sig->bad)
			r = err_set(e, ERR_NOMEM, 0, "signature");
	}
	wire_free(&w);
	return r;
}

static void
close_token(struct token *t)
{
	of(t)->card.io.close(of(t)->card.io.ctx);
	sig_verifier_free(of(t)->verifier);
	free(t);
}

static const struct token_ops schsm_ops = {
	.begin = begin,
	.end = end,
	.info = info,
	.pin_state = pin_state,
	.list = list,
	.login = login,
	.logout = logout,
	.sign = sign,
	.close = close_token,
};

/* JCOP puts "HSM1" into the historical bytes (facts/smartcard-hsm 1.1). */
static bool
atr_is_known(struct span atr)
{
	return atr.n > 0 && memmem(atr.p, atr.n, "HSM1", 4) != NULL;
}

/*
 * The device certificate tells the serial number, and that the applet is
 * selected.  Where another program may be logged in it is asked for before
 * anything else, because SELECT would end that login.  A card with an
 * unknown ATR gets one SELECT, which a card without the applet refuses
 * unharmed.
 */
static int
attach(struct schsm *s, struct span atr, struct err *e)
{
	enum token_pin_state st = TOKEN_PIN_UNKNOWN;
	struct err other;
	int r, tries;

	if (!s->card.io.alone && atr_is_known(atr)) {
		r = schsm_serial(&s->card, s->base.serial,
		    sizeof(s->base.serial), e);
		if (r == 0 || r == ERR_TOKEN_GONE || r == ERR_NO_TOKEN)
			return r;
		if (r != ERR_UNSUPPORTED && schsm_pin_state(&s->card,
		    SCHSM_USER_PIN, &st, &tries, &other) == 0 &&
		    st == TOKEN_PIN_VERIFIED)
			return r;
	}
	if ((r = schsm_card_select(&s->card, e)) == 0)
		r = schsm_serial(&s->card, s->base.serial,
		    sizeof(s->base.serial), e);
	if (r == ERR_UNSUPPORTED && atr_is_known(atr))
		return err_set(e, ERR_TOKEN, 0, "the card says that it is a "
		    "SmartCard-HSM, and does not answer as one");
	return r;
}

/*
 * The card in a USB stick cannot be exchanged while its reader stays.  Such
 * a reader has the serial number in its name, which a reader with a slot
 * cannot have.
 */
static bool
is_built_in(const struct schsm *s)
{
	return s->card.io.reader != NULL &&
	    strlen(s->base.serial) >= SERIAL_MIN &&
	    strstr(s->card.io.reader, s->base.serial) != NULL;
}

static int
attach_once(struct schsm *s, struct span atr, struct err *e)
{
	enum card_since since;
	int r;

	if ((r = s->card.io.begin(s->card.io.ctx, &since, e)) != 0)
		return r;
	r = attach(s, atr, e);
	s->card.io.end(s->card.io.ctx);
	return r;
}

int
schsm_open(struct card_io io, struct span atr, struct token **out,
    struct err *e)
{
	struct schsm *s;
	int r;

	if ((s = calloc(1, sizeof(*s))) == NULL) {
		io.close(io.ctx);
		return err_set(e, ERR_NOMEM, 0, "token");
	}
	s->base.ops = &schsm_ops;
	s->base.manage = &schsm_manage_ops;
	s->card.io = io;
	r = attach_once(s, atr, e);
	/* A program that was killed amid a transaction has its card reset. */
	if (r == ERR_AGAIN)
		r = attach_once(s, atr, e);
	if (r != 0) {
		close_token(&s->base);
		return r;
	}
	s->built_in = is_built_in(s);
	s->card.pad = pinpad_find(&s->card.io);
	s->base.has_pad = s->card.pad != 0;
	*out = &s->base;
	return 0;
}
