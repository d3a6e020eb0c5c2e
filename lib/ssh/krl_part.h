/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SSH_KRL_PART_H
#define SSH_KRL_PART_H

#include "ssh/wire.h"

/*
 * The pieces of a revocation list, for krl.h, krl_view.h and krl_walk.h; the
 * sections cited are those of PROTOCOL.krl.
 */
#define KRL_MAGIC	UINT64_C(0x5353484b524c0a00)	/* "SSHKRL\n\0" */
#define KRL_FORMAT	1
#define KRL_SHA1_BYTES	20
#define KRL_SHA256_BYTES 32

/* A list's sections, sec. 1. */
enum krl_section {
	KRL_CERTIFICATES = 1,
	KRL_KEYS = 2,
	KRL_SHA1 = 3,
	KRL_SIGNATURE = 4,
	KRL_SHA256 = 5,
	KRL_EXTENSION = 255,
};

/* What is in a section of certificates, sec. 2. */
enum krl_part {
	KRL_SERIAL_LIST = 0x20,
	KRL_SERIAL_RANGE = 0x21,
	KRL_SERIAL_BITMAP = 0x22,
	KRL_KEY_IDS = 0x23,
	KRL_PART_EXTENSION = 0x39,
};

/*
 * A type and its data, a section of a list or a part of a section; false at
 * the end, and when r->bad.
 */
bool	 krl_part_next(struct wire_r *r, uint8_t *type, struct span *data);

/* The CA key that begins a section of certificates; the rest is parts. */
struct span	 krl_part_get_ca(struct wire_r *r);

/*
 * A string that OpenSSH can read: without a NUL, but for one at its end,
 * which does not count.
 */
bool	 krl_part_get_text(struct wire_r *r, struct span *text);

/*
 * A part that is a bitmap: its bits are big-endian without leading zeros.
 * OpenSSH reads an mpint with needless zeros.
 */
bool	 krl_part_get_bitmap(struct span part, uint64_t *offset,
	    struct span *bits);
bool	 krl_part_has_bit(struct span bits, uint64_t bit);

#endif
