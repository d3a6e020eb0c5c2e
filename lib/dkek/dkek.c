/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "dkek/dkek.h"

struct dkek {
	uint8_t		 key[DKEK_BYTES + 4];	/* and a number behind it */
	uint8_t		 hash[DKEK_BYTES];
	uint8_t		 enc[DKEK_BYTES];
	uint8_t		 mac[DKEK_BYTES];
};

struct dkek *
dkek_new(void)
{
	return secret_page_new(sizeof(struct dkek));
}

void
dkek_free(struct dkek *d)
{
	secret_page_free(d, sizeof(*d));
}

static bool
sha256(const void *p, size_t n, uint8_t out[DKEK_BYTES])
{
	return EVP_Q_digest(NULL, "SHA256", NULL, p, n, out, NULL) == 1;
}

static bool
derive(struct dkek *d, uint8_t number, uint8_t out[DKEK_BYTES])
{
	d->key[sizeof(d->key) - 1] = number;
	return sha256(d->key, sizeof(d->key), out);
}

int
dkek_add(struct dkek *d, const struct secret *share, struct err *e)
{
	const uint8_t *p = secret_bytes(share);

	if (secret_len(share) != DKEK_BYTES)
		return err_set(e, ERR_FORMAT, 0, "a DKEK share of %zu bytes, "
		    "not %d", secret_len(share), DKEK_BYTES);
	for (size_t i = 0; i < DKEK_BYTES; i++)
		d->key[i] ^= p[i];
	if (!sha256(d->key, DKEK_BYTES, d->hash) ||
	    !derive(d, 1, d->enc) || !derive(d, 2, d->mac))
		return err_set(e, ERR_NOMEM, 0, "SHA-256");
	return 0;
}

const uint8_t *
dkek_kcv(const struct dkek *d)
{
	return d->hash;
}

void
dkek_kcv_hex(const struct dkek *d, char hex[DKEK_KCV_LEN])
{
	for (size_t i = 0; i < DKEK_KCV_BYTES; i++)
		snprintf(hex + 2 * i, 3, "%02x", d->hash[i]);
}

const uint8_t *
dkek_enc_key(const struct dkek *d)
{
	return d->enc;
}

const uint8_t *
dkek_mac_key(const struct dkek *d)
{
	return d->mac;
}
