/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * A PIN or passphrase.  Fixed capacity: it never moves, so it leaves no
 * copy behind.  Its page is kept out of swap, core dumps and children, and
 * wiped on free.  There is no accessor that returns a C string, so a
 * secret cannot be handed to a "%s" by accident.
 *
 * mlock(2) is best effort: a small RLIMIT_MEMLOCK must not stop the agent.
 */
struct secret;

#define SECRET_MAX 255

struct secret	*secret_new(void);		/* NULL: no memory */
void		 secret_free(struct secret *s);	/* NULL is fine */
void		 secret_clear(struct secret *s);

/*
 * memcpy(3) for what is or may be secret.  That leaves copies in registers
 * which nobody clears, and a library that binds its calls as they come saves
 * all registers on the stack at the first of each.  `to` may overlap `from`
 * if it lies before it.
 */
void		 secret_move(void *to, const void *from, size_t n);

/* Append n bytes; returns -1 and changes nothing if they do not fit. */
int		 secret_add(struct secret *s, const void *p, size_t n);

/* Make *dst a copy of *src. */
void		 secret_copy(struct secret *dst, const struct secret *src);

size_t		 secret_len(const struct secret *s);
const void	*secret_bytes(const struct secret *s);

/* Compares in time that depends on nothing but the lengths. */
bool		 secret_eq(const struct secret *a, const struct secret *b);

/*
 * n bytes of zeroes, kept as a secret is: for what a secret passes through.
 * NULL: no memory.  Free them with the same n; NULL is fine.
 */
void		*secret_page_new(size_t n);
void		 secret_page_free(void *p, size_t n);

/*
 * Wait for bytes of fd and read what there is, at most *n, into memory of
 * that kind.  *n is 0 at the end of fd.  ERR_CANCELLED as soon as cancel_fd
 * (-1: none) is readable, or after that many milliseconds (-1: never).
 */
int		 secret_read(void *buf, size_t *n, int fd, int cancel_fd,
		    int ms, struct err *e) MUST_CHECK;

/*
 * Append the first line of fd, without its end (LF or CR LF), straight into
 * the secret; what follows the line is dropped.  Blocks; ERR_CANCELLED as
 * soon as cancel_fd (-1: none) is readable, ERR_LIMIT for a line of over
 * SECRET_MAX bytes.
 */
int		 secret_read_line(struct secret *s, int fd, int cancel_fd,
		    struct err *e) MUST_CHECK;

#endif
