/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "agent/audit.h"
#include "ssh/wire.h"
#include "tests/fuzz/law.h"

#define TEXT_MAX	512

/* A text as C has it: what comes after a NUL is not of it. */
static const char *
text_of(char buf[static TEXT_MAX], struct span s)
{
	const size_t n = s.n < TEXT_MAX ? s.n : TEXT_MAX - 1;

	if (n > 0)
		memcpy(buf, s.p, n);
	buf[n] = '\0';
	return buf;
}

static void
check_certificate(const json_t *j, const struct cert *c)
{
	must(json_is_object(j) && json_object_size(j) == 6);
	must(json_array_size(json_object_get(j, "principals")) ==
	    c->n_principals);
}

/* One line, and an object that has in it what the entry has. */
static void
check(const struct audit_entry *en)
{
	char *line = audit_line(en, 0);
	const json_t *user;
	json_t *j;

	must(line != NULL);
	for (const char *s = line; *s != '\0'; s++)
		must((unsigned char)*s >= 0x20 && *s != 0x7f);
	j = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	must(json_is_object(j));
	must(strcmp(json_string_value(json_object_get(j, "verdict")),
	    "denied") == 0);
	must((json_object_get(j, "key") != NULL) == (en->key[0] != '\0'));
	user = json_object_get(j, "user");
	must((user != NULL) == (en->user.n > 0));
	must(json_string_length(user) <= en->user.n);
	if (en->cert != NULL)
		check_certificate(json_object_get(j, "certificate"),
		    en->cert);
	json_decref(j);
	free(line);
}

/* Input: five strings for the texts; the rest may be a certificate's TBS. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char key[TEXT_MAX], what[TEXT_MAX], host[TEXT_MAX];
	struct audit_entry en = { .action = "sign", .duration_ms = -1 };
	struct err e, ignored;
	struct cert c;
	struct wire_r r;

	wire_read(&r, (struct span){ p, n });
	en.key = text_of(key, wire_get_string(&r));
	en.what = text_of(what, wire_get_string(&r));
	en.host = text_of(host, wire_get_string(&r));
	en.user = wire_get_string(&r);
	en.ns = wire_get_string(&r);
	if (r.bad)
		return 0;
	if (cert_parse_tbs((struct span){ r.p, r.left }, &c, &ignored) == 0)
		en.cert = &c;
	(void)err_set(&e, ERR_DENIED, 0, "%s", what);
	en.refused = &e;
	check(&en);
	return 0;
}
