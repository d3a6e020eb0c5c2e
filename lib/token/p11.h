/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_P11_H
#define TOKEN_P11_H

#include "token/token.h"

struct p11_module;

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

int	 p11_load(struct p11_module **out, const char *path, struct err *e)
	    MUST_CHECK;
void	 p11_unload(struct p11_module *m);
int	 p11_list(struct p11_module *m, struct p11_slots *out, struct err *e)
	    MUST_CHECK;
void	 p11_slots_free(struct p11_slots *s);
int	 p11_wait(struct p11_module *m, struct err *e) MUST_CHECK;
int	 p11_open(struct p11_module *m, uint64_t slot, struct token **out,
	    struct err *e) MUST_CHECK;

#endif
