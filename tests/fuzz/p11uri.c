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
	const struct p11uri_token same = { u->serial, u->label, u->model,
	    u->maker }, no_serial = { "", u->label, u->model, u->maker },
	    no_label = { u->serial, "", u->model, u->maker };

	must(strnlen(u->serial, sizeof(u->serial)) < sizeof(u->serial));
	must(strnlen(u->label, sizeof(u->label)) < sizeof(u->label));
	must(serial || label);
	must(p11uri_matches(u, &same));
	must(!serial || !p11uri_matches(u, &no_serial));
	must(!label || !p11uri_matches(u, &no_label));
}

/* What names a key on this token names no other key, and none elsewhere. */
static void
check_key(const char *text, const char *serial)
{
	const struct p11uri_token card = { serial, "card", NULL, NULL },
	    second = { "S2", "card", NULL, NULL };
	struct p11uri u;
	struct err e;

	if (!p11uri_names_key(text, &card, "key", "0a0b"))
		return;
	must(p11uri_is(text));
	must(!p11uri_names_key(text, &card, "other", "0c"));
	if (p11uri_parse(&u, text, &e) == 0 && u.serial[0] != '\0')
		must(!p11uri_names_key(text, &second, "key", "0a0b"));
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
