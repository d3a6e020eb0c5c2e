/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_KRLFILE_H
#define KEYUTIL_KRLFILE_H

#include <sys/stat.h>

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

/*
 * The file with a revocation list that servers read, and its signature
 * beside it.  Each is there as a whole at any moment, and is only ever
 * replaced by a newer one: whoever has it open keeps others of us from it.
 */
struct krlfile {
	const char	*path;		/* lent */
	char		*sig_path;
	int		 lock;		/* of its directory, or -1 */
	struct stat	 was, sig_was;
	bool		 there, sig_there;
	uint64_t	 version;	/* of the list that is there, or 0 */
};

/*
 * ERR_DENIED for what should not be replaced: no list, or no file.  An empty
 * file may be.  Close *f in any case.  Blocks while another has it open.
 */
int	 krlfile_open(struct krlfile *f, const char *path, struct err *e)
	    MUST_CHECK;
void	 krlfile_close(struct krlfile *f);

/* A list of this version may take its place, else ERR_DENIED. */
int	 krlfile_check(const struct krlfile *f, uint64_t version,
	    struct err *e) MUST_CHECK;

/* With mode 0644; sig: NULL for none, and then an old one is warned of. */
int	 krlfile_write(const struct krlfile *f, struct span list,
	    const char *sig, struct err *e) MUST_CHECK;

#endif
