/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/pkcs11.h>

#include "ssh/sig.h"
#include "token/manage.h"
#include "token/modclient.h"
#include "token/open.h"

/*
 * token-hostile PIN MODULE CONTROL: each function of a module that obeys the
 * file CONTROL (tests/p11/hostile.c) returns the errors there are, while a
 * token is opened, listed, logged in to and signed with, or a key made,
 * labelled and deleted.  Whatever comes of that is an error with a reason, or
 * right; and once the module behaves again, all is well, and the keys that
 * were there are.  The key "each" wants the PIN each time, which is asked of
 * C_Login_again alone.  TAP, a line for each function.
 */
static const char *const functions[] = {
	"C_Initialize", "C_GetSlotList", "C_GetSlotInfo", "C_GetTokenInfo",
	"C_OpenSession", "C_CloseSession", "C_GetSessionInfo",
	"C_FindObjectsInit", "C_FindObjects", "C_FindObjectsFinal",
	"C_GetAttributeValue", "C_Login", "C_Logout", "C_SignInit", "C_Sign",
	"C_Login_again", "C_WaitForSlotEvent", "C_Finalize",
};

static const char *const changing[] = {
	"C_GenerateKeyPair", "C_SetAttributeValue", "C_DestroyObject",
};

/* In ranges: those between are as good as any that a vendor made up. */
static const struct {
	CK_RV	 from, to;
} codes[] = {
	{ 0x01, 0x13 }, { 0x1b, 0x1b }, { 0x20, 0x21 }, { 0x30, 0x32 },
	{ 0x40, 0x41 }, { 0x50, 0x51 }, { 0x54, 0x54 }, { 0x60, 0x6a },
	{ 0x70, 0x71 }, { 0x82, 0x82 }, { 0x90, 0x91 }, { 0xa0, 0xa4 },
	{ 0xb0, 0xb8 }, { 0xc0, 0xc1 }, { 0xd0, 0xd1 }, { 0xe0, 0xe2 },
	{ 0xf0, 0xf2 }, { 0x100, 0x106 }, { 0x110, 0x115 }, { 0x120, 0x121 },
	{ 0x130, 0x131 }, { 0x140, 0x141 }, { 0x150, 0x150 },
	{ 0x160, 0x160 }, { 0x170, 0x170 }, { 0x180, 0x180 },
	{ 0x190, 0x191 }, { 0x1a0, 0x1a1 }, { 0x1b0, 0x1b1 },
	{ 0x1c0, 0x1c4 }, { 0x200, 0x200 },
	{ 0x80000000, 0x80000001 },
};

struct judge {
	struct secret	*pin;
	const char	*module, *control;
	struct token	*t;
	const char	*what;		/* is going on */
	CK_RV		 code;
	size_t		 asked, wrong;
};

static void
order(const struct judge *j, const char *function, CK_RV code)
{
	FILE *f = fopen(j->control, "w");

	if (f == NULL)
		exit(2);
	if (function != NULL)
		fprintf(f, "%s rv 0x%lx\n", function, code);
	if (fclose(f) != 0)
		exit(2);
}

static void
complain(struct judge *j, const char *step, const char *why)
{
	j->wrong++;
	printf("# %s returns 0x%lx: %s: %s\n", j->what, j->code, step, why);
}

/* An error has a number and a reason. */
static bool
came(struct judge *j, const char *step, int r, const struct err *e)
{
	j->asked++;
	if (r != 0 && ((int)e->code != r || e->msg[0] == '\0'))
		complain(j, step, "an error without a reason");
	return r == 0;
}

static void
let_go(struct judge *j)
{
	token_close(j->t);
	j->t = NULL;
}

static bool
open_token(struct judge *j, struct err *e)
{
	struct token_place place = { .module = NULL };
	struct p11_slots slots = { 0 };
	struct modclient *c;
	struct err why;
	int r;

	if (!came(j, "starting it", modclient_new(&c, j->module, 0, e), e))
		return false;
	r = modclient_list(c, &slots, e);
	came(j, "slots", r, e);
	/* It cannot, so that this never waits. */
	(void)came(j, "waiting", modclient_wait(c, &why), &why);
	if (r == 0)
		r = err_set(e, ERR_NO_TOKEN, 0, "no token");
	for (size_t i = 0; i < slots.n && place.module == NULL; i++)
		if (slots.v[i].present)
			r = token_place_slot(&place, j->module, &slots.v[i],
			    e);
	if (r == 0)
		r = token_open(&place, 0, &j->t, e);
	token_place_clear(&place);
	p11_slots_free(&slots);
	modclient_free(c);
	return came(j, "opening", r, e);
}

/* Is it a signature by this key that the function is called for? */
static bool
is_meant(const struct judge *j, const struct token_key *k)
{
	return k->blob != NULL && (strcmp(k->label, "each") == 0) ==
	    (strcmp(j->what, "C_Login_again") == 0);
}

/* What is signed is right, or it is not signed. */
static bool
signs(struct judge *j, const struct token_keys *keys, struct err *e)
{
	const struct span data = span_cstr("data");
	struct span blob;
	struct wire_w sig;
	bool right = false;
	int r;

	for (size_t i = 0; i < keys->n && !right; i++) {
		blob = (struct span){ keys->v[i].blob, keys->v[i].blob_n };
		if (!is_meant(j, &keys->v[i]) ||
		    !wire_write(&sig, SIG_BLOB_MAX))
			continue;
		r = token_sign(j->t, &keys->v[i], SIG_ECDSA_P256, data, &sig,
		    e);
		right = came(j, "signing", r, e);
		if (right && sig_verify(blob, SIG_ECDSA_P256, data,
		    wire_bytes(&sig), e) != 0)
			complain(j, "signing", "a wrong signature");
		if (!right && wire_bytes(&sig).n > 0)
			complain(j, "signing", "part of a signature");
		wire_free(&sig);
	}
	return right;
}

/* All that is done with a token; true: all of it worked. */
static bool
use_token(struct judge *j)
{
	struct token_keys keys = { 0 };
	enum token_pin_state st;
	bool well = false;
	struct err e = { 0 };
	int tries;

	if (j->t == NULL && !open_token(j, &e))
		return false;
	if (came(j, "beginning", token_begin(j->t, &e), &e)) {
		well = came(j, "its state", token_pin_state(j->t, &st, &tries,
		    &e), &e);
		well = came(j, "listing", token_list(j->t, NULL, &keys, &e),
		    &e) && well;
		well = came(j, "logging in", token_login(j->t, j->pin, &e),
		    &e) && well;
		token_end(j->t);
	}
	well = signs(j, &keys, &e) && well;
	token_keys_free(&keys);
	return well;
}

/* Once more from the start, if need be: that is what the agent does. */
static void
is_well_again(struct judge *j)
{
	order(j, NULL, 0);
	if (use_token(j))
		return;
	let_go(j);
	if (!use_token(j))
		complain(j, "afterwards", "it does not work again");
}

/* Is it called while a token is opened or closed, and at no other time? */
static bool
is_rare(const char *function)
{
	static const char *const rare[] = { "C_Initialize", "C_GetSlotList",
	    "C_GetSlotInfo", "C_OpenSession", "C_WaitForSlotEvent",
	    "C_Finalize" };

	for (size_t i = 0; i < sizeof(rare) / sizeof(*rare); i++)
		if (strcmp(function, rare[i]) == 0)
			return true;
	return false;
}

static void
try_function(struct judge *j, const char *function)
{
	const bool rare = is_rare(function);
	const bool opens = rare || strncmp(function, "C_Get", 5) == 0;

	j->what = function;
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		for (CK_RV c = codes[i].from; c <= codes[i].to; c++) {
			/* That takes long: each eighth will do. */
			if (rare && c % 8 != 0)
				continue;
			j->code = c;
			order(j, function, c);
			/* What is only done then, only then can fail. */
			if (rare || (opens && c % 16 == 0))
				let_go(j);
			(void)use_token(j);
			is_well_again(j);
		}
}

static void
change_token(struct judge *j)
{
	const struct token_key_spec spec = { .type = "p256", .label = "made" };
	struct token_key k = { 0 };
	struct err e = { 0 };

	if (j->t == NULL ||
	    !came(j, "beginning", token_begin(j->t, &e), &e))
		return;
	if (came(j, "making a key", token_generate(j->t, &spec, &k, &e),
	    &e)) {
		(void)came(j, "labelling it", token_set_label(j->t, k.ref,
		    "made anew", &e), &e);
		(void)came(j, "deleting it", token_remove(j->t, k.ref, &e),
		    &e);
	}
	free(k.blob);
	token_end(j->t);
}

/* Delete what is left of those keys; how many others there are. */
static size_t
sweep(struct judge *j)
{
	struct token_keys keys = { 0 };
	struct err e = { 0 };
	size_t others = 0;

	if (token_begin(j->t, &e) != 0 ||
	    token_list(j->t, NULL, &keys, &e) != 0)
		complain(j, "afterwards", "the keys are not listed");
	for (size_t i = 0; i < keys.n; i++) {
		if (strncmp(keys.v[i].label, "made", 4) != 0)
			others++;
		else if (token_remove(j->t, keys.v[i].ref, &e) != 0)
			complain(j, "afterwards", e.msg);
	}
	token_keys_free(&keys);
	token_end(j->t);
	return others;
}

static void
try_changing(struct judge *j, const char *function)
{
	size_t others;

	j->what = function;
	is_well_again(j);
	others = sweep(j);
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		for (CK_RV c = codes[i].from; c <= codes[i].to; c++) {
			j->code = c;
			order(j, function, c);
			change_token(j);
			is_well_again(j);
			if (sweep(j) != others)
				complain(j, "afterwards", "a key is gone");
		}
}

/* A line for what one function has done. */
static void
tell(struct judge *j, size_t n, const char *function, size_t *wrong)
{
	printf("%sok %zu - %s returns %s error; %zu answers\n",
	    j->wrong > 0 ? "not " : "", n, function,
	    is_rare(function) ? "each eighth" : "each", j->asked);
	fflush(stdout);
	*wrong += j->wrong;
	j->wrong = j->asked = 0;
}

int
main(int argc, char **argv)
{
	struct judge j = { .module = argc == 4 ? argv[2] : NULL };
	const size_t n = sizeof(functions) / sizeof(*functions);
	const size_t m = sizeof(changing) / sizeof(*changing);
	size_t wrong = 0;

	if (argc != 4 || (j.pin = secret_new()) == NULL ||
	    secret_add(j.pin, argv[1], strlen(argv[1])) != 0)
		return 2;
	j.control = argv[3];
	for (size_t i = 0; i < n; i++) {
		try_function(&j, functions[i]);
		tell(&j, i + 1, functions[i], &wrong);
	}
	for (size_t i = 0; i < m; i++) {
		try_changing(&j, changing[i]);
		tell(&j, n + i + 1, changing[i], &wrong);
	}
	let_go(&j);
	secret_free(j.pin);
	printf("1..%zu\n", n + m);
	return wrong > 0;
}
