/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "agent/keywords.h"
#include "ca/draft.h"
#include "ca/form.h"
#include "ca/policy.h"
#include "tests/fuzz/law.h"

#define NOW	1800000000

static void
writer(struct wire_w *w, size_t max)
{
	if (!wire_write(w, max))
		abort();
}

static void
pack_principals(const struct cert *c, struct wire_w *w)
{
	struct span name;
	struct wire_r r;

	wire_read(&r, c->principals);
	while (cert_next_principal(&r, &name)) {
		must(name.n > 0 && memchr(name.p, ',', name.n) == NULL);
		wire_put_string(w, name);
	}
}

/* Each is nothing or one string, and comes after the one before it. */
static void
pack_options(struct span options, struct wire_w *w)
{
	struct span name, data, value, last = { 0 };
	struct wire_r r;

	wire_read(&r, options);
	while (cert_next_option(&r, &name, &data)) {
		const size_t n = name.n < last.n ? name.n : last.n;
		const int d = n == 0 ? 0 : memcmp(last.p, name.p, n);

		must(d < 0 || (d == 0 && last.n < name.n));
		last = name;
		wire_put_string(w, name);
		wire_put_u32(w, (uint32_t)data.n);
		if (data.n == 0)
			continue;
		must(ca_form_value(data, &value));
		wire_put_string(w, value);
	}
}

/* What passes is, written from what was read of it, the same bytes. */
static void
must_read_one_way(const struct cert *c)
{
	struct wire_w names, critical, extensions, all;
	struct cert copy = *c;

	writer(&names, c->tbs.n);
	writer(&critical, c->tbs.n);
	writer(&extensions, c->tbs.n);
	writer(&all, c->tbs.n);
	pack_principals(c, &names);
	pack_options(c->critical, &critical);
	pack_options(c->extensions, &extensions);
	copy.principals = wire_bytes(&names);
	copy.critical = wire_bytes(&critical);
	copy.extensions = wire_bytes(&extensions);
	copy.tbs = (struct span){ 0 };
	cert_put_tbs(&copy, &all);
	must(!all.bad && span_eq(wire_bytes(&all), c->tbs));
	wire_free(&names);
	wire_free(&critical);
	wire_free(&extensions);
	wire_free(&all);
}

/* The same by way of a draft, unless there is too much of it. */
static void
must_be_drafted_again(const struct cert *c)
{
	struct wire_w subject, tbs;
	struct ca_draft d;
	struct err e;
	int r;

	writer(&subject, c->tbs.n);
	writer(&tbs, c->tbs.n);
	cert_put_subject(c, &subject);
	if ((r = ca_draft_from_cert(c, &d, &e)) == 0)
		r = ca_draft_put_tbs(&d, wire_bytes(&subject), c->ca, &tbs,
		    &e);
	must(r == 0 ? span_eq(wire_bytes(&tbs), c->tbs) : r == ERR_LIMIT);
	ca_draft_clear(&d);
	wire_free(&subject);
	wire_free(&tbs);
}

static const char text[] = "CA x\nCertificateTypes user host\n"
    "Principals a* *.example\nDenyPrincipals root\nKeyId a*\n"
    "RequireSerial yes\nMaxValidity 8h\nSubjectKeys rsa:3072 ed25519 ecdsa\n"
    "Extensions permit-*\nCriticalOptions force-command source-address\n"
    "RequireOptions source-address\nMaxRate 3/1h\n";

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct ca_request who = { .program = "" };
	struct options o;
	struct cert c;
	struct err e;

	if (cert_parse_tbs((struct span){ p, n }, &c, &e) != 0)
		return 0;
	must(cert_is_meant(c.tbs));
	options_default(&o);
	if (keywords_parse(&o, span_cstr(text), "fuzz", &e) != 0)
		abort();
	if (ca_policy_check(NULL, &c, &who, NOW, &e) == 0) {
		must_read_one_way(&c);
		must_be_drafted_again(&c);
		must(c.n_principals > 0 && c.valid_before > c.valid_after);
	} else
		must(e.code != 0 && e.msg[0] != '\0');
	if (ca_policy_check(&o.ca.cas[0].policy, &c, &who, NOW, &e) == 0) {
		must(ca_form_check(&c, &e) == 0 && c.serial != 0);
		must(c.valid_after >= NOW - 86400 &&
		    c.valid_after <= NOW + 86400);
		must(c.valid_before <= NOW + 86400 + 8 * 3600);
	}
	options_free(&o);
	return 0;
}
