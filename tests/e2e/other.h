/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef E2E_OTHER_H
#define E2E_OTHER_H

#include <sys/types.h>

#include <stdbool.h>

/*
 * Another program at the same card, through PC/SC and with nothing of ours
 * in between.  Each is a process of its own: PC/SC may make it wait for a
 * transaction of the agent's, and it can be given up.
 */
enum other_act {
	OTHER_RESET,		/* disconnects with SCARD_RESET_CARD */
	OTHER_SELECT,		/* selects the HSM applet: logs all out */
	OTHER_APPLET,		/* selects some other applet */
	OTHER_ASK,		/* asks how many PIN tries are left */
	OTHER_TRANSACTION,	/* keeps a transaction until it is told */
	OTHER_EXCLUSIVE,	/* has the card for itself until told */
};

struct other {
	pid_t	 pid;
	int	 go;		/* closing it tells it to let go */
	int	 told;		/* readable when it has what it wants */
};

/* Start it.  It leaves by itself unless it keeps something. */
void	 other_start(struct other *o, const char *reader,
	    enum other_act act);

/* Until it keeps what it was to keep; false: not in that time. */
bool	 other_has(const struct other *o, int ms);

/* Until it has gone, now that it may; false: it had to be killed, or says
 * that it failed. */
bool	 other_end(struct other *o, int ms);

/* "vhsmctl pcscd WHAT"; false: it says that it failed. */
bool	 other_pcscd(const char *what);

#endif
