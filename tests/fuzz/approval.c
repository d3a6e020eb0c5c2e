/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "ca/approval.h"
#include "tests/fuzz/law.h"

/* What a draft is printed as reads as that draft. */
static void
print(struct span draft)
{
	struct approval_request q;
	struct err e;
	char *text;

	if (approval_request_put(draft, &text, &e) != 0)
		return;
	must(approval_request_read(span_cstr(text), &q, &e) == 0);
	must(span_eq(q.cert.tbs, draft));
	approval_request_free(&q);
	free(text);
}

/* There is one text for a draft, and without a signature it is nothing. */
static void
use(struct span text, const struct approval_request *q)
{
	const struct approval_papers papers = { .request = text,
	    .signature = text };
	const struct approval_rule rule = { 0 };
	struct approval_names who;
	struct err e;
	char *again;

	must(approval_request_put(q->cert.tbs, &again, &e) == 0);
	must(span_is(text, again));
	must(approval_matches(&q->cert, &q->cert, &e) == 0);
	must(approval_check(&rule, &q->cert, &papers, &who, &e) != 0);
	free(again);
}

/* A text, or else a draft. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct span in = { p, n };
	struct approval_request q;
	struct err e;

	print(in);
	if (approval_request_read(in, &q, &e) == 0) {
		use(in, &q);
		approval_request_free(&q);
	}
	return 0;
}
