/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_KEYTYPE_H
#define TOKEN_KEYTYPE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The types of key pairs that a token may be asked to make, by the names a
 * person types.
 */
struct keytype {
	const char	*name;		/* "rsa2048", "p256" */
	const char	*algo;		/* that of token_key: "RSA-2048" */
	unsigned int	 bits;		/* of the modulus or the field */
	const char	*group;		/* libcrypto's curve; NULL: RSA */
	bool		 ssh;		/* SSH has such keys */
};

/* In either case, also by the curve's other names; NULL: none such. */
const struct keytype	*keytype_by_name(const char *name);
const struct keytype	*keytype_by_algo(const char *algo);

/* Not a curve with points that a card could be told. */
bool			 keytype_is_ed25519(const struct keytype *t);

/* One after the other, those for SSH first; NULL after the last. */
const struct keytype	*keytype_at(size_t i);

#endif
