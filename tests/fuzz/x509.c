/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "ssh/x509.h"
#include "tests/fuzz/law.h"

/* What was read is a certificate, and reads as itself. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	uint8_t der[4096], again[4096], bits[4096];
	size_t len = sizeof(der), m = sizeof(again), bits_n = sizeof(bits);
	struct span cert = { der, 0 };
	struct err e;
	char *pem;

	if (x509_read((struct span){ p, n }, der, &len, &e) != 0)
		return 0;
	cert.n = len;
	if (x509_read(cert, again, &m, &e) != 0 ||
	    !span_eq(cert, (struct span){ again, m }) ||
	    x509_public_bits(cert, bits, &bits_n, &e) != 0 ||
	    (pem = x509_pem(cert)) == NULL)
		__builtin_trap();
	free(pem);
	return 0;
}
