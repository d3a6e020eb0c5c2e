/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_CTL_CALL_H
#define VHSM_CTL_CALL_H

#include <stdio.h>

#include "tests/vhsm/serve.h"

/*
 * One line at the control socket, cut into words.  A command prints its data
 * and returns true, or says why not and returns false.  What each means is
 * in ctl.h; ctl.c has seen to the number of words.
 */
#define CTL_WORDS	16

struct ctl_call {
	struct server	*s;
	struct vhsm	*card;		/* the one in the reader, or named */
	char		*word[CTL_WORDS];
	size_t		 n;
	FILE		*out;
};

typedef bool ctl_command(const struct ctl_call *c);

/* ctl.c */
bool	 ctl_fail(const struct ctl_call *c, const char *why);
bool	 ctl_number(const char *s, int base, unsigned long max,
	    unsigned long *v);
/* Hex digits to bytes; free them with OPENSSL_free().  NULL: not hex. */
uint8_t	*ctl_hex(const char *s, size_t *n);

/* ctl_fault.c */
ctl_command	 ctl_pull, ctl_insert, ctl_swap, ctl_reader, ctl_reset,
		 ctl_delay, ctl_fail_nth, ctl_at, ctl_planned, ctl_forget,
		 ctl_count, ctl_reset_count, ctl_log;

/* ctl_card.c */
ctl_command	 ctl_apdu, ctl_send, ctl_logout, ctl_other_applet, ctl_pin,
		 ctl_tries, ctl_so_tries, ctl_pins, ctl_init, ctl_generate,
		 ctl_delete, ctl_quirk, ctl_firmware, ctl_atr,
		 ctl_transport, ctl_pka, ctl_uses, ctl_algs, ctl_serial;

#endif
