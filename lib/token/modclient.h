/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TOKEN_MODCLIENT_H
#define TOKEN_MODCLIENT_H

#include "token/modproto.h"

/*
 * A process of its own, hsm-ssh-agent-module, in which a PKCS#11 module
 * runs: nothing that module does happens in ours.  It is asked one thing at
 * a time, and ended by force when it does not answer in time; from then on
 * all is ERR_TOKEN_GONE.
 *
 * All calls come from one thread at a time, but modclient_interrupt().  The
 * process ends with the thread that has started it.
 */
struct modclient;

#define MODCLIENT_TIMEOUT	60	/* s, where nothing else is said */

/*
 * `module` is the path of it.  `timeout` is how long, in s, one call may
 * take which may wait for a person or a network (0: MODCLIENT_TIMEOUT);
 * what only asks for the state has less.
 */
int	 modclient_new(struct modclient **out, const char *module,
	    unsigned int timeout, struct err *e) MUST_CHECK;

/* The same with somebody who is at the other end of fd, which it closes. */
int	 modclient_over(struct modclient **out, int fd, unsigned int timeout,
	    struct err *e) MUST_CHECK;

/* Waits a moment for the process, then ends it.  NULL is fine. */
void	 modclient_free(struct modclient *c);

/* Ends the call that another thread is in, and all later ones. */
void	 modclient_interrupt(struct modclient *c);

/*
 * Ask; `pin` (NULL: none) goes along.  0: *a is the answer, a->r included,
 * and valid until the next call or modclient_free().  ERR_TOKEN_GONE: there
 * is none, which says why; its detail is ETIMEDOUT when that is because it
 * took too long.
 */
int	 modclient_ask(struct modclient *c, const struct mod_request *q,
	    const struct secret *pin, const struct mod_answer **a,
	    struct err *e) MUST_CHECK;

/* As p11_list() and p11_wait(): no time is set for the latter. */
int	 modclient_list(struct modclient *c, struct p11_slots *out,
	    struct err *e) MUST_CHECK;
int	 modclient_wait(struct modclient *c, struct err *e) MUST_CHECK;

#endif
