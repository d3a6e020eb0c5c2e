/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ledger-fill LEDGER N DIR: a ledger with N certificates by one Ed25519 key
 * of this moment, as an agent fills one; DIR gets that key as ca.pub, and each
 * certificate as ENTRY-cert.pub, with the number of its entry.
 *
 * Every 50th has no serial number, the others that of their entry.  Three in
 * a row have one key ID, two in a row one key; each is for user-(N % 97) and
 * group-(N % 13).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "ca/ledger.h"
#include "ssh/keytext.h"

#define SIG_BYTES	64
#define KEY_BYTES	32
#define BLOB_MAX	65536

struct filling {
	struct ledger	*l;
	const char	*dir;
	EVP_PKEY	*key;
	struct wire_w	 ca;		/* blob */
};

static _Noreturn void
die(const char *what)
{
	fprintf(stderr, "ledger-fill: %s\n", what);
	exit(1);
}

static struct wire_w
begin(void)
{
	struct wire_w w;

	if (!wire_write(&w, BLOB_MAX))
		die("no memory");
	return w;
}

static void
put_key(struct wire_w *w, const uint8_t bytes[KEY_BYTES])
{
	wire_put_cstring(w, "ssh-ed25519");
	wire_put_string(w, (struct span){ bytes, KEY_BYTES });
}

static void
save(const struct filling *f, const char *name, struct span blob)
{
	char path[4096], *line = keytext_openssh(blob, NULL);
	FILE *to;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	if (line == NULL || (to = fopen(path, "w")) == NULL ||
	    fprintf(to, "%s\n", line) < 0 || fclose(to) != 0)
		die(path);
	free(line);
}

static void
make_ca(struct filling *f)
{
	uint8_t bytes[KEY_BYTES];
	size_t n = sizeof(bytes);

	f->key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (f->key == NULL ||
	    EVP_PKEY_get_raw_public_key(f->key, bytes, &n) != 1)
		die("no key");
	f->ca = begin();
	put_key(&f->ca, bytes);
	save(f, "ca.pub", wire_bytes(&f->ca));
}

static void
put_signature(const struct filling *f, struct wire_w *w)
{
	const struct span tbs = wire_bytes(w);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct wire_w sig = begin();
	uint8_t bytes[SIG_BYTES];
	size_t n = sizeof(bytes);

	if (md == NULL ||
	    EVP_DigestSignInit(md, NULL, NULL, NULL, f->key) != 1 ||
	    EVP_DigestSign(md, bytes, &n, tbs.p, tbs.n) != 1)
		die("no signature");
	EVP_MD_CTX_free(md);
	wire_put_cstring(&sig, "ssh-ed25519");
	wire_put_string(&sig, (struct span){ bytes, n });
	wire_put_string(w, wire_bytes(&sig));
	wire_free(&sig);
}

/* Nobody has the private half of a subject's key. */
static void
put_tbs(const struct filling *f, uint64_t i, struct wire_w *w)
{
	const uint64_t pair = i / 2, now = (uint64_t)time(NULL);
	uint8_t nonce[CERT_NONCE], number[SHA256_DIGEST_LENGTH];
	struct wire_w subject = begin(), names = begin();
	struct cert c = { 0 };
	char id[32], user[32], group[32];
	struct err e;

	SHA256((const uint8_t *)&pair, sizeof(pair), number);
	put_key(&subject, number);
	snprintf(id, sizeof(id), "id-%" PRIu64, i / 3);
	snprintf(user, sizeof(user), "user-%" PRIu64, i % 97);
	snprintf(group, sizeof(group), "group-%" PRIu64, i % 13);
	wire_put_cstring(&names, user);
	wire_put_cstring(&names, group);
	if (cert_set_subject(&c, wire_bytes(&subject), &e) != 0 ||
	    cert_make_nonce(nonce, &e) != 0)
		die(e.msg);
	c.nonce = (struct span){ nonce, sizeof(nonce) };
	c.serial = i % 50 == 0 ? 0 : i;
	c.type = CERT_USER;
	c.key_id = span_cstr(id);
	c.principals = wire_bytes(&names);
	c.valid_after = now - 60;
	c.valid_before = now + 86400;
	c.ca = wire_bytes(&f->ca);
	cert_put_tbs(&c, w);
	wire_free(&subject);
	wire_free(&names);
}

static void
add(const struct filling *f, uint64_t i)
{
	const struct ledger_who who = { .uid = (uint32_t)getuid(),
	    .pid = (uint32_t)getpid() };
	const struct ledger_rule rule = { 0 };
	const struct span note = { 0 };
	struct wire_w w = begin();
	struct err e;
	char name[40];

	put_tbs(f, i, &w);
	put_signature(f, &w);
	if (ledger_add_certificate(f->l, wire_bytes(&w), &rule, &who, note,
	    &e) != 0)
		die(e.msg);
	snprintf(name, sizeof(name), "%" PRIu64 "-cert.pub", i);
	save(f, name, wire_bytes(&w));
	wire_free(&w);
}

int
main(int argc, char **argv)
{
	struct filling f = { 0 };
	struct err e;
	uint64_t n = 0;

	if (argc != 4 || (n = strtoull(argv[2], NULL, 10)) == 0)
		die("usage: ledger-fill LEDGER N DIR");
	f.dir = argv[3];
	if (ledger_open(&f.l, argv[1], LEDGER_WRITE, &e) != 0)
		die(e.msg);
	make_ca(&f);
	for (uint64_t i = 1; i <= n; i++)
		add(&f, i);
	ledger_close(f.l);
	wire_free(&f.ca);
	EVP_PKEY_free(f.key);
	return 0;
}
