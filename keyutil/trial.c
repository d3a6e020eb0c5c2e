/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/random.h>

#include <stdlib.h>
#include <time.h>

#include "keyutil/keys.h"
#include "keyutil/trial.h"

#define RANDOM_BYTES	32

static bool
is_in(const struct trial_keys *k, const struct token_key *key)
{
	for (size_t i = 0; i < k->n; i++)
		if (k->v[i] == key)
			return true;
	return false;
}

static int
choose_named(const struct slot *s, char *const *names, size_t n,
    struct trial_keys *out, struct err *e)
{
	const struct token_key *key;
	int r;

	for (size_t i = 0; i < n; i++) {
		if ((r = keys_find_one(s, names[i], &key, e)) != 0)
			return r;
		if (!is_in(out, key))
			out->v[out->n++] = key;
	}
	return 0;
}

int
trial_choose(const struct slot *s, char *const *names, size_t n,
    struct trial_keys *out, struct err *e)
{
	const size_t most = n > 0 ? n : s->keys.n;
	int r = 0;

	*out = (struct trial_keys){ 0 };
	if (most == 0)
		return err_set(e, ERR_NOTFOUND, 0, "token %s has no keys",
		    s->info.serial);
	if ((out->v = calloc(most, sizeof(*out->v))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "keys");
	if (n > 0)
		r = choose_named(s, names, n, out, e);
	else
		for (; out->n < most; out->n++)
			out->v[out->n] = &s->keys.v[out->n];
	return r;
}

void
trial_keys_free(struct trial_keys *k)
{
	free(k->v);
	*k = (struct trial_keys){ 0 };
}

static struct span
blob_of(const struct token_key *k)
{
	return (struct span){ k->blob, k->blob_n };
}

size_t
trial_algs(const struct token_key *k, enum sig_alg v[static TRIAL_ALGS_MAX])
{
	struct key key;
	struct err e;
	size_t n = 0;

	if (k->blob == NULL || key_parse(blob_of(k), &key, &e) != 0)
		return 0;
	for (enum sig_alg a = SIG_RSA_SHA256; a <= SIG_ALG_LAST; a++)
		if (n < TRIAL_ALGS_MAX && sig_alg_fits(a, key.type))
			v[n++] = a;
	return n;
}

static double
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

int
trial_sign(struct token *t, const struct token_key *k, enum sig_alg a,
    double *ms, struct err *e)
{
	uint8_t message[16 + RANDOM_BYTES] = "hsm-keyutil test";
	const struct span data = { message, sizeof(message) };
	struct wire_w sig = { 0 };
	double begin;
	int r;

	if (getrandom(message + 16, RANDOM_BYTES, 0) != RANDOM_BYTES)
		return err_sys(e, "random bytes");
	if (!wire_write(&sig, SIG_BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "signature");
	begin = now_ms();
	r = token_sign(t, k, a, data, &sig, e);
	*ms = now_ms() - begin;
	if (r == 0)
		r = sig_verify(blob_of(k), a, data, wire_bytes(&sig), e);
	wire_free(&sig);
	return r;
}

bool
trial_is_over(enum err_code code)
{
	return code == ERR_TOKEN_GONE || code == ERR_NO_TOKEN ||
	    code == ERR_PIN_NEEDED;
}
