/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CONN_H
#define AGENT_CONN_H

#include "base/span.h"

/*
 * One client's byte stream cut into messages (RFC 9987 sec. 4).  The frame
 * says its length up front, so a message is read into an allocation of
 * just that size, which is wiped when the message is done: it can hold a
 * PIN.  An empty message is passed on; the core refuses it.
 */
struct conn_in {
	uint8_t		 head[4];
	size_t		 head_n;
	uint8_t		*body;
	size_t		 body_n, body_len;
};

/*
 * Take bytes from *in until a whole message is there.  1: *msg is it, and
 * stays valid until conn_in_next(); 0: more bytes needed; -1: too long, or
 * no memory: drop the client.
 */
int	 conn_in_feed(struct conn_in *c, struct span *in, struct span *msg);

/*
 * How many bytes belong to the message for certain: who reads no more than
 * that never has to keep what comes behind it.  0: it is whole.
 */
size_t	 conn_in_want(const struct conn_in *c);

/* What a message that was begun and is not whole takes; 0: there is none. */
size_t	 conn_in_held(const struct conn_in *c);
void	 conn_in_next(struct conn_in *c);

#endif
