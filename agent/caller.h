/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CALLER_H
#define AGENT_CALLER_H

#include "agent/bind.h"
#include "agent/peer.h"

/*
 * Who asks: one connection of a client, and what is known of it.  The server
 * has one in each client and tells the core when it goes, with
 * core_goodbye(); all but the peer is the core's.
 */
struct caller {
	struct peer	 peer;
	struct bind	 bind;		/* what session-bind said of it */
	struct relay	*relay;		/* to the upstream agent, or NULL */
};

#endif
