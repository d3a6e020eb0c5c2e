/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_NEWFILE_H
#define KEYUTIL_NEWFILE_H

#include <sys/stat.h>

#include "base/err.h"
#include "base/span.h"

/*
 * A new file as a whole or not at all, with mode 0600 and on the disk when
 * it is there.  What has that name already is never replaced, unless the
 * caller has read it and says so.  Until it is
 * complete it has another name in the same directory; that is gone after
 * any error, and signals that end the program wait until then.
 */

/*
 * What of it can be known before: nothing has that name, and its directory
 * can be written to.  For before a person is asked for a PIN.
 */
int	 newfile_check(const char *path, struct err *e) MUST_CHECK;

/* The directory that it is in, open for reading; or -1. */
int	 newfile_directory(const char *path);

/*
 * ERR_DENIED when something has that name, ERR_SYS with errno in e->detail
 * for what the system says.  Blocks until the disk has it.
 */
int	 newfile_write(const char *path, struct span bytes, struct err *e)
	    MUST_CHECK;

/*
 * The same for everybody to read, and in the place of *was, unless that is
 * NULL.
 */
int	 newfile_publish(const char *path, const struct stat *was,
	    struct span bytes, struct err *e) MUST_CHECK;

/*
 * The same in the place of a file that there is, with its mode.  *was is
 * what fstat(2) said when it was read: ERR_STALE when it is another now.
 */
int	 newfile_replace(const char *path, const struct stat *was,
	    struct span bytes, struct err *e) MUST_CHECK;

#endif
