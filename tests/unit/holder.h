/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_HOLDER_H
#define UNIT_HOLDER_H

#include "agent/core.h"

/* A holder of one made-up P-256 and one RSA key that records its orders. */
struct fixture {
	struct core	*core;
	struct log	 log;
	struct idents	 ids;
	struct loop	*loop;
	struct settings	*settings;
	struct confirming *confirming;
	struct caller	 me;
	bool		 known, looking, expecting;
	const char	*why;		/* a key may be missing; NULL: "" */
	uint64_t	 cancelled;
	uint64_t	 sign_request;
	enum sig_alg	 alg;
	char		 name[420];
	unsigned int	 lifetime;
	uint64_t	 unlock_request, lock_request;
	bool		 had_pin;
	size_t		 n_hidden;	/* of ids, while their token is away */

	uint8_t		 reply[4096];
	size_t		 reply_n;
	unsigned int	 replies;
};

/* With a configuration, NULL for none. */
void	 holder_setup(struct fixture *f, const char *conf);
void	 holder_teardown(struct fixture *f);

/* One request; what the core answers at once is in f->reply. */
void	 holder_ask(struct fixture *f, struct span msg);
void	 holder_ask_sign(struct fixture *f, size_t key, struct span data,
	    uint32_t flags);
void	 holder_check_reply(const struct fixture *f, enum agent_msg type);

#endif
