/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_PRKD_H
#define TOKEN_PRKD_H

#include "base/err.h"
#include "base/span.h"

/*
 * PKCS#15 private key descriptions, the files C4xx (ISO 7816-15 8.4,
 * facts/smartcard-hsm 3.6): the only place that knows a key's label and id.
 * Written by whatever tool made the key, so every field may be missing.
 */
enum prkd_kind {
	PRKD_RSA,
	PRKD_EC,
	PRKD_SECRET,		/* AES, a SmartCard-HSM extension */
	PRKD_OTHER,
};

struct prkd {
	enum prkd_kind	 kind;
	struct span	 label;		/* UTF-8, not checked; may be empty */
	struct span	 id;		/* may be empty */
	unsigned int	 bits;		/* 0: not told */
};

int	 prkd_parse(struct span in, struct prkd *p, struct err *e) MUST_CHECK;

#endif
