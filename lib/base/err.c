/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

/* Put ": " and `text` at msg[n], cut where the room ends. */
static void
append(struct err *e, int n, const char *text)
{
	size_t at = n < 0 ? 0 : (size_t)n, room, len;

	if (at + 3 > sizeof(e->msg))
		return;
	e->msg[at++] = ':';
	e->msg[at++] = ' ';
	room = sizeof(e->msg) - 1 - at;
	len = strlen(text);
	if (len > room)
		len = room;
	memcpy(e->msg + at, text, len);
	e->msg[at + len] = '\0';
}

int
err_set(struct err *e, enum err_code code, int detail, const char *fmt, ...)
{
	va_list ap;

	e->code = code;
	e->detail = detail;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return (int)code;
}

int
err_sys(struct err *e, const char *fmt, ...)
{
	const int saved = errno;
	va_list ap;
	int n;

	e->code = ERR_SYS;
	e->detail = saved;
	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	append(e, n, strerror(saved));
	return ERR_SYS;
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
	char old[sizeof(e->msg)];
	va_list ap;
	int n;

	memcpy(old, e->msg, sizeof(old));
	va_start(ap, fmt);
	n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	append(e, n, old);
	return (int)e->code;
}
