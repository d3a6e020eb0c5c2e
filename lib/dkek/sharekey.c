/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <openssl/evp.h>

#include "dkek/sharekey.h"

#define HASH_BYTES	16
#define WATCH_ROUNDS	100000

struct sharekey {
	uint8_t		 bytes[SHAREKEY_BYTES];
	EVP_MD		*md5;
	EVP_MD_CTX	*ctx;
	int		 rounds;
};

void
sharekey_free(struct sharekey *k)
{
	if (k == NULL)
		return;
	EVP_MD_CTX_free(k->ctx);
	EVP_MD_free(k->md5);
	secret_page_free(k, sizeof(*k));
}

/* To look MD5 up costs more than a round does, so it is done once. */
struct sharekey *
sharekey_new(int rounds, struct err *e)
{
	struct sharekey *k = secret_page_new(sizeof(*k));

	if (k == NULL || (k->ctx = EVP_MD_CTX_new()) == NULL) {
		sharekey_free(k);
		(void)err_set(e, ERR_NOMEM, 0, "DKEK share");
		return NULL;
	}
	k->rounds = rounds;
	if ((k->md5 = EVP_MD_fetch(NULL, "MD5", NULL)) == NULL ||
	    EVP_DigestInit_ex(k->ctx, k->md5, NULL) != 1) {
		sharekey_free(k);
		(void)err_set(e, ERR_UNSUPPORTED, 0, "OpenSSL on this computer "
		    "refuses MD5, which DKEK shares are sealed with");
		return NULL;
	}
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

	return EVP_DigestInit_ex(k->ctx, NULL, NULL) == 1 &&
	    (step == 0 || EVP_DigestUpdate(k->ctx, hash - HASH_BYTES,
	    HASH_BYTES) == 1) &&
	    EVP_DigestUpdate(k->ctx, secret_bytes(password),
	    secret_len(password)) == 1 &&
	    EVP_DigestUpdate(k->ctx, salt, SHAREKEY_SALT) == 1 &&
	    EVP_DigestFinal_ex(k->ctx, hash, NULL) == 1;
}

int
sharekey_step(struct sharekey *k, size_t step, const struct secret *password,
    const uint8_t salt[SHAREKEY_SALT], const struct share_watch *watch,
    struct err *e)
{
	uint8_t *hash = k->bytes + step * HASH_BYTES;
	bool ok = first_round(k, step, password, salt);

	for (int i = 1; ok && i < k->rounds; i++) {
		ok = EVP_DigestInit_ex(k->ctx, NULL, NULL) == 1 &&
		    EVP_DigestUpdate(k->ctx, hash, HASH_BYTES) == 1 &&
		    EVP_DigestFinal_ex(k->ctx, hash, NULL) == 1;
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
