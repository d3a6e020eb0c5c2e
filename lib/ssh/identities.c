/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "ssh/agentmsg.h"
#include "ssh/identities.h"

static bool
names_a_type(struct span blob)
{
	struct wire_r r;

	wire_read(&r, blob);
	return wire_get_string(&r).n > 0;
}

/* OpenSSH's clients read it as a C string, whose NUL may be sent, too. */
static bool
is_text(struct span comment)
{
	return comment.n == 0 ||
	    memchr(comment.p, '\0', comment.n - 1) == NULL;
}

bool
identities_next(struct identities *l, struct span *blob,
    struct span *comment)
{
	if (l->left == 0)
		return false;
	l->left--;
	*blob = wire_get_string(&l->r);
	*comment = wire_get_string(&l->r);
	return true;
}

int
identities_read(struct identities *l, struct span answer, struct err *e)
{
	struct span blob, comment;
	struct identities walk;
	uint8_t type;

	wire_read(&l->r, answer);
	l->left = 0;
	type = wire_get_u8(&l->r);
	if (type != MSG_IDENTITIES_ANSWER)
		return err_set(e, ERR_UNSUPPORTED, type,
		    "message %u is not a list of keys", type);
	walk = *l;
	walk.left = wire_get_u32(&walk.r);
	if (walk.left > IDENTITIES_MAX)
		return err_set(e, ERR_FORMAT, 0,
		    "a list of %u keys is too long", walk.left);
	*l = walk;
	while (identities_next(&walk, &blob, &comment))
		if (!names_a_type(blob) || !is_text(comment))
			walk.r.bad = true;
	if (wire_end(&walk.r))
		return 0;
	l->left = 0;
	return err_set(e, ERR_FORMAT, 0, "a list of keys that is malformed");
}
