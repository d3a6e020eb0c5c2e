/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/*
 * One code per thing a caller can act on, not one per way to fail: the
 * text in struct err is for people, the code is for a switch.
 */
enum err_code {
	ERR_NONE,
	ERR_NOMEM,
	ERR_SYS,		/* detail: errno */
	ERR_USAGE,		/* the command line or configuration is wrong */
	ERR_FORMAT,		/* bytes from outside do not parse */
	ERR_LIMIT,		/* well formed, over a limit of ours */
	ERR_UNSUPPORTED,
	ERR_NOTFOUND,
	ERR_DENIED,		/* policy or user said no */
	ERR_CANCELLED,		/* the wait or the prompt was ended */
	ERR_NO_TOKEN,		/* no reader, no pcscd, no such token */
	ERR_PIN_NEEDED,		/* detail: tries left */
	ERR_PIN_WRONG,		/* detail: tries left */
	ERR_PIN_BLOCKED,
	ERR_TOKEN_GONE,		/* removed or taken over: close it */
	ERR_AGAIN,		/* busy: begin a transaction and repeat */
	ERR_STALE,		/* what was known of it is no longer true */
	ERR_TOKEN,		/* detail: status word or CK_RV */
};

struct err {
	enum err_code	 code;
	int		 detail;
	char		 msg[320];
};

/*
 * The code as a word for people and programs to look for, such as
 * "pin-wrong"; never NULL.
 */
const char *err_name(enum err_code code);

/* Fill *e and return its code, so that an error path is one line. */
int	 err_set(struct err *e, enum err_code code, int detail,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* As err_set() with ERR_SYS: appends ": " and what errno means. */
int	 err_sys(struct err *e, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

/* Put "context: " before what *e already says; returns e->code. */
int	 err_wrap(struct err *e, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
