/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/card.h"
#include "tests/unit/data.h"

static int
begin(void *ctx, enum card_since *since, struct err *e)
{
	struct card *c = ctx;

	(void)e;
	assert_false(c->in_transaction);
	c->in_transaction = true;
	*since = c->unsure ? CARD_UNSURE : c->reset ? CARD_RESET : CARD_KEPT;
	c->reset = c->unsure = false;
	return 0;
}

static void
end(void *ctx)
{
	struct card *c = ctx;

	assert_true(c->in_transaction);
	c->in_transaction = false;
}

static int
answer_with(struct span data, uint16_t sw, uint8_t *rsp, size_t *rsp_len)
{
	if (data.n > 0)
		memcpy(rsp, data.p, data.n);
	rsp[data.n] = (uint8_t)(sw >> 8);
	rsp[data.n + 1] = (uint8_t)sw;
	*rsp_len = data.n + 2;
	return 0;
}

static int
answer(uint16_t sw, uint8_t *rsp, size_t *rsp_len)
{
	return answer_with((struct span){ 0 }, sw, rsp, rsp_len);
}

static int
transmit(void *ctx, struct span cmd, uint8_t *rsp, size_t *rsp_len,
    struct err *e)
{
	struct card *c = ctx;

	assert_true(c->in_transaction || cmd.p[1] == 0x68);
	if ((c->reset || c->unsure) && !c->in_transaction)
		return err_set(e, ERR_PIN_NEEDED, -1, "the card was reset");
	if (c->busy && !c->in_transaction)
		return err_set(e, ERR_AGAIN, 0, "the card is in use");
	if (c->reset_amid > 0 && --c->reset_amid == 0) {
		vhsm_power(c->vhsm);
		c->reset = true;
		return err_set(e, ERR_AGAIN, 0, "reset meanwhile");
	}
	if (c->gone)
		return err_set(e, ERR_TOKEN_GONE, 0, "card removed");
	c->count++;
	if (cmd.p[1] == 0x20 && cmd.n > 5)
		c->verify_count++;
	if (c->fail_at > 0 && --c->fail_at == 0) {
		if (c->fail_more > 0) {
			c->fail_more--;
			c->fail_at = 1;
		}
		return answer_with(c->fail_data, c->fail_sw, rsp, rsp_len);
	}
	if (cmd.p[1] == 0x68 && c->sign_sw != 0)
		return answer(c->sign_sw, rsp, rsp_len);
	*rsp_len = vhsm_apdu(c->vhsm, cmd, rsp, *rsp_len);
	if (c->lose_at > 0 && --c->lose_at == 0) {
		vhsm_power(c->vhsm);
		return err_set(e, ERR_TOKEN_GONE, 0, "card removed");
	}
	if (cmd.p[1] == 0x68 && *rsp_len > 10)
		rsp[*rsp_len - 4] ^= c->spoil;
	return 0;
}

/* As a reader with a PIN pad: any code but that of the question is it. */
static int
control(void *ctx, uint32_t code, struct span in, uint8_t *out,
    size_t *out_len, struct err *e)
{
	struct card *c = ctx;
	uint8_t cmd[32] = { 0, 0x20, 0, 0x81 };

	if (c->features.n == 0)
		return err_set(e, ERR_TOKEN, 0, "no such control code");
	if (code == CARD_ASK_FEATURES) {
		assert_true(c->features.n <= *out_len);
		memcpy(out, c->features.p, c->features.n);
		*out_len = c->features.n;
		return 0;
	}
	assert_int_equal(code, CARD_PAD_CODE);
	assert_true(c->in_transaction && in.n <= sizeof(c->pad_block));
	memcpy(c->pad_block, in.p, in.n);
	c->pad_block_n = in.n;
	if (c->typed == NULL)
		return answer(c->pad_sw, out, out_len);
	cmd[4] = (uint8_t)strlen(c->typed);
	memcpy(cmd + 5, c->typed, cmd[4]);
	return transmit(ctx, (struct span){ cmd, 5u + cmd[4] }, out, out_len,
	    e);
}

static void
closed(void *ctx)
{
	struct card *c = ctx;

	c->closed++;
}

void
card_open(struct card *c, const struct vhsm_options *o)
{
	const struct vhsm_options plain = { 0 };
	struct err e;

	*c = (struct card){ 0 };
	assert_int_equal(vhsm_open(&c->vhsm, o != NULL ? o : &plain, &e), 0);
	if (o == NULL || !o->foreign)
		assert_int_equal(vhsm_initialise(c->vhsm, VHSM_PIN,
		    VHSM_SO_PIN, "unit", &e), 0);
	vhsm_power(c->vhsm);
}

void
card_close(struct card *c)
{
	vhsm_close(c->vhsm);
}

struct card_io
card_io(struct card *c)
{
	return (struct card_io){ .begin = begin, .end = end,
	    .transmit = transmit, .control = control, .close = closed, .ctx = c,
	    .reader = c->reader, .alone = c->alone };
}

struct span
card_atr(const struct card *c)
{
	struct span s;

	s.p = vhsm_atr(c->vhsm, &s.n);
	return s;
}

void
card_keys(struct card *c, const char *const *keys, size_t n)
{
	char type[32];
	const char *label;
	struct err e;
	uint8_t ref;

	for (size_t i = 0; i < n; i++) {
		snprintf(type, sizeof(type), "%s", keys[i]);
		type[strcspn(type, ":")] = '\0';
		label = strchr(keys[i], ':');
		assert_int_equal(vhsm_make_key(c->vhsm, type,
		    label != NULL ? label + 1 : "", (struct span){ 0 }, &ref,
		    &e), 0);
	}
}

void
card_do(struct card *c, const char *hex)
{
	struct data cmd = data_hex(hex);
	uint8_t rsp[4096];
	size_t n;

	n = vhsm_apdu_privileged(c->vhsm, data_span(&cmd), rsp, sizeof(rsp));
	assert_true(n >= 2);
	assert_int_equal(rsp[n - 2] << 8 | rsp[n - 1], 0x9000);
	data_free(&cmd);
}

static void
other_program(struct card *c, const void *cmd, size_t n)
{
	uint8_t rsp[256];
	size_t len;

	len = vhsm_apdu(c->vhsm, (struct span){ cmd, n }, rsp, sizeof(rsp));
	assert_true(len >= 2);
	assert_int_equal(rsp[len - 2] << 8 | rsp[len - 1], 0x9000);
}

void
card_login(struct card *c)
{
	static const char verify[] = "\x00\x20\x00\x81\x06" VHSM_PIN;

	other_program(c, verify, sizeof(verify) - 1);
}

void
card_logout(struct card *c)
{
	static const uint8_t select[] = { 0x00, 0xa4, 0x04, 0x00, 0x0b, 0xe8,
	    0x2b, 0x06, 0x01, 0x04, 0x01, 0x81, 0xc3, 0x1f, 0x02, 0x01, 0x00 };

	other_program(c, select, sizeof(select));
}

unsigned int
card_take_count(struct card *c)
{
	unsigned int n = c->count;

	c->count = 0;
	return n;
}
