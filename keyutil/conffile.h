/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_CONFFILE_H
#define KEYUTIL_CONFFILE_H

#include <sys/stat.h>

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

/*
 * The agent's configuration file, to be read and added to.  What was there
 * stays there, and in a file of its own, too, whose name ends in ".old".
 */
struct conffile {
	char		*path;		/* as it was named */
	bool		 there;
	char		*real;		/* behind symbolic links, if there */
	struct stat	 was;
	uint8_t		*text;
	size_t		 n;
};

/*
 * `name`, or where the agent looks for the user's own (base/paths.h).
 * ERR_DENIED when this one is not there, and the agent reads that of the
 * system: it would no more.  Else those of conf_load(); no file is no error.
 */
int	 conffile_read(struct conffile *c, const char *name, struct err *e)
	    MUST_CHECK;
void	 conffile_free(struct conffile *c);

struct span	 conffile_text(const struct conffile *c);

/*
 * Can it be added to, as far as that can be known before?  Its directory is
 * made where there is none.
 */
int	 conffile_check(const struct conffile *c, struct err *e) MUST_CHECK;

/*
 * Add lines at the end, after an empty one, or make the file with these
 * alone.  *old is where it is as it was, for free(3); NULL where there was
 * none.  ERR_STALE: somebody has changed it since it was read.
 */
int	 conffile_add(const struct conffile *c, const char *lines, char **old,
	    struct err *e) MUST_CHECK;

#endif
