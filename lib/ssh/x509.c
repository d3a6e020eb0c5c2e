/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "ssh/x509.h"

#define FILE_MAX	(1024 * 1024)

static X509 *
parse(struct span der)
{
	const unsigned char *p = der.p;
	X509 *cert = NULL;

	if (der.n > 0 && der.n <= FILE_MAX)
		cert = d2i_X509(NULL, &p, (long)der.n);
	if (cert != NULL && p != der.p + der.n) {
		X509_free(cert);
		cert = NULL;
	}
	ERR_clear_error();
	return cert;
}

/* A password nobody has: certificates are not encrypted. */
static int
no_password(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static X509 *
parse_pem(struct span text)
{
	X509 *cert = NULL;
	BIO *bio;

	if (text.n == 0 || text.n > FILE_MAX ||
	    (bio = BIO_new_mem_buf(text.p, (int)text.n)) == NULL)
		return NULL;
	cert = PEM_read_bio_X509(bio, NULL, no_password, NULL);
	BIO_free(bio);
	ERR_clear_error();
	return cert;
}

int
x509_read(struct span file, uint8_t *der, size_t *n, struct err *e)
{
	unsigned char *p = NULL;
	X509 *cert;
	int len, r = 0;

	if ((cert = parse(file)) == NULL && (cert = parse_pem(file)) == NULL)
		return err_set(e, ERR_FORMAT, 0,
		    "no X.509 certificate, neither PEM nor DER");
	len = i2d_X509(cert, &p);
	X509_free(cert);
	if (len <= 0)
		return err_set(e, ERR_NOMEM, 0, "certificate");
	if ((size_t)len > *n)
		r = err_set(e, ERR_LIMIT, 0, "the certificate has %d bytes, "
		    "%zu at most fit", len, *n);
	else
		memcpy(der, p, (size_t)len);
	*n = (size_t)len;
	OPENSSL_free(p);
	return r;
}

char *
x509_pem(struct span der)
{
	BIO *bio = BIO_new(BIO_s_mem());
	X509 *cert = parse(der);
	char *data, *text = NULL;
	long n;

	if (bio != NULL && cert != NULL && PEM_write_bio_X509(bio, cert) == 1 &&
	    (n = BIO_get_mem_data(bio, &data)) > 0)
		text = strndup(data, (size_t)n);
	X509_free(cert);
	BIO_free(bio);
	ERR_clear_error();
	return text;
}

int
x509_public_bits(struct span der, uint8_t *bits, size_t *n, struct err *e)
{
	const ASN1_BIT_STRING *key;
	X509 *cert = parse(der);
	int r = 0;

	if (cert == NULL)
		return err_set(e, ERR_FORMAT, 0, "not an X.509 certificate");
	key = X509_get0_pubkey_bitstr(cert);
	if ((size_t)ASN1_STRING_length(key) > *n)
		r = err_set(e, ERR_LIMIT, 0, "a public key of %d bytes",
		    ASN1_STRING_length(key));
	else
		memcpy(bits, ASN1_STRING_get0_data(key),
		    (size_t)ASN1_STRING_length(key));
	*n = (size_t)ASN1_STRING_length(key);
	X509_free(cert);
	return r;
}
