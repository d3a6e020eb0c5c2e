/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CORE_H
#define AGENT_CORE_H

#include "agent/ident.h"
#include "agent/notice.h"
#include "agent/peer.h"
#include "agent/policy.h"
#include "agent/refusals.h"
#include "base/log.h"
#include "base/secret.h"
#include "ssh/agentmsg.h"
#include "ssh/sig.h"
#include "ssh/wire.h"

/*
 * The agent without its sockets and tokens: one request in, exactly one
 * reply out (RFC 9987), now or later.  It opens no file, keeps no global
 * state and never blocks; what is slow it hands to the holder of the keys,
 * who answers by core_signed() or core_done().
 */
struct core;

/*
 * What the core needs of whoever holds the keys.  sign, unlock and lock
 * answer later, once, with the request number they were given; also, at
 * once, from inside the call.
 */
struct holder {
	void	*arg;

	/* NULL while the tokens are still being looked at. */
	const struct idents *(*idents)(void *arg);

	/* `what` is for a person who is asked for the PIN; lent. */
	void	 (*sign)(void *arg, uint64_t request, const struct ident *id,
		    enum sig_alg alg, struct span data, const char *what);

	/* Nobody waits for the answer any more; it may come or not. */
	void	 (*cancel)(void *arg, uint64_t request);

	/*
	 * The keys are about to be listed, or one is wanted that is not
	 * there.  True: whether they are still the same is being looked at;
	 * core_idents_known() follows soon.
	 */
	bool	 (*look)(void *arg);

	/*
	 * A key that is not there may be in a moment: a token is being
	 * opened or, where `gone` says to think of that, was there just now.
	 * `why` gets a sentence on why it may be missing, or "".
	 */
	bool	 (*expecting)(void *arg, bool gone, char *why, size_t len);

	/* By serial, label, or the path of a PKCS#11 module: see core.c. */
	void	 (*unlock)(void *arg, uint64_t request, const char *name,
		    const struct secret *pin);
	void	 (*lock)(void *arg, uint64_t request, const char *name);

	/* The token part of AGENT_EXT_STATUS. */
	void	 (*status)(void *arg, struct wire_w *w);
};

/* The answer to request `id`; `reply` is only lent. */
typedef void core_reply_fn(void *arg, uint64_t id, struct span reply);

struct core_conf {
	struct holder	 holder;
	struct policy	 policy;
	const char	*providers;	/* -P pattern list; NULL: OpenSSH's */
	const struct log *log;
	struct notice	*notice;	/* of refusals; NULL: none */
	core_reply_fn	*reply;
	void		*reply_arg;
};

struct core	*core_new(const struct core_conf *conf);  /* NULL: no memory */
void		 core_free(struct core *c);	/* NULL is fine */

/*
 * Answers exactly once, now or later, whatever the bytes are.  `id` is the
 * caller's and must not be in use.
 */
void		 core_request(struct core *c, const struct peer *peer,
		    uint64_t id, struct span msg);

/* From the holder: a signature blob, or why there is none. */
void		 core_signed(struct core *c, uint64_t id, int r,
		    const struct err *e, struct span sig);

/* From the holder: an unlock or lock is over. */
void		 core_done(struct core *c, uint64_t id, int r,
		    const struct err *e);

/* The client is gone: request `id`, if it is open, gets no answer. */
void		 core_cancel(struct core *c, uint64_t id);

/*
 * From the holder: holder.idents() is no longer NULL, or another, or what
 * holder.expecting() says has changed.
 */
void		 core_idents_known(struct core *c);

#endif
