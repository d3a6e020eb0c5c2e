/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "ssh/sshsig.h"
#include "tests/fuzz/law.h"

/* All that was read is there again. */
static void
same(struct span in, const struct sshsig *s)
{
	struct sshsig again;
	struct err e;

	must(sshsig_parse(in, &again, &e) == 0);
	must(span_eq(again.key, s->key) && span_eq(again.ns, s->ns));
	must(span_eq(again.reserved, s->reserved) && again.hash == s->hash);
	must(span_eq(again.signature, s->signature));
	sshsig_free(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct span in = { p, n };
	struct sshsig s;
	struct wire_w w;
	struct err e;
	char *text;

	if (sshsig_parse(in, &s, &e) != 0)
		return 0;
	must((text = sshsig_armor(&s)) != NULL);
	same(span_cstr(text), &s);
	must(wire_write(&w, SSHSIG_MAX));
	sshsig_put(&s, &w);
	must(!w.bad);
	same(wire_bytes(&w), &s);
	/* A binary one has one form only. */
	must(*p != 'S' || span_eq(wire_bytes(&w), in));
	must(sshsig_verify(&s, "nobody's", in, &e) != 0);
	(void)!sshsig_verify(&s, "file", span_cstr("message"), &e);
	wire_free(&w);
	free(text);
	sshsig_free(&s);
	return 0;
}
