/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ssh/agentstatus.h"
#include "tests/fuzz/law.h"

static void
check_inside(struct span s, struct span in)
{
	must(s.n == 0 || (s.p >= in.p && s.n <= in.n &&
	    (size_t)(s.p - in.p) <= in.n - s.n));
}

/*
 * What is understood lies inside the answer, and a count is never more than
 * the bytes could hold; what is not understood leaves nothing to free.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct span in = { p, n };
	struct agentstatus s;
	struct err e;

	if (agentstatus_parse(in, &s, &e) != 0) {
		must(s.tokens == NULL && s.refusals == NULL);
		must(s.certs == NULL);
		return 0;
	}
	must(s.n_tokens <= n && s.n_refusals <= n && s.n_certs <= n);
	check_inside(s.version, in);
	for (size_t i = 0; i < s.n_tokens; i++) {
		check_inside(s.tokens[i].reader, in);
		check_inside(s.tokens[i].serial, in);
		check_inside(s.tokens[i].label, in);
		check_inside(s.tokens[i].state, in);
		check_inside(s.tokens[i].trouble, in);
	}
	for (size_t i = 0; i < s.n_refusals; i++) {
		check_inside(s.refusals[i].code, in);
		check_inside(s.refusals[i].text, in);
	}
	for (size_t i = 0; i < s.n_certs; i++) {
		check_inside(s.certs[i].path, in);
		check_inside(s.certs[i].fingerprint, in);
		check_inside(s.certs[i].comment, in);
		check_inside(s.certs[i].state, in);
		check_inside(s.certs[i].words, in);
	}
	agentstatus_free(&s);
	return 0;
}
