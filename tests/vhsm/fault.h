/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_FAULT_H
#define VHSM_FAULT_H

#include <stdbool.h>
#include <stdio.h>

#include "tests/vhsm/vh_buf.h"

/*
 * What goes wrong between reader and card, on request: answers delayed,
 * replaced or lost.  Counts and remembers the commands that went by, by
 * their headers alone: data, and so a PIN, is never kept.
 */
#define FAULT_PLANS	16
#define FAULT_LOG	256
#define FAULT_RAW	64

enum fault_kind {
	FAULT_NONE,
	FAULT_SW,		/* not run; answers this status word */
	FAULT_RAW_ANSWER,	/* not run; answers these bytes */
	FAULT_DROP,		/* not run; the connection ends */
	FAULT_DROP_AFTER,	/* run; the answer is lost */
};

struct fault {
	enum fault_kind	 kind;
	unsigned long	 at;		/* number of the command, from 1 */
	uint8_t		 raw[FAULT_RAW];
	size_t		 raw_n;
};

struct fault_entry {
	uint8_t		 header[4];
	bool		 short_header;	/* under 4 bytes */
	size_t		 n;		/* bytes of the whole command */
	size_t		 rsp_n;
	unsigned	 sw;		/* 0: no answer */
};

struct faults {
	unsigned long	 seen;		/* commands since the start */
	unsigned long	 total, by_ins[256];	/* answered */
	unsigned	 delay_all, delay_ins[256];	/* ms */
	struct fault	 plan[FAULT_PLANS];
	struct fault_entry log[FAULT_LOG];
	unsigned long	 logged;
};

/* Plan a fault for the nth command from now; false: too many planned. */
bool	 fault_plan(struct faults *f, const struct fault *what,
	    unsigned long n);

/* A command arrived: what shall happen to it, and how long it waits. */
struct fault	 fault_next(struct faults *f);
unsigned	 fault_delay(const struct faults *f, struct span cmd);

/* Its answer went out, or, if empty, was lost. */
void	 fault_note(struct faults *f, struct span cmd, struct span rsp);

void	 fault_reset_count(struct faults *f);
void	 fault_print_log(const struct faults *f, FILE *out);

#endif
