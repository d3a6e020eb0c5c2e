/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_PLACE_H
#define TOKEN_PLACE_H

#include "token/p11.h"
#include "token/pcsc.h"

/*
 * Where a token is: in a PC/SC reader, or in a slot of a PKCS#11 module.
 * The name is for people, and clean.
 */
#define PLACE_NAME_MAX	160

struct token_place {
	char		 name[PLACE_NAME_MAX];
	struct pcsc_reader reader;	/* when there is no module: */
	char		*module;	/* its path, or NULL */
	struct p11_slot	 slot;		/* of it */
};

/* Clear it in any case. */
void	 token_place_reader(struct token_place *out,
	    const struct pcsc_reader *reader);
int	 token_place_slot(struct token_place *out, const char *module,
	    const struct p11_slot *slot, struct err *e) MUST_CHECK;
int	 token_place_copy(struct token_place *to,
	    const struct token_place *from, struct err *e) MUST_CHECK;
void	 token_place_clear(struct token_place *p);

#endif
