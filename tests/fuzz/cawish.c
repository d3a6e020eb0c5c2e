/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "ca/draft.h"
#include "ca/when.h"
#include "ca/wish.h"
#include "tests/fuzz/law.h"

#define NOW	1800000000

/* The text of an Ed25519 key, as bytes on the wire. */
#define ED25519	"\0\0\0\013ssh-ed25519\0\0\0\040"

static const char subject[] = ED25519 "0123456789abcdefghijklmnopqrstuv";
static const char ca[] = ED25519 "vutsrqponmlkjihgfedcba9876543210";

static struct wire_w
writer(void)
{
	struct wire_w w;

	if (!wire_write(&w, 1 << 17))
		abort();
	return w;
}

static void
must_be_in_order(const struct ca_draft_options *o)
{
	must(o->n <= CA_DRAFT_OPTIONS);
	for (size_t i = 0; i + 1 < o->n; i++)
		must(strcmp(o->v[i].name, o->v[i + 1].name) < 0);
	for (size_t i = 0; i < o->n; i++) {
		must(o->v[i].name[0] != '\0');
		must(ca_draft_find_option(o, o->v[i].name) == &o->v[i]);
	}
}

static void
wish_time(struct ca_draft *d, const char *text, struct err *e)
{
	if (ca_when_parse(text, NOW, &d->valid_after, &d->valid_before,
	    e) == 0)
		e->code = ERR_NONE;
	must(d->valid_after < d->valid_before);
	must(d->valid_before > NOW);
}

static void
wish_serial(struct ca_draft *d, const char *text, struct err *e)
{
	if (ca_wish_serial(text, &d->serial, e) == 0) {
		must(strspn(text, "0123456789") == strlen(text));
		e->code = ERR_NONE;
	}
}

/* One line: what it is about, and the text a person says. */
static void
wish(struct ca_draft *d, const char *line)
{
	struct err e = { .code = ERR_USAGE };
	int r = -1;

	switch (line[0]) {
	case 'I':
		r = ca_draft_set_key_id(d, line + 1, &e);
		break;
	case 'n':
		r = ca_wish_principals(d, line + 1, &e);
		break;
	case 'O':
		r = ca_wish_option(d, line + 1, &e);
		break;
	case 'V':
		e.msg[0] = '.';
		wish_time(d, line + 1, &e);
		r = (int)e.code;
		break;
	case 'z':
		e.msg[0] = '.';
		wish_serial(d, line + 1, &e);
		r = (int)e.code;
		break;
	default:
		return;
	}
	must(r == 0 || ((r == ERR_USAGE || r == ERR_LIMIT) &&
	    r == (int)e.code && e.msg[0] != '\0'));
}

/* What a draft makes parses, and is the same from a draft of it. */
static void
must_be_made_again(const struct ca_draft *d)
{
	const struct span s = { (const uint8_t *)subject,
	    sizeof(subject) - 1 }, k = { (const uint8_t *)ca, sizeof(ca) - 1 };
	struct wire_w tbs = writer(), plain = writer(), again = writer();
	struct ca_draft back = { 0 };
	struct cert c;
	struct err e;
	int r;

	if ((r = ca_draft_put_tbs(d, s, k, &tbs, &e)) != 0) {
		must(r == ERR_LIMIT);
		goto out;
	}
	must(cert_parse_tbs(wire_bytes(&tbs), &c, &e) == 0);
	must(c.type == d->type && c.serial == d->serial);
	must(c.n_principals == d->principals.n);
	cert_put_tbs(&c, &plain);
	must(span_eq(wire_bytes(&plain), wire_bytes(&tbs)));
	must(ca_draft_from_cert(&c, &back, &e) == 0);
	must(ca_draft_put_tbs(&back, s, k, &again, &e) == 0);
	must(span_eq(wire_bytes(&again), wire_bytes(&tbs)));
out:
	ca_draft_clear(&back);
	wire_free(&again);
	wire_free(&plain);
	wire_free(&tbs);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *text = calloc(1, n + 1), *rest = text, *line;
	struct ca_draft d;
	struct err e;

	if (text == NULL)
		abort();
	if (n > 0)
		memcpy(text, p, n);
	if (ca_wish_begin(&d, text[0] == 'h' ? CERT_HOST : CERT_USER,
	    &e) != 0 || ca_draft_nonce(&d, &e) != 0)
		abort();
	d.valid_before = CERT_FOREVER;
	while ((line = strsep(&rest, "\n")) != NULL)
		wish(&d, line);
	must_be_in_order(&d.critical);
	must_be_in_order(&d.extensions);
	must_be_made_again(&d);
	ca_draft_clear(&d);
	free(text);
	return 0;
}
