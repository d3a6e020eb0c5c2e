/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "dkek/dkek.h"
#include "keyutil/cmd.h"
#include "keyutil/out.h"
#include "keyutil/sharefile.h"
#include "keyutil/tokens.h"
#include "token/manage.h"

enum {
	OPT_PASSWORD_FILE,
	OPT_THRESHOLD,
	OPT_EXPECT,
	OPT_TOKEN,
};

static const struct cmd_option options[] = {
	[OPT_PASSWORD_FILE] = { "password-file", "FILE",
	    "take the password from the first line of FILE, or with "
	    "--threshold its shares as they were printed; -: standard "
	    "input" },
	[OPT_THRESHOLD] = { "threshold", "N",
	    "the password was split: N people enter their shares of it" },
	[OPT_EXPECT] = { "expect", "KCV",
	    "fail unless the DKEK has this key check value" },
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	{ 0 },
};

struct job {
	struct sharefile file;
	const char	*expect;	/* NULL: any */
	struct slot	*slot;
	struct secret	*share;
	char		 kcv[DKEK_KCV_LEN];	/* of this share alone */
};

static int
parse(struct job *j, const struct cmd_args *a, struct err *e)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	if (a->n_operands != 1)
		return err_set(e, ERR_USAGE, 0, "name one file with a share");
	j->file.path = a->operand[0];
	j->file.password_file = a->value[OPT_PASSWORD_FILE];
	j->expect = a->value[OPT_EXPECT];
	if (j->expect != NULL && (strlen(j->expect) != DKEK_KCV_LEN - 1 ||
	    strspn(j->expect, digits) != DKEK_KCV_LEN - 1))
		return err_set(e, ERR_USAGE, 0, "a key check value is %d "
		    "hexadecimal digits", DKEK_KCV_LEN - 1);
	return sharefile_parse_threshold(a->value[OPT_THRESHOLD],
	    &j->file.threshold, e);
}

/* Before anybody is asked for a password. */
static int
check_wanted(const struct token_info *i, struct err *e)
{
	if (i->dkek_shares < 0)
		return err_set(e, ERR_DENIED, 0, "it has no DKEK and takes no "
		    "share; only \"hsm-keyutil init --dkek-shares N\" "
		    "changes that, and it destroys all keys");
	if (i->dkek_shares == 0)
		return err_set(e, ERR_DENIED, 0, "its DKEK is a random one "
		    "and takes no share");
	if (i->dkek_missing == 0)
		return err_set(e, ERR_DENIED, 0, "it has all its %d DKEK "
		    "%s; its key check value is %s", i->dkek_shares,
		    i->dkek_shares == 1 ? "share" : "shares", i->dkek_kcv);
	return 0;
}

static bool
is_expected(const struct job *j, const char *kcv)
{
	return j->expect == NULL || strcasecmp(j->expect, kcv) == 0;
}

/* An only share tells the key check value before it is sent. */
static int
check_share(struct job *j, struct err *e)
{
	struct dkek *d = dkek_new();
	int r;

	if (d == NULL)
		return err_set(e, ERR_NOMEM, 0, "DKEK");
	if ((r = dkek_add(d, j->share, e)) == 0)
		dkek_kcv_hex(d, j->kcv);
	dkek_free(d);
	if (r == 0 && j->slot->info.dkek_shares == 1 &&
	    !is_expected(j, j->kcv))
		r = err_set(e, ERR_DENIED, 0, "this share makes the key check "
		    "value %s, not %s; nothing was sent to the token",
		    j->kcv, j->expect);
	return r;
}

static int
send(struct job *j, struct err *e)
{
	struct token *t = j->slot->token;
	int r;

	if ((r = token_begin(t, e)) != 0)
		return r;
	j->slot->info.known &= ~(unsigned int)TOKEN_INFO_DKEK;
	if ((r = token_import_share(t, j->share, e)) == 0 &&
	    (r = token_get_info(t, TOKEN_INFO_DKEK, &j->slot->info, e)) != 0)
		(void)err_wrap(e, "the share was imported");
	if (r != 0 && r != ERR_DENIED)
		out_warn("before you try again, see with \"hsm-keyutil dkek "
		    "status\" whether this share is still missing: one that "
		    "is imported twice takes itself out again");
	token_end(t);
	return r;
}

/*
 * Two of a share make nothing, so that the DKEK is what the others make: all
 * zeroes, or the last one alone.
 */
static bool
is_doubled(const struct job *j, const char *kcv)
{
	return strcmp(kcv, DKEK_KCV_OF_NOTHING) == 0 ||
	    (j->slot->info.dkek_shares > 1 && strcmp(kcv, j->kcv) == 0);
}

/* What the token says that it has, against what is known here. */
static int
check_complete(const struct job *j, struct err *e)
{
	const char *kcv = j->slot->info.dkek_kcv;
	static const char anew[] = "set the token up anew with \"hsm-keyutil "
	    "init\" before you make a key";

	if (is_doubled(j, kcv))
		return err_set(e, ERR_DENIED, 0, "one share was imported "
		    "twice and has taken itself out, so that fewer people "
		    "than you think can open the backups; %s", anew);
	if (j->slot->info.dkek_shares == 1 && strcmp(kcv, j->kcv) != 0)
		return err_set(e, ERR_TOKEN, 0, "it says that its key check "
		    "value is %s, but this share makes %s", kcv, j->kcv);
	if (!is_expected(j, kcv))
		return err_set(e, ERR_DENIED, 0, "the key check value is %s, "
		    "not %s: another share was meant; %s", kcv, j->expect,
		    anew);
	return 0;
}

static int
report(const struct job *j, struct err *e)
{
	const struct token_info *i = &j->slot->info;
	int r;

	if (i->dkek_missing > 0) {
		printf("%s \"%s\": %d of %d DKEK shares imported\n",
		    i->serial, i->label, i->dkek_shares - i->dkek_missing,
		    i->dkek_shares);
		out_warn("%d more: \"hsm-keyutil dkek import-share FILE\"",
		    i->dkek_missing);
		return 0;
	}
	if ((r = check_complete(j, e)) != 0)
		return r;
	printf("%s \"%s\": DKEK complete, key check value %s\n", i->serial,
	    i->label, i->dkek_kcv);
	return 0;
}

static int
import(struct job *j, struct err *e)
{
	int r;

	if ((r = check_wanted(&j->slot->info, e)) != 0)
		return err_wrap(e, "token %s", j->slot->info.serial);
	if ((r = sharefile_read(&j->file, e)) != 0 ||
	    (r = sharefile_open(&j->file, j->share, e)) != 0 ||
	    (r = check_share(j, e)) != 0)
		return r;
	if ((r = send(j, e)) != 0 || (r = report(j, e)) != 0)
		return err_wrap(e, "token %s", j->slot->info.serial);
	return 0;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct job j = { 0 };
	struct tokens ts = { 0 };
	int r;

	if ((r = parse(&j, a, e)) != 0)
		return r;
	if ((j.share = secret_new()) == NULL)
		return err_set(e, ERR_NOMEM, 0, "DKEK share");
	if ((r = tokens_open_one(&ts, a->value[OPT_TOKEN], &j.slot, e)) == 0)
		r = import(&j, e);
	secret_free(j.share);
	tokens_close(&ts);
	return r;
}

const struct cmd cmd_dkek_import_share = {
	.name = "dkek import-share",
	.operands = "FILE",
	.summary = "put a share of the DKEK into a token; needs no PIN",
	.about = "A token takes as many shares as it was set up for, and each "
	    "once.  The key check value tells whether two tokens have the "
	    "same DKEK.",
	.options = options,
	.run = run,
};
