/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_SETTINGS_H
#define AGENT_SETTINGS_H

#include "agent/options.h"

/*
 * The options that hold now.  They are read anew while the agent runs: what
 * settings_get() returned stays as it is, and there, until settings_free();
 * it is only not the newest any more.  A reload so costs the memory of one
 * struct options, a few KB, and nobody has to wait for anybody.
 *
 * settings_get() may be called from any thread; all else from the one that
 * made it.
 */
struct settings;

/*
 * Takes over *first, also when it fails.  argc and argv, borrowed, are the
 * command line that it is from; NULL: there is none to read again.
 */
int	 settings_new(struct settings **out, struct options *first, int argc,
	    char **argv, struct err *e) MUST_CHECK;
void	 settings_free(struct settings *s);	/* NULL is fine */

/* Two calls return the same pointer if nothing has changed between them. */
const struct options *settings_get(const struct settings *s);

/* From now on *next holds, which is taken over, also when it fails. */
int	 settings_publish(struct settings *s, struct options *next,
	    struct err *e) MUST_CHECK;

/*
 * Read the configuration again; the command line still wins.  When there is
 * any mistake in it, all stays as it was, and the error names the line.
 */
int	 settings_reload(struct settings *s, struct err *e) MUST_CHECK;

#endif
