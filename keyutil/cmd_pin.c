/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "keyutil/agents.h"
#include "keyutil/ask.h"
#include "keyutil/cmd.h"
#include "keyutil/out.h"
#include "keyutil/sopin.h"
#include "keyutil/tokens.h"
#include "token/manage.h"

/* The three commands differ in what is asked for, and in one call. */
struct kind {
	const char	*reason;	/* of the first question */
	const char	*name;		/* of what is set */
	bool		 by_so_pin, sets_so_pin;
	int		 (*change)(struct token *t, const struct secret *proof,
			    const struct secret *new, bool last_too,
			    struct err *e);
};

enum {
	OPT_PROOF_FILE,
	OPT_NEW_FILE,
	OPT_LAST_TRY,
	OPT_TOKEN,
	OPT_RANDOM,
};

#define OPTION_LAST_TRY { "last-try", NULL, \
	"also when one try is left: if it is spent, that PIN is blocked" }

static const struct cmd_option change_options[] = {
	[OPT_PROOF_FILE] = CMD_OPTION_PIN_FILE,
	[OPT_NEW_FILE] = CMD_OPTION_NEW_PIN_FILE,
	[OPT_LAST_TRY] = OPTION_LAST_TRY,
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	{ 0 },
};

static const struct cmd_option unblock_options[] = {
	[OPT_PROOF_FILE] = CMD_OPTION_SO_PIN_FILE,
	[OPT_NEW_FILE] = CMD_OPTION_NEW_PIN_FILE,
	[OPT_LAST_TRY] = OPTION_LAST_TRY,
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	{ 0 },
};

static const struct cmd_option so_change_options[] = {
	[OPT_PROOF_FILE] = CMD_OPTION_SO_PIN_FILE,
	[OPT_NEW_FILE] = CMD_OPTION_NEW_SO_PIN_FILE,
	[OPT_LAST_TRY] = OPTION_LAST_TRY,
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	[OPT_RANDOM] = CMD_OPTION_RANDOM_SO_PIN,
	{ 0 },
};

/* Before anything is asked for: may the proof be sent at all? */
static int
may_send(const struct kind *k, const struct token_info *i, bool last_too,
    struct err *e)
{
	int r;

	r = k->by_so_pin ? token_so_sendable(i->so, i->so_tries, last_too, e) :
	    token_pin_changeable(i->pin, i->pin_tries, last_too, e);
	if (r == 0 && !k->by_so_pin && i->pin == TOKEN_PIN_TRANSPORT)
		out_warn("token %s has a transport PIN, and does not tell how "
		    "many tries are left", i->serial);
	return r;
}

static int
ask(const struct kind *k, const struct slot *s, const struct cmd_args *a,
    struct secret *proof, struct secret *new, struct err *e)
{
	const char *old_file = a->value[OPT_PROOF_FILE];
	const char *new_file = a->value[OPT_NEW_FILE];
	int r;

	r = k->by_so_pin ? ask_so_pin(s, old_file, k->reason, proof, e) :
	    ask_pin(s, old_file, k->reason, proof, e);
	if (r != 0)
		return r;
	if (a->value[OPT_RANDOM] != NULL)
		return sopin_print_random(new, e);
	return k->sets_so_pin ? ask_new_so_pin(s, new_file, new, e) :
	    ask_new_pin(s, new_file, new, e);
}

/* Did the token say no, or was its answer lost? */
static bool
is_refusal(int r)
{
	return r == ERR_PIN_WRONG || r == ERR_PIN_BLOCKED ||
	    r == ERR_DENIED || r == ERR_UNSUPPORTED;
}

static int
change(const struct kind *k, struct slot *s, const struct secret *proof,
    const struct secret *new, bool last_too, struct err *e)
{
	enum token_pin_state st;
	struct err other;
	int r, tries;

	if ((r = token_begin(s->token, e)) != 0)
		return r;
	if ((r = token_pin_state(s->token, &st, &tries, e)) != 0)
		goto out;
	r = k->change(s->token, proof, new, last_too, e);
	/* What was sent may have logged in, and nobody asked to be. */
	if (r == 0 && st != TOKEN_PIN_VERIFIED &&
	    token_logout(s->token, &other) != 0)
		out_warn("token %s: cannot log out: %s", s->info.serial,
		    other.msg);
	if (r != 0 && !is_refusal(r))
		(void)err_wrap(e, "nobody knows what came of it: the %s is "
		    "the old one or the new one", k->name);
out:
	token_end(s->token);
	return r;
}

static int
work(const struct kind *k, struct slot *s, const struct cmd_args *a,
    struct err *e)
{
	const bool last_too = a->value[OPT_LAST_TRY] != NULL;
	struct secret *proof = secret_new(), *new = secret_new();
	int r;

	if (proof == NULL || new == NULL)
		r = err_set(e, ERR_NOMEM, 0, "PIN");
	else if ((r = may_send(k, &s->info, last_too, e)) == 0 &&
	    (r = ask(k, s, a, proof, new, e)) == 0) {
		if (!k->sets_so_pin)
			agents_forget_pin(s->info.serial);
		r = change(k, s, proof, new, last_too, e);
		if (is_refusal(r) && a->value[OPT_RANDOM] != NULL)
			out_warn("the SO-PIN that was printed was not set");
	}
	secret_free(proof);
	secret_free(new);
	if (r != 0)
		return err_wrap(e, "token %s", s->info.serial);
	printf("%s \"%s\" has a new %s\n", s->info.serial, s->info.label,
	    k->name);
	return 0;
}

static int
run(const struct kind *k, const struct cmd_args *a, struct err *e)
{
	const char *const files[] = { a->value[OPT_PROOF_FILE],
	    a->value[OPT_NEW_FILE] };
	struct tokens ts;
	struct slot *s;
	int r;

	if ((r = ask_stdin_once(files, 2, e)) != 0)
		return r;
	if (a->value[OPT_RANDOM] != NULL && a->value[OPT_NEW_FILE] != NULL)
		return err_set(e, ERR_USAGE, 0,
		    "the new SO-PIN is random, or in a file");
	if ((r = tokens_open_one(&ts, a->value[OPT_TOKEN], &s, e)) == 0)
		r = work(k, s, a, e);
	tokens_close(&ts);
	return r;
}

static int
run_change(const struct cmd_args *a, struct err *e)
{
	static const struct kind k = { .reason = "change it",
	    .name = "PIN", .change = token_change_pin };

	return run(&k, a, e);
}

static int
run_unblock(const struct cmd_args *a, struct err *e)
{
	static const struct kind k = { .reason = "set a new PIN",
	    .name = "PIN", .by_so_pin = true, .change = token_unblock };

	return run(&k, a, e);
}

static int
run_so_change(const struct cmd_args *a, struct err *e)
{
	static const struct kind k = { .reason = "change it",
	    .name = "SO-PIN", .by_so_pin = true, .sets_so_pin = true,
	    .change = token_change_so };

	return run(&k, a, e);
}

const struct cmd cmd_pin_change = {
	.name = "pin change",
	.summary = "change the PIN, or a transport PIN",
	.options = change_options,
	.run = run_change,
};

const struct cmd cmd_pin_unblock = {
	.name = "pin unblock",
	.summary = "set a new PIN with the SO-PIN, also of a blocked one",
	.options = unblock_options,
	.run = run_unblock,
};

const struct cmd cmd_pin_so_change = {
	.name = "pin so-change",
	.summary = "change the SO-PIN",
	.options = so_change_options,
	.run = run_so_change,
};
