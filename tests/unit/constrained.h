/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_CONSTRAINED_H
#define UNIT_CONSTRAINED_H

#include "agent/grants.h"
#include "tests/unit/hostkey.h"

/*
 * Constraints as ssh-add writes them, one after the other into a writer;
 * what is wrong on purpose is up to the test.
 */
struct constrained_step {
	const struct hostkey *from;	/* NULL: where the agent runs */
	const struct hostkey *to;
	const char	*user;		/* NULL: any */
};

void	 constrained_lifetime(struct wire_w *w, uint32_t seconds);
void	 constrained_confirm(struct wire_w *w);

/* restrict-destination-v00@openssh.com */
void	 constrained_steps(struct wire_w *w,
	    const struct constrained_step *steps, size_t n);

/* associated-certs-v00@openssh.com */
void	 constrained_certs(struct wire_w *w, bool only,
	    const struct data *certs, size_t n);

/* As if a token was added with these certificates, which are freed. */
void	 constrained_grant(struct grants *g, const char *serial, bool only,
	    struct data *certs, size_t n);

#endif
