/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdatomic.h>

/*
 * Messages for the operator, to stderr or to syslog(3).  Each call is one
 * line; control bytes in it are shown as '?', so that nothing from a card
 * or a client can forge another line.  Safe to call from any thread.
 */
enum log_level {
	LOG_LEVEL_QUIET,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

struct log {
	_Atomic(enum log_level) level;
	atomic_bool	 to_syslog;	/* after openlog(3) by the owner */
	const char	*name;		/* printed first on stderr */
};

void	 log_error(const struct log *l, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	 log_info(const struct log *l, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	 log_debug(const struct log *l, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#endif
