/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_AUDIT_FILE_H
#define AGENT_AUDIT_FILE_H

#include "base/err.h"
#include "base/log.h"

/*
 * A file to which whole lines are added, each by one system call, by us and
 * perhaps by others; it may be moved away at any time.  When a line did not
 * fit, its half is taken back, or at least ended.
 */
struct audit_file;

/* The rules for a file are in agent/audit.h. */
int	 audit_file_new(struct audit_file **out, const struct log *log,
	    const char *path, struct err *e) MUST_CHECK;
void	 audit_file_free(struct audit_file *f);		/* NULL is fine */

/* `line` is without its end, and stays as it is. */
int	 audit_file_add(struct audit_file *f, char *line, struct err *e)
	    MUST_CHECK;

/* Open it by its name again; the old one goes on where that fails. */
void	 audit_file_reopen(struct audit_file *f);

#endif
