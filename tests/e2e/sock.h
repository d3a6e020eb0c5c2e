/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef E2E_SOCK_H
#define E2E_SOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * A client of the agent at $SSH_AUTH_SOCK, written from RFC 9987 alone and
 * without the project's own code, so that both cannot be wrong alike.  What
 * fails ends the program.  Nothing waits for ever.
 */
#define SOCK_MSG_MAX	(256 * 1024)
#define SOCK_PATIENCE_MS 30000

enum {
	FAILURE = 5,
	REQUEST_IDENTITIES = 11,
	IDENTITIES_ANSWER = 12,
	SIGN_REQUEST = 13,
	SIGN_RESPONSE = 14,
	EXTENSION = 27,
};

/* A message being put together. */
struct msg {
	uint8_t	 b[4 + SOCK_MSG_MAX + 64];
	size_t	 n;
};

int	 sock_connect(void);
void	 sock_send(int fd, const void *p, size_t n);

/* The body of the next answer: its length, or -1 when the agent hung up. */
ssize_t	 sock_receive(int fd, uint8_t *buf, size_t max);

/* One byte sent, one type expected back. */
void	 sock_expect(int fd, uint8_t type);

void	 msg_begin(struct msg *m, uint8_t type);
void	 msg_u32(struct msg *m, uint32_t v);
void	 msg_string(struct msg *m, const void *p, size_t n);
void	 msg_end(struct msg *m);	/* sets the length in front */
void	 msg_send(int fd, struct msg *m);	/* ends it, too */

uint32_t sock_u32(const uint8_t *p);

#endif
