/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <inttypes.h>
#include <stdio.h>

#include "ca/ledger_verify.h"
#include "keyutil/caledger.h"
#include "keyutil/cmd.h"
#include "keyutil/out.h"

enum {
	OPT_JSON,
	OPT_LEDGER,
};

static const struct cmd_option options[] = {
	[OPT_JSON] = CMD_OPTION_JSON,
	[OPT_LEDGER] = CMD_OPTION_LEDGER,
	{ 0 },
};

/* --- for people --- */

static void
print_fault(void *arg, uint64_t seq, const char *fault)
{
	char entry[32] = "the whole";
	const struct out_clean text = out_clean(span_cstr(fault));

	(void)arg;
	if (seq != 0)
		snprintf(entry, sizeof(entry), "entry %" PRIu64, seq);
	printf("%s: %s\n", entry, text.s);
}

static void
print_sums(const struct ledger_sums *s)
{
	printf("The ledger is whole.  Entries: %" PRIu64 "; certificates: %"
	    PRIu64 ", revocations: %" PRIu64 ", checkpoints: %" PRIu64 "\n",
	    s->head.seq, s->certificates, s->revocations, s->checkpoints);
	if (s->resumptions > 0)
		printf("Its end was lost, and somebody said that it goes on "
		    "without: %" PRIu64 " times\n", s->resumptions);
	if (s->signed_until > 0)
		printf("Until entry %" PRIu64 ", the CA key %s has signed "
		    "that it was so.\n", s->signed_until, s->signed_by);
	else
		puts("No CA key has signed any of it yet.");
}

/* --- for programs --- */

/* NULL once there was no memory. */
static void
keep_fault(void *arg, uint64_t seq, const char *fault)
{
	json_t **faults = arg;

	if (*faults == NULL || json_array_append_new(*faults,
	    json_pack("{s:I, s:o}", "entry", (json_int_t)seq, "text",
	    out_json_span(span_cstr(fault)))) == 0)
		return;
	json_decref(*faults);
	*faults = NULL;
}

static json_t *
json_of_sums(const struct ledger_sums *s, json_t *faults)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:s*, s:o}",
	    "entries", (json_int_t)s->head.seq,
	    "certificates", (json_int_t)s->certificates,
	    "revocations", (json_int_t)s->revocations,
	    "checkpoints", (json_int_t)s->checkpoints,
	    "resumptions", (json_int_t)s->resumptions,
	    "signed_until", (json_int_t)s->signed_until,
	    "signed_by", s->signed_until > 0 ? s->signed_by : NULL,
	    "faults", faults);
}

static int
verify_json(struct ledger *l, struct err *e)
{
	json_t *faults = json_array();
	struct ledger_sums sums;
	struct err output;
	int r = ledger_verify(l, &sums, keep_fault, &faults, e);

	if (r != 0 && r != ERR_FORMAT) {
		json_decref(faults);
		return r;
	}
	if (out_json(json_of_sums(&sums, faults), &output) == 0)
		return r;
	*e = output;
	return (int)e->code;
}

static int
verify_text(struct ledger *l, struct err *e)
{
	struct ledger_sums sums;
	int r;

	if ((r = ledger_verify(l, &sums, print_fault, NULL, e)) == 0)
		print_sums(&sums);
	return r;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct ledger *l;
	int r;

	if ((r = caledger_open(a->value[OPT_LEDGER], LEDGER_READ, &l,
	    e)) != 0)
		return r;
	r = a->value[OPT_JSON] != NULL ? verify_json(l, e) :
	    verify_text(l, e);
	ledger_close(l);
	return r;
}

const struct cmd cmd_ca_log_verify = {
	.name = "ca log verify",
	.summary = "see whether the ledger was changed, or has lost something",
	.about = "Each entry has the hash of the one before it; each "
	    "certificate is checked against the key of its CA, and so are the "
	    "checkpoints, by which that key says what the ledger was.  Each "
	    "fault is printed, and the exit status is 1 when there is one.",
	.options = options,
	.run = run,
};
