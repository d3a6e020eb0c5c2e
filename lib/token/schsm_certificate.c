/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "ssh/key.h"
#include "ssh/sig.h"
#include "ssh/x509.h"
#include "token/cvc.h"
#include "token/schsm.h"
#include "token/schsm_card.h"
#include "token/schsm_certificate.h"
#include "token/schsm_keys.h"
#include "token/schsm_place.h"

#define TAG_X509	0x30

static uint16_t
fid_of(const char *ref)
{
	return schsm_fid(SCHSM_CERTIFICATE, schsm_place_parse(ref));
}

int
schsm_get_certificate(struct token *t, const char *ref, uint8_t *der,
    size_t *n, struct err *e)
{
	uint8_t file[SCHSM_FILE_MAX];
	size_t len = sizeof(file);
	int r;

	r = schsm_card_read_object(schsm_card_of(t), fid_of(ref), file, &len,
	    e);
	if (r != 0 && r != ERR_NOTFOUND)
		return r;
	if (r == ERR_NOTFOUND || file[0] != TAG_X509)
		return err_set(e, ERR_NOTFOUND, 0,
		    "the key has no X.509 certificate on the token");
	if (len > *n)
		return err_set(e, ERR_LIMIT, 0,
		    "the certificate has %zu bytes", len);
	memcpy(der, file, len);
	*n = len;
	return 0;
}

/* The driver verifies each signature with the key that it is said to be. */
static int
prove(struct token *t, const struct token_key *k, struct err *e)
{
	static const char text[] = "hsm-keyutil import-certificate";
	struct wire_w sig;
	struct key key;
	int r;

	if ((r = key_parse((struct span){ k->blob, k->blob_n }, &key, e)) != 0)
		return r;
	if (!wire_write(&sig, SIG_BLOB_MAX))
		return err_set(e, ERR_NOMEM, 0, "signature");
	r = token_sign(t, k, sig_alg_for(key.type), span_cstr(text), &sig,
	    e);
	wire_free(&sig);
	return r;
}

static int
not_its_own(struct err *e)
{
	return err_set(e, ERR_DENIED, 0,
	    "the certificate is that of another key");
}

/* Compare with what the token has as the public key of the place. */
static int
check_blob(struct token *t, const struct token_key *k, struct span file,
    struct err *e)
{
	struct token_key now;
	bool known, same;
	int r;

	if ((r = schsm_keys_of_files(schsm_place_parse(k->ref), file,
	    (struct span){ 0 }, &now, e)) != 0)
		return r;
	known = now.blob != NULL;
	same = known && span_eq((struct span){ now.blob, now.blob_n },
	    (struct span){ k->blob, k->blob_n });
	free(now.blob);
	if (known)
		return same ? 0 : not_its_own(e);
	if ((r = prove(t, k, e)) == ERR_STALE)
		return not_its_own(e);
	return r;
}

/* A key on a curve that SSH does not know is told by its point. */
static int
check_point(struct span file, struct span der, struct err *e)
{
	uint8_t point[SCHSM_FILE_MAX], now[SCHSM_FILE_MAX];
	size_t n = sizeof(point), now_n = sizeof(now);
	struct cvc c;
	int r;

	if ((r = x509_public_bits(der, point, &n, e)) != 0)
		return r;
	if (file.n > 0 && file.p[0] == TAG_X509) {
		if ((r = x509_public_bits(file, now, &now_n, e)) != 0)
			return r;
		c.q = (struct span){ now, now_n };
	} else if ((r = cvc_parse(file, &c, e)) != 0) {
		return r;
	}
	return span_eq(c.q, (struct span){ point, n }) ? 0 : not_its_own(e);
}

/* Is the certificate that of the key in the place? */
static int
check_own(struct token *t, const char *ref, struct span der, struct err *e)
{
	uint8_t file[SCHSM_FILE_MAX], bytes[KEY_BLOB_MAX];
	struct token_key k = { .blob = bytes };
	size_t n = sizeof(file);
	struct wire_w blob;
	int r;

	r = schsm_card_read_object(schsm_card_of(t), fid_of(ref), file, &n, e);
	if (r == ERR_NOTFOUND || r == ERR_FORMAT)
		n = 0;
	else if (r != 0)
		return r;
	if (!wire_write(&blob, sizeof(bytes)))
		return err_set(e, ERR_NOMEM, 0, "certificate");
	if ((r = key_put_x509(&blob, der, e)) == 0) {
		snprintf(k.ref, sizeof(k.ref), "%s", ref);
		k.blob_n = wire_bytes(&blob).n;
		memcpy(bytes, wire_bytes(&blob).p, k.blob_n);
	}
	wire_free(&blob);
	if (r == ERR_UNSUPPORTED)
		return check_point((struct span){ file, n }, der, e);
	return r != 0 ? r : check_blob(t, &k, (struct span){ file, n }, e);
}

static int
put(struct token *t, const char *ref, struct span der, struct err *e)
{
	uint8_t now[SCHSM_FILE_MAX];
	size_t n = sizeof(now);
	int r;

	if ((r = schsm_card_write(schsm_card_of(t), fid_of(ref), der,
	    e)) != 0 ||
	    (r = schsm_get_certificate(t, ref, now, &n, e)) != 0)
		return r;
	if (!span_eq((struct span){ now, n }, der))
		return err_set(e, ERR_TOKEN, 0,
		    "the token took the certificate and tells another");
	return 0;
}

int
schsm_put_certificate(struct token *t, const char *ref, struct span der,
    struct err *e)
{
	uint8_t bits[SCHSM_FILE_MAX];
	size_t n = sizeof(bits);
	int r;

	if (schsm_place_parse(ref) == 0)
		return err_set(e, ERR_NOTFOUND, 0, "there is no place %.8s",
		    ref);
	if ((r = x509_public_bits(der, bits, &n, e)) != 0 ||
	    (r = check_own(t, ref, der, e)) != 0)
		return r;
	return put(t, ref, der, e);
}
