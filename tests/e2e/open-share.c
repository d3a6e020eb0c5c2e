/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * open-share FILE: open a DKEK share with libcrypto alone, and seal it again:
 * that has to be the same file, byte for byte.  Print the key check value of
 * a DKEK that is this share alone.  The password is the first line of
 * standard input.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#define FILE_BYTES	64
#define ROUNDS		10000000

struct key {
	unsigned char	 key[32], iv[16];
};

static int
crypt(const struct key *k, int encrypt, const unsigned char *in, int n,
    unsigned char *out)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int done = 0, last = 0;

	if (c == NULL || EVP_CipherInit_ex(c, EVP_aes_256_cbc(), NULL, k->key,
	    k->iv, encrypt) != 1 ||
	    EVP_CipherUpdate(c, out, &done, in, n) != 1 ||
	    EVP_CipherFinal_ex(c, out + done, &last) != 1)
		errx(1, "cannot %s", encrypt ? "seal" : "open");
	EVP_CIPHER_CTX_free(c);
	return done + last;
}

int
main(int argc, char **argv)
{
	unsigned char file[FILE_BYTES + 1], again[FILE_BYTES], share[64];
	unsigned char hash[EVP_MAX_MD_SIZE];
	char password[512] = "";
	struct key k;
	FILE *f;

	if (argc != 2 || (f = fopen(argv[1], "rb")) == NULL)
		err(1, "usage: open-share FILE");
	if (fread(file, 1, sizeof(file), f) != FILE_BYTES ||
	    memcmp(file, "Salted__", 8) != 0)
		errx(1, "no share file");
	fclose(f);
	if (fgets(password, sizeof(password), stdin) == NULL)
		errx(1, "no password");
	password[strcspn(password, "\n")] = '\0';
	EVP_BytesToKey(EVP_aes_256_cbc(), EVP_md5(), file + 8,
	    (const unsigned char *)password, (int)strlen(password), ROUNDS,
	    k.key, k.iv);
	if (crypt(&k, 0, file + 16, 48, share) != 32)
		errx(1, "not a share of 32 bytes");
	if (crypt(&k, 1, share, 32, again) != 48 ||
	    memcmp(again, file + 16, 48) != 0)
		errx(1, "sealed again, it is another file");
	if (EVP_Q_digest(NULL, "SHA256", NULL, share, 32, hash, NULL) != 1)
		errx(1, "no SHA-256");
	for (size_t i = 0; i < 8; i++)
		printf("%02x", hash[i]);
	putchar('\n');
	return 0;
}
