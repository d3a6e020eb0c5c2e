/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CHECK_H
#define AGENT_CHECK_H

#include <stddef.h>
#include <stdio.h>

#include "agent/options.h"
#include "base/err.h"

/*
 * What -T looks at beyond the words of a configuration: the programs, files
 * and places that they name.  The agent itself does so only when it needs
 * them, as they may come and go.
 *
 * Every mistake is written to `to`, a line each, as "file:line: what", and
 * counted in *n.  Nothing is run, and no PIN is read.
 */
int	 check_files(const char *path, FILE *to, size_t *n, struct err *e)
	    MUST_CHECK;

/*
 * All of -T: says on standard output that there is no mistake, and each that
 * there is on standard error, for editors; then ERR_USAGE.
 */
int	 check_run(struct options *o, struct err *e) MUST_CHECK;

#endif
