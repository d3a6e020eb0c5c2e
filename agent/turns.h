/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_TURNS_H
#define AGENT_TURNS_H

#include <sys/queue.h>
#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Whose turn it is among clients that have something to say.  Turns go to
 * processes, one after the other, and within one to its connections, so
 * that many connections are no more than one.  A process that had many
 * turns lately is busy: it comes behind those that are not, and only a few
 * such are let in before the sockets are looked at again.  Somebody quiet
 * waits for a few of their messages, however many there are.
 *
 * A turn costs its process `cost_ms`, paid by the passing of time; it is
 * busy while it owes more than `slack_ms`.  Nothing here reads a clock: `now`
 * is ms and does not go back.
 */
#define TURNS_COST_MS	10		/* 100 a second are not many */
#define TURNS_SLACK_MS	640		/* nor are 64 at once */
#define TURNS_BUSY	4		/* of those at a time */

struct turns;
struct party;

/* One connection; its owner keeps it where it is until turns_leave(). */
struct turn {
	TAILQ_ENTRY(turn) next;
	struct party	*party;
	void		*owner;
	bool		 waiting;
};

struct turns	*turns_new(int64_t cost_ms, int64_t slack_ms);	/* or NULL */
void		 turns_free(struct turns *t);	/* all have left */

/* A connection of that process comes; false: no memory. */
bool		 turns_join(struct turns *t, struct turn *me, void *owner,
		    pid_t pid, int64_t now);

/* What the process owes outlives its connections. */
void		 turns_leave(struct turns *t, struct turn *me);

/* How many connections its process has. */
size_t		 turns_together(const struct turn *me);

/* It waits behind those that are not busy. */
bool		 turns_is_behind(const struct turns *t, const struct turn *me);

/* It has something to say, and waits from now on. */
void		 turns_want(struct turns *t, struct turn *me, int64_t now);

/*
 * A round: all processes that are not busy once, and a few that are.
 * turns_next() is NULL when it is over.
 */
void		 turns_begin(struct turns *t);
struct turn	*turns_next(struct turns *t, int64_t now);
bool		 turns_waiting(const struct turns *t);

#endif
