/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef UNIT_SERVING_H
#define UNIT_SERVING_H

#include <pthread.h>

#include "agent/listen.h"
#include "agent/loop.h"
#include "agent/server.h"

#define SERVING_SOCKET	"server-test.sock"
#define SERVING_ORDER	4096

/*
 * A server with its loop in a thread of its own, and a holder whose
 * signatures come when the test lets them: one for each write to `release`,
 * or at once.
 */
struct serving {
	struct listener	 listener;
	struct log	 log;
	struct loop	*loop;
	struct server	*server;
	struct core	*core;
	struct settings	*settings;
	struct idents	 ids;
	uint64_t	 waiting[8];
	size_t		 n_waiting;
	int		 release, stop;
	int		 cancelled;	/* tells of each holder.cancel() */
	pthread_t	 thread;

	/* Of signatures at once: the first byte of what each is of. */
	bool		 at_once;
	char		 order[SERVING_ORDER + 1];
	size_t		 n_order;
	void		 (*on_sign)(void *arg);	/* in the loop's thread */
	void		*on_sign_arg;

	/* The loop stands still between serving_hold() and _go_on(). */
	int		 hold, held, go_on;
};

/* What is 0 in `sc` is as the server has it. */
void	 serving_setup(struct serving *f, const struct server_conf *sc);
void	 serving_teardown(struct serving *f);
void	 serving_tell(int fd);
void	 serving_hold(struct serving *f);
void	 serving_go_on(struct serving *f);

/* A connection; of a process of its own, or of ours. */
int	 serving_client(void);
int	 serving_stranger(void);

void	 serving_put(int fd, const void *p, size_t n);
void	 serving_put_sign(struct serving *f, int fd, const char *data);

/* The type of the next answer; 0 when the server hangs up. */
uint8_t	 serving_answer(int fd);

#endif
