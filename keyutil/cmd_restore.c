/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "keyutil/cmd.h"
#include "keyutil/hex.h"
#include "keyutil/transfer.h"
#include "keyutil/wrapfile.h"

enum {
	OPT_LABEL,
	OPT_ID,
	OPT_PIN_FILE,
	OPT_TOKEN,
};

static const struct cmd_option options[] = {
	[OPT_LABEL] = { "label", "TEXT",
	    "give the key this label; for one FILE" },
	[OPT_ID] = { "id", "HEX", "give the key this id; for one FILE" },
	[OPT_PIN_FILE] = CMD_OPTION_PIN_FILE,
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	{ 0 },
};

static int
rename_key(const struct cmd_args *a, struct token_wrapped *w, struct err *e)
{
	const char *text = a->value[OPT_ID];
	uint8_t id[TOKEN_ID_MAX] = { 0 };
	size_t n = sizeof(id);

	if (a->n_operands > 1)
		return err_set(e, ERR_USAGE, 0, "--label and --id are for one "
		    "file at a time");
	if (text == NULL)
		n = 0;
	else if (!hex_parse(span_cstr(text), id, &n))
		return err_set(e, ERR_USAGE, 0, "an id is 1 to %d bytes, each "
		    "written as two hexadecimal digits", TOKEN_ID_MAX);
	return token_wrapped_rename(w, a->value[OPT_LABEL],
	    (struct span){ id, n }, e);
}

static int
read_file(const struct cmd_args *a, struct transfer *t, const char *path,
    struct err *e)
{
	const bool rename = a->value[OPT_LABEL] != NULL ||
	    a->value[OPT_ID] != NULL;
	int r;

	snprintf(t->from, sizeof(t->from), "\"%.120s\"", path);
	if ((r = wrapfile_read(path, &t->w, e)) != 0)
		return r;
	if (rename && (r = rename_key(a, &t->w, e)) != 0)
		return err_wrap(e, "%s", t->from);
	return transfer_read(t, e);
}

static int
read_files(const struct cmd_args *a, struct transfers *ts, struct err *e)
{
	int r;

	if ((r = transfers_new(ts, a->n_operands, e)) != 0)
		return r;
	for (size_t i = 0; i < a->n_operands; i++)
		if ((r = read_file(a, &ts->v[ts->n++], a->operand[i],
		    e)) != 0)
			return r;
	return 0;
}

static int
restore(struct transfers *ts, struct slot *to, const char *pin_file,
    struct err *e)
{
	int r;

	if ((r = transfer_has_dkek(to, e)) != 0 ||
	    (r = transfers_check(ts, to, e)) != 0 ||
	    (r = transfers_check_dkek(ts, to, e)) != 0 ||
	    transfers_left(ts) == 0)
		return r;
	return transfers_put(ts, to, pin_file, e);
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct transfers keys = { 0 };
	struct tokens ts = { 0 };
	struct slot *to;
	int r;

	if (a->n_operands == 0)
		return err_set(e, ERR_USAGE, 0, "name the files of the keys");
	if ((r = read_files(a, &keys, e)) == 0 &&
	    (r = tokens_open_one(&ts, a->value[OPT_TOKEN], &to, e)) == 0 &&
	    (r = tokens_read_keys(&ts, e)) == 0)
		r = restore(&keys, to, a->value[OPT_PIN_FILE], e);
	transfers_free(&keys);
	tokens_close(&ts);
	return r;
}

const struct cmd cmd_restore = {
	.name = "restore",
	.operands = "FILE...",
	.summary = "put keys from their backup on a token",
	.about = "The token needs the DKEK that the keys were backed up "
	    "under.  Each key is proved by a signature.  A key that is on the "
	    "token already is left as it is.",
	.options = options,
	.run = run,
};
