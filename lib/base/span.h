/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that belong to someone else.  n == 0 with any p is empty. */
struct span {
	const uint8_t	*p;
	size_t		 n;
};

static inline bool
span_eq(struct span a, struct span b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* The bytes of a C string, without its NUL. */
static inline struct span
span_cstr(const char *s)
{
	return (struct span){ (const uint8_t *)s, strlen(s) };
}

static inline bool
span_is(struct span a, const char *s)
{
	return span_eq(a, span_cstr(s));
}

/* Cut the next line off the front of *text, without its LF or CR LF. */
static inline struct span
span_cut_line(struct span *text)
{
	const void *lf = text->n > 0 ? memchr(text->p, '\n', text->n) : NULL;
	struct span line = *text;
	size_t used = text->n;

	if (lf != NULL) {
		line.n = (size_t)((const uint8_t *)lf - text->p);
		used = line.n + 1;
	}
	if (used > 0)
		text->p += used;
	text->n -= used;
	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static inline bool
span_is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Without blanks around it. */
static inline struct span
span_trim(struct span s)
{
	while (s.n > 0 && span_is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && span_is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

/* A big-endian number without its leading zeros; zero becomes empty. */
static inline struct span
span_strip_zeros(struct span s)
{
	while (s.n > 0 && s.p[0] == 0) {
		s.p++;
		s.n--;
	}
	return s;
}

#endif
