/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PIN_SOURCE_H
#define PIN_SOURCE_H

#include <time.h>

#include "base/err.h"
#include "base/secret.h"

/*
 * A PIN that nobody has to type: the first line of a file, of a credential
 * that systemd passes to a service (systemd.exec(5), LoadCredential=), or
 * of what a command prints.
 *
 * A file must belong to the user or root, and nobody else may read or write
 * it.  The same goes for a credential and its directory; where root owns
 * them, the mode may let a group read, for that is how systemd's access
 * lists show.
 *
 * A command line is cut at blanks; "double quotes" keep blanks together,
 * \" and \\ inside them.  There is no shell.  The program is named by its
 * absolute path, reads from /dev/null, and must end with status 0 within
 * PIN_COMMAND_SECONDS.
 */
enum pin_source_kind {
	PIN_SOURCE_FILE,
	PIN_SOURCE_CREDENTIAL,
	PIN_SOURCE_COMMAND,
};

struct pin_source {
	enum pin_source_kind	 kind;
	char			*value;	/* path; name; command line */
};

#define PIN_COMMAND_SECONDS	30
#define PIN_COMMAND_WORDS	32

/*
 * ERR_USAGE if it cannot be right, whatever files there are: for when a
 * configuration is read.
 */
int	 pin_source_check(const struct pin_source *s, struct err *e)
	    MUST_CHECK;

/*
 * Append the PIN to *out.  ERR_DENIED where others could have read or
 * written it, saying what to do; ERR_CANCELLED when cancel_fd (-1: none)
 * became readable; ERR_NOTFOUND for a credential without systemd.  Blocks.
 */
int	 pin_source_read(const struct pin_source *s, int cancel_fd,
	    struct secret *out, struct err *e) MUST_CHECK;

/*
 * Open a file or credential under the same rules, to read more than a line.
 */
int	 pin_source_open(const struct pin_source *s, int *fd, struct err *e)
	    MUST_CHECK;

/*
 * When a person last changed it: mtime of the file, or of the credential;
 * ERR_NOTFOUND where nobody can tell (a command).
 */
int	 pin_source_changed(const struct pin_source *s,
	    struct timespec *when, struct err *e) MUST_CHECK;

#endif
