/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_KRLBYTES_H
#define UNIT_KRLBYTES_H

#include "ssh/krl_view.h"
#include "tests/unit/data.h"

/*
 * Revocation lists as anybody could write them, good or bad, put together
 * here with no help of lib/ssh/krl; and what they are asked for.
 */

/* The plain blob of a CA. */
struct span	 krlbytes_ca(void);

/* Its certificate, with no more than what a list is asked for. */
struct cert	 krlbytes_cert(uint64_t serial, const char *key_id);

/* A head with the comment "comment"; after the sections, the list. */
void		 krlbytes_start(struct wire_w *w);
struct data	 krlbytes_end(struct wire_w *w);

/* A list with one section. */
struct data	 krlbytes_section(uint8_t type, struct span bytes);

/* A list with one part of a section of that CA's certificates. */
struct data	 krlbytes_part(uint8_t type, struct span bytes);

/* Whether it revokes that CA's certificate by this number. */
bool		 krlbytes_has_serial(const struct krl_view *v, uint64_t n);

#endif
