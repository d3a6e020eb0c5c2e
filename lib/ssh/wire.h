/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_WIRE_H
#define SSH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/*
 * Reader and writer of the RFC 4251 section 5 types.  Both remember their
 * first failure: after it a get returns zero or an empty span and a put
 * does nothing.  Callers take every field, then ask once.
 */
struct wire_r {
	const uint8_t	*p;
	size_t		 left;
	bool		 bad;
};

struct wire_w {
	struct ssh_buffer_struct *b;	/* libssh's, see wire.c */
	size_t		 max;
	bool		 bad;
};

/* The reader borrows `in`; every span it returns points into it. */
void		 wire_read(struct wire_r *r, struct span in);
uint8_t		 wire_get_u8(struct wire_r *r);
uint32_t	 wire_get_u32(struct wire_r *r);
uint64_t	 wire_get_u64(struct wire_r *r);
struct span	 wire_get_raw(struct wire_r *r, size_t n);
struct span	 wire_get_string(struct wire_r *r);
bool		 wire_end(const struct wire_r *r);	/* all read, all well */

/*
 * A positive mpint in its only right form, without the sign byte.  Zero, a
 * negative number and needless leading zeros are bad.
 */
struct span	 wire_get_mpint(struct wire_r *r);

/*
 * Start a writer that refuses to grow past `max` bytes; false when there is
 * no memory.  Never for secrets: its storage is not wiped.
 */
bool		 wire_write(struct wire_w *w, size_t max);
void		 wire_put_u8(struct wire_w *w, uint8_t v);
void		 wire_put_u32(struct wire_w *w, uint32_t v);
void		 wire_put_u64(struct wire_w *w, uint64_t v);
void		 wire_put_raw(struct wire_w *w, struct span s);
void		 wire_put_string(struct wire_w *w, struct span s);
void		 wire_put_cstring(struct wire_w *w, const char *s);

/* A positive mpint from big-endian bytes, leading zeros allowed. */
void		 wire_put_mpint(struct wire_w *w, struct span big_endian);

/* What was written, valid until the next put; empty once w->bad. */
struct span	 wire_bytes(const struct wire_w *w);
void		 wire_free(struct wire_w *w);

#endif
