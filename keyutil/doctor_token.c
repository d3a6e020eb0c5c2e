/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "keyutil/doctor.h"

#define SO_TRIES_FEW	3

typedef void look_fn(struct doctor *d, const struct slot *s);

static void
each_token(struct doctor *d, look_fn *look)
{
	const struct tokens *ts = &d->cards->tokens;

	for (size_t i = 0; i < ts->n; i++)
		if (ts->v[i].state == SLOT_TOKEN)
			look(d, &ts->v[i]);
	if (!doctor_has_token(d))
		doctor_say(d, DOCTOR_SKIP, "no token to ask");
}

/* The words that make a command work on this token; none for the only one. */
static struct doctor_word
token_words(const struct doctor *d, const struct slot *s)
{
	struct doctor_word w = { "" };
	size_t n = 0;

	for (size_t i = 0; i < d->cards->tokens.n; i++)
		n += d->cards->tokens.v[i].state == SLOT_TOKEN;
	if (n > 1)
		snprintf(w.s, sizeof(w.s), " --token %.100s",
		    doctor_quote(s->info.serial).s);
	return w;
}

static bool
is_set_up(const struct slot *s)
{
	return s->info.pin != TOKEN_PIN_UNSET;
}

static void
look_at_firmware(struct doctor *d, const struct slot *s)
{
	const struct token_info *i = &s->info;

	if (!isdigit((unsigned char)i->firmware[0]))
		doctor_say(d, DOCTOR_PASS, "%s: %s, firmware unknown",
		    i->serial, i->model);
	else if (strtol(i->firmware, NULL, 10) < 2)
		doctor_say(d, DOCTOR_WARN, "%s: %s, firmware %s, which is "
		    "old: RSA up to 2048 bits, and no P-521", i->serial,
		    i->model, i->firmware);
	else
		doctor_say(d, DOCTOR_PASS, "%s: %s, firmware %s", i->serial,
		    i->model, i->firmware);
}

static void
look_at_tries(struct doctor *d, const struct slot *s)
{
	const struct token_info *i = &s->info;

	if (i->pin_tries > 2) {
		doctor_say(d, DOCTOR_PASS, "%s: the PIN has %d tries left",
		    i->serial, i->pin_tries);
	} else if (i->pin_tries == 2) {
		doctor_say(d, DOCTOR_WARN, "%s: the PIN has 2 tries left; a "
		    "right one makes them full again", i->serial);
		doctor_fix(d, "hsm-keyutil test%s", token_words(d, s).s);
	} else {
		doctor_say(d, DOCTOR_FAIL, "%s: the PIN has one try left, "
		    "which is spent only when you say so; a wrong PIN then "
		    "blocks it. If you do not know it: hsm-keyutil pin "
		    "unblock%s", i->serial, token_words(d, s).s);
		doctor_fix(d, "hsm-keyutil unlock --last-try %s",
		    doctor_quote(i->serial).s);
	}
}

static void
look_at_pin(struct doctor *d, const struct slot *s)
{
	const char *serial = s->info.serial;

	switch (s->info.pin) {
	case TOKEN_PIN_NEEDED:
		look_at_tries(d, s);
		break;
	case TOKEN_PIN_VERIFIED:
		doctor_say(d, DOCTOR_PASS, "%s: a program is logged in",
		    serial);
		break;
	case TOKEN_PIN_BLOCKED:
		doctor_say(d, DOCTOR_FAIL, "%s: the PIN is blocked; the "
		    "SO-PIN sets a new one, and no key is lost", serial);
		doctor_fix(d, "hsm-keyutil pin unblock%s",
		    token_words(d, s).s);
		break;
	case TOKEN_PIN_TRANSPORT:
		doctor_say(d, DOCTOR_FAIL, "%s: the transport PIN has to be "
		    "changed before the token can be used", serial);
		doctor_fix(d, "hsm-keyutil pin change%s",
		    token_words(d, s).s);
		break;
	case TOKEN_PIN_UNSET:
		doctor_say(d, DOCTOR_FAIL, "%s: the token was never set up",
		    serial);
		doctor_fix(d, "hsm-keyutil init --dkek-shares 1%s",
		    token_words(d, s).s);
		break;
	case TOKEN_PIN_UNKNOWN:
		doctor_say(d, DOCTOR_WARN, "%s: the state of the PIN is not "
		    "known", serial);
		break;
	}
}

/*
 * Its loss shows on the day it is needed.  Whether it is still the one of
 * the factory cannot be told without a try.
 */
static void
look_at_so_pin(struct doctor *d, const struct slot *s)
{
	const struct token_info *i = &s->info;

	if (!is_set_up(s) || i->so_tries < 0)
		doctor_say(d, DOCTOR_SKIP, "%s: its tries are not told",
		    i->serial);
	else if (i->so_tries == 0)
		doctor_say(d, DOCTOR_WARN, "%s: the SO-PIN is blocked for "
		    "ever: a blocked PIN could not be helped, nor the token "
		    "be set up anew; copy the keys to another token while "
		    "the PIN works", i->serial);
	else if (i->so_tries <= SO_TRIES_FEW)
		doctor_say(d, DOCTOR_WARN, "%s: the SO-PIN has %d %s left, "
		    "and after the last it is blocked for ever", i->serial,
		    i->so_tries, i->so_tries == 1 ? "try" : "tries");
	else
		doctor_say(d, DOCTOR_PASS, "%s: the SO-PIN has %d tries left",
		    i->serial, i->so_tries);
	if (i->so_tries == 0 && is_set_up(s))
		doctor_fix(d, "hsm-keyutil backup --all -o DIR%s",
		    token_words(d, s).s);
}

/* Once one share is there, the others exist, too. */
static void
fix_shares(struct doctor *d, const struct slot *s)
{
	const struct doctor_word token = token_words(d, s);

	if (s->info.dkek_missing == s->info.dkek_shares)
		doctor_fix(d, "hsm-keyutil dkek create-share -o share.pbe && "
		    "hsm-keyutil dkek import-share share.pbe%s", token.s);
	else
		doctor_fix(d, "hsm-keyutil dkek import-share FILE%s",
		    token.s);
}

static void
look_at_backup(struct doctor *d, const struct slot *s)
{
	const struct token_info *i = &s->info;

	if (!is_set_up(s)) {
		doctor_say(d, DOCTOR_SKIP, "%s: the token was never set up",
		    i->serial);
	} else if (i->dkek_shares < 0) {
		doctor_say(d, DOCTOR_WARN, "%s: keys cannot be backed up: "
		    "there is no DKEK, and only \"hsm-keyutil init "
		    "--dkek-shares N\", which destroys all keys, makes one",
		    i->serial);
	} else if (i->dkek_missing > 0) {
		doctor_say(d, DOCTOR_WARN, "%s: keys cannot be backed up yet: "
		    "%d of %d DKEK shares are missing", i->serial,
		    i->dkek_missing, i->dkek_shares);
		fix_shares(d, s);
	} else if (i->dkek_shares == 0) {
		doctor_say(d, DOCTOR_WARN, "%s: a backup can be restored to "
		    "this token only: its DKEK is random", i->serial);
	} else {
		doctor_say(d, DOCTOR_PASS, "%s: keys can be backed up (DKEK "
		    "%s)", i->serial, i->dkek_kcv);
	}
}

static void
look_at_keys(struct doctor *d, const struct slot *s)
{
	size_t usable = 0;

	for (size_t k = 0; k < s->keys.n; k++)
		usable += s->keys.v[k].blob != NULL;
	if (usable > 0) {
		doctor_say(d, DOCTOR_PASS, "%s: %zu key%s for SSH",
		    s->info.serial, usable, usable == 1 ? "" : "s");
		return;
	}
	doctor_say(d, DOCTOR_WARN, s->keys.n > 0 ?
	    "%s: SSH can use none of its keys" : "%s: there is no key on it",
	    s->info.serial);
	if (s->info.dkek_missing > 0)
		fix_shares(d, s);	/* until then it makes none */
	else if (is_set_up(s))
		doctor_fix(d, "hsm-keyutil generate p256 --label ssh%s",
		    token_words(d, s).s);
}

static void
look_at_leftovers(struct doctor *d, const struct slot *s)
{
	const struct token_leftovers *l = &s->leftovers;

	for (size_t i = 0; i < l->n; i++) {
		doctor_say(d, DOCTOR_WARN, "%s: a %s without a key%s%s%s is "
		    "left of an interrupted command", s->info.serial,
		    l->v[i].what, l->v[i].label[0] != '\0' ? ", \"" : "",
		    l->v[i].label, l->v[i].label[0] != '\0' ? "\"," : "");
		doctor_fix(d, "hsm-keyutil delete %s%s", l->v[i].ref,
		    token_words(d, s).s);
	}
	if (l->n == 0)
		doctor_say(d, DOCTOR_PASS, "%s: nothing is left of "
		    "interrupted commands", s->info.serial);
}

void
doctor_firmware(struct doctor *d)
{
	each_token(d, look_at_firmware);
}

void
doctor_pin(struct doctor *d)
{
	each_token(d, look_at_pin);
}

void
doctor_so_pin(struct doctor *d)
{
	each_token(d, look_at_so_pin);
}

void
doctor_backup(struct doctor *d)
{
	each_token(d, look_at_backup);
}

void
doctor_keys(struct doctor *d)
{
	each_token(d, look_at_keys);
}

void
doctor_leftovers(struct doctor *d)
{
	each_token(d, look_at_leftovers);
}
