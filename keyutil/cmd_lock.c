/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "keyutil/agents.h"
#include "keyutil/cmd.h"
#include "keyutil/out.h"
#include "keyutil/tokens.h"
#include "ssh/agentmsg.h"
#include "ssh/keytext.h"

enum {
	OPT_TOKEN,
};

static const struct cmd_option options[] = {
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	{ 0 },
};

/* A serial number and label, as they are printed. */
struct title {
	char	 s[256];
};

static struct title
title_of(struct span serial, struct span label)
{
	struct title t;
	char a[96], b[128];

	keytext_clean(a, sizeof(a), serial);
	keytext_clean(b, sizeof(b), label);
	snprintf(t.s, sizeof(t.s), "%s%s%s%s", a, label.n > 0 ? " \"" : "", b,
	    label.n > 0 ? "\"" : "");
	return t;
}

static const struct agentstatus_token *
find(const struct agentstatus *s, struct span serial)
{
	for (size_t i = 0; i < s->n_tokens; i++)
		if (span_eq(s->tokens[i].serial, serial))
			return &s->tokens[i];
	return NULL;
}

static bool
is_unlocked(const struct agentstatus_token *t)
{
	return t != NULL && span_is(t->state, "unlocked");
}

static bool
is_meant(const struct agentstatus_token *t, const char *name)
{
	return t->serial.n > 0 && (name == NULL || span_is(t->serial, name) ||
	    span_is(t->label, name) || span_is(t->reader, name));
}

/* One that was unlocked when last seen, and may be locked by now. */
static int
lock_one(const struct agent *a, struct span serial, struct err *e)
{
	struct agentstatus now = { 0 };
	struct wire_w answer = { 0 };
	struct err why;
	int r;

	r = agents_tell_lock(a->socket, serial, e);
	if (r != ERR_DENIED || !wire_write(&answer, AGENT_MAX_MSG))
		return r;
	if (agentstatus_ask(a->socket, &answer, &now, &why) == 0)
		r = is_unlocked(find(&now, serial)) ?
		    agents_explain(&now, e) : 0;
	agentstatus_free(&now);
	wire_free(&answer);
	return r;
}

/*
 * What has come of it: the states before and after.  The agent answers a
 * lock of all when the last token is locked; one that still is not has it in
 * its queue, and is waited for by asking again.
 */
static int
report(const struct agent *a, const struct agentstatus *after,
    const char *name, struct err *e)
{
	const struct agentstatus_token *t;
	size_t n = 0;
	int r = 0, r1;

	for (size_t i = 0; i < after->n_tokens; i++) {
		t = &after->tokens[i];
		if (!is_meant(t, name))
			continue;
		n++;
		if (is_unlocked(t) && (r1 = lock_one(a, t->serial, e)) != 0) {
			out_warn("%s: %s", title_of(t->serial, t->label).s,
			    e->msg);
			r = r1;
			continue;
		}
		printf("%s %s\n", title_of(t->serial, t->label).s,
		    is_unlocked(find(&a->status, t->serial)) ?
		    "is locked now" : "was locked already");
	}
	if (n == 0)
		puts("the agent holds no token");
	return r == 0 ? 0 : err_set(e, (enum err_code)r, 0,
	    "not all is locked");
}

/* The agent answers a lock of what is not unlocked with a refusal. */
static bool
nothing_to_lock(const struct agent *a, const struct agentstatus *after,
    const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < after->n_tokens; i++) {
		if (!is_meant(&after->tokens[i], name))
			continue;
		if (is_unlocked(find(&a->status, after->tokens[i].serial)))
			return false;
		n++;
	}
	return n > 0;
}

static int
lock_by_agent(const struct agent *a, const char *name, struct err *e)
{
	struct agentstatus after = { 0 };
	struct wire_w answer = { 0 };
	struct err why = { 0 };
	int r;

	r = agents_tell_lock(a->socket, name != NULL ? span_cstr(name) :
	    (struct span){ 0 }, e);
	if (r != 0 && r != ERR_DENIED)
		return r;
	if (!wire_write(&answer, AGENT_MAX_MSG))
		return err_set(e, ERR_NOMEM, 0, "agent");
	if (agentstatus_ask(a->socket, &answer, &after, &why) != 0) {
		if (r == 0)
			puts("the agent has locked what it was asked to");
	} else if (r != 0 && !nothing_to_lock(a, &after, name)) {
		r = agents_explain(&after, e);
	} else {
		r = report(a, &after, name, e);
	}
	agentstatus_free(&after);
	wire_free(&answer);
	return r;
}

/* End a login, whoever's it is; *out says whether there was one. */
static int
log_out(struct token *t, bool *out, struct err *e)
{
	enum token_pin_state st;
	int r, tries;

	*out = false;
	if ((r = token_begin(t, e)) != 0)
		return r;
	r = token_pin_state(t, &st, &tries, e);
	if (r == 0 && st == TOKEN_PIN_VERIFIED) {
		r = token_logout(t, e);
		*out = r == 0;
	}
	token_end(t);
	return r;
}

static int
lock_by_hand(const char *name, struct err *e)
{
	struct tokens ts;
	struct slot *s;
	bool out;
	int r;

	if ((r = tokens_open(&ts, name, e)) != 0) {
		tokens_close(&ts);
		return r;
	}
	for (size_t i = 0; i < ts.n; i++) {
		s = &ts.v[i];
		if (s->state != SLOT_TOKEN)
			continue;
		if (log_out(s->token, &out, &s->err) != 0) {
			s->state = SLOT_FAILED;
			continue;
		}
		printf("%s %s\n", title_of(span_cstr(s->info.serial),
		    span_cstr(s->info.label)).s, out ?
		    "is logged out now; a program was logged in" :
		    "was locked already; nobody is logged in");
	}
	r = tokens_failed(&ts, e);
	tokens_close(&ts);
	return r;
}

static int
run(const struct cmd_args *args, struct err *e)
{
	const char *name = args->value[OPT_TOKEN];
	struct agent a;
	int r;

	if (args->n_operands > (name == NULL ? 1 : 0))
		return err_set(e, ERR_USAGE, 0, "one token, or none for all");
	if (args->n_operands > 0)
		name = args->operand[0];
	if (name != NULL && *name == '\0')
		return err_set(e, ERR_USAGE, 0, "a token has a name");
	if ((r = agents_find(&a, e)) == 0) {
		if (a.found) {
			r = lock_by_agent(&a, name, e);
		} else {
			printf("Agent: %s\n", a.note);
			r = lock_by_hand(name, e);
		}
	}
	agents_free(&a);
	return r;
}

const struct cmd cmd_lock = {
	.name = "lock",
	.operands = "[TOKEN]",
	.summary = "log out of a token, or of all; the agent forgets the PIN",
	.about = "TOKEN is a serial number or label.  When no hsm-ssh-agent "
	    "runs, the login of whatever program has one is ended.",
	.options = options,
	.run = run,
};
