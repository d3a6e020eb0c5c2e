/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_DESTINATION_H
#define AGENT_DESTINATION_H

#include <stdbool.h>
#include <time.h>

#include "agent/bind.h"
#include "ssh/constraint.h"
#include "ssh/request.h"

/*
 * Where a key with restrict-destination-v00@openssh.com may be seen and
 * used.  Each session a connection was bound to has to be a step that some
 * constraint allows, from where the one before it led.  Decides from what
 * it is given and does nothing else; `now` is for host certificates.
 */

/*
 * Whether the key is to be listed on this connection, and so may be removed
 * by it.  Without a bind it is, after one that failed it is not; at the end
 * of a forwarded connection only if it can be used from there.
 */
bool	 destination_lists(const struct destinations *d, const struct bind *b,
	    time_t now);

/*
 * 0 when the key may sign this: a login, in the session that was bound last,
 * as a user that the constraint for that host allows.  ERR_DENIED, with the
 * reason, if not.  A key without constraints signs.
 *
 * Not asked, and for the caller to check: that the key in the request is the
 * one that signs, or a certificate of it, and its algorithm one of that key.
 */
int	 destination_signs(const struct destinations *d, const struct bind *b,
	    const struct request *req, time_t now, struct err *e) MUST_CHECK;

#endif
