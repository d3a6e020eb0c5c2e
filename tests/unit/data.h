/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_DATA_H
#define UNIT_DATA_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/*
 * Test data: files of tests/data, and bytes in allocations of their exact
 * size, so that a sanitizer sees the first byte read past their end.
 */
struct data {
	uint8_t	*p;
	size_t	 n;
};

static inline struct span
data_span(const struct data *d)
{
	return (struct span){ d->p, d->n };
}

struct data	 data_copy(struct span s);
struct data	 data_hex(const char *hex);
void		 data_free(struct data *d);

/* The bytes of tests/data/NAME. */
struct data	 data_file(const char *name);

/* The text of tests/data/ssh/NAME, free(3); NULL when there is none. */
char		*data_text(const char *name);

/* The blob in tests/data/ssh/NAME.pub; "../x509/p256" works, too. */
struct data	 data_pub(const char *name);

/* The key in the data of a login, as ssh has it signed. */
struct span	 data_login_key(struct span login);

/* Call fn with every shorter beginning of `all`, each in its own copy. */
void		 data_each_cut(struct span all,
		    void (*fn)(struct span cut, void *arg), void *arg);

#endif
