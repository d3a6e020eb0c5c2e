/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyutil/agents.h"
#include "keyutil/ask.h"
#include "keyutil/cmd.h"
#include "keyutil/out.h"
#include "keyutil/progress.h"
#include "keyutil/sopin.h"
#include "keyutil/tokens.h"
#include "pin/tty.h"
#include "ssh/keytext.h"
#include "token/manage.h"

#define SO_TRIES_KEPT	3	/* not to be spent without --force */

enum {
	OPT_LABEL,
	OPT_PIN_FILE,
	OPT_SO_PIN_FILE,
	OPT_NEW_SO_PIN_FILE,
	OPT_RANDOM_SO_PIN,
	OPT_TRIES,
	OPT_DKEK_SHARES,
	OPT_NO_PIN_RESET,
	OPT_YES,
	OPT_FORCE,
	OPT_TOKEN,
};

static const struct cmd_option options[] = {
	[OPT_LABEL] = { "label", "TEXT",
	    "the label of the token; else it keeps the one it has" },
	[OPT_PIN_FILE] = { "pin-file", "FILE",
	    "take the new PIN from the first line of FILE; -: of standard "
	    "input" },
	[OPT_SO_PIN_FILE] = CMD_OPTION_SO_PIN_FILE,
	[OPT_NEW_SO_PIN_FILE] = CMD_OPTION_NEW_SO_PIN_FILE,
	[OPT_RANDOM_SO_PIN] = CMD_OPTION_RANDOM_SO_PIN,
	[OPT_TRIES] = { "tries", "N",
	    "tries of the PIN, 3 if not given; 2 to 3 for a PIN of 6 "
	    "characters, to 5 for 7, to 10 for more" },
	[OPT_DKEK_SHARES] = { "dkek-shares", "N",
	    "how many shares make the key for backups, 1 to 255, or "
	    "\"random\"; none: no key can ever be backed up" },
	[OPT_NO_PIN_RESET] = { "no-pin-reset", NULL,
	    "the SO-PIN cannot set a new PIN: once the PIN is blocked, the "
	    "keys are lost" },
	[OPT_YES] = { "yes", "SERIAL",
	    "do not ask: destroy what is on the token of this serial number" },
	[OPT_FORCE] = { "force", NULL,
	    "also when the SO-PIN has 3 tries left or fewer" },
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	{ 0 },
};

struct job {
	const struct cmd_args *args;
	struct slot	*slot;
	bool		 fresh;		/* never set up: it has no SO-PIN */
	bool		 random;	/* make a SO-PIN up */
	struct secret	*pin, *so_pin;
	struct secret	*new_so_pin;	/* empty: so_pin stays, or is set */
	struct token_setup setup;
};

/* --- what is asked for --- */

static int
parse_number(const char *s, int *n, struct err *e)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(s, &end, 10);
	if (errno != 0 || end == s || *end != '\0' || v < 0 || v > 255)
		return err_set(e, ERR_USAGE, 0, "\"%.40s\" is not a number "
		    "from 0 to 255", s);
	*n = (int)v;
	return 0;
}

static int
parse_shares(const char *s, int *n, struct err *e)
{
	int r;

	if (s == NULL) {
		*n = -1;
		return 0;
	}
	if (strcmp(s, "random") == 0) {
		*n = 0;
		return 0;
	}
	if ((r = parse_number(s, n, e)) == 0 && *n == 0)
		r = err_set(e, ERR_USAGE, 0, "--dkek-shares is 1 to 255, or "
		    "\"random\"");
	return r;
}

static int
parse(struct job *j, struct err *e)
{
	const struct cmd_args *a = j->args;
	const char *const files[] = { a->value[OPT_PIN_FILE],
	    a->value[OPT_SO_PIN_FILE], a->value[OPT_NEW_SO_PIN_FILE] };
	int r;

	j->random = a->value[OPT_RANDOM_SO_PIN] != NULL;
	if (j->random && a->value[OPT_NEW_SO_PIN_FILE] != NULL)
		return err_set(e, ERR_USAGE, 0,
		    "the new SO-PIN is random, or in a file");
	j->setup.tries = 3;
	j->setup.pin_reset = a->value[OPT_NO_PIN_RESET] == NULL;
	j->setup.last_too = a->value[OPT_FORCE] != NULL;
	if ((r = ask_stdin_once(files, 3, e)) != 0 ||
	    (a->value[OPT_TRIES] != NULL &&
	    (r = parse_number(a->value[OPT_TRIES], &j->setup.tries,
	    e)) != 0))
		return r;
	return parse_shares(a->value[OPT_DKEK_SHARES], &j->setup.dkek_shares,
	    e);
}

/* --- what there is --- */

static int
check_so_tries(const struct job *j, struct err *e)
{
	const struct token_info *i = &j->slot->info;

	if (j->fresh)
		return 0;
	if (i->so == TOKEN_PIN_NEEDED)
		out_warn("token %s: the SO-PIN has %d %s left", i->serial,
		    i->so_tries, i->so_tries == 1 ? "try" : "tries");
	if (j->setup.last_too || i->so == TOKEN_PIN_BLOCKED ||
	    i->so_tries > SO_TRIES_KEPT)
		return token_so_sendable(i->so, i->so_tries,
		    j->setup.last_too, e);
	if (i->so == TOKEN_PIN_VERIFIED)
		return 0;
	return err_set(e, ERR_DENIED, i->so_tries, "%s; when they are spent, "
	    "the token can never be set up again; if you are sure of the "
	    "SO-PIN, add --force", i->so == TOKEN_PIN_NEEDED ?
	    "so few SO-PIN tries are left" :
	    "the token does not tell how many SO-PIN tries are left");
}

static void
show_key(struct token *t, const struct token_key *k)
{
	size_t n = TOKEN_CERT_MAX;
	uint8_t der[TOKEN_CERT_MAX];
	char *fp = NULL;
	struct err e;
	bool cert;

	if (k->blob != NULL)
		fp = keytext_fingerprint((struct span){ k->blob, k->blob_n });
	cert = token_get_certificate(t, k->ref, der, &n, &e) == 0;
	out_warn("  key \"%s\", %s%s%s%s", k->label, k->algo,
	    fp != NULL ? ", " : "", fp != NULL ? fp : "",
	    cert ? ", and its certificate" : "");
	free(fp);
}

/* A token whose keys cannot be read may need this most. */
static int
show_keys(const struct slot *s, struct err *e)
{
	struct token_keys keys;
	struct err why;
	int r;

	if ((r = token_begin(s->token, e)) != 0)
		return r;
	if ((r = token_list(s->token, NULL, &keys, &why)) != 0) {
		out_warn("  keys: unknown, %s", why.msg);
		goto out;
	}
	for (size_t i = 0; i < keys.n; i++)
		show_key(s->token, &keys.v[i]);
	if (keys.n == 0)
		out_warn("  no keys");
	token_keys_free(&keys);
out:
	token_end(s->token);
	return r == ERR_TOKEN_GONE ? err_set(e, r, 0, "%s", why.msg) : 0;
}

static int
show(const struct job *j, struct err *e)
{
	const struct token_info *i = &j->slot->info;
	int r;

	if (j->fresh) {
		out_warn("token %s was never set up: nothing is lost",
		    i->serial);
		return 0;
	}
	out_warn("token %s \"%s\" will be set up anew, which destroys for "
	    "ever:", i->serial, i->label);
	if ((r = show_keys(j->slot, e)) != 0)
		return r;
	if (i->dkek_shares == 0)
		out_warn("  the random DKEK, with it all backups of its keys");
	else if (i->dkek_missing == 0)
		out_warn("  the DKEK%s%s; to restore its backups keep its "
		    "shares", i->dkek_kcv[0] != '\0' ? ", key check value " :
		    "", i->dkek_kcv);
	return 0;
}

static int
confirm(const struct job *j, struct err *e)
{
	const char *serial = j->slot->info.serial;
	const char *yes = j->args->value[OPT_YES];

	if (yes == NULL)
		return ask_to_type(serial, true, e);
	if (strcmp(yes, serial) != 0)
		return err_set(e, ERR_USAGE, 0, "--yes is for token %.32s, "
		    "and this is another; nothing was changed", yes);
	return 0;
}

/* --- secrets --- */

/* At a terminal a random SO-PIN can be had at once. */
static int
offer_random(struct job *j, struct err *e)
{
	struct secret *answer;
	int r;

	out_warn("this is the factory SO-PIN, which everybody knows");
	if (j->args->value[OPT_SO_PIN_FILE] != NULL || !pin_tty_usable()) {
		out_warn("--random-so-pin, or \"hsm-keyutil pin so-change\" "
		    "afterwards, sets another");
		return 0;
	}
	if ((answer = secret_new()) == NULL)
		return err_set(e, ERR_NOMEM, 0, "answer");
	if ((r = pin_tty("Set a new, random one, and print it? [yes/no] ",
	    -1, answer, e)) == 0)
		j->random = secret_len(answer) > 0 &&
		    memchr("yY", *(const char *)secret_bytes(answer), 2) !=
		    NULL;
	secret_free(answer);
	return r;
}

/*
 * Without a SO-PIN yet, the one that is given is set, or a new one; with
 * both, the first is set and then changed, as on any other token.
 */
static int
ask_so(struct job *j, struct err *e)
{
	const char *file = j->args->value[OPT_SO_PIN_FILE];
	const char *new_file = j->args->value[OPT_NEW_SO_PIN_FILE];
	int r;

	if (!j->fresh)
		r = ask_so_pin(j->slot, file, "set the token up", j->so_pin,
		    e);
	else if (file == NULL && j->random)
		return 0;
	else
		r = ask_new_so_pin(j->slot, file != NULL ? file : new_file,
		    j->so_pin, e);
	if (r != 0 || (j->fresh && file == NULL))
		return r;
	if (new_file != NULL)
		return ask_new_so_pin(j->slot, new_file, j->new_so_pin, e);
	return !j->random && sopin_is_factory(j->so_pin) ?
	    offer_random(j, e) : 0;
}

static int
ask(struct job *j, struct err *e)
{
	int r;

	if ((r = ask_so(j, e)) != 0 ||
	    (r = ask_new_pin(j->slot, j->args->value[OPT_PIN_FILE], j->pin,
	    e)) != 0)
		return r;
	if (sopin_is_factory_pin(j->pin))
		out_warn("this is the factory PIN, which everybody knows; "
		    "\"hsm-keyutil pin change\" sets another");
	if (j->setup.dkek_shares < 0)
		out_warn("without --dkek-shares no key of this token can ever "
		    "be backed up");
	return 0;
}

/* --- the work --- */

/* Is there a SO-PIN to set after the one that INITIALIZE takes? */
static bool
changes_so(const struct job *j)
{
	return secret_len(j->new_so_pin) > 0;
}

static int
set_up(const struct job *j, struct err *e)
{
	struct token *t = j->slot->token;
	int r;

	if ((r = token_begin(t, e)) != 0)
		return r;
	if ((r = token_setup(t, &j->setup, e)) == 0 && changes_so(j) &&
	    (r = token_change_so(t, j->so_pin, j->new_so_pin, false, e)) != 0)
		(void)err_wrap(e, "the token is set up, but nobody knows "
		    "whether its SO-PIN was changed");
	token_end(t);
	return r;
}

static int
work(struct job *j, struct err *e)
{
	struct progress *p;
	int r;

	j->setup.label = j->args->value[OPT_LABEL] != NULL ?
	    j->args->value[OPT_LABEL] : j->slot->info.label;
	j->setup.pin = j->pin;
	if ((r = token_setup_check(&j->setup, e)) != 0)
		return r;
	j->setup.so_pin = j->so_pin;
	if (j->random && (r = sopin_print_random(secret_len(j->so_pin) > 0 ?
	    j->new_so_pin : j->so_pin, e)) != 0)
		return r;
	agents_forget_pin(j->slot->info.serial);
	p = progress_start("setting the token up");
	r = set_up(j, e);
	progress_end(p, r == 0);
	if (r != 0 && j->random)
		out_warn("the SO-PIN that was printed may not have been set; "
		    "keep the old one, too");
	return r;
}

static void
say_what_is_next(const struct job *j)
{
	const int shares = j->setup.dkek_shares;

	printf("%s \"%s\" is set up\n", j->slot->info.serial, j->setup.label);
	if (shares > 0)
		out_warn("next: \"hsm-keyutil dkek create-share -o FILE\" and "
		    "\"hsm-keyutil dkek import-share FILE\"%s, which make the "
		    "key for backups; then", shares > 1 ?
		    ", once for each share" : "");
	out_warn("%s\"hsm-keyutil generate TYPE --label NAME\" makes a key",
	    shares > 0 ? "" : "next: ");
}

static int
init(struct job *j, struct err *e)
{
	int r;

	j->fresh = j->slot->info.so == TOKEN_PIN_UNSET;
	if ((j->pin = secret_new()) == NULL ||
	    (j->so_pin = secret_new()) == NULL ||
	    (j->new_so_pin = secret_new()) == NULL)
		return err_set(e, ERR_NOMEM, 0, "PIN");
	if ((r = check_so_tries(j, e)) != 0 || (r = show(j, e)) != 0 ||
	    (r = confirm(j, e)) != 0 || (r = ask(j, e)) != 0 ||
	    (r = work(j, e)) != 0)
		return err_wrap(e, "token %s", j->slot->info.serial);
	say_what_is_next(j);
	return 0;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct job j = { .args = a };
	struct tokens ts = { 0 };
	int r;

	if ((r = parse(&j, e)) == 0 &&
	    (r = tokens_open_one(&ts, a->value[OPT_TOKEN], &j.slot, e)) == 0)
		r = init(&j, e);
	secret_free(j.pin);
	secret_free(j.so_pin);
	secret_free(j.new_so_pin);
	tokens_close(&ts);
	return r;
}

const struct cmd cmd_init = {
	.name = "init",
	.summary = "set a token up, which destroys all its keys",
	.about = "What will be destroyed is shown first, and the serial "
	    "number has to be typed.  A SO-PIN is 16 hexadecimal digits; the "
	    "first one of a token is chosen here.",
	.options = options,
	.run = run,
};
