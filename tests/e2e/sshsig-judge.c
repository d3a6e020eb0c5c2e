/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sshsig-judge sign TYPE HASH NAMESPACE PUBLIC <FILE: sign the file with a
 * new key, print the signature, and put the key into PUBLIC.
 *
 * sshsig-judge check NAMESPACE SIGNATURE <FILE: print whose signature of the
 * file that is, or why it is none.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "ssh/keytext.h"
#include "ssh/sig.h"
#include "ssh/sshsig.h"

static const struct type {
	const char	*name, *curve, *digest;
	enum sig_alg	 alg;
} types[] = {
	{ "ed25519", NULL, NULL, SIG_RSA_SHA1 },	/* no alg */
	{ "rsa-sha256", NULL, "SHA256", SIG_RSA_SHA256 },
	{ "rsa-sha512", NULL, "SHA512", SIG_RSA_SHA512 },
	{ "p256", "P-256", "SHA256", SIG_ECDSA_P256 },
	{ "p384", "P-384", "SHA384", SIG_ECDSA_P384 },
	{ "p521", "P-521", "SHA512", SIG_ECDSA_P521 },
};

static struct span
read_all(FILE *f)
{
	static const size_t max = 1 << 20;
	uint8_t *p = malloc(max);
	size_t n;

	if (p == NULL || f == NULL)
		err(2, "input");
	n = fread(p, 1, max, f);
	if (ferror(f) != 0)
		err(2, "input");
	return (struct span){ p, n };
}

static struct wire_w
new_writer(void)
{
	struct wire_w w;

	if (!wire_write(&w, SSHSIG_MAX))
		errx(2, "no memory");
	return w;
}

static EVP_PKEY *
make_key(const struct type *t)
{
	EVP_PKEY *k = t->curve != NULL ? EVP_EC_gen(t->curve) :
	    t->digest != NULL ? EVP_RSA_gen(2048) :
	    EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	if (k == NULL)
		errx(2, "no key of type %s", t->name);
	return k;
}

static void
put_key(struct wire_w *w, const struct type *t, EVP_PKEY *k)
{
	uint8_t raw[32], *der = NULL;
	size_t n = sizeof(raw);
	struct err e = { 0 };
	int len;

	if (t->digest == NULL) {
		if (EVP_PKEY_get_raw_public_key(k, raw, &n) != 1)
			errx(2, "public key");
		wire_put_cstring(w, "ssh-ed25519");
		wire_put_string(w, (struct span){ raw, n });
	} else if ((len = i2d_PUBKEY(k, &der)) <= 0 ||
	    key_put_x509(w, (struct span){ der, (size_t)len }, &e) != 0)
		errx(2, "public key: %s", e.msg);
	OPENSSL_free(der);
}

static void
put_signature(struct wire_w *w, const struct type *t, EVP_PKEY *k,
    struct span data)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t raw[512];
	struct span s = { raw, sizeof(raw) };
	struct err e = { 0 };
	int r = 0;

	if (ctx == NULL || EVP_DigestSignInit_ex(ctx, NULL, t->digest, NULL,
	    NULL, k, NULL) != 1 ||
	    EVP_DigestSign(ctx, raw, &s.n, data.p, data.n) != 1)
		errx(2, "cannot sign");
	EVP_MD_CTX_free(ctx);
	if (t->digest == NULL) {
		wire_put_cstring(w, "ssh-ed25519");
		wire_put_string(w, s);
	} else if (t->curve == NULL)
		r = sig_put_rsa(w, t->alg, s, s.n, &e);
	else
		r = sig_put_ecdsa_der(w, t->alg, s, &e);
	if (r != 0)
		errx(2, "signature: %s", e.msg);
}

static void
save(const char *path, struct span blob)
{
	char *line = keytext_openssh(blob, NULL);
	FILE *f = fopen(path, "w");

	if (line == NULL || f == NULL || fprintf(f, "%s\n", line) < 0 ||
	    fclose(f) != 0)
		err(2, "%s", path);
	free(line);
}

static int
sign(const struct type *t, char **argv)
{
	struct wire_w key = new_writer(), tbs = new_writer();
	struct wire_w sig = new_writer();
	struct sshsig s = { .ns = span_cstr(argv[1]),
	    .hash = strcmp(argv[0], "sha256") == 0 ? SSHSIG_SHA256 :
	    SSHSIG_SHA512 };
	struct span message = read_all(stdin);
	EVP_PKEY *k = make_key(t);
	struct err e;
	char *text;

	put_key(&key, t, k);
	if (sshsig_put_tbs(&s, message, &tbs, &e) != 0)
		errx(2, "%s", e.msg);
	put_signature(&sig, t, k, wire_bytes(&tbs));
	s.key = wire_bytes(&key);
	s.signature = wire_bytes(&sig);
	save(argv[2], s.key);
	if ((text = sshsig_armor(&s)) == NULL || fputs(text, stdout) == EOF)
		errx(2, "no memory");
	free(text);
	free((void *)(uintptr_t)message.p);
	EVP_PKEY_free(k);
	wire_free(&sig);
	wire_free(&tbs);
	wire_free(&key);
	return 0;
}

static int
check(const char *ns, const char *path)
{
	FILE *f = fopen(path, "rb");
	struct span text = read_all(f), message = read_all(stdin);
	struct sshsig s;
	struct err e;
	char *fp;

	fclose(f);
	if (sshsig_parse(text, &s, &e) != 0 ||
	    sshsig_verify(&s, ns, message, &e) != 0)
		errx(1, "%s", e.msg);
	if ((fp = keytext_fingerprint(s.key)) == NULL)
		errx(2, "no memory");
	printf("%s\n", fp);
	free(fp);
	sshsig_free(&s);
	free((void *)(uintptr_t)message.p);
	free((void *)(uintptr_t)text.p);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "check") == 0)
		return check(argv[2], argv[3]);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (argc == 6 && strcmp(argv[1], "sign") == 0 &&
		    strcmp(argv[2], types[i].name) == 0)
			return sign(&types[i], argv + 3);
	errx(2, "usage: sshsig-judge sign TYPE HASH NAMESPACE PUBLIC <FILE | "
	    "check NAMESPACE SIGNATURE <FILE");
}
