/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "keyutil/cmd.h"
#include "keyutil/status.h"
#include "keyutil/tokens.h"

enum {
	OPT_JSON,
	OPT_TOKEN,
	OPT_MODULE,
};

static const struct cmd_option options[] = {
	[OPT_JSON] = CMD_OPTION_JSON,
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	[OPT_MODULE] = CMD_OPTION_MODULE,
	{ 0 },
};

static int
run(const struct cmd_args *a, struct err *e)
{
	struct agent agent = { 0 };
	struct tokens ts;
	struct err why = { 0 };
	int r, no_token;

	if ((no_token = tokens_open_in(&ts, a->value[OPT_MODULE],
	    a->value[OPT_TOKEN], &why)) == 0)
		no_token = tokens_read_leftovers(&ts, &why);
	if ((r = agents_find(&agent, e)) != 0)
		goto out;
	if (a->value[OPT_JSON] != NULL)
		r = status_print_json(&ts, &agent, e);
	else
		status_print_text(&ts, &agent);
	/* Tokens of modules are in no reader. */
	if (no_token == ERR_NO_TOKEN && a->value[OPT_TOKEN] == NULL &&
	    a->value[OPT_MODULE] == NULL && agents_has_keys(&agent))
		no_token = 0;
	if (r == 0 && no_token != 0) {
		*e = why;
		r = no_token;
	} else if (r == 0) {
		r = tokens_failed(&ts, e);
	}
out:
	agents_free(&agent);
	tokens_close(&ts);
	return r;
}

const struct cmd cmd_status = {
	.name = "status",
	.summary = "show readers, tokens and the running agent; needs no PIN",
	.options = options,
	.run = run,
};
