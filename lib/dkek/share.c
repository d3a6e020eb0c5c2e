/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "dkek/sharekey.h"

#define MAGIC		"Salted__"
#define MAGIC_BYTES	8
#define BLOCK		16
#define PADDED_BYTES	(SHARE_BYTES + BLOCK)

/* What a file consists of. */
struct layout {
	uint8_t		 magic[MAGIC_BYTES];
	uint8_t		 salt[SHAREKEY_SALT];
	uint8_t		 sealed[PADDED_BYTES];
};

/* AES-256-CBC without padding; n is that of whole blocks. */
static int
crypt(const uint8_t *key, const uint8_t *iv, int encrypt, struct span in,
    uint8_t *out, struct err *e)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int got = 0;
	bool ok;

	ok = c != NULL && EVP_CipherInit_ex(c, EVP_aes_256_cbc(), NULL, key,
	    iv, encrypt) == 1 &&
	    EVP_CIPHER_CTX_set_padding(c, 0) == 1 &&
	    EVP_CipherUpdate(c, out, &got, in.p, (int)in.n) == 1 &&
	    (size_t)got == in.n;
	EVP_CIPHER_CTX_free(c);
	return ok ? 0 : err_set(e, ERR_NOMEM, 0, "AES");
}

int
share_make(struct secret *share, struct err *e)
{
	uint8_t *p = secret_page_new(SHARE_BYTES);
	bool ok;

	secret_clear(share);
	ok = p != NULL && RAND_priv_bytes(p, SHARE_BYTES) == 1 &&
	    secret_add(share, p, SHARE_BYTES) == 0;
	secret_page_free(p, SHARE_BYTES);
	return ok ? 0 : err_set(e, ERR_NOMEM, 0, "random bytes");
}

int
share_check(struct span file, struct err *e)
{
	if (file.n == 0)
		return err_set(e, ERR_FORMAT, 0, "it is empty");
	if (file.n < MAGIC_BYTES || memcmp(file.p, MAGIC, MAGIC_BYTES) != 0)
		return err_set(e, ERR_FORMAT, 0, "it is no DKEK share: it "
		    "does not begin with \"%s\"", MAGIC);
	if (file.n != SHARE_FILE_BYTES)
		return err_set(e, ERR_FORMAT, 0, "it is no whole DKEK share: "
		    "it has %zu bytes and not %d", file.n, SHARE_FILE_BYTES);
	return 0;
}

/*
 * The last block is padding, each byte of it BLOCK.  The key alone opens it;
 * where it is nearly right, the key is, and the block before was changed.
 */
static int
check_padding(const uint8_t *key, const struct layout *f, struct err *e)
{
	const struct span last = { f->sealed + SHARE_BYTES, BLOCK };
	uint8_t padding[BLOCK];
	size_t right = 0;
	int r;

	if ((r = crypt(key, last.p - BLOCK, 0, last, padding, e)) != 0)
		return r;
	for (size_t i = 0; i < BLOCK; i++)
		right += padding[i] == BLOCK;
	if (right == BLOCK)
		return 0;
	if (right >= BLOCK / 2)
		return err_set(e, ERR_FORMAT, 0, "the password is right, but "
		    "the file is damaged: take another copy of it");
	return err_set(e, ERR_DENIED, 0, "the password is wrong, or the file "
	    "is damaged");
}

/* A wrong password is found out after two of the three steps. */
static int
unseal(struct sharekey *k, const struct layout *f,
    const struct secret *password, const struct share_watch *watch,
    uint8_t *plain, struct err *e)
{
	const uint8_t *key = sharekey_bytes(k);
	const struct span sealed = { f->sealed, sizeof(f->sealed) };
	int r;

	if ((r = sharekey_step(k, 0, password, f->salt, watch, e)) != 0 ||
	    (r = sharekey_step(k, 1, password, f->salt, watch, e)) != 0 ||
	    (r = check_padding(key, f, e)) != 0 ||
	    (r = sharekey_step(k, 2, password, f->salt, watch, e)) != 0)
		return r;
	return crypt(key, key + SHAREKEY_IV, 0, sealed, plain, e);
}

int
share_open(struct span file, const struct secret *password,
    const struct share_watch *watch, struct secret *share, struct err *e)
{
	struct sharekey *k;
	struct layout f;
	uint8_t *plain;
	int r;

	secret_clear(share);
	if ((r = share_check(file, e)) != 0)
		return r;
	memcpy(&f, file.p, sizeof(f));
	if ((k = sharekey_new(SHAREKEY_ROUNDS, e)) == NULL)
		return (int)e->code;
	if ((plain = secret_page_new(PADDED_BYTES)) == NULL)
		r = err_set(e, ERR_NOMEM, 0, "DKEK share");
	else
		r = unseal(k, &f, password, watch, plain, e);
	if (r == 0 && secret_add(share, plain, SHARE_BYTES) != 0)
		r = err_set(e, ERR_NOMEM, 0, "DKEK share");
	secret_page_free(plain, PADDED_BYTES);
	sharekey_free(k);
	return r;
}

static int
seal(struct sharekey *k, uint8_t *plain, const struct secret *password,
    const struct share_watch *watch, struct layout *f, struct err *e)
{
	const uint8_t *key = sharekey_bytes(k);
	int r = 0;

	memcpy(f->magic, MAGIC, MAGIC_BYTES);
	if (RAND_bytes(f->salt, SHAREKEY_SALT) != 1)
		return err_set(e, ERR_NOMEM, 0, "random bytes");
	for (size_t i = 0; r == 0 && i < SHAREKEY_STEPS; i++)
		r = sharekey_step(k, i, password, f->salt, watch, e);
	return r != 0 ? r : crypt(key, key + SHAREKEY_IV, 1,
	    (struct span){ plain, PADDED_BYTES }, f->sealed, e);
}

int
share_seal(const struct secret *share, const struct secret *password,
    const struct share_watch *watch, uint8_t file[SHARE_FILE_BYTES],
    struct err *e)
{
	struct layout f = { 0 };
	struct sharekey *k;
	uint8_t *plain;
	int r;

	if (secret_len(share) != SHARE_BYTES)
		return err_set(e, ERR_FORMAT, 0, "a DKEK share of %zu bytes "
		    "and not %d", secret_len(share), SHARE_BYTES);
	if ((k = sharekey_new(SHAREKEY_ROUNDS, e)) == NULL)
		return (int)e->code;
	if ((plain = secret_page_new(PADDED_BYTES)) == NULL) {
		r = err_set(e, ERR_NOMEM, 0, "DKEK share");
	} else {
		memcpy(plain, secret_bytes(share), SHARE_BYTES);
		memset(plain + SHARE_BYTES, BLOCK, BLOCK);
		r = seal(k, plain, password, watch, &f, e);
	}
	if (r == 0)
		memcpy(file, &f, sizeof(f));
	secret_page_free(plain, PADDED_BYTES);
	sharekey_free(k);
	return r;
}
