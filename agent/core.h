/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_CORE_H
#define AGENT_CORE_H

#include "agent/audit.h"
#include "agent/caller.h"
#include "agent/certs.h"
#include "agent/confirming.h"
#include "agent/ident.h"
#include "agent/loop.h"
#include "agent/notice.h"
#include "agent/record.h"
#include "agent/refusals.h"
#include "agent/settings.h"
#include "agent/upstream.h"
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

/* A signature to make; all of it is lent. */
struct holder_order {
	uint64_t	 request;
	pid_t		 peer;		/* who asks; all take turns */
	const struct ident *id;
	enum sig_alg	 alg;
	struct span	 data;
	const char	*what;		/* for whoever is asked for the PIN */
};

/*
 * What the core needs of whoever holds the keys.  sign, unlock and lock
 * answer later, once, with the request number they were given; also, at
 * once, from inside the call.
 */
struct holder {
	void	*arg;

	/*
	 * A client wants keys.  True: tokens that nobody has wanted before
	 * are being opened; core_idents_known() follows in 5 s at most.
	 */
	bool	 (*want)(void *arg);

	/* NULL while the tokens are still being looked at. */
	const struct idents *(*idents)(void *arg);

	void	 (*sign)(void *arg, const struct holder_order *o);

	/*
	 * Nobody waits for the answer any more.  True: none will come, and
	 * nothing be done; false: it may still come.
	 */
	bool	 (*cancel)(void *arg, uint64_t request);

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

	/*
	 * By serial number, label, reader, PKCS#11 URI, or the path of a
	 * PKCS#11 module: see core_tokens.c.  An unlock asks
	 * core_unlocking() before it does anything at the token, and ends
	 * after `lifetime` seconds; 0: as is configured.  A lock of one
	 * token tells core_locking().
	 */
	void	 (*unlock)(void *arg, uint64_t request, const char *name,
		    const struct secret *pin, unsigned int lifetime);
	void	 (*lock)(void *arg, uint64_t request, const char *name);

	/* The token part of AGENT_EXT_STATUS. */
	void	 (*status)(void *arg, struct wire_w *w);
};

/* The answer to request `id`; `reply` is only lent. */
typedef void core_reply_fn(void *arg, uint64_t id, struct span reply);

struct core_conf {
	struct holder	 holder;
	struct loop	*loop;		/* for answers that are held back */
	const struct settings *settings;	/* what is configured */
	const struct log *log;
	struct notice	*notice;	/* of refusals; NULL: none */
	core_reply_fn	*reply;
	void		*reply_arg;
};

struct core	*core_new(const struct core_conf *conf);  /* NULL: no memory */
void		 core_free(struct core *c);	/* NULL is fine */

/*
 * What works for the core, borrowed.  Set before the loop runs, and later
 * when one is another; `upstream` then stays.
 */
struct core_others {
	struct confirming *confirming;	/* asks a person */
	struct upstream	*upstream;	/* NULL: there is none, */
	struct certs	*certs;		/* as here, */
	struct audit	*audit;		/* and here */

	/*
	 * Where certificates are recorded: as recorder_put(), although
	 * core_recorded() may be called from inside.  No put: no certificate
	 * is signed.
	 */
	struct recording {
		void	*arg;
		int	(*put)(void *arg, const struct record *r,
			    struct err *e);
	}		 recording;
};

void		 core_set_others(struct core *c,
		    const struct core_others *others);

/*
 * Answers exactly once, now or later, whatever the bytes are.  `id` must
 * not be in use; *who lives until core_goodbye().
 */
void		 core_request(struct core *c, struct caller *who, uint64_t id,
		    struct span msg);

/* From the holder: a signature blob, or why there is none. */
void		 core_signed(struct core *c, uint64_t id, int r,
		    const struct err *e, struct span sig);

/*
 * From the holder: this token is the one to unlock.  An error, to give back
 * by core_done(), when it must not be: then nothing was done to it.
 */
int		 core_unlocking(struct core *c, uint64_t id,
		    const char *serial, struct err *e) MUST_CHECK;

/* From the holder: this token is the one to lock, which is told later. */
void		 core_locking(struct core *c, uint64_t id,
		    const char *serial);

/* From the holder: an unlock or lock is over. */
void		 core_done(struct core *c, uint64_t id, int r,
		    const struct err *e);

/* The confirming_fn; `arg` is the core. */
void		 core_confirmed(void *arg, uint64_t id, int r,
		    const struct err *e);

/* The recorder_fn; `arg` is the core. */
void		 core_recorded(void *arg, const struct record_answer *a);

/* The upstream_fn; `arg` is the core. */
void		 core_upstream(void *arg, uint64_t id, int r,
		    struct span reply, const struct err *e);

/*
 * The client is gone: request `id`, if it is open, gets no answer (0: none
 * is), and what was known of the caller is freed.
 */
void		 core_goodbye(struct core *c, struct caller *who, uint64_t id);

/*
 * From the holder: holder.idents() is no longer NULL, or another, or what
 * holder.expecting() says has changed.
 */
void		 core_idents_known(struct core *c);

#endif
