/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_PRKD_WRITE_H
#define TOKEN_PRKD_WRITE_H

#include "ssh/wire.h"
#include "token/prkd.h"

/*
 * Descriptions of new keys as OpenSC writes them, byte for byte, so that
 * OpenSC lists and uses the key.  To change one there is prkd_edit.h.
 */
#define PRKD_MAX	1024

struct prkd_spec {
	enum prkd_kind	 kind;		/* PRKD_RSA or PRKD_EC */
	const char	*label;
	struct span	 id;
	uint8_t		 ref;
	unsigned int	 bits;
};

/* Append a description to *w; w->bad when it does not fit. */
void	 prkd_put(struct wire_w *w, const struct prkd_spec *s);

#endif
