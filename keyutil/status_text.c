/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <time.h>

#include "keyutil/out.h"
#include "keyutil/status.h"

static const char *
plural(long n)
{
	return n == 1 ? "" : "s";
}

static const char *
tries_word(int n)
{
	return n == 1 ? "try" : "tries";
}

static void
print_pin(const struct slot *s)
{
	const struct token_info *i = &s->info;
	static const char name[] = "PIN";

	switch (i->pin) {
	case TOKEN_PIN_NEEDED:
		if (slot_tries(s) == -1) {
			out_field(stdout, name, "needed; such a token tells "
			    "only when few tries are left");
			break;
		}
		if (slot_tries(s) == TOKEN_TRIES_FEW) {
			out_field(stdout, name, "few tries left; a right one "
			    "makes them full again");
			break;
		}
		out_field(stdout, name, "%d %s left; nobody is logged in%s",
		    i->pin_tries, tries_word(i->pin_tries),
		    i->pin_tries > 1 ? "" : " (a wrong PIN now blocks it)");
		break;
	case TOKEN_PIN_VERIFIED:
		out_field(stdout, name, "given: a program is logged in");
		break;
	case TOKEN_PIN_BLOCKED:
		out_field(stdout, name, "BLOCKED: no tries left; only the "
		    "SO-PIN can set a new one");
		break;
	case TOKEN_PIN_TRANSPORT:
		out_field(stdout, name, "transport PIN: to be changed before "
		    "the token can be used");
		break;
	case TOKEN_PIN_UNSET:
		out_field(stdout, name, "none: the token is not initialised");
		break;
	case TOKEN_PIN_UNKNOWN:
		out_field(stdout, name, "state unknown");
		break;
	}
}

static void
print_so_pin(const struct token_info *i)
{
	static const char name[] = "SO-PIN";

	if (i->so_tries > 0)
		out_field(stdout, name, "%d %s left", i->so_tries,
		    tries_word(i->so_tries));
	else if (i->so_tries == 0)
		out_field(stdout, name, "BLOCKED: no tries left");
}

static void
print_dkek(const struct token_info *i)
{
	static const char name[] = "DKEK";

	if (i->dkek_shares < 0)
		out_field(stdout, name, "none: its keys cannot be backed up");
	else if (i->dkek_shares == 0)
		out_field(stdout, name, "random: a backup of a key can only "
		    "be restored to this token");
	else if (i->dkek_missing > 0)
		out_field(stdout, name, "%d of %d share%s still missing",
		    i->dkek_missing, i->dkek_shares, plural(i->dkek_shares));
	else
		out_field(stdout, name, "set from %d share%s, check value %s",
		    i->dkek_shares, plural(i->dkek_shares), i->dkek_kcv);
}

static void
print_token(const struct slot *s)
{
	const struct token_info *i = &s->info;

	out_field(stdout, "Token", "%s \"%s\"", i->serial, i->label);
	out_field(stdout, "Model", "%s%s%s", i->model,
	    i->firmware[0] != '\0' ? ", firmware " : "", i->firmware);
	print_pin(s);
	if (i->pin == TOKEN_PIN_UNSET || s->in_module)
		return;
	print_so_pin(i);
	print_dkek(i);
	if (i->memory_free >= 0)
		out_field(stdout, "Memory", "%ld bytes free", i->memory_free);
}

/* It harms nothing, but takes room, and tells of a key that is not there. */
static void
print_leftovers(const struct token_leftovers *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct token_leftover *o = &l->v[i];

		out_field(stdout, i == 0 ? "Leftover" : "",
		    "%s%s%s%s without a key: "
		    "\"hsm-keyutil delete place:%s\" removes it", o->what,
		    o->label[0] != '\0' ? " \"" : "", o->label,
		    o->label[0] != '\0' ? "\"" : "", o->ref);
	}
}

static void
print_slot(const struct slot *s)
{
	out_field(stdout, s->in_module ? "Slot" : "Reader", "%s", s->reader);
	switch (s->state) {
	case SLOT_EMPTY:
		out_field(stdout, "Token", "none: no card in this reader");
		break;
	case SLOT_FOREIGN:
		out_field(stdout, "Token",
		    "none: this card is not a SmartCard-HSM");
		break;
	case SLOT_FAILED:
		out_field(stdout, "Trouble", "%s", s->err.msg);
		break;
	case SLOT_TOKEN:
		print_token(s);
		print_leftovers(&s->leftovers);
		break;
	}
	putchar('\n');
}

static void
print_agent_token(const struct agentstatus_token *t)
{
	const struct out_clean label = out_clean(t->label);
	const bool named = t->label.n > 0;

	if (t->serial.n > 0)
		out_field(stdout, "", "%s%s%s%s: %s, %u key%s",
		    out_clean(t->serial).s, named ? " \"" : "", label.s,
		    named ? "\"" : "", out_clean(t->state).s, t->keys,
		    plural(t->keys));
	else
		out_field(stdout, "", "token in %s: %s", out_clean(t->reader).s,
		    out_clean(t->state).s);
	if (t->trouble.n > 0)
		out_field(stdout, "", "%s", out_clean(t->trouble).s);
}

/* Times are shown in the user's own time zone. */
static void
print_refusal(const char *name, const struct agentstatus_refusal *r)
{
	const time_t when = (time_t)r->time;
	char date[32] = "";
	struct tm tm;

	if (localtime_r(&when, &tm) != NULL)
		strftime(date, sizeof(date), "%F %T ", &tm);
	out_field(stdout, name, "%s%s", date, out_clean(r->text).s);
}

static void
print_agent(const struct agent *a)
{
	const struct agentstatus *s = &a->status;

	if (!a->found) {
		out_field(stdout, "Agent", "%s", a->note);
		return;
	}
	out_field(stdout, "Agent", "hsm-ssh-agent %s, process %u",
	    out_clean(s->version).s, s->pid);
	out_field(stdout, "", "socket %s", out_clean(span_cstr(a->socket)).s);
	if (!a->in_use)
		out_field(stdout, "", "not used by ssh here: SSH_AUTH_SOCK "
		    "is not set to this socket");
	for (size_t i = 0; i < s->n_tokens; i++)
		print_agent_token(&s->tokens[i]);
	if (s->n_tokens == 0)
		out_field(stdout, "", "holds no token");
	for (size_t i = 0; i < s->n_refusals; i++)
		print_refusal(i == 0 ? "Refused" : "", &s->refusals[i]);
}

void
status_print_text(const struct tokens *ts, const struct agent *a)
{
	for (size_t i = 0; i < ts->n; i++)
		print_slot(&ts->v[i]);
	print_agent(a);
}
