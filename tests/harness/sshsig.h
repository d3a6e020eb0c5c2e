/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HARNESS_SSHSIG_H
#define HARNESS_SSHSIG_H

#include <stdint.h>
#include <string.h>

/*
 * Data that an agent signs without being told to sign just anything: what
 * "ssh-keygen -Y sign -n file" has signed, of a hash that is any text.
 */
#define SSHSIG_BYTES	96
#define SSHSIG_TEXT	64		/* of which this is the text */

static inline void
sshsig_fill(uint8_t data[SSHSIG_BYTES], const char *text)
{
	static const char head[] = "SSHSIG\0\0\0\4file\0\0\0\0\0\0\0\6sha512"
	    "\0\0\0\x40";
	const size_t n = strlen(text);

	memset(data, 0, SSHSIG_BYTES);
	memcpy(data, head, sizeof(head) - 1);
	memcpy(data + SSHSIG_BYTES - SSHSIG_TEXT, text,
	    n < SSHSIG_TEXT ? n : SSHSIG_TEXT);
}

#endif
