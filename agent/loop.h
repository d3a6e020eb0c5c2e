/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_LOOP_H
#define AGENT_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/*
 * poll(2) with callbacks.  Single-threaded; the only thing another thread
 * may do is loop_tell() on a descriptor that the loop watches.  A callback
 * may add or remove any watch, its own included.
 */
struct loop;
struct watch;
struct timer;

typedef void watch_fn(void *arg, short revents);
typedef void timer_fn(void *arg);
typedef bool loop_turn_fn(void *arg);

int		 loop_new(struct loop **out, struct err *e) MUST_CHECK;
void		 loop_free(struct loop *l);
int		 loop_run(struct loop *l, struct err *e) MUST_CHECK;
void		 loop_stop(struct loop *l);

struct watch	*loop_watch(struct loop *l, int fd, short events,
		    watch_fn *fn, void *arg);
void		 watch_set(struct watch *w, short events);
void		 watch_free(struct watch *w);

/*
 * Runs at the end of each turn, after the callbacks.  True: there is more to
 * do, so the next turn only looks at what happened meanwhile and does not
 * wait.  One function; NULL is none.
 */
void		 loop_each_turn(struct loop *l, loop_turn_fn *fn, void *arg);

/* Make an eventfd(2) readable; from any thread. */
void		 loop_tell(int fd);

/* The monotonic clock, ms. */
int64_t		 loop_now(void);

/* Runs once, `ms` from now on the monotonic clock. */
struct timer	*loop_timer(struct loop *l, int64_t ms, timer_fn *fn,
		    void *arg);
void		 timer_free(struct timer *t);

#endif
