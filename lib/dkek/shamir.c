/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/rand.h>

#include "dkek/shamir.h"

#define PRIME_BITS	64

/* The secret numbers on the way, in a page of their kind. */
struct work {
	uint64_t	 coefficient[SHAMIR_MADE_MAX];
	uint64_t	 sum, above, below;
	uint8_t		 bytes[SHAMIR_PASSWORD_BYTES];
};

/* Modulo p, of numbers below p, which may have all its 64 bits. */
static uint64_t
add(uint64_t a, uint64_t b, uint64_t p)
{
	return a >= p - b ? a - (p - b) : a + b;
}

static uint64_t
mul(uint64_t a, uint64_t b, uint64_t p)
{
	uint64_t product = 0;

	for (; b != 0; b >>= 1) {
		if ((b & 1) != 0)
			product = add(product, a, p);
		a = add(a, a, p);
	}
	return product;
}

/* By Fermat, for p is prime. */
static uint64_t
inverse(uint64_t a, uint64_t p)
{
	uint64_t power = 1;

	for (uint64_t n = p - 2; n != 0; n >>= 1) {
		if ((n & 1) != 0)
			power = mul(power, a, p);
		a = mul(a, a, p);
	}
	return power;
}

static uint64_t
get_be64(const uint8_t *p)
{
	uint64_t n = 0;

	for (size_t i = 0; i < 8; i++)
		n = n << 8 | p[i];
	return n;
}

static void
put_be64(uint8_t *p, uint64_t n)
{
	for (size_t i = 8; i-- > 0; n >>= 8)
		p[i] = (uint8_t)n;
}

static int
no_memory(struct err *e)
{
	return err_set(e, ERR_NOMEM, 0, "password shares");
}

/* A safe one, as sc-hsm-tool's are; its two highest bits are set. */
static bool
make_prime(uint64_t *prime)
{
	BIGNUM *n = BN_new();
	uint8_t bytes[8];
	bool ok;

	ok = n != NULL &&
	    BN_generate_prime_ex(n, PRIME_BITS, 1, NULL, NULL, NULL) == 1 &&
	    BN_bn2binpad(n, bytes, sizeof(bytes)) == sizeof(bytes);
	if (ok)
		*prime = get_be64(bytes);
	BN_free(n);
	return ok;
}

int
shamir_check_prime(uint64_t prime, struct err *e)
{
	uint8_t bytes[8];
	BIGNUM *n;
	int is;

	put_be64(bytes, prime);
	if ((n = BN_bin2bn(bytes, sizeof(bytes), NULL)) == NULL)
		return no_memory(e);
	is = prime > SHAMIR_PARTS_MAX ? BN_check_prime(n, NULL, NULL) : 0;
	BN_free(n);
	if (is < 0)
		return no_memory(e);
	return is == 1 ? 0 : err_set(e, ERR_FORMAT, 0, "the prime is not "
	    "what was printed: that number is not prime");
}

/* Below the prime, whose highest bit is set, and without a zero in front. */
static bool
make_secret(struct work *w)
{
	do {
		if (RAND_priv_bytes(w->bytes, sizeof(w->bytes)) != 1)
			return false;
		w->bytes[0] &= 0x7f;
	} while (w->bytes[0] == 0);
	w->coefficient[0] = get_be64(w->bytes);
	return true;
}

/* Each number below the prime is as likely. */
static bool
make_coefficient(struct work *w, size_t i, uint64_t prime)
{
	do {
		if (RAND_priv_bytes((void *)&w->coefficient[i],
		    sizeof(w->coefficient[i])) != 1)
			return false;
	} while (w->coefficient[i] >= prime);
	return true;
}

static bool
make_polynomial(struct work *w, size_t terms, uint64_t *prime)
{
	bool ok = make_prime(prime) && make_secret(w);

	for (size_t i = 1; ok && i < terms; i++)
		ok = make_coefficient(w, i, *prime);
	return ok;
}

static uint64_t
value_at(const struct work *w, size_t terms, uint64_t x, uint64_t prime)
{
	uint64_t value = 0;

	while (terms-- > 0)
		value = add(mul(value, x, prime), w->coefficient[terms],
		    prime);
	return value;
}

int
shamir_split(size_t threshold, struct shamir_part *part, size_t n,
    struct secret *password, struct err *e)
{
	struct work *w;
	uint64_t prime;
	bool ok;

	secret_clear(password);
	if (threshold < 2 || n < threshold || n > SHAMIR_MADE_MAX)
		return err_set(e, ERR_USAGE, 0, "a password is split into up "
		    "to %d shares, of which at least 2 and at most all are "
		    "needed", SHAMIR_MADE_MAX);
	if ((w = secret_page_new(sizeof(*w))) == NULL)
		return no_memory(e);
	ok = make_polynomial(w, threshold, &prime) &&
	    secret_add(password, w->bytes, sizeof(w->bytes)) == 0;
	for (size_t i = 0; ok && i < n; i++) {
		part[i].prime = prime;
		part[i].id = (unsigned int)i + 1;
		part[i].value = value_at(w, threshold, i + 1, prime);
	}
	secret_page_free(w, sizeof(*w));
	return ok ? 0 : no_memory(e);
}

int
shamir_check(const struct shamir_part *part, struct err *e)
{
	if (part->id == 0 || part->id > SHAMIR_PARTS_MAX)
		return err_set(e, ERR_FORMAT, 0, "a share ID is a number "
		    "from 1 to %d", SHAMIR_PARTS_MAX);
	if (part->value >= part->prime)
		return err_set(e, ERR_FORMAT, 0, "the value of share %u is "
		    "not what was printed: it is not below the prime",
		    part->id);
	return 0;
}

static int
check_all(const struct shamir_part *part, size_t n, struct err *e)
{
	int r = 0;

	if (n < 2 || n > SHAMIR_PARTS_MAX)
		return err_set(e, ERR_FORMAT, 0, "%zu password shares", n);
	r = shamir_check_prime(part[0].prime, e);
	for (size_t i = 0; r == 0 && i < n; i++) {
		if ((r = shamir_check(&part[i], e)) != 0)
			break;
		if (part[i].prime != part[0].prime)
			r = err_set(e, ERR_FORMAT, 0, "share %u belongs to "
			    "another password: it has another prime",
			    part[i].id);
		for (size_t k = 0; r == 0 && k < i; k++)
			if (part[k].id == part[i].id)
				r = err_set(e, ERR_FORMAT, 0, "share %u was "
				    "given twice", part[i].id);
	}
	return r;
}

/* What Lagrange's polynomial for part i is at 0, times the part's value. */
static void
add_term(struct work *w, const struct shamir_part *part, size_t n, size_t i)
{
	const uint64_t p = part[i].prime;

	w->above = part[i].value;
	w->below = 1;
	for (size_t k = 0; k < n; k++) {
		if (k == i)
			continue;
		w->above = mul(w->above, part[k].id, p);
		w->below = mul(w->below, add(part[k].id, p - part[i].id, p),
		    p);
	}
	w->sum = add(w->sum, mul(w->above, inverse(w->below, p), p), p);
}

int
shamir_join(const struct shamir_part *part, size_t n,
    struct secret *password, struct err *e)
{
	struct work *w;
	int r;

	secret_clear(password);
	if ((r = check_all(part, n, e)) != 0)
		return r;
	if ((w = secret_page_new(sizeof(*w))) == NULL)
		return no_memory(e);
	for (size_t i = 0; i < n; i++)
		add_term(w, part, n, i);
	put_be64(w->bytes, w->sum);
	if (secret_add(password, w->bytes, sizeof(w->bytes)) != 0)
		r = no_memory(e);
	secret_page_free(w, sizeof(*w));
	return r;
}
