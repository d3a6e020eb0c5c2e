/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BENCH_HSM_H
#define BENCH_HSM_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

/*
 * The virtual HSM from both sides: its control socket (tests/vhsm/ctl.h),
 * and PC/SC with nothing of ours in between, to know what a card command
 * costs by itself.
 */
struct hsm;

int	 hsm_open(struct hsm **out, struct err *e) MUST_CHECK;
void	 hsm_close(struct hsm *h);		/* NULL is fine */

/*
 * Send a line to the control socket; the first line of its data goes to
 * `first` and the last one to `last`, "" where there is none.
 */
struct hsm_answer {
	char	 first[128], last[128];
};

int	 hsm_tell(struct hsm *h, struct hsm_answer *a, struct err *e,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)))
	    MUST_CHECK;

/* Commands answered since the last call, which also empties the log. */
int	 hsm_take_count(struct hsm *h, unsigned long *n, struct err *e)
	    MUST_CHECK;

/* One bare SCardTransmit; anything but 9000 or 63Cx is an error. */
int	 hsm_transmit(struct hsm *h, struct span cmd, struct err *e)
	    MUST_CHECK;

/*
 * Let go of the card, as if nobody had it open; the calls above and below
 * take it up again.
 */
void	 hsm_let_go(struct hsm *h);

/* As another program would: select the applet anew, reset the card. */
int	 hsm_select(struct hsm *h, struct err *e) MUST_CHECK;
int	 hsm_reset(struct hsm *h, struct err *e) MUST_CHECK;

#endif
