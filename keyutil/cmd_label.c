/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keyutil/cmd.h"
#include "keyutil/keys.h"
#include "keyutil/login.h"
#include "keyutil/recall.h"

enum {
	OPT_TOKEN_ITSELF,
	OPT_PIN_FILE,
	OPT_TOKEN,
	OPT_MODULE,
};

static const struct cmd_option options[] = {
	[OPT_TOKEN_ITSELF] = { "token-itself", NULL,
	    "label the token, not a key" },
	[OPT_PIN_FILE] = CMD_OPTION_PIN_FILE,
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	[OPT_MODULE] = CMD_OPTION_MODULE,
	{ 0 },
};

/* Two keys of one name could not be told apart by it. */
static int
find(const struct slot *s, const char *name, const char *label,
    const struct token_key **k, struct err *e)
{
	int r;

	if ((r = keys_find_one(s, name, k, e)) != 0)
		return r;
	for (size_t i = 0; i < s->keys.n; i++)
		if (&s->keys.v[i] != *k &&
		    strcmp(s->keys.v[i].label, label) == 0)
			return err_set(e, ERR_DENIED, 0, "token %s has "
			    "another key \"%.100s\", with the id %s",
			    s->info.serial, label, s->keys.v[i].id);
	return 0;
}

static int
set_label(struct slot *s, const struct token_key *k, const char *label,
    const char *pin_file, struct err *e)
{
	struct login l;
	int r;

	if ((r = login_begin(&l, s, pin_file, k != NULL ? "to label a key" :
	    "to label the token", e)) != 0)
		return r;
	if (k == NULL || (r = keys_confirm(s, k, e)) == 0)
		r = token_set_label(s->token, k != NULL ? k->ref : NULL,
		    label, e);
	login_end(&l);
	recall_forget(s);	/* no stamp tells of a label */
	return r == 0 ? 0 : err_wrap(e, "token %s", s->info.serial);
}

static int
run(const struct cmd_args *a, struct err *e)
{
	const bool itself = a->value[OPT_TOKEN_ITSELF] != NULL;
	const struct token_key *k = NULL;
	const char *label;
	struct tokens ts;
	struct slot *s;
	int r;

	if (a->n_operands != (itself ? 1 : 2))
		return err_set(e, ERR_USAGE, 0, itself ?
		    "give the new label of the token" :
		    "name one key, and its new label");
	label = a->operand[itself ? 0 : 1];
	if ((r = token_check_label(label, itself ? TOKEN_LABEL_MAX :
	    TOKEN_KEY_LABEL_MAX, e)) != 0)
		return r;
	if ((r = tokens_open_one_in(&ts, a->value[OPT_MODULE],
	    a->value[OPT_TOKEN], &s, e)) != 0)
		goto out;
	if (!itself && ((r = tokens_read_keys(&ts, e)) != 0 ||
	    (r = find(s, a->operand[0], label, &k, e)) != 0))
		goto out;
	r = set_label(s, k, label, a->value[OPT_PIN_FILE], e);
	if (r == 0 && itself)
		printf("Token %s is \"%s\" now\n", s->info.serial, label);
	else if (r == 0)
		printf("Token %s: key %s is \"%s\" now\n", s->info.serial,
		    k->id, label);
out:
	tokens_close(&ts);
	return r;
}

const struct cmd cmd_label = {
	.name = "label",
	.operands = "[KEY] TEXT",
	.summary = "give a key, or the token, another label",
	.options = options,
	.run = run,
};
