/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/span.h"
#include "tests/fuzz/law.h"
#include "token/p11uri.h"

/*
 * What is understood fits, names something, and matches a token of just
 * that serial number and label, but none of another.
 */
static void
check(const struct p11uri *u)
{
	const bool serial = u->serial[0] != '\0', label = u->label[0] != '\0';

	must(strnlen(u->serial, sizeof(u->serial)) < sizeof(u->serial));
	must(strnlen(u->label, sizeof(u->label)) < sizeof(u->label));
	must(serial || label);
	must(p11uri_matches(u, u->serial, u->label));
	must(!serial || !p11uri_matches(u, "", u->label));
	must(!label || !p11uri_matches(u, u->serial, ""));
}

/* What names a key on this token names no other key, and none elsewhere. */
static void
check_key(const char *text, const char *serial)
{
	struct p11uri u;
	struct err e;

	if (!p11uri_names_key(text, serial, "card", "key", "0a0b"))
		return;
	must(p11uri_is(text));
	must(!p11uri_names_key(text, serial, "card", "other", "0c"));
	if (p11uri_parse(&u, text, &e) == 0 && u.serial[0] != '\0')
		must(!p11uri_names_key(text, "S2", "card", "key", "0a0b"));
}

/* Input: the text, up to its end or a NUL. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *text = strndup((const char *)p, n);
	struct p11uri u;
	struct err e = { 0 };

	must(text != NULL);
	check_key(text, "S1");
	if (p11uri_parse(&u, text, &e) == 0)
		check(&u);
	else
		must(e.code == ERR_FORMAT && e.msg[0] != '\0');
	free(text);
	return 0;
}
