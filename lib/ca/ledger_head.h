/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_LEDGER_HEAD_H
#define CA_LEDGER_HEAD_H

#include <stdbool.h>

#include "ca/ledger_entry.h"

/*
 * How far a ledger has come, in a small file beside it.  A ledger that is
 * behind it is an old copy, put back from a backup, or has lost its end.
 * The file is also the lock that all who write to the ledger take.
 *
 * It is written after the ledger and need not be on the disk at once: a head
 * that is a little behind is right all the same.
 */
#define LEDGER_SERIAL_HIGH	(UINT64_C(1) << 62)

struct ledger_head {
	uint64_t	 seq;		/* 0: nothing was written yet */
	uint8_t		 hash[LEDGER_HASH];
	uint64_t	 serial;	/* highest of any CA: given out, or used
					 * (if under LEDGER_SERIAL_HIGH) */
	uint64_t	 krl;		/* highest version of a KRL, any CA */
	uint64_t	 grants;	/* times that such were given out */
	uint8_t		 numbers[LEDGER_HASH];	/* of each CA's, then */
	uint64_t	 base;		/* see ledger_log.h; 0: not known */
};

/* As text, one line and its end; never longer. */
#define LEDGER_HEAD_MAX	288

size_t	 ledger_head_put(const struct ledger_head *h,
	    char text[LEDGER_HEAD_MAX]);

/* *h is all zero when it is none. */
bool	 ledger_head_parse(struct span text, struct ledger_head *h);

/* Open the file, made when it is not there and `make`; see ledger_file.h. */
int	 ledger_head_open(const char *path, bool make, int *fd,
	    struct err *e) MUST_CHECK;

/* Wait for the lock, ms at most; it ends with the descriptor, too. */
int	 ledger_head_lock(int fd, int ms, struct err *e) MUST_CHECK;
void	 ledger_head_unlock(int fd);

/* ERR_FORMAT: there is something else in it; ERR_NOTFOUND: nothing. */
int	 ledger_head_read(int fd, struct ledger_head *h, struct err *e)
	    MUST_CHECK;
int	 ledger_head_write(int fd, const struct ledger_head *h,
	    struct err *e) MUST_CHECK;

/* The first one: it is on the disk then, or the file is empty again. */
int	 ledger_head_make(int fd, const struct ledger_head *h,
	    struct err *e) MUST_CHECK;

#endif
