/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keyutil/sshdconf.h"
#include "tests/fuzz/law.h"

/* Each value is a string within what was read, and is not empty. */
static void
is_within(const struct sshdconf *c, const char *value, size_t n)
{
	if (value == NULL)
		return;
	must(value >= c->text && value < c->text + n);
	must(value[0] != '\0' && strchr(value, '\n') == NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct sshdconf c;
	struct err e;

	if (sshdconf_parse((struct span){ p, n }, &c, &e) != 0) {
		must(e.msg[0] != '\0' && c.text == NULL);
		return 0;
	}
	is_within(&c, c.trusted, n);
	is_within(&c, c.revoked, n);
	is_within(&c, c.principals, n);
	is_within(&c, c.command, n);
	is_within(&c, c.ca_algorithms, n);
	is_within(&c, c.key_algorithms, n);
	must(c.n_unjudged <= SSHDCONF_UNJUDGED);
	sshdconf_free(&c);
	return 0;
}
