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
struct ledger_head {
	uint64_t	 seq;		/* 0: nothing was written yet */
	uint8_t		 hash[LEDGER_HASH];
	uint64_t	 serial;	/* highest that was given out, any CA */
	uint64_t	 krl;		/* highest version of a KRL, any CA */
};

/* As text, one line and its end; never longer. */
#define LEDGER_HEAD_MAX	192

size_t	 ledger_head_put(const struct ledger_head *h,
	    char text[LEDGER_HEAD_MAX]);
bool	 ledger_head_parse(struct span text, struct ledger_head *h);

/*
 * Open the file, made with mode 0600 when it is not there and `make`; it has
 * to be this user's or root's own, and no other's to write.  ERR_NOTFOUND:
 * it is not there.
 */
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

#endif
