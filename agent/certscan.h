/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CERTSCAN_H
#define AGENT_CERTSCAN_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/log.h"

/*
 * Which certificate files there are, by stat(2) alone.  A place is a file,
 * or a directory of which every regular file counts whose name ends in
 * "-cert.pub".  Links are followed; what is no regular file in the end is
 * never opened, so nothing here waits for anybody.
 */
#define CERTSCAN_ENTRIES_MAX	4096	/* of a directory */

/* What changes when a file does. */
struct certscan_stamp {
	dev_t		 dev;
	ino_t		 ino;
	off_t		 size;
	struct timespec	 mtime, ctime;
};

struct certscan_file {
	char		*path;
	struct certscan_stamp stamp;
};

struct certscan {
	struct certscan_file *v;	/* by path, each once */
	size_t		 n, max;
};

/* What was last told of a place, so that it is told once. */
enum certscan_trouble {
	CERTSCAN_UNTOLD,
	CERTSCAN_FINE,
	CERTSCAN_MISSING,
	CERTSCAN_UNREADABLE,
	CERTSCAN_TOO_MANY,
};

struct certscan_place {
	char		*path;
	enum certscan_trouble told;
};

struct certscan_stamp	 certscan_stamp(const struct stat *st);
bool	 certscan_same(const struct certscan_stamp *a,
	    const struct certscan_stamp *b);

/*
 * Fill *s, which is empty, from all places.  A place that is not there or
 * cannot be read is told in the log and has no files; the error is that
 * there is no memory or no descriptor just now.  certscan_free() in any
 * case.
 */
int	 certscan(struct certscan *s, struct certscan_place *places, size_t n,
	    const struct log *log, struct err *e) MUST_CHECK;
void	 certscan_free(struct certscan *s);

/* Whether this errno says that it may work in a moment. */
bool	 certscan_is_passing(int error);

#endif
