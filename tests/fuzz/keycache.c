/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "ssh/sig.h"
#include "tests/fuzz/law.h"
#include "token/keycache.h"

#define SERIAL	"DENK0100000"

/* The file with the hash that belongs to it, which no fuzzer would guess. */
static struct span
sealed(const uint8_t *p, size_t n, uint8_t **buf)
{
	struct sig_digest md;
	struct err e;

	must((*buf = malloc(n + sizeof(md.bytes))) != NULL);
	if (n > 0)
		memcpy(*buf, p, n);
	must(sig_hash(SIG_RSA_SHA256, (struct span){ p, n }, &md, &e) == 0);
	memcpy(*buf + n, md.bytes, md.n);
	return (struct span){ *buf, n + md.n };
}

/* What is understood, written again, is what was read. */
static void
check(struct span file)
{
	struct token_keys keys;
	struct wire_w w;
	struct err e;

	if (keycache_parse(file, SERIAL, &keys, &e) != 0) {
		must(keys.v == NULL && keys.n == 0);
		return;
	}
	must(wire_write(&w, KEYCACHE_MAX));
	must(keycache_put(&w, SERIAL, &keys, &e) == 0);
	must(span_eq(wire_bytes(&w), file));
	wire_free(&w);
	token_keys_free(&keys);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t *buf;

	check((struct span){ p, n });
	check(sealed(p, n, &buf));
	free(buf);
	return 0;
}
