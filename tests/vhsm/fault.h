/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_FAULT_H
#define VHSM_FAULT_H

#include <stdbool.h>
#include <stdio.h>

#include "tests/vhsm/vh_buf.h"

/*
 * What goes wrong between reader and card, on request: answers delayed,
 * replaced or lost, and control lines that run beside a command.  Counts and
 * remembers the commands that went by, by their headers alone: data, and so
 * a PIN, is never kept.
 */
#define FAULT_PLANS	32
#define FAULT_LOG	256
#define FAULT_RAW	64
#define FAULT_LINE	512

enum fault_kind {
	FAULT_NONE,
	FAULT_ANSWER,		/* not run; answers these bytes */
	FAULT_EMPTY,		/* not run; no answer, but no error either */
	FAULT_DROP,		/* not run; the connection ends */
	FAULT_DROP_AFTER,	/* run; the answer is lost */
	FAULT_DELAY,		/* run; the answer is that much later */
	FAULT_BEFORE,		/* the line first */
	FAULT_DURING,		/* run, the line, then the answer */
	FAULT_AFTER,		/* the line when the answer has gone */
};

struct fault {
	enum fault_kind	 kind;
	unsigned long	 left;		/* until it is due, which is 0 */
	int		 ins;		/* counts these alone; -1: all */
	bool		 with_data;	/* and of these, those with data */
	unsigned	 ms;
	uint8_t		 raw[FAULT_RAW];
	size_t		 raw_n;
	char		 line[FAULT_LINE];
};

struct fault_entry {
	uint8_t		 header[4];
	bool		 short_header;	/* under 4 bytes */
	size_t		 n;		/* bytes of the whole command */
	size_t		 rsp_n;
	unsigned	 sw;		/* 0: no answer */
};

struct faults {
	unsigned long	 total, by_ins[256];	/* answered */
	unsigned	 delay_all, delay_ins[256];	/* ms */
	struct fault	 plan[FAULT_PLANS];	/* in the order of planning */
	size_t		 plans;
	char		 error[128];	/* of the first line that failed */
	struct fault_entry log[FAULT_LOG];
	unsigned long	 logged;
};

/* Plan a fault; what->left counts from 1.  False: too many planned. */
bool	 fault_plan(struct faults *f, const struct fault *what);
void	 fault_forget(struct faults *f);	/* all that is planned */

/* A command arrived: some faults are due, until the next one arrives. */
void	 fault_arrive(struct faults *f, struct span cmd);

/* Take the first due fault of this kind. */
bool	 fault_take(struct faults *f, enum fault_kind kind,
	    struct fault *out);

/* How long the answer to a command waits: always, and what is due. */
unsigned fault_delay(struct faults *f, struct span cmd);

/* Its answer went out, or, if empty, was lost. */
void	 fault_note(struct faults *f, struct span cmd, struct span rsp);

void	 fault_reset_count(struct faults *f);
void	 fault_print_log(const struct faults *f, FILE *out);

#endif
