/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>

#include "token/curve.h"

/*
 * The primes as hex, from `openssl ecparam -name NAME -param_enc explicit
 * -text -noout`.
 */
static const struct {
	const char	*name;
	const char	*prime;
} curves[] = {
	{ "P-192",
	    "fffffffffffffffffffffffffffffffe"
	    "ffffffffffffffff" },
	{ "P-256",
	    "ffffffff000000010000000000000000"
	    "00000000ffffffffffffffffffffffff" },
	{ "P-384",
	    "ffffffffffffffffffffffffffffffff"
	    "fffffffffffffffffffffffffffffffe"
	    "ffffffff0000000000000000ffffffff" },
	{ "P-521",
	    "01ffffffffffffffffffffffffffffff"
	    "ffffffffffffffffffffffffffffffff"
	    "ffffffffffffffffffffffffffffffff"
	    "ffffffffffffffffffffffffffffffff"
	    "ffff" },
	{ "secp192k1",
	    "ffffffffffffffffffffffffffffffff"
	    "fffffffeffffee37" },
	{ "secp256k1",
	    "ffffffffffffffffffffffffffffffff"
	    "fffffffffffffffffffffffefffffc2f" },
	{ "brainpoolP192r1",
	    "c302f41d932a36cda7a3463093d18db7"
	    "8fce476de1a86297" },
	{ "brainpoolP224r1",
	    "d7c134aa264366862a18302575d1d787"
	    "b09f075797da89f57ec8c0ff" },
	{ "brainpoolP256r1",
	    "a9fb57dba1eea9bc3e660a909d838d72"
	    "6e3bf623d52620282013481d1f6e5377" },
	{ "brainpoolP320r1",
	    "d35e472036bc4fb7e13c785ed201e065"
	    "f98fcfa6f6f40def4f92b9ec7893ec28"
	    "fcd412b1f1b32e27" },
	{ "brainpoolP384r1",
	    "8cb91e82a3386d280f5d6f7e50e641df"
	    "152f7109ed5456b412b1da197fb71123"
	    "acd3a729901d1a71874700133107ec53" },
	{ "brainpoolP512r1",
	    "aadd9db8dbe9c48b3fd4e6ae33c9fc07"
	    "cb308db3b3c9d20ed6639cca70330871"
	    "7d4d9b009bc66842aecda12ae6a380e6"
	    "2881ff2f2d82c68528aa6056583a48f3" },
};

static bool
is_hex_of(const char *hex, struct span bytes)
{
	char two[3];

	for (size_t i = 0; i < bytes.n; i++) {
		snprintf(two, sizeof(two), "%02x", bytes.p[i]);
		if (hex[2 * i] != two[0] || hex[2 * i + 1] != two[1])
			return false;
	}
	return hex[2 * bytes.n] == '\0';
}

const char *
curve_name(struct span prime)
{
	while (prime.n > 0 && prime.p[0] == 0) {
		prime.p++;
		prime.n--;
	}
	for (size_t i = 0; i < sizeof(curves) / sizeof(*curves); i++)
		if (is_hex_of(curves[i].prime, prime))
			return curves[i].name;
	return NULL;
}
