/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>
#include <strings.h>

#include "token/keytype.h"

#define ED25519	"ED25519"		/* libcrypto's name */

static const struct keytype types[] = {
	{ "rsa2048", "RSA-2048", 2048, NULL, true },
	{ "rsa3072", "RSA-3072", 3072, NULL, true },
	{ "rsa4096", "RSA-4096", 4096, NULL, true },
	{ "p256", "P-256", 256, "prime256v1", true },
	{ "p384", "P-384", 384, "secp384r1", true },
	{ "p521", "P-521", 521, "secp521r1", true },
	{ "ed25519", "Ed25519", 256, ED25519, true },
	{ "rsa1024", "RSA-1024", 1024, NULL, false },
	{ "rsa1536", "RSA-1536", 1536, NULL, false },
	{ "p192", "P-192", 192, "prime192v1", false },
	{ "secp192k1", "secp192k1", 192, "secp192k1", false },
	{ "secp256k1", "secp256k1", 256, "secp256k1", false },
	{ "brainpoolP192r1", "brainpoolP192r1", 192, "brainpoolP192r1",
	    false },
	{ "brainpoolP224r1", "brainpoolP224r1", 224, "brainpoolP224r1",
	    false },
	{ "brainpoolP256r1", "brainpoolP256r1", 256, "brainpoolP256r1",
	    false },
	{ "brainpoolP320r1", "brainpoolP320r1", 320, "brainpoolP320r1",
	    false },
	{ "brainpoolP384r1", "brainpoolP384r1", 384, "brainpoolP384r1",
	    false },
	{ "brainpoolP512r1", "brainpoolP512r1", 512, "brainpoolP512r1",
	    false },
};

#define N_TYPES	(sizeof(types) / sizeof(types[0]))

/* As SEC 2 and OpenSSH call the curves; libcrypto's names count, too. */
static const struct {
	const char	*alias, *name;
} aliases[] = {
	{ "secp192r1", "p192" },
	{ "secp256r1", "p256" },
	{ "nistp256", "p256" },
	{ "nistp384", "p384" },
	{ "nistp521", "p521" },
};

const struct keytype *
keytype_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (strcasecmp(aliases[i].alias, name) == 0)
			name = aliases[i].name;
	for (size_t i = 0; i < N_TYPES; i++)
		if (strcasecmp(types[i].name, name) == 0 ||
		    strcasecmp(types[i].algo, name) == 0 ||
		    (types[i].group != NULL &&
		    strcasecmp(types[i].group, name) == 0))
			return &types[i];
	return NULL;
}

const struct keytype *
keytype_by_algo(const char *algo)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (strcmp(types[i].algo, algo) == 0)
			return &types[i];
	return NULL;
}

bool
keytype_is_ed25519(const struct keytype *t)
{
	return t->group != NULL && strcmp(t->group, ED25519) == 0;
}

const struct keytype *
keytype_at(size_t i)
{
	return i < N_TYPES ? &types[i] : NULL;
}
