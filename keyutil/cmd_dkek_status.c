/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "dkek/dkek.h"
#include "keyutil/cmd.h"
#include "keyutil/out.h"
#include "keyutil/tokens.h"

enum {
	OPT_JSON,
	OPT_TOKEN,
};

static const struct cmd_option options[] = {
	[OPT_JSON] = CMD_OPTION_JSON,
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	{ 0 },
};

/* One word for programs, and what it means for people. */
struct meaning {
	const char	*state;
	bool		 backup;	/* its keys can leave it, wrapped */
	const char	*text;
};

static struct meaning
meaning_of(const struct token_info *i)
{
	if (i->dkek_shares < 0)
		return (struct meaning){ "none", false, "No key of this token "
		    "can be backed up. Only \"hsm-keyutil init "
		    "--dkek-shares N\" changes that, and it destroys all "
		    "keys." };
	if (i->dkek_missing > 0)
		return (struct meaning){ "incomplete", false, "Keys can be "
		    "made, restored and backed up once all shares are in: "
		    "\"hsm-keyutil dkek import-share FILE\"." };
	if (strcmp(i->dkek_kcv, DKEK_KCV_OF_NOTHING) == 0)
		return (struct meaning){ "worthless", false, "The same share "
		    "was imported twice, so that this is no key at all: "
		    "anybody can open a backup. Set the token up anew with "
		    "\"hsm-keyutil init\"." };
	if (i->dkek_shares == 0)
		return (struct meaning){ "random", true, "Keys can be backed "
		    "up, but restored to this token only, and only until it "
		    "is set up anew." };
	return (struct meaning){ "complete", true, "Keys can be backed up, "
	    "and restored to every token with this key check value." };
}

static int
print_json(const struct token_info *i, struct err *e)
{
	const struct meaning m = meaning_of(i);

	return out_json(json_pack("{s:s, s:s, s:s, s:o, s:o, s:s?, s:b}",
	    "token", i->serial, "token_label", i->label, "state", m.state,
	    "shares", out_json_count(i->dkek_shares),
	    "missing", out_json_count(i->dkek_missing),
	    "key_check_value", i->dkek_kcv[0] != '\0' ? i->dkek_kcv : NULL,
	    "backup", m.backup), e);
}

static void
print_text(const struct token_info *i)
{
	out_field(stdout, "Token", "%s \"%s\"", i->serial, i->label);
	if (i->dkek_shares < 0)
		out_field(stdout, "Shares", "none: there is no DKEK");
	else if (i->dkek_shares == 0)
		out_field(stdout, "Shares", "none: the DKEK is a random one");
	else if (i->dkek_missing > 0)
		out_field(stdout, "Shares", "%d, of which %d %s missing",
		    i->dkek_shares, i->dkek_missing,
		    i->dkek_missing == 1 ? "is" : "are");
	else
		out_field(stdout, "Shares", "%d, none is missing",
		    i->dkek_shares);
	if (i->dkek_kcv[0] != '\0')
		out_field(stdout, "Check", "%s", i->dkek_kcv);
	out_field(stdout, "Meaning", "%s", meaning_of(i).text);
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct tokens ts;
	struct slot *s;
	int r;

	r = tokens_open_one(&ts, a->value[OPT_TOKEN], &s, e);
	if (r == 0 && a->value[OPT_JSON] != NULL)
		r = print_json(&s->info, e);
	else if (r == 0)
		print_text(&s->info);
	tokens_close(&ts);
	return r;
}

const struct cmd cmd_dkek_status = {
	.name = "dkek status",
	.summary = "show whether keys can be backed up, and under which DKEK",
	.options = options,
	.run = run,
};
