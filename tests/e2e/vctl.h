/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef E2E_VCTL_H
#define E2E_VCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * A virtual HSM's control socket (tests/vhsm/ctl.h), kept open.  What fails
 * ends the program: a test has nothing to say without it.
 */
#define VCTL_LOG	256

struct vctl {
	FILE	*in, *out;
};

/* One line of the log. */
struct vctl_command {
	uint8_t		 header[4];
	unsigned long	 bytes;		/* of the whole command */
	unsigned int	 sw;		/* 0: no answer went out */
};

void	 vctl_open(struct vctl *v, unsigned int token);
void	 vctl_close(struct vctl *v);

/* A command whose data, if any, does not matter. */
void	 vctl_tell(struct vctl *v, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* false: the virtual HSM refuses it. */
bool	 vctl_try(struct vctl *v, const char *line);

/* The number, or two, in the first line of its data; *second may be NULL. */
unsigned long vctl_number(struct vctl *v, const char *line,
	    unsigned long *second);

/* The oldest first; how many there are. */
size_t	 vctl_log(struct vctl *v, struct vctl_command log[VCTL_LOG]);

bool	 vctl_is_pin(const struct vctl_command *c);	/* VERIFY with one */

#endif
