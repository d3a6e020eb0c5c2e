/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ca/explain.h"
#include "ca/form.h"
#include "ca/sources.h"
#include "ssh/keytext.h"
#include "tests/fuzz/law.h"

/* What is said is for a terminal, and what is wrong can be mended. */
static void
check(const struct explain *x)
{
	size_t reasons = 0;

	must(x->n <= EXPLAIN_MAX);
	for (size_t i = 0; i < x->n; i++) {
		const struct explain_line *l = &x->v[i];

		must(l->text[0] != '\0');
		must(keytext_is_clean(span_cstr(l->text)));
		must(keytext_is_clean(span_cstr(l->mend)));
		must((l->mend[0] != '\0') == (l->why != EXPLAIN_NOTE));
		reasons += l->why != EXPLAIN_NOTE;
	}
	must(reasons == x->reasons);
}

/* What is let in has nothing that sshd would not have. */
static void
check_accepted(const struct cert *c, const struct explain_facts *f)
{
	struct span name, data, value;
	struct wire_r r;

	must(c->type == f->as && c->n_principals > 0);
	must(f->at >= c->valid_after && f->at < c->valid_before);
	wire_read(&r, c->critical);
	while (cert_next_option(&r, &name, &data)) {
		must(f->as == CERT_USER);
		if (span_is(name, "source-address"))
			must(ca_form_value(data, &value) &&
			    ca_sources_match(value, f->address));
		else
			must(span_is(name, "force-command") ||
			    span_is(name, "verify-required"));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct explain_facts f = { .name = "alice", .address = "10.1.2.3",
	    .trusted = { .asked = true, .path = "/ca" }, .n_cas = 1 };
	struct explain x;
	struct cert c;
	struct err e;

	if (cert_parse((struct span){ p, n }, &c, &e) != 0)
		return 0;
	f.cas = &c.ca;
	f.at = c.valid_after;
	for (f.as = CERT_USER; f.as <= CERT_HOST; f.as++) {
		explain(&c, &f, &x);
		check(&x);
		if (x.reasons == 0)
			check_accepted(&c, &f);
	}
	return 0;
}
