/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PIN_TEXT_H
#define PIN_TEXT_H

#include <stddef.h>

#include "pin/pin.h"

/*
 * What a prompt says, made of texts that nobody vouches for: a token's
 * label, a client's name.  Nothing in them may draw on a terminal, forge
 * another line or turn the direction of the text around.
 */

/* Room for the cleaned form of a short text (label, serial), a long one. */
#define PIN_TEXT_NAME	64
#define PIN_TEXT_LINE	160

/* Room for pin_text_asked(), and for pin_text_line(). */
#define PIN_TEXT_ASKED	(2 * PIN_TEXT_NAME + 64)
#define PIN_TEXT_ALL	(PIN_TEXT_ASKED + 2 * PIN_TEXT_LINE + 64)

/*
 * Copy valid UTF-8 that is printable, with '?' for each other character or
 * byte, as much of it as fits with a NUL.  A NULL text is empty.
 */
void	 pin_text_clean(char *out, size_t size, const char *text);

/* The same, but line feeds stay: for lines that were put together by us. */
void	 pin_text_clean_lines(char *out, size_t size, const char *text);

/* "3 tries left", "few tries left", or nothing when that is not known. */
void	 pin_text_tries(char *out, size_t size, int tries);

/*
 * "NAME for token LABEL (SERIAL)", or what there is of it: NAME alone when
 * it is about no token.
 */
void	 pin_text_asked(char *out, size_t size, const struct pin_prompt *p);

/*
 * All of it as one line, the question last:
 * "ERROR; REASON; NAME for token LABEL (SERIAL), 3 tries left: ".
 */
void	 pin_text_line(char *out, size_t size, const struct pin_prompt *p);

#endif
