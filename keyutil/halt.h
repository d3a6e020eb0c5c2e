/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_HALT_H
#define KEYUTIL_HALT_H

#include <signal.h>
#include <stdbool.h>

#include "base/err.h"

/*
 * Work of many steps that a person can end between two of them: what the
 * signals of the keyboard and the system would kill is asked to stop, and
 * tells how far it came.
 */
struct halt {
	int		 fd;		/* readable: it is to stop */
	sigset_t	 before;
};

/* From here on until halt_end(); for the thread that starts all others. */
int	 halt_begin(struct halt *h, struct err *e) MUST_CHECK;
void	 halt_end(struct halt *h);

/* True once for each time that somebody wanted it. */
bool	 halt_asked(struct halt *h);

#endif
