/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/log.h"

#define LINE_MAX_BYTES	1024

static void
write_stderr(const struct log *l, const char *line)
{
	char buf[LINE_MAX_BYTES + 64];
	int n = snprintf(buf, sizeof(buf), "%s: %s\n", l->name, line);

	/* One write, so that lines of two threads do not mix. */
	if (n > 0 && write(STDERR_FILENO, buf, (size_t)n) == -1)
		return;		/* nowhere left to say it */
}

static void __attribute__((format(printf, 3, 0)))
emit(const struct log *l, enum log_level level, const char *fmt, va_list ap)
{
	static const int priority[] = {
		[LOG_LEVEL_QUIET] = LOG_DEBUG,
		[LOG_LEVEL_ERROR] = LOG_WARNING,
		[LOG_LEVEL_INFO] = LOG_INFO,
		[LOG_LEVEL_DEBUG] = LOG_DEBUG,
	};
	char line[LINE_MAX_BYTES];

	if (level > l->level)
		return;
	vsnprintf(line, sizeof(line), fmt, ap);
	for (char *p = line; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == '\177')
			*p = '?';
	if (l->to_syslog)
		syslog(priority[level], "%s", line);
	else
		write_stderr(l, line);
}

void
log_error(const struct log *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(l, LOG_LEVEL_ERROR, fmt, ap);
	va_end(ap);
}

void
log_info(const struct log *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(l, LOG_LEVEL_INFO, fmt, ap);
	va_end(ap);
}

void
log_debug(const struct log *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	emit(l, LOG_LEVEL_DEBUG, fmt, ap);
	va_end(ap);
}
