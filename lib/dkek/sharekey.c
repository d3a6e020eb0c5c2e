/* SPDX-License-Identifier: GPL-3.0-or-later */
#define OPENSSL_SUPPRESS_DEPRECATED	/* MD5 without EVP: see below */
#include <openssl/evp.h>
#include <openssl/md5.h>

#include "dkek/sharekey.h"

#define HASH_BYTES	16
#define WATCH_ROUNDS	100000

/*
 * EVP takes and frees memory for each round, which costs as much as the round
 * does, leaves all of them in the heap, and makes ASan four times as slow.
 */
struct sharekey {
	uint8_t		 bytes[SHAREKEY_BYTES];
	MD5_CTX		 ctx;
	int		 rounds;
};

void
sharekey_free(struct sharekey *k)
{
	secret_page_free(k, sizeof(*k));
}

static bool
is_md5_allowed(void)
{
	EVP_MD *md5 = EVP_MD_fetch(NULL, "MD5", NULL);

	EVP_MD_free(md5);
	return md5 != NULL;
}

struct sharekey *
sharekey_new(int rounds, struct err *e)
{
	struct sharekey *k;

	if (!is_md5_allowed()) {
		(void)err_set(e, ERR_UNSUPPORTED, 0, "OpenSSL on this computer "
		    "refuses MD5, which DKEK shares are sealed with");
		return NULL;
	}
	if ((k = secret_page_new(sizeof(*k))) == NULL) {
		(void)err_set(e, ERR_NOMEM, 0, "DKEK share");
		return NULL;
	}
	k->rounds = rounds;
	return k;
}

static void
tell(const struct share_watch *watch, size_t step, int round, int rounds)
{
	if (watch != NULL && watch->at != NULL)
		watch->at(watch->ctx, ((double)step +
		    (double)round / rounds) / SHAREKEY_STEPS);
}

static bool
first_round(struct sharekey *k, size_t step, const struct secret *password,
    const uint8_t *salt)
{
	uint8_t *hash = k->bytes + step * HASH_BYTES;

	return MD5_Init(&k->ctx) == 1 &&
	    (step == 0 || MD5_Update(&k->ctx, hash - HASH_BYTES,
	    HASH_BYTES) == 1) &&
	    MD5_Update(&k->ctx, secret_bytes(password),
	    secret_len(password)) == 1 &&
	    MD5_Update(&k->ctx, salt, SHAREKEY_SALT) == 1 &&
	    MD5_Final(hash, &k->ctx) == 1;
}

int
sharekey_step(struct sharekey *k, size_t step, const struct secret *password,
    const uint8_t salt[SHAREKEY_SALT], const struct share_watch *watch,
    struct err *e)
{
	uint8_t *hash = k->bytes + step * HASH_BYTES;
	bool ok = first_round(k, step, password, salt);

	for (int i = 1; ok && i < k->rounds; i++) {
		ok = MD5_Init(&k->ctx) == 1 &&
		    MD5_Update(&k->ctx, hash, HASH_BYTES) == 1 &&
		    MD5_Final(hash, &k->ctx) == 1;
		if (i % WATCH_ROUNDS == 0)
			tell(watch, step, i, k->rounds);
	}
	return ok ? 0 : err_set(e, ERR_NOMEM, 0, "MD5");
}

const uint8_t *
sharekey_bytes(const struct sharekey *k)
{
	return k->bytes;
}
