/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_NEWFILE_H
#define KEYUTIL_NEWFILE_H

#include "base/err.h"
#include "base/span.h"

/*
 * A new file as a whole or not at all, with mode 0600 and on the disk when
 * it is there.  What has that name already is never replaced.  Until it is
 * complete it has another name in the same directory; that is gone after
 * any error, and signals that end the program wait until then.
 */

/*
 * What of it can be known before: nothing has that name, and its directory
 * can be written to.  For before a person is asked for a PIN.
 */
int	 newfile_check(const char *path, struct err *e) MUST_CHECK;

/*
 * ERR_DENIED when something has that name, ERR_SYS with errno in e->detail
 * for what the system says.  Blocks until the disk has it.
 */
int	 newfile_write(const char *path, struct span bytes, struct err *e)
	    MUST_CHECK;

#endif
