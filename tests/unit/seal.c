/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <openssl/evp.h>

#include "tests/unit/seal.h"

#define BLOCK	16

struct dkek *
seal_dkek(uint8_t byte)
{
	struct secret *share = secret_new();
	struct dkek *d = dkek_new();
	uint8_t bytes[DKEK_BYTES];
	struct err e;

	memset(bytes, byte, sizeof(bytes));
	if (share == NULL || d == NULL ||
	    secret_add(share, bytes, sizeof(bytes)) != 0 ||
	    dkek_add(d, share, &e) != 0) {
		dkek_free(d);
		d = NULL;
	}
	secret_free(share);
	return d;
}

size_t
seal(const struct dkek *d, uint8_t kind, struct span plain,
    uint8_t out[SEAL_MAX])
{
	static const uint8_t iv[BLOCK], oid[] = { 0x04, 0x00, 0x7f, 0x00,
	    0x07, 0x02, 0x02, 0x02, 0x01, 0x02 };
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	size_t n = 0, tag = 0;
	int len = 0;
	bool ok;

	memcpy(out, dkek_kcv(d), DKEK_KCV_BYTES);
	n += DKEK_KCV_BYTES;
	out[n++] = kind;
	out[n++] = 0;
	out[n++] = sizeof(oid);
	memcpy(out + n, oid, sizeof(oid));
	n += sizeof(oid);
	memset(out + n, 0, 6);
	n += 6;
	if (plain.n > SEAL_MAX - n - BLOCK)
		plain.n = SEAL_MAX - n - BLOCK;
	plain.n -= plain.n % BLOCK;
	ok = ctx != NULL && EVP_EncryptInit_ex2(ctx, EVP_aes_256_cbc(),
	    dkek_enc_key(d), iv, NULL) == 1 &&
	    EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	    EVP_EncryptUpdate(ctx, out + n, &len, plain.p, (int)plain.n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	n += (size_t)len;
	ok = ok && EVP_Q_mac(NULL, "CMAC", NULL, "AES-256-CBC", NULL,
	    dkek_mac_key(d), DKEK_BYTES, out, n, out + n, BLOCK, &tag) !=
	    NULL && tag == BLOCK;
	return ok ? n + BLOCK : 0;
}
