/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef RELAY_CORE_H
#define RELAY_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What of hsm-wsl-relay.exe is the same everywhere, and is tested where the
 * agent is: the file of a Cygwin socket, the words of the handshake, frames
 * of the agent protocol, and the names and rights of pipes.
 */
#define RELAY_FILE_MAX		256	/* bytes of a socket's file, with NUL */
#define RELAY_NONCE		16
#define RELAY_CREDS		12
#define RELAY_FRAME_MAX		(256 * 1024)	/* RFC 9987 sec. 4 */

struct relay_address {
	uint16_t	 port;		/* of 127.0.0.1 */
	uint8_t		 nonce[RELAY_NONCE];
};

/* "!<socket >PORT s WORD-WORD-WORD-WORD"; false: it is something else. */
bool	 relay_parse_file(const char *text, struct relay_address *a);

/* What follows the nonce: who is at the pipe. */
void	 relay_creds(uint8_t out[RELAY_CREDS], uint32_t pid);

/*
 * The length that a frame's first four bytes say, without them; 0: there is
 * no such frame.
 */
uint32_t relay_frame_length(const uint8_t head[4]);

/*
 * Who may open the pipe: the user of this SID, and nobody else, in the
 * language of ConvertStringSecurityDescriptorToSecurityDescriptor().  False:
 * it is no SID, or too long.
 */
bool	 relay_rights(char *out, size_t size, const char *sid);

/*
 * Where PuTTY 0.75 and later look for Pageant: the digest is SHA-256 of what
 * CryptProtectMemory() makes of its name.  False: it is too long.
 */
bool	 relay_pageant_name(char *out, size_t size, const char *user,
	    const uint8_t digest[32]);

/* PuTTY's name for a user who has a principal, "user@realm": cut there. */
void	 relay_cut_realm(char *principal);

/* What the digest is of, before CryptProtectMemory(): padded to its blocks. */
#define RELAY_PAGEANT_BLOCK	16

void	 relay_pageant_block(uint8_t out[RELAY_PAGEANT_BLOCK]);

#endif
