/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_AUDIT_JOURNAL_H
#define AGENT_AUDIT_JOURNAL_H

#include <stddef.h>

#include "base/err.h"

/*
 * The audit log in systemd's journal.  Made with libsystemd; without it,
 * audit_nojournal.c has these and they are ERR_UNSUPPORTED.
 */

/* ERR_NOTFOUND when there is no journal to write to. */
int	 audit_journal_check(struct err *e) MUST_CHECK;

/*
 * An entry of fields, "NAME=value", beside the MESSAGE_ID of all that are
 * ours.  As with syslog(3), a journal that hangs may hold it up.
 */
int	 audit_journal_send(char *const *fields, size_t n, struct err *e)
	    MUST_CHECK;

#endif
