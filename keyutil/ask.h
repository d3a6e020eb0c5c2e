/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KEYUTIL_ASK_H
#define KEYUTIL_ASK_H

#include "base/secret.h"
#include "keyutil/tokens.h"

/*
 * The secrets of a command: from the file that an option named, "-" for
 * standard input, or else from the person (pin/pin.h).  A file must belong
 * to the user or root and be closed to others (pin/source.h).  Length and
 * alphabet are checked here, before a token sees anything.  *out is
 * overwritten.
 */
#define ASK_SO_PIN_BYTES	8

/*
 * Standard input holds one secret: ERR_USAGE when more than one of the n
 * files (NULL: not given) is "-".
 */
int	 ask_stdin_once(const char *const *file, size_t n, struct err *e)
	    MUST_CHECK;

/* A PIN that exists; `reason` is what for, one line. */
int	 ask_pin(const struct slot *s, const char *file, const char *reason,
	    struct secret *out, struct err *e) MUST_CHECK;

/*
 * A PIN that is to be: 6 to 16 printable ASCII characters, which a person
 * types twice.
 */
int	 ask_new_pin(const struct slot *s, const char *file,
	    struct secret *out, struct err *e) MUST_CHECK;

/*
 * A SO-PIN, written as 16 hexadecimal digits; *out is its 8 bytes.  A new
 * one is typed twice.
 */
int	 ask_so_pin(const struct slot *s, const char *file,
	    const char *reason, struct secret *out, struct err *e) MUST_CHECK;
int	 ask_new_so_pin(const struct slot *s, const char *file,
	    struct secret *out, struct err *e) MUST_CHECK;

/* Does this make a PIN that a token of ours can have?  ERR_USAGE if not. */
int	 ask_check_pin(const struct secret *pin, struct err *e) MUST_CHECK;

/* 16 hexadecimal digits, read into 8 bytes; else ERR_USAGE. */
int	 ask_parse_so_pin(const struct secret *text, struct secret *out,
	    struct err *e) MUST_CHECK;

/*
 * The person types `word` to go on: ERR_CANCELLED for anything else,
 * ERR_DENIED when there is no terminal to ask at, which
 * names --yes, with the word where it takes one.  What it is about was
 * printed before.
 */
int	 ask_to_type(const char *word, bool yes_takes_it, struct err *e)
	    MUST_CHECK;

/*
 * An answer that is no secret, typed at the terminal (pin_tty_usable()), as
 * text of less than `len` bytes and SECRET_MAX at most; empty at the end of
 * the terminal.  ERR_LIMIT for a longer one, ERR_FORMAT for one with control
 * characters.
 */
int	 ask_line(const char *prompt, char *out, size_t len, struct err *e)
	    MUST_CHECK;

#endif
