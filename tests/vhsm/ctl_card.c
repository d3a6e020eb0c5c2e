/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Commands to a card: what is in it, and what others did to it. */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "tests/vhsm/ctl_call.h"

typedef size_t card_runs(struct vhsm *v, struct span cmd, uint8_t *rsp,
    size_t cap);

static bool
run_span(const struct ctl_call *c, card_runs *run, struct span cmd)
{
	struct vhsm_pins before = vhsm_pins(c->card);
	uint8_t *rsp = malloc(VHSM_RSP_MAX);
	size_t n;

	if (rsp == NULL)
		return ctl_fail(c, "out of memory");
	n = run(c->card, cmd, rsp, VHSM_RSP_MAX);
	vhsm_set_pins(c->card, before);
	for (size_t i = 0; i < n; i++)
		fprintf(c->out, "%02X", rsp[i]);
	fputc('\n', c->out);
	OPENSSL_cleanse(rsp, n);
	free(rsp);
	return true;
}

static bool
run_hex(const struct ctl_call *c, card_runs *run, const char *hex)
{
	struct span cmd;
	uint8_t *p;
	bool ok;

	if ((p = ctl_hex(hex, &cmd.n)) == NULL)
		return ctl_fail(c, "want a command in hex digits");
	cmd.p = p;
	ok = run_span(c, run, cmd);
	OPENSSL_clear_free(p, cmd.n);
	return ok;
}

bool
ctl_apdu(const struct ctl_call *c)
{
	return run_hex(c, vhsm_apdu_privileged, c->word[1]);
}

bool
ctl_send(const struct ctl_call *c)
{
	return run_hex(c, vhsm_apdu, c->word[1]);
}

bool
ctl_logout(const struct ctl_call *c)
{
	return run_hex(c, vhsm_apdu, "00A404000BE82B0601040181C31F020100");
}

bool
ctl_other_applet(const struct ctl_call *c)
{
	vhsm_set_quirk(c->card, VHSM_QUIRK_OTHER_APPLET, true);
	return run_hex(c, vhsm_apdu, "00A4040006D2760001240100");
}

bool
ctl_pin(const struct ctl_call *c)
{
	struct err e;

	if (vhsm_change_pin(c->card, c->word[1], &e) != 0)
		return ctl_fail(c, e.msg);
	return true;
}

static bool
run_tries(const struct ctl_call *c, uint8_t (*get)(const struct vhsm *),
    int (*set)(struct vhsm *, uint8_t, struct err *))
{
	unsigned long n;
	struct err e;

	if (c->n == 1) {
		fprintf(c->out, "%u\n", get(c->card));
		return true;
	}
	if (!ctl_number(c->word[1], 10, 15, &n))
		return ctl_fail(c, "tries: want a number from 0 to 15");
	if (set(c->card, (uint8_t)n, &e) != 0)
		return ctl_fail(c, e.msg);
	return true;
}

bool
ctl_tries(const struct ctl_call *c)
{
	return run_tries(c, vhsm_tries, vhsm_set_tries);
}

bool
ctl_so_tries(const struct ctl_call *c)
{
	return run_tries(c, vhsm_so_tries, vhsm_set_so_tries);
}

bool
ctl_pins(const struct ctl_call *c)
{
	struct vhsm_pins p = vhsm_pins(c->card);

	fprintf(c->out, "%lu %lu %lu\n", p.sent, p.lost, p.strayed);
	return true;
}

bool
ctl_init(const struct ctl_call *c)
{
	struct err e;

	if (vhsm_initialise(c->card, c->word[1], c->word[2],
	    c->n > 3 ? c->word[3] : "vhsm", &e) != 0)
		return ctl_fail(c, e.msg);
	return true;
}

bool
ctl_generate(const struct ctl_call *c)
{
	struct span id = { NULL, 0 };
	uint8_t *p = NULL, ref;
	struct err e;
	bool ok;

	if (c->n > 3 && (p = ctl_hex(c->word[3], &id.n)) == NULL)
		return ctl_fail(c, "generate: ID is hex");
	id.p = p;
	ok = vhsm_make_key(c->card, c->word[1], c->word[2], id, &ref,
	    &e) == 0;
	OPENSSL_free(p);
	if (!ok)
		return ctl_fail(c, e.msg);
	fprintf(c->out, "%02X\n", ref);
	return true;
}

bool
ctl_delete(const struct ctl_call *c)
{
	uint8_t cmd[7] = { 0x00, 0xe4, 0x02, 0x00, 0x02 }, rsp[2];
	struct span s = { cmd, sizeof(cmd) };
	unsigned long fid;

	if (!ctl_number(c->word[1], 16, 0xffff, &fid))
		return ctl_fail(c, "delete-file: FID is four hex digits");
	cmd[5] = (uint8_t)(fid >> 8);
	cmd[6] = (uint8_t)fid;
	vhsm_apdu_privileged(c->card, s, rsp, sizeof(rsp));
	if (rsp[0] != 0x90)
		return ctl_fail(c, rsp[0] == 0x6a ? "no such file" :
		    "this file stays");
	return true;
}

static bool
on_or_off(const struct ctl_call *c, const char *s, bool *on)
{
	*on = strcmp(s, "on") == 0;
	return *on || strcmp(s, "off") == 0 ||
	    ctl_fail(c, "want on or off");
}

bool
ctl_quirk(const struct ctl_call *c)
{
	static const char *const names[VHSM_QUIRKS] = {
		[VHSM_QUIRK_EOF_OK] = "eof-ok",
		[VHSM_QUIRK_ENUM_PAD] = "enum-pad",
		[VHSM_QUIRK_NO_CE_LIST] = "no-ce-list",
		[VHSM_QUIRK_SHORT] = "short",
		[VHSM_QUIRK_6CXX] = "6cxx",
		[VHSM_QUIRK_61XX] = "61xx",
		[VHSM_QUIRK_61XX_LONG] = "61xx-long",
		[VHSM_QUIRK_OTHER_APPLET] = "other-applet",
		[VHSM_QUIRK_OTHER_PIN] = "other-pin",
		[VHSM_QUIRK_FOREIGN_LOGOUT] = "foreign-logout",
		[VHSM_QUIRK_FOREIGN_DESELECT] = "foreign-deselect",
		[VHSM_QUIRK_KEY_FIRST] = "key-first",
	};
	bool on;

	if (!on_or_off(c, c->word[2], &on))
		return false;
	for (unsigned i = 0; i < VHSM_QUIRKS; i++)
		if (strcmp(names[i], c->word[1]) == 0) {
			vhsm_set_quirk(c->card, (enum vhsm_quirk)i, on);
			return true;
		}
	return ctl_fail(c, "quirk: no such; see ctl.h");
}

bool
ctl_firmware(const struct ctl_call *c)
{
	if (!vhsm_set_firmware(c->card, c->word[1]))
		return ctl_fail(c, "firmware: want a version such as 3.5, or "
		    "pico");
	return true;
}

bool
ctl_atr(const struct ctl_call *c)
{
	struct span atr = { NULL, 0 };
	uint8_t *p = NULL;
	bool ok;

	if (strcmp(c->word[1], "own") != 0 &&
	    (p = ctl_hex(c->word[1], &atr.n)) == NULL)
		return ctl_fail(c, "atr: want bytes in hex, or own");
	atr.p = p;
	ok = vhsm_set_atr(c->card, atr);
	OPENSSL_free(p);
	return ok || ctl_fail(c, "atr: at most 33 bytes");
}

bool
ctl_transport(const struct ctl_call *c)
{
	struct err e;
	bool on;

	if (!on_or_off(c, c->word[1], &on))
		return false;
	if (vhsm_set_transport(c->card, on, &e) != 0)
		return ctl_fail(c, e.msg);
	return true;
}

bool
ctl_pka(const struct ctl_call *c)
{
	unsigned long sw = 0;

	if (strcmp(c->word[1], "off") != 0 &&
	    (!ctl_number(c->word[1], 16, 0xffff, &sw) || sw < 0x6000))
		return ctl_fail(c, "pka: want a status word in hex, or off");
	vhsm_set_pka(c->card, (uint16_t)sw);
	return true;
}

static bool
parse_key(const struct ctl_call *c, uint8_t *ref)
{
	unsigned long n;

	if (!ctl_number(c->word[1], 16, 0xff, &n))
		return ctl_fail(c, "want a key reference in hex");
	*ref = (uint8_t)n;
	return true;
}

bool
ctl_uses(const struct ctl_call *c)
{
	bool any = strcmp(c->word[2], "any") == 0;
	unsigned long n = 0;
	uint8_t ref = 0;
	struct err e;

	if (!parse_key(c, &ref))
		return false;
	if (!any && !ctl_number(c->word[2], 10, UINT32_MAX, &n))
		return ctl_fail(c, "uses: want a number or any");
	if (vhsm_limit_uses(c->card, ref, any ? -1 : (int64_t)n, &e) != 0)
		return ctl_fail(c, e.msg);
	return true;
}

bool
ctl_algs(const struct ctl_call *c)
{
	struct span algs = { NULL, 0 };
	uint8_t *p = NULL, ref = 0;
	struct err e;
	int r;

	if (!parse_key(c, &ref))
		return false;
	if (strcmp(c->word[2], "any") != 0 &&
	    (p = ctl_hex(c->word[2], &algs.n)) == NULL)
		return ctl_fail(c, "algs: want P2 bytes in hex, or any");
	algs.p = p;
	r = vhsm_limit_algs(c->card, ref, algs, &e);
	OPENSSL_free(p);
	return r == 0 || ctl_fail(c, e.msg);
}

bool
ctl_serial(const struct ctl_call *c)
{
	fprintf(c->out, "%s\n", vhsm_serial(c->card));
	return true;
}
