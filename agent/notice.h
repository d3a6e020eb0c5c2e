/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_NOTICE_H
#define AGENT_NOTICE_H

#include "agent/loop.h"
#include "base/log.h"

/*
 * Notices on the desktop, by a program such as notify-send(1) that is given
 * a title and a text.  Nobody waits for it, and nobody relies on it: there is
 * one at a time and one a second, and the rest is in the log only.
 */
struct notice;

/* `command` is the path of a program; it is copied.  NULL: none. */
int	 notice_new(struct notice **out, struct loop *l, const struct log *log,
	    const char *command, struct err *e) MUST_CHECK;

/*
 * Anything may be in the text: what could end a line, pass for an option or
 * be taken for markup is replaced.  Does nothing when `n` is NULL.
 */
void	 notice_send(struct notice *n, const char *title, const char *text);

/* From the next notice on.  When it fails, the old one stays. */
int	 notice_set_command(struct notice *n, const char *command,
	    struct err *e) MUST_CHECK;

void	 notice_free(struct notice *n);		/* NULL is fine */

#endif
