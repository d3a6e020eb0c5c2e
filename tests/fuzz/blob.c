/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dkek/blob.h"
#include "tests/fuzz/law.h"
#include "tests/unit/seal.h"

static void
inside(struct span v, const uint8_t *p, size_t n)
{
	if (v.n > 0 && (v.p < p || v.n > n || v.p > p + (n - v.n)))
		__builtin_trap();
}

static void
prove(struct span in, const struct dkek *d)
{
	struct blob b;
	struct err e = { 0 };

	if (blob_parse(in, &b, &e) == 0) {
		inside(b.kcv, in.p, in.n);
		inside(b.algs, in.p, in.n);
		inside(b.sealed, in.p, in.n);
		inside(b.mac, in.p, in.n);
		if (blob_prove(&b, d, NULL, &e) == 0)
			return;
	}
	if (e.msg[0] == '\0')
		__builtin_trap();
}

/*
 * Once as what came from a file, and once sealed with the DKEK, which alone
 * leads past the MAC: the first byte is the kind of key, the rest is it.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct dkek *d = seal_dkek(SEAL_BYTE);
	uint8_t sealed[SEAL_MAX];
	size_t len;

	if (d == NULL)
		return 0;
	prove((struct span){ p, n }, d);
	if (n > 0 && (len = seal(d, p[0], (struct span){ p + 1, n - 1 },
	    sealed)) > 0)
		prove((struct span){ sealed, len }, d);
	dkek_free(d);
	return 0;
}
