/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdio.h>

#include <cmocka.h>

#include "ssh/cert.h"
#include "ssh/identities.h"
#include "tests/unit/listed.h"

void
listed(struct span answer, char *buf, size_t len)
{
	struct span blob, comment;
	struct identities it;
	struct cert cert;
	struct err e;
	size_t n = 0;

	buf[0] = '\0';
	assert_int_equal(identities_read(&it, answer, &e), 0);
	while (identities_next(&it, &blob, &comment)) {
		n += (size_t)snprintf(buf + n, len - n, "%s%.*s",
		    n > 0 ? " " : "", (int)comment.n,
		    (const char *)comment.p);
		assert_true(n < len);
		if (cert_parse(blob, &cert, &e) == 0)
			n += (size_t)snprintf(buf + n, len - n,
			    "#%" PRIu64, cert.serial);
		assert_true(n < len);
	}
}
