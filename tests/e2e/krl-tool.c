/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Revocation lists for krl.sh, which holds them against ssh-keygen:
 *
 * write FILE [COMMENT]	by commands on standard input, see put_line()
 * list FILE		the serials and key IDs in it, as ssh-keygen -Q -l
 * ask FILE PUB...	"PUB: REVOKED" or "PUB: ok" for each, as ssh-keygen -Q
 * certify DIR		certificates DIR/SERIAL-cert.pub for the lines "SERIAL
 *			KEYID" on standard input, by a new CA, DIR/ca.pub
 */
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ssh/key.h"
#include "ssh/keytext.h"
#include "ssh/krl.h"
#include "ssh/krl_walk.h"
#include "ssh/sig.h"

#define LINE_MAX_BYTES	8192
#define ED25519_BYTES	32

static void
must(int r, const struct err *e)
{
	if (r != 0)
		errx(2, "%s", e->msg);
}

static void
start(struct wire_w *w)
{
	if (!wire_write(w, KRL_MAX))
		errx(2, "no memory");
}

static void
read_pub(const char *path, struct wire_w *w)
{
	char line[LINE_MAX_BYTES];
	struct err e;
	FILE *f;

	if ((f = fopen(path, "r")) == NULL ||
	    fgets(line, sizeof(line), f) == NULL)
		err(2, "%s", path);
	fclose(f);
	start(w);
	must(keytext_parse(line, w, NULL, &e), &e);
}

static void
write_pub(const char *path, struct span blob)
{
	char *text = keytext_openssh(blob, "krl-tool");
	FILE *f;

	if (text == NULL || (f = fopen(path, "w")) == NULL ||
	    fprintf(f, "%s\n", text) < 0 || fclose(f) != 0)
		err(2, "%s", path);
	free(text);
}

static void
read_list(const char *path, struct krl_view *v, struct wire_w *w)
{
	uint8_t buf[4096];
	struct err e;
	size_t n;
	FILE *f;

	start(w);
	if ((f = fopen(path, "rb")) == NULL)
		err(2, "%s", path);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		wire_put_raw(w, (struct span){ buf, n });
	fclose(f);
	must(krl_view_parse(v, wire_bytes(w), &e), &e);
}

/* ca PUB | serial LO HI | id TEXT | key PUB | hash SHA256:... */
static void
put_line(struct krl *k, struct wire_w *ca, const char *word, char *rest)
{
	struct wire_w w;
	struct err e;
	char *end;

	if (strcmp(word, "ca") == 0) {
		wire_free(ca);
		read_pub(rest, ca);
	} else if (strcmp(word, "serial") == 0) {
		const uint64_t lo = strtoull(rest, &end, 10);

		must(krl_add_serial(k, wire_bytes(ca), lo,
		    strtoull(end, NULL, 10), &e), &e);
	} else if (strcmp(word, "id") == 0)
		must(krl_add_key_id(k, wire_bytes(ca), span_cstr(rest), &e),
		    &e);
	else if (strcmp(word, "hash") == 0)
		must(krl_add_fingerprint(k, rest, &e), &e);
	else if (strcmp(word, "key") == 0) {
		read_pub(rest, &w);
		must(krl_add_key(k, wire_bytes(&w), &e), &e);
		wire_free(&w);
	} else
		errx(2, "what is %s?", word);
}

static int
write_list(const char *path, const char *comment)
{
	struct krl *k = krl_new(42, 1800000000, comment);
	char line[LINE_MAX_BYTES], *rest;
	struct wire_w ca, w;
	struct err e;
	struct span s;
	FILE *f;

	start(&ca);
	start(&w);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if ((rest = strchr(line, ' ')) == NULL)
			errx(2, "%s: and what?", line);
		*rest++ = '\0';
		put_line(k, &ca, line, rest);
	}
	must(krl_write(k, &w, &e), &e);
	s = wire_bytes(&w);
	if ((f = fopen(path, "wb")) == NULL ||
	    fwrite(s.p, 1, s.n, f) != s.n || fclose(f) != 0)
		err(2, "%s", path);
	wire_free(&w);
	wire_free(&ca);
	krl_free(k);
	return 0;
}

static int
list(const char *path)
{
	struct krl_entry x;
	struct krl_walk at;
	struct krl_view v;
	struct wire_w w;

	read_list(path, &v, &w);
	krl_walk_start(&at, &v);
	while (krl_walk_next(&at, &x))
		if (x.by == KRL_BY_KEY_ID)
			printf("id: %.*s\n", (int)x.bytes.n,
			    (const char *)x.bytes.p);
		else if (x.by == KRL_BY_SERIAL && x.lo == x.hi)
			printf("serial: %" PRIu64 "\n", x.lo);
		else if (x.by == KRL_BY_SERIAL)
			printf("serial: %" PRIu64 "-%" PRIu64 "\n", x.lo,
			    x.hi);
	wire_free(&w);
	return 0;
}

static int
ask(const char *path, char **pubs)
{
	struct krl_verdict x;
	struct wire_w w, pub;
	struct krl_view v;
	struct err e;

	read_list(path, &v, &w);
	for (; *pubs != NULL; pubs++) {
		read_pub(*pubs, &pub);
		must(krl_view_ask_blob(&v, wire_bytes(&pub), &x, &e), &e);
		printf("%s: %s\n", *pubs,
		    x.by == KRL_BY_NOTHING ? "ok" : "REVOKED");
		wire_free(&pub);
	}
	wire_free(&w);
	return 0;
}

/* P-256: of what ssh-keygen reads the quickest to verify. */
static EVP_PKEY *
make_ca(struct wire_w *blob)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	uint8_t *der = NULL;
	struct err e;
	int n;

	if (key == NULL || (n = i2d_PUBKEY(key, &der)) <= 0)
		errx(2, "no key");
	start(blob);
	must(key_put_x509(blob, (struct span){ der, (size_t)n }, &e), &e);
	OPENSSL_free(der);
	return key;
}

static void
sign(EVP_PKEY *key, struct wire_w *cert)
{
	const struct span tbs = wire_bytes(cert);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[SIG_BLOB_MAX];
	size_t n = sizeof(der);
	struct wire_w w;
	struct err e;

	if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, der, &n, tbs.p, tbs.n) != 1)
		errx(2, "no signature");
	EVP_MD_CTX_free(ctx);
	start(&w);
	must(sig_put_ecdsa_der(&w, SIG_ECDSA_P256, (struct span){ der, n },
	    &e), &e);
	wire_put_string(cert, wire_bytes(&w));
	wire_free(&w);
}

/* A user certificate of some subject, for ever. */
static void
certify_one(const char *dir, EVP_PKEY *key, struct span ca, uint64_t serial,
    const char *id)
{
	uint8_t subject[4 + ED25519_BYTES] = { 0, 0, 0, ED25519_BYTES };
	struct cert c = { .nonce = span_cstr("a nonce for this test"),
	    .key_fields = { subject, sizeof(subject) }, .serial = serial,
	    .type = CERT_USER, .key_id = span_cstr(id), .ca = ca,
	    .valid_before = CERT_FOREVER };
	char path[LINE_MAX_BYTES];
	struct wire_w w;

	c.type_name = span_cstr("ssh-ed25519-cert-v01@openssh.com");
	memcpy(subject + 4, &serial, sizeof(serial));
	start(&w);
	cert_put_tbs(&c, &w);
	sign(key, &w);
	snprintf(path, sizeof(path), "%s/%" PRIu64 "-cert.pub", dir, serial);
	write_pub(path, wire_bytes(&w));
	wire_free(&w);
}

static int
certify(const char *dir)
{
	char line[LINE_MAX_BYTES], *rest;
	struct wire_w ca;
	EVP_PKEY *key;

	key = make_ca(&ca);
	snprintf(line, sizeof(line), "%s/ca.pub", dir);
	write_pub(line, wire_bytes(&ca));
	while (fgets(line, sizeof(line), stdin) != NULL) {
		const uint64_t serial = strtoull(line, &rest, 10);

		line[strcspn(line, "\n")] = '\0';
		certify_one(dir, key, wire_bytes(&ca), serial, rest + 1);
	}
	EVP_PKEY_free(key);
	wire_free(&ca);
	return 0;
}

int
main(int argc, char **argv)
{
	if ((argc == 3 || argc == 4) && strcmp(argv[1], "write") == 0)
		return write_list(argv[2], argv[3]);
	if (argc == 3 && strcmp(argv[1], "list") == 0)
		return list(argv[2]);
	if (argc > 3 && strcmp(argv[1], "ask") == 0)
		return ask(argv[2], argv + 3);
	if (argc == 3 && strcmp(argv[1], "certify") == 0)
		return certify(argv[2]);
	errx(2, "usage: krl-tool write|list|ask|certify ARGUMENT...");
}
