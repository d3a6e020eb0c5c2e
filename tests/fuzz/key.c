/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ssh/key.h"
#include "tests/fuzz/law.h"

/* A parsed key, written anew, is the blob it came from. */
static void
rebuild(const struct key *k, struct span blob)
{
	struct wire_w w;
	struct err e;

	must(wire_write(&w, KEY_BLOB_MAX));
	if (k->type == KEY_RSA)
		must(key_put_rsa(&w, k->e, k->n, &e) == 0);
	else if (k->type == KEY_ED25519)
		must(key_put_ed25519(&w, k->q, &e) == 0);
	else if (key_put_ec(&w, k->type, k->q, &e) != 0)
		goto out;		/* off the curve */
	must(span_eq(wire_bytes(&w), blob));
out:
	wire_free(&w);
}

/* Its SubjectPublicKeyInfo, where it has one, gives it back. */
static void
through_spki(struct span blob)
{
	struct wire_w der, again;
	struct err e;

	must(wire_write(&der, KEY_BLOB_MAX));
	must(wire_write(&again, KEY_BLOB_MAX));
	if (key_put_spki(&der, blob, &e) == 0) {
		must(key_put_x509(&again, wire_bytes(&der), &e) == 0);
		must(span_eq(wire_bytes(&again), blob));
	}
	wire_free(&again);
	wire_free(&der);
}

/* Input: a key blob, or DER. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct span in = { p, n };
	struct wire_w w;
	struct key k;
	struct err e;
	int r;

	if (key_parse(in, &k, &e) == 0) {
		must(k.bits >= 256 && k.bits <= 16384);
		rebuild(&k, in);
		through_spki(in);
	}
	must(wire_write(&w, KEY_BLOB_MAX));
	r = key_put_x509(&w, in, &e);
	must((r == 0) == (wire_bytes(&w).n > 0));
	if (r == 0) {
		must(key_parse(wire_bytes(&w), &k, &e) == 0);
		through_spki(wire_bytes(&w));
	}
	wire_free(&w);
	return 0;
}
