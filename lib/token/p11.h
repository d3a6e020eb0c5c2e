/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_P11_H
#define TOKEN_P11_H

#include "token/token.h"

/*
 * The driver for PKCS#11 modules (OASIS PKCS#11 2.40), through p11-kit, as it
 * runs inside hsm-ssh-agent-module: nobody else loads one.  All calls may
 * block for as long as the module likes; what it says is hostile.
 */
struct p11_module;

/* Texts are clean, and "" where there is no token. */
struct p11_slot {
	uint64_t id;
	char	 name[65];
	bool	 present;
	char	 label[33], serial[17], model[17], maker[33];
};

struct p11_slots {
	struct p11_slot	*v;
	size_t		 n;
};

/*
 * Load and initialise the module at this path, or without a slash that of
 * this name in p11-kit's configuration (pkcs11.conf(5)).
 */
int	 p11_load(struct p11_module **out, const char *module, struct err *e)
	    MUST_CHECK;
void	 p11_unload(struct p11_module *m);	/* NULL is fine */

/* Those without a token, too. */
int	 p11_list(struct p11_module *m, struct p11_slots *out, struct err *e)
	    MUST_CHECK;
void	 p11_slots_free(struct p11_slots *s);

/* Until a token comes or goes; ERR_UNSUPPORTED: the module cannot tell. */
int	 p11_wait(struct p11_module *m, struct err *e) MUST_CHECK;

/* The token in this slot, with a session of its own.  Close it before `m`. */
int	 p11_open(struct p11_module *m, uint64_t slot, struct token **out,
	    struct err *e) MUST_CHECK;

#endif
