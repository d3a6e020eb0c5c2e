/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "ssh/sig.h"
#include "tests/fuzz/law.h"

/* The base point of P-256 (SEC 2 sec. 2.4.2) as somebody's public key. */
static const uint8_t p256_key[] = {
	0, 0, 0, 19, 'e', 'c', 'd', 's', 'a', '-', 's', 'h', 'a', '2', '-',
	'n', 'i', 's', 't', 'p', '2', '5', '6',
	0, 0, 0, 8, 'n', 'i', 's', 't', 'p', '2', '5', '6',
	0, 0, 0, 65, 4,
	0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47,
	0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
	0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0,
	0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
	0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b,
	0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16,
	0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce,
	0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
};

/* That of P-256 as 32 bytes is as good a key as any to check with. */
static const uint8_t ed25519_key[] = {
	0, 0, 0, 11, 's', 's', 'h', '-', 'e', 'd', '2', '5', '5', '1', '9',
	0, 0, 0, 32,
	0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47,
	0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
	0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0,
	0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
};

/* What a token answered is 64 bytes, which stand in the blob as they are. */
static void
check_ed25519(struct span raw)
{
	const struct span key = { ed25519_key, sizeof(ed25519_key) };
	struct wire_w w;
	struct wire_r in;
	struct err e;

	must(wire_write(&w, SIG_BLOB_MAX));
	if (sig_put_ed25519(&w, raw, &e) == 0) {
		wire_read(&in, wire_bytes(&w));
		must(span_is(wire_get_string(&in), "ssh-ed25519"));
		must(span_eq(wire_get_string(&in), raw) && wire_end(&in));
		must(raw.n == 64 && sig_verify(key, SIG_ED25519,
		    span_cstr("never signed"), wire_bytes(&w), &e) ==
		    ERR_DENIED);
	}
	must(sig_verify(key, SIG_ED25519, span_cstr("never signed"), raw,
	    &e) != 0);
	wire_free(&w);
}

/* Take r or s from a blob and put it to the end of a field of rs. */
static void
take_number(struct wire_r *in, struct wire_w *rs, size_t field)
{
	const struct span number = wire_get_mpint(in);

	must(!in->bad && number.n <= field);
	for (size_t i = number.n; i < field; i++)
		wire_put_u8(rs, 0);
	wire_put_raw(rs, number);
}

/* A blob is two right mpints, and the same in the raw form. */
static void
check_blob(enum sig_alg a, struct span blob)
{
	const size_t field = key_field_bytes((enum key_type)(KEY_P256 +
	    (a - SIG_ECDSA_P256)));
	struct wire_w rs, again;
	struct wire_r in, inner;
	struct err e;

	must(wire_write(&rs, 2 * field) && wire_write(&again, SIG_BLOB_MAX));
	wire_read(&in, blob);
	must(span_is(wire_get_string(&in), sig_alg_name(a)));
	wire_read(&inner, wire_get_string(&in));
	must(wire_end(&in));
	take_number(&inner, &rs, field);
	take_number(&inner, &rs, field);
	must(wire_end(&inner));
	must(sig_put_ecdsa_raw(&again, a, wire_bytes(&rs), &e) == 0);
	must(span_eq(wire_bytes(&again), blob));
	wire_free(&again);
	wire_free(&rs);
}

/* Input: a byte for the algorithm, then what a card might answer. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct span key = { p256_key, sizeof(p256_key) };
	struct wire_w w;
	enum sig_alg a;
	struct err e;
	int r;

	if (n == 0)
		return 0;
	check_ed25519((struct span){ p + 1, n - 1 });
	a = (enum sig_alg)(SIG_ECDSA_P256 + p[0] % 3);
	must(wire_write(&w, SIG_BLOB_MAX));
	r = sig_put_ecdsa_der(&w, a, (struct span){ p + 1, n - 1 }, &e);
	must((r == 0) == (wire_bytes(&w).n > 0));
	if (r == 0)
		check_blob(a, wire_bytes(&w));
	if (r == 0 && a == SIG_ECDSA_P256)
		must(sig_verify(key, a, span_cstr("never signed"),
		    wire_bytes(&w), &e) == ERR_DENIED);
	/* As a blob of its own it is nobody's signature either. */
	r = sig_verify(key, SIG_ECDSA_P256, span_cstr("never signed"),
	    (struct span){ p + 1, n - 1 }, &e);
	must(r == ERR_FORMAT || r == ERR_DENIED);
	wire_free(&w);
	return 0;
}
