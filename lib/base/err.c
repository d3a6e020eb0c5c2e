/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

const char *
err_name(enum err_code code)
{
	switch (code) {
	case ERR_NONE:
		return "none";
	case ERR_NOMEM:
		return "no-memory";
	case ERR_SYS:
		return "system";
	case ERR_USAGE:
		return "usage";
	case ERR_FORMAT:
		return "format";
	case ERR_LIMIT:
		return "limit";
	case ERR_UNSUPPORTED:
		return "unsupported";
	case ERR_NOTFOUND:
		return "not-found";
	case ERR_DENIED:
		return "denied";
	case ERR_CANCELLED:
		return "cancelled";
	case ERR_NO_TOKEN:
		return "no-token";
	case ERR_PIN_NEEDED:
		return "pin-needed";
	case ERR_PIN_WRONG:
		return "pin-wrong";
	case ERR_PIN_BLOCKED:
		return "pin-blocked";
	case ERR_TOKEN_GONE:
		return "token-gone";
	case ERR_AGAIN:
		return "busy";
	case ERR_STALE:
		return "stale";
	case ERR_TOKEN:
		return "token";
	}
	return "unknown";
}

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
