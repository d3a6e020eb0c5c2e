/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "dkek/parttext.h"
#include "tests/fuzz/law.h"

#define ROOM	20

/* What is read and can belong together prints as what is read again. */
static void
print_and_read(const struct shamir_part *part)
{
	struct shamir_part again;
	char text[PARTTEXT_MAX];
	struct err e;
	size_t n = 1;

	if (part->id > SHAMIR_MADE_MAX)
		return;
	parttext_print(part, text);
	if (parttext_parse(span_cstr(text), &again, &n, &e) != 0 || n != 1 ||
	    again.prime != part->prime || again.value != part->value ||
	    again.id != part->id)
		__builtin_trap();
}

/* An error has its words; parts that fit make a password, others none. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t size)
{
	struct secret *password;
	struct shamir_part part[ROOM];
	struct err e = { 0 };
	size_t n = ROOM;
	int r;

	if (parttext_parse((struct span){ p, size }, part, &n, &e) != 0) {
		if (e.msg[0] == '\0' || n != 0)
			__builtin_trap();
		return 0;
	}
	if (n == 0 || n > ROOM || (password = secret_new()) == NULL)
		__builtin_trap();
	for (size_t i = 0; i < n; i++)
		print_and_read(&part[i]);
	r = shamir_join(part, n, password, &e);
	if (secret_len(password) != (r == 0 ? SHAMIR_PASSWORD_BYTES : 0))
		__builtin_trap();
	secret_free(password);
	return 0;
}
