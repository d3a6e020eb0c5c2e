/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keyutil/sshconf.h"
#include "tests/fuzz/law.h"

/* Each value is a string within what was printed. */
static void
is_within(const struct sshconf *c, const char *value, size_t n)
{
	must(value >= c->text && value <= c->text + n &&
	    strlen(value) <= (size_t)(c->text + n - value));
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct sshconf c;
	int major, minor;
	struct err e;

	if (sshconf_parse((struct span){ p, n }, &c, &e) != 0)
		return 0;
	must(c.n_files <= SSHCONF_FILES_MAX);
	for (size_t i = 0; i < c.n_files; i++)
		is_within(&c, c.files[i], n);
	if (c.agent != NULL)
		is_within(&c, c.agent, n);
	if (c.algorithms != NULL)
		is_within(&c, c.algorithms, n);
	if (c.provider != NULL)
		is_within(&c, c.provider, n);
	if (sshconf_version(c.text, "v", &major, &minor))
		must(major >= 0 && major < 10000 && minor >= 0 &&
		    minor < 10000);
	sshconf_free(&c);
	return 0;
}
