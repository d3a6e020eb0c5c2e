/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "keyutil/cmd.h"
#include "keyutil/doctor.h"
#include "keyutil/out.h"

#define NAME_COLUMNS	16
#define TEXT_COLUMN	(4 + 2 + NAME_COLUMNS + 2)

/* No host has it: what counts is what is set for all. */
#define ANY_HOST	"any-host.invalid"

enum {
	OPT_JSON,
	OPT_TOKEN,
};

static const struct cmd_option options[] = {
	[OPT_JSON] = CMD_OPTION_JSON,
	[OPT_TOKEN] = CMD_OPTION_TOKEN,
	{ 0 },
};

static void
print_text(const struct doctor *d)
{
	static const char *const words[] = {
		[DOCTOR_SKIP] = "skip",
		[DOCTOR_PASS] = "pass",
		[DOCTOR_WARN] = "warn",
		[DOCTOR_FAIL] = "FAIL",
	};

	for (size_t i = 0; i < d->n; i++) {
		const struct doctor_finding *f = &d->v[i];

		printf("%s  %-*s  ", words[f->result], NAME_COLUMNS,
		    f->check);
		out_paragraph(stdout, TEXT_COLUMN, f->text);
		/* In one line, to be copied. */
		if (f->fix[0] != '\0')
			printf("%*s: %s\n", TEXT_COLUMN - 2, "mend it",
			    f->fix);
	}
}

static int
print_json(const struct doctor *d, struct err *e)
{
	static const char *const words[] = {
		[DOCTOR_SKIP] = "skip",
		[DOCTOR_PASS] = "pass",
		[DOCTOR_WARN] = "warn",
		[DOCTOR_FAIL] = "fail",
	};
	json_t *all = json_array();

	for (size_t i = 0; all != NULL && i < d->n; i++) {
		const struct doctor_finding *f = &d->v[i];

		if (json_array_append_new(all, json_pack(
		    "{s:s, s:s, s:s, s:s?}", "check", f->check, "result",
		    words[f->result], "text", f->text, "fix",
		    f->fix[0] != '\0' ? f->fix : NULL)) != 0) {
			json_decref(all);
			all = NULL;
		}
	}
	return out_json(all, e);
}

static size_t
count(const struct doctor *d, enum doctor_result r)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->v[i].result == r;
	return n;
}

static int
report(const struct doctor *d, bool json, struct err *e)
{
	const size_t failed = count(d, DOCTOR_FAIL);
	const size_t warned = count(d, DOCTOR_WARN);
	int r = 0;

	if (json)
		r = print_json(d, e);
	else
		print_text(d);
	if (r != 0 || failed > 0)
		return r != 0 ? r : err_set(e, ERR_DENIED, 0, "%zu check%s "
		    "failed", failed, failed == 1 ? "" : "s");
	if (!json && warned > 0)
		printf("\nAll works, with %zu warning%s.\n", warned,
		    warned == 1 ? "" : "s");
	else if (!json)
		puts("\nAll is well.");
	return 0;
}

static int
run(const struct cmd_args *a, struct err *e)
{
	struct doctor d;
	int r;

	if (a->n_operands > 1)
		return err_set(e, ERR_USAGE, 0, "one host, or none");
	if ((r = doctor_gather(&d, a->value[OPT_TOKEN], a->n_operands > 0 ?
	    a->operand[0] : ANY_HOST, e)) == 0 &&
	    (r = doctor_examine(&d, e)) == 0)
		r = report(&d, a->value[OPT_JSON] != NULL, e);
	doctor_free(&d);
	return r;
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.operands = "[HOST]",
	.summary = "find what is wrong, and tell what mends it; needs no PIN",
	.about = "With a HOST, ssh's settings for that one are looked at.  "
	    "The exit status is 1 when a check failed.",
	.options = options,
	.run = run,
};
