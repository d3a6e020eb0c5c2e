/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <openssl/evp.h>

#include "agent/bind.h"
#include "tests/fuzz/law.h"

#define KEY_BYTES	32
#define SIG_BYTES	64
#define MAX_STEPS	40

/* Two hosts have the keys that Ed25519 makes of a byte repeated. */
struct signed_bind {
	uint8_t	 host, id;
	bool	 forwarding, damaged;
};

static void
put_signed(struct wire_w *w, const struct signed_bind *s)
{
	uint8_t seed[KEY_BYTES], pub[KEY_BYTES], sig[SIG_BYTES];
	size_t pub_n = sizeof(pub), sig_n = sizeof(sig);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY *key;

	memset(seed, s->host, sizeof(seed));
	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed,
	    sizeof(seed));
	must(EVP_PKEY_get_raw_public_key(key, pub, &pub_n) == 1);
	must(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1);
	must(EVP_DigestSign(ctx, sig, &sig_n, &s->id, 1) == 1);
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(ctx);
	sig[0] ^= s->damaged;
	wire_put_u32(w, 4 + 11 + 4 + KEY_BYTES);
	wire_put_cstring(w, "ssh-ed25519");
	wire_put_string(w, (struct span){ pub, pub_n });
	wire_put_string(w, (struct span){ &s->id, 1 });
	wire_put_u32(w, 4 + 11 + 4 + SIG_BYTES);
	wire_put_cstring(w, "ssh-ed25519");
	wire_put_string(w, (struct span){ sig, sig_n });
	wire_put_u8(w, s->forwarding);
}

/* All hops but the last were forwarded; no session is there twice. */
static void
check_hops(const struct bind *b)
{
	must(b->n <= BIND_MAX_HOPS);
	for (size_t i = 0; i < b->n; i++) {
		must(i + 1 == b->n || b->hops[i].forwarding);
		must(b->hops[i].session_id.n <= BIND_MAX_SESSION_ID);
		for (size_t k = 0; k < i; k++)
			must(!span_eq(b->hops[i].session_id,
			    b->hops[k].session_id));
	}
}

/* Whether a refused one leaves the connection in doubt. */
static bool
is_doubtful(struct span body)
{
	bool forwarding;
	struct wire_r r;

	wire_read(&r, body);
	for (int i = 0; i < 3; i++)
		wire_get_string(&r);
	forwarding = wire_get_u8(&r) != 0;
	return r.bad || forwarding;
}

static int
step(struct bind *b, struct span body)
{
	const bool forwarded = bind_is_forwarded(b);
	const size_t n = b->n;
	struct err e;
	const int r = bind_add(b, body, &e);

	must(b->n == n || (r == 0 && b->n == n + 1));
	must(bind_tried(b));
	must(bind_failed(b) == (b->n == 0));
	must(!forwarded || bind_is_forwarded(b));
	must(r == 0 || e.msg[0] != '\0');
	must(r == 0 || !is_doubtful(body) || bind_is_forwarded(b));
	check_hops(b);
	return r;
}

/* One that is right is refused only for what came before. */
static void
step_signed(struct bind *b, const struct signed_bind *s)
{
	const bool closed = b->n > 0 && !b->hops[b->n - 1].forwarding;
	const struct span id = { &s->id, 1 };
	bool fresh = b->n < BIND_MAX_HOPS;
	struct wire_w w;
	int r;

	for (size_t i = 0; i < b->n; i++)
		if (span_eq(b->hops[i].session_id, id))
			fresh = false;
	must(wire_write(&w, 4096));
	put_signed(&w, s);
	must(!w.bad);
	r = step(b, wire_bytes(&w));
	must(r != 0 || (!closed && !s->damaged));
	must(r == 0 || closed || s->damaged || !fresh);
	wire_free(&w);
}

/* The bodies that were kept tell another agent the same. */
static void
replay(const struct bind *b)
{
	char text[BIND_TEXT_MAX], again[BIND_TEXT_MAX];
	struct bind copy = { 0 };
	struct err e;

	for (size_t i = 0; i < b->n; i++)
		must(bind_add(&copy, b->hops[i].body, &e) == 0);
	must(copy.n == b->n);
	bind_describe(b, text, sizeof(text));
	must(strlen(text) < sizeof(text) - 1);
	bind_describe(&copy, again, sizeof(again));
	must(b->doubtful || strcmp(text, again) == 0);
	bind_clear(&copy);
}

/*
 * Input: steps.  A byte from 128 up: a bind as it comes, in a string.  Below:
 * a signed one, bit 0 is the host, 1 forwarding, 2 damage; then its id.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct bind b = { 0 };
	struct wire_r r;

	wire_read(&r, (struct span){ p, n });
	for (int i = 0; i < MAX_STEPS && !r.bad && r.left > 0; i++) {
		const uint8_t what = wire_get_u8(&r);

		if (what >= 0x80) {
			(void)step(&b, wire_get_string(&r));
			continue;
		}
		step_signed(&b, &(struct signed_bind){ .host = what & 1,
		    .forwarding = what & 2, .damaged = what & 4,
		    .id = wire_get_u8(&r) });
	}
	replay(&b);
	bind_clear(&b);
	must(!bind_tried(&b) && b.n == 0);
	return 0;
}
