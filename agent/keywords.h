/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_KEYWORDS_H
#define AGENT_KEYWORDS_H

#include "agent/options.h"
#include "base/span.h"

/*
 * The configuration file: its keywords, and what each says of the options.
 * hsm-ssh-agent.conf(5) describes them; a test holds it against the tables
 * in keywords.c and in lib/ca.  What the command line has set already stays.
 */

/*
 * From o->config, or the usual places; o->file is the one that was read.
 * Errors are those of conf_load(), or name file and line.
 */
int	 keywords_load(struct options *o, struct err *e) MUST_CHECK;

/* The same from text; `file` is its name in errors. */
int	 keywords_parse(struct options *o, struct span text, const char *file,
	    struct err *e) MUST_CHECK;

#endif
