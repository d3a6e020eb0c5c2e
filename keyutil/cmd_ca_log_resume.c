/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "keyutil/ask.h"
#include "keyutil/caledger.h"
#include "keyutil/cmd.h"
#include "keyutil/out.h"

#define WORD	"resume"

enum {
	OPT_REASON,
	OPT_YES,
	OPT_LEDGER,
};

static const struct cmd_option options[] = {
	[OPT_REASON] = { "reason", "TEXT",
	    "what has happened; it is kept in the ledger" },
	[OPT_YES] = { "yes", NULL, "do not ask" },
	[OPT_LEDGER] = CMD_OPTION_LEDGER,
	{ 0 },
};

static void
tell(const char *what, uint64_t last, const struct ledger_head *head)
{
	out_warn("%s", what);
	out_warn("  the last entry that it has is number %" PRIu64, last);
	if (head->seq > last)
		out_warn("  entries %" PRIu64 " to %" PRIu64 " are lost: what "
		    "they say was signed or revoked is not known",
		    last + 1, head->seq);
	else
		out_warn("  how many entries are lost is not known");
	out_warn("  if there is a copy that has them, put that in its place; "
	    "to go on without them is written into the ledger");
}

static int
resume(struct ledger *l, const struct cmd_args *a, struct err *e)
{
	struct caledger_program program;
	struct ledger_head head;
	struct ledger_who who;
	struct err why;
	uint64_t last;
	int r;

	if ((r = ledger_check_end(l, &last, &head, &why)) == ERR_STALE) {
		tell(why.msg, last, &head);
		if (a->value[OPT_YES] == NULL &&
		    (r = ask_to_type(WORD, false, e)) != 0)
			return r;
	} else if (r != 0) {
		*e = why;
		return r;
	}
	who = caledger_who(&program);
	if ((r = ledger_resume(l, &who, span_cstr(a->value[OPT_REASON]),
	    e)) == 0)
		puts("The ledger goes on; numbers that may have been used are "
		    "used by no CA again.");
	return r;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct ledger *l;
	int r;

	if (a->value[OPT_REASON] == NULL || a->value[OPT_REASON][0] == '\0')
		return err_set(e, ERR_USAGE, 0, "say with --reason what has "
		    "happened to the ledger");
	if ((r = caledger_open(a->value[OPT_LEDGER], LEDGER_READ, &l,
	    e)) != 0)
		return r;
	ledger_close(l);		/* it is there, and not to be made */
	if ((r = caledger_open(a->value[OPT_LEDGER], LEDGER_WRITE, &l,
	    e)) != 0)
		return r;
	r = resume(l, a, e);
	ledger_close(l);
	return r;
}

const struct cmd cmd_ca_log_resume = {
	.name = "ca log resume",
	.summary = "go on with a ledger that has lost its end",
	.about = "Nothing is signed after the ledger was put back from a "
	    "backup, or cut: CA keys wait for this command.  What was lost is "
	    "shown before, and that something was stays in the ledger.",
	.options = options,
	.run = run,
};
