/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "tests/vhsm/vh_card.h"
#include "tests/vhsm/vh_cvc.h"

#define NEEDS_PIN	0x01	/* 6982 unless the user is logged in */
#define MAY_TRUNCATE	0x02	/* a short Le cuts the answer */

static const struct command {
	uint8_t		 cla, ins, flags;
	vh_handler	*run;
} commands[] = {
	{ 0x00, 0x20, 0, vh_pin_verify },
	{ 0x00, 0x24, 0, vh_pin_change },
	{ 0x00, 0x2c, 0, vh_pin_reset },
	{ 0x00, 0x46, NEEDS_PIN | MAY_TRUNCATE, vh_gen_pair },
	{ 0x00, 0x48, NEEDS_PIN, vh_gen_secret },
	{ 0x00, 0xb1, 0, vh_file_read },
	{ 0x00, 0xd7, NEEDS_PIN, vh_file_update },
	{ 0x00, 0xe4, NEEDS_PIN, vh_file_delete },
	{ 0x80, 0x50, 0, vh_init_device },
	{ 0x80, 0x52, 0, vh_init_dkek },
	{ 0x80, 0x54, 0, vh_pin_pka },
	{ 0x80, 0x58, 0, vh_file_enumerate },
	{ 0x80, 0x62, NEEDS_PIN, vh_use_decipher },
	{ 0x80, 0x68, NEEDS_PIN, vh_use_sign },
	{ 0x80, 0x72, NEEDS_PIN, vh_wrap_key },
	{ 0x80, 0x74, NEEDS_PIN, vh_wrap_unwrap },
};

static uint16_t
get_challenge(const struct vh_apdu *a, struct vh_buf *out)
{
	uint8_t *p;

	if (vh_apdu_p1p2(a) != 0)
		return SW_P1P2;
	if (a->data.n != 0 || a->ne == 0 || a->ne > 1024)
		return SW_LENGTH;
	if ((p = vh_buf_add(out, a->ne)) == NULL ||
	    RAND_bytes(p, (int)a->ne) != 1)
		return SW_INTERNAL;
	return SW_OK;
}

/* Hold the answer against Le: data that nobody waits for is an error. */
static uint16_t
fit_answer(const struct vhsm *v, const struct vh_apdu *a,
    const struct command *c, struct vh_buf *out)
{
	if (out->n <= a->ne ||
	    (a->ne != 0 && v->quirk[VHSM_QUIRK_61XX_LONG]))
		return SW_OK;
	if ((c->flags & MAY_TRUNCATE) != 0) {
		out->n = a->ne;
		return SW_OK;
	}
	return a->ne != 0 && out->n <= 256 ?
	    (uint16_t)(SW_LE | (out->n & 0xff)) : SW_LENGTH;
}

static uint16_t
run_command(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	const struct command *c = NULL;
	uint16_t sw, fit;

	if (a->cla != 0x00 && a->cla != 0x80)
		return SW_CLA;
	if (a->cla == 0x00 && a->ins == 0x84)
		return get_challenge(a, out);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].cla == a->cla && commands[i].ins == a->ins)
			c = &commands[i];
	if (c == NULL)
		return SW_INS;
	if ((c->flags & NEEDS_PIN) != 0 && !v->session.user)
		return SW_SECURITY;
	sw = c->run(v, a, out);
	if (sw != SW_OK && sw != SW_EOF)
		return sw;
	fit = fit_answer(v, a, c, out);
	return fit != SW_OK ? fit : sw;
}

static uint16_t
run_apdu(struct vhsm *v, const struct vh_apdu *a, struct vh_buf *out)
{
	if (a->cla == 0x00 && a->ins == 0xa4)
		return vh_file_select(v, a, out);
	if (v->session.other)
		return vh_other_run(v, a, out);
	if (!v->session.selected)
		return SW_INS;
	return run_command(v, a, out);
}

static unsigned
habits(const struct vhsm *v)
{
	return (v->quirk[VHSM_QUIRK_6CXX] ? VH_HABIT_EXACT : 0u) |
	    (v->quirk[VHSM_QUIRK_61XX] ? VH_HABIT_FIRST : 0u) |
	    (v->quirk[VHSM_QUIRK_61XX_LONG] ? VH_HABIT_PIECES : 0u);
}

/* A user PIN came, whether or not anybody here knows what to do with it. */
static void
count_pin(struct vhsm *v, const struct vh_apdu *a)
{
	if (a->cla != 0x00 || (a->ins != 0x20 && a->ins != 0x24) ||
	    a->p2 != 0x81 || a->data.n == 0)
		return;
	v->pins.sent++;
	v->pins.strayed += v->session.other || v->opt.foreign;
}

/* As it comes from a reader: no longer than the card takes. */
static uint16_t
run_sent(struct vhsm *v, struct span cmd, struct vh_buf *out)
{
	struct vh_apdu a;
	uint16_t sw;

	if (!vh_apdu_parse(&a, cmd) || cmd.n > vh_profile_command_max(v) ||
	    (a.ext && v->quirk[VHSM_QUIRK_SHORT]))
		return SW_LENGTH;
	count_pin(v, &a);
	if (vh_habit_continue(&v->held, &a, cmd, out, &sw))
		return sw;
	sw = run_apdu(v, &a, out);
	return vh_habit_hold(&v->held, habits(v), &a, cmd, out, sw);
}

/* Write what changed, and then the answer. */
static size_t
finish(struct vhsm *v, struct vh_buf *out, uint16_t sw, uint8_t *rsp,
    size_t cap)
{
	struct err e;
	size_t n;
	bool has_data = sw == SW_OK || sw == SW_EOF ||
	    (sw & 0xff00) == SW_MORE;

	assert(cap >= 2);
	if (v->st.dirty && vh_store_save(&v->st, &e) != 0) {
		sw = SW_MEMORY;
		has_data = false;
	}
	if (out->bad || (has_data && out->n > cap - 2)) {
		sw = SW_INTERNAL;
		has_data = false;
	}
	n = has_data ? out->n : 0;
	if (n != 0)
		memcpy(rsp, out->p, n);
	rsp[n] = (uint8_t)(sw >> 8);
	rsp[n + 1] = (uint8_t)sw;
	vh_buf_free(out);
	return n + 2;
}

size_t
vhsm_apdu(struct vhsm *v, struct span cmd, uint8_t *rsp, size_t cap)
{
	struct vh_buf out = { 0 };
	uint16_t sw = run_sent(v, cmd, &out);

	return finish(v, &out, sw, rsp, cap);
}

size_t
vhsm_apdu_privileged(struct vhsm *v, struct span cmd, uint8_t *rsp,
    size_t cap)
{
	struct vh_session was = v->session;
	struct vhsm_pins pins = v->pins;
	struct vh_buf out = { 0 };
	struct vh_apdu a;
	uint16_t sw = SW_LENGTH;

	v->session.selected = v->session.user = v->session.so = true;
	v->session.other = false;
	if (vh_apdu_parse(&a, cmd))
		sw = run_apdu(v, &a, &out);
	v->pins = pins;
	was.user &= v->session.user;
	was.so &= v->session.so;
	if (vh_store_find(&v->st, was.current) == NULL)
		was.current = 0;
	v->session = was;
	return finish(v, &out, sw, rsp, cap);
}

void
vhsm_power(struct vhsm *v)
{
	struct vh_session off = { 0 };

	v->session = off;
	vh_habit_forget(&v->held);
}

static int
make_card(struct vhsm *v, const struct vhsm_options *o, struct err *e)
{
	const char *serial = o->serial != NULL ? o->serial : "DENK0100000";
	size_t n = strlen(serial);

	if (n < 3 || n >= sizeof(v->st.serial))
		return err_set(e, ERR_LIMIT, 0, "serial number \"%s\": want 3 "
		    "to %zu characters", serial, sizeof(v->st.serial) - 1);
	memcpy(v->st.serial, serial, n + 1);
	if (!vh_cvc_make_device(&v->st))
		return err_set(e, ERR_SYS, 0, "libcrypto made no device key");
	return vh_store_save(&v->st, e);
}

int
vhsm_open(struct vhsm **out, const struct vhsm_options *o, struct err *e)
{
	struct vhsm *v = calloc(1, sizeof(*v));
	int r = 0;

	*out = NULL;
	if (v == NULL)
		return err_set(e, ERR_NOMEM, 0, "out of memory");
	v->opt = *o;
	v->opt.state_path = v->opt.serial = NULL;
	if (v->opt.major == 0 && v->opt.minor == 0) {
		v->opt.major = 3;
		v->opt.minor = 5;
	}
	v->quirk[VHSM_QUIRK_SHORT] = o->short_only;
	if (o->state_path != NULL) {
		if ((v->st.path = strdup(o->state_path)) == NULL)
			r = err_set(e, ERR_NOMEM, 0, "out of memory");
		else
			r = vh_store_load(&v->st, e);
	}
	if (o->state_path == NULL || r == ERR_NOTFOUND)
		r = make_card(v, o, e);
	if (r != 0) {
		vhsm_close(v);
		return r;
	}
	*out = v;
	return 0;
}

void
vhsm_close(struct vhsm *v)
{
	if (v == NULL)
		return;
	vh_habit_forget(&v->held);
	vh_store_free(&v->st);
	free(v);
}

const char *
vhsm_serial(const struct vhsm *v)
{
	return v->st.serial;
}

bool
vhsm_is_initialised(const struct vhsm *v)
{
	return v->st.user.n != 0;
}

void
vhsm_set_quirk(struct vhsm *v, enum vhsm_quirk q, bool on)
{
	v->quirk[q] = on;
}
