/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_CURVEPARAMS_H
#define SSH_CURVEPARAMS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * The domain parameters of an elliptic curve, from libcrypto: a token is
 * told these where others are told a name.  Big-endian, p, a and b as long
 * as the field.
 */
#define CURVEPARAMS_FIELD_MAX	66

struct curveparams {
	uint8_t	 p[CURVEPARAMS_FIELD_MAX], a[CURVEPARAMS_FIELD_MAX],
		 b[CURVEPARAMS_FIELD_MAX];
	size_t	 field_n;
	uint8_t	 g[1 + 2 * CURVEPARAMS_FIELD_MAX];	/* 04 || X || Y */
	uint8_t	 n[CURVEPARAMS_FIELD_MAX];		/* order of g */
	size_t	 order_n;
};

/* `group` is libcrypto's name.  ERR_UNSUPPORTED: it knows none such. */
int	 curveparams_get(const char *group, struct curveparams *out,
	    struct err *e) MUST_CHECK;

/* Its OBJECT IDENTIFIER in DER: the bytes of it, or 0 (unknown, no room). */
size_t	 curveparams_oid(const char *group, uint8_t *out, size_t len);

#endif
