/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "keyutil/agents.h"
#include "keyutil/ask.h"
#include "keyutil/cmd.h"
#include "keyutil/out.h"
#include "keyutil/tokens.h"
#include "token/manage.h"

enum {
	OPT_LAST_TRY,
	OPT_PIN_FILE,
	OPT_TOKEN,
};

static const struct cmd_option options[] = {
	[OPT_LAST_TRY] = { "last-try", NULL,
	    "also when one try is left: a wrong PIN blocks the token" },
	[OPT_PIN_FILE] = CMD_OPTION_PIN_FILE,
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	{ 0 },
};

/* Nothing is asked for when no PIN may be sent. */
static int
may_send(const struct token_info *i, bool last_try, struct err *e)
{
	if (!last_try || i->pin != TOKEN_PIN_NEEDED)
		return token_pin_sendable(i->pin, i->pin_tries, e);
	if (i->pin_tries == 1)
		out_warn("token %s: one PIN try left; if the PIN is wrong, "
		    "it is blocked, and only \"hsm-keyutil pin unblock\" "
		    "helps, with the SO-PIN", i->serial);
	return 0;
}

/* A right one gives all tries back, so that the agent sends it, too. */
static int
verify(struct slot *s, const struct secret *pin, struct err *e)
{
	enum token_pin_state st;
	struct err other;
	int r, tries;

	if ((r = token_begin(s->token, e)) != 0)
		return r;
	if ((r = token_pin_state(s->token, &st, &tries, e)) == 0 &&
	    (r = token_login_last(s->token, pin, e)) == 0 &&
	    st != TOKEN_PIN_VERIFIED &&
	    token_logout(s->token, &other) != 0)
		out_warn("token %s: cannot log out: %s", s->info.serial,
		    other.msg);
	token_end(s->token);
	return r;
}

static int
give(const struct agent *a, const char *serial, const struct secret *pin,
    struct err *e)
{
	const int r = agents_tell_unlock(a->socket, serial, pin, e);

	return r == ERR_DENIED ? agents_explain_at(a->socket, e) : r;
}

static int
unlock(struct slot *s, const struct agent *a, const struct cmd_args *args,
    struct err *e)
{
	const bool last_try = args->value[OPT_LAST_TRY] != NULL;
	struct secret *pin = secret_new();
	int r;

	if (pin == NULL)
		return err_set(e, ERR_NOMEM, 0, "PIN");
	if ((r = may_send(&s->info, last_try, e)) == 0 &&
	    (r = ask_pin(s, args->value[OPT_PIN_FILE], "unlock", pin,
	    e)) == 0 && last_try)
		r = verify(s, pin, e);
	if (r == 0 && a->found)
		r = give(a, s->info.serial, pin, e);
	secret_free(pin);
	if (r != 0)
		return err_wrap(e, "token %s", s->info.serial);
	printf("%s \"%s\" %s\n", s->info.serial, s->info.label, a->found ?
	    "is unlocked now" : "took the PIN, and has all its tries again; "
	    "there is no agent to unlock");
	return 0;
}

/* Without an agent the PIN can be verified, but there is nobody to keep it. */
static int
run(const struct cmd_args *args, struct err *e)
{
	const char *name = args->value[OPT_TOKEN];
	struct tokens ts = { 0 };
	struct agent a = { 0 };
	struct slot *s;
	int r;

	if (args->n_operands > (name == NULL ? 1 : 0))
		return err_set(e, ERR_USAGE, 0, "one token, named once");
	if (args->n_operands > 0)
		name = args->operand[0];
	if ((r = agents_find(&a, e)) != 0)
		goto out;
	if (!a.found && args->value[OPT_LAST_TRY] == NULL)
		r = err_set(e, ERR_DENIED, 0, "there is no agent to give the "
		    "PIN to: %s", a.note);
	else if ((r = tokens_open_one(&ts, name, &s, e)) == 0)
		r = unlock(s, &a, args, e);
out:
	tokens_close(&ts);
	agents_free(&a);
	return r;
}

const struct cmd cmd_unlock = {
	.name = "unlock",
	.operands = "[TOKEN]",
	.summary = "give the PIN to the running agent",
	.about = "TOKEN is a serial number, label or reader; with one token "
	    "it is not needed.  With --last-try the PIN is verified on the "
	    "token first, which gives all tries back if it is right; that "
	    "works without an agent, too.",
	.options = options,
	.run = run,
};
