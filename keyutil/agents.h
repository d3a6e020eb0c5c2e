/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_AGENTS_H
#define KEYUTIL_AGENTS_H

#include <stdbool.h>

#include "ssh/agentstatus.h"

/*
 * Finding the running hsm-ssh-agent: at SSH_AUTH_SOCK, else where it
 * listens by default.  That there is none is an answer, not an error.
 */
struct agent {
	bool			 found;
	bool			 in_use;	/* SSH_AUTH_SOCK leads to it */
	char			*socket;	/* NULL unless found */
	struct agentstatus	 status;	/* borrows from answer */
	struct wire_w		 answer;
	char			 note[400];	/* why not found, or "" */
};

int	 agents_find(struct agent *a, struct err *e) MUST_CHECK;
void	 agents_free(struct agent *a);

#endif
