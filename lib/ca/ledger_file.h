/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef CA_LEDGER_FILE_H
#define CA_LEDGER_FILE_H

#include <sys/types.h>

#include <stdbool.h>

#include "base/err.h"

/*
 * The files of a ledger, in a directory where nobody else can put others.
 *
 * The database's own file is looked at without being opened: closing it
 * would end every lock that SQLite has on it in this process (POSIX, close).
 */
struct ledger_file {
	dev_t		 dev;
	ino_t		 ino;
	off_t		 size;
};

/*
 * Nobody but this user and root can write it, and it is a regular file:
 * else ERR_DENIED.  ERR_NOTFOUND: it is not there.
 */
int	 ledger_file_look(const char *path, struct ledger_file *f,
	    struct err *e) MUST_CHECK;

/* The same of the directory it is in. */
int	 ledger_file_look_at_dir(const char *path, struct err *e) MUST_CHECK;

/* An empty one, with mode 0600, if there is none. */
int	 ledger_file_make(const char *path, struct err *e) MUST_CHECK;

/* Is it (still) what lies at this path? */
bool	 ledger_file_is_at(const struct ledger_file *f, const char *path);

/* The names of new files are on the disk, too. */
int	 ledger_file_sync_dir(const char *path, struct err *e) MUST_CHECK;

#endif
