/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "agent/conn.h"
#include "base/secret.h"
#include "ssh/agentmsg.h"
#include "ssh/wire.h"

static size_t
move(uint8_t *dst, size_t have, size_t want, struct span *in)
{
	size_t n = want - have < in->n ? want - have : in->n;

	if (n > 0)
		secret_move(dst + have, in->p, n);
	in->p += n;
	in->n -= n;
	return have + n;
}

int
conn_in_feed(struct conn_in *c, struct span *in, struct span *msg)
{
	struct wire_r r;

	if (c->body == NULL) {
		c->head_n = move(c->head, c->head_n, sizeof(c->head), in);
		if (c->head_n < sizeof(c->head))
			return 0;
		wire_read(&r, (struct span){ c->head, sizeof(c->head) });
		c->body_len = wire_get_u32(&r);
		if (c->body_len > AGENT_MAX_MSG ||
		    (c->body = malloc(c->body_len + 1)) == NULL)
			return -1;
	}
	c->body_n = move(c->body, c->body_n, c->body_len, in);
	if (c->body_n < c->body_len)
		return 0;
	*msg = (struct span){ c->body, c->body_len };
	return 1;
}

size_t
conn_in_want(const struct conn_in *c)
{
	return c->body == NULL ? sizeof(c->head) - c->head_n :
	    c->body_len - c->body_n;
}

size_t
conn_in_held(const struct conn_in *c)
{
	return c->body == NULL ? c->head_n :
	    c->body_n < c->body_len ? c->body_len : 0;
}

void
conn_in_next(struct conn_in *c)
{
	if (c->body != NULL)
		explicit_bzero(c->body, c->body_n);
	free(c->body);
	*c = (struct conn_in){ 0 };
}
