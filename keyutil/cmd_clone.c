/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyutil/ask.h"
#include "keyutil/cmd.h"
#include "keyutil/login.h"
#include "keyutil/transfer.h"
#include "keyutil/trial.h"

enum {
	OPT_ALL,
	OPT_TO,
	OPT_PIN_FILE,
	OPT_TO_PIN_FILE,
	OPT_TOKEN,
};

static const struct cmd_option options[] = {
	[OPT_ALL] = { "all", NULL, "all keys of the token" },
	[OPT_TO] = { "to", "NAME",
	    "the token that gets them, by serial number, label or reader" },
	[OPT_PIN_FILE] = CMD_OPTION_PIN_FILE,
	[OPT_TO_PIN_FILE] = { "to-pin-file", "FILE",
	    "the same for the PIN of the token that gets them" },
	[OPT_TOKEN] = { "token", "NAME",
	    "the token that has them; with two tokens, the other one" },
	{ 0 },
};

struct clone {
	struct slot		*from, *to;
	struct trial_keys	 keys;
};

static int
find_from(struct tokens *ts, struct clone *c, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < ts->n; i++) {
		if (ts->v[i].state != SLOT_TOKEN || &ts->v[i] == c->to)
			continue;
		c->from = &ts->v[i];
		n++;
	}
	if (n == 1)
		return 0;
	if (n == 0)
		return err_set(e, ERR_NO_TOKEN, 0, "there is no other token "
		    "than %s: put in the one that has the keys",
		    c->to->info.serial);
	return err_set(e, ERR_USAGE, 0, "%zu other tokens are plugged in: say "
	    "with --token which one has the keys", n);
}

static int
find_tokens(struct tokens *ts, const struct cmd_args *a, struct clone *c,
    struct err *e)
{
	int r;

	if ((r = tokens_open(ts, NULL, e)) != 0)
		return r;
	if ((c->to = tokens_find(ts, a->value[OPT_TO], e)) == NULL)
		return (int)e->code;
	if (a->value[OPT_TOKEN] == NULL) {
		if ((r = find_from(ts, c, e)) != 0)
			return r;
	} else if ((c->from = tokens_find(ts, a->value[OPT_TOKEN], e)) ==
	    NULL) {
		return (int)e->code;
	}
	if (c->from == c->to)
		return err_set(e, ERR_USAGE, 0, "--token and --to name the "
		    "same token");
	return 0;
}

/* Of both, before any PIN: else nothing could come of it. */
static int
check_dkeks(const struct clone *c, struct err *e)
{
	const struct token_info *from = &c->from->info, *to = &c->to->info;
	int r;

	if ((r = transfer_may_leave(c->from, e)) != 0 ||
	    (r = transfer_has_dkek(c->to, e)) != 0)
		return r;
	if (strcmp(from->dkek_kcv, to->dkek_kcv) == 0)
		return 0;
	return err_set(e, ERR_DENIED, 0, "the tokens have different DKEKs: "
	    "the key check value of %s is %s, that of %s is %s; keys move only "
	    "between tokens with the same shares", from->serial,
	    from->dkek_kcv, to->serial, to->dkek_kcv);
}

static int
read_keys(struct tokens *ts, const struct clone *c, struct err *e)
{
	const struct slot *s = c->from;
	int r;

	if ((r = tokens_read_keys(ts, e)) != 0)
		return r;
	if (s->state == SLOT_TOKEN)
		s = c->to;
	if (s->state == SLOT_TOKEN)
		return 0;
	*e = s->err;
	return err_wrap(e, "%s", s->reader);
}

/* Which of them can go there, and are not there yet. */
static int
plan(const struct clone *c, struct transfers *keys, struct err *e)
{
	int r;

	if ((r = transfers_new(keys, c->keys.n, e)) != 0)
		return r;
	for (size_t i = 0; i < c->keys.n; i++)
		if ((r = transfer_expect(&keys->v[keys->n++], c->from,
		    c->keys.v[i], e)) != 0)
			return r;
	return transfers_check(keys, c->to, e);
}

/* Each signs here, too, so that one which cannot is not blamed there. */
static int
take(const struct clone *c, struct transfers *keys, struct err *e)
{
	int r;

	for (size_t i = 0; i < c->keys.n; i++) {
		struct transfer *t = &keys->v[i];

		if (t->there)
			continue;
		if ((r = transfer_take(t, c->from, c->keys.v[i], e)) != 0)
			return r;
		if (c->keys.v[i]->blob != NULL &&
		    (r = transfer_prove(c->from, c->keys.v[i], e)) != 0)
			return err_wrap(e, "%s", t->from);
	}
	return 0;
}

static int
take_out(const struct clone *c, struct transfers *keys,
    const char *pin_file, struct err *e)
{
	struct login l;
	int r;

	if ((r = login_begin(&l, c->from, pin_file, "to take keys out",
	    e)) != 0)
		return r;
	r = take(c, keys, e);
	login_end(&l);
	return r;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct transfers keys = { 0 };
	struct tokens ts = { 0 };
	struct clone c = { 0 };
	int r;

	if (a->value[OPT_TO] == NULL)
		return err_set(e, ERR_USAGE, 0, "say with --to which token "
		    "gets the keys");
	if ((a->n_operands == 0) == (a->value[OPT_ALL] == NULL))
		return err_set(e, ERR_USAGE, 0, "name the keys, or give "
		    "--all");
	if ((r = ask_stdin_once(&a->value[OPT_PIN_FILE], 2, e)) != 0)
		return r;
	if ((r = find_tokens(&ts, a, &c, e)) == 0 &&
	    (r = check_dkeks(&c, e)) == 0 &&
	    (r = read_keys(&ts, &c, e)) == 0 &&
	    (r = trial_choose(c.from, a->operand, a->n_operands,
	    &c.keys, e)) == 0 &&
	    (r = plan(&c, &keys, e)) == 0 && transfers_left(&keys) > 0 &&
	    (r = take_out(&c, &keys, a->value[OPT_PIN_FILE], e)) == 0)
		r = transfers_put(&keys, c.to, a->value[OPT_TO_PIN_FILE], e);
	transfers_free(&keys);
	trial_keys_free(&c.keys);
	tokens_close(&ts);
	return r;
}

const struct cmd cmd_clone = {
	.name = "clone",
	.operands = "KEY...",
	.summary = "copy keys to another token with the same DKEK",
	.about = "Both tokens sign with each key to prove it.  A key that is "
	    "on the other token already is left as it is.",
	.options = options,
	.run = run,
};
