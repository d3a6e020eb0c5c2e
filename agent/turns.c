/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "agent/turns.h"

TAILQ_HEAD(members, turn);
TAILQ_HEAD(line, party);

struct party {
	LIST_ENTRY(party) all;
	TAILQ_ENTRY(party) next;
	struct line	*line;		/* where it stands; NULL: nowhere */
	struct members	 waiting;	/* of its connections */
	pid_t		 pid;
	size_t		 n;		/* connections */
	int64_t		 paid;		/* when it owes nothing any more */
};

struct turns {
	LIST_HEAD(parties, party) parties;
	struct line	 calm, busy;
	size_t		 n_calm;	/* parties in `calm` */
	size_t		 calm_left, busy_left;	/* in this round */
	int64_t		 cost_ms, slack_ms;
};

struct turns *
turns_new(int64_t cost_ms, int64_t slack_ms)
{
	struct turns *t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return NULL;
	LIST_INIT(&t->parties);
	TAILQ_INIT(&t->calm);
	TAILQ_INIT(&t->busy);
	t->cost_ms = cost_ms;
	t->slack_ms = slack_ms;
	return t;
}

static void
forget(struct party *p)
{
	LIST_REMOVE(p, all);
	free(p);
}

void
turns_free(struct turns *t)
{
	struct party *p;

	if (t == NULL)
		return;
	while ((p = LIST_FIRST(&t->parties)) != NULL)
		forget(p);
	free(t);
}

/* The process, if it is known; those that may be forgotten are. */
static struct party *
find(struct turns *t, pid_t pid, int64_t now)
{
	struct party *p, *after, *found = NULL;

	for (p = LIST_FIRST(&t->parties); p != NULL; p = after) {
		after = LIST_NEXT(p, all);
		if (p->pid == pid)
			found = p;
		else if (p->n == 0 && p->paid <= now)
			forget(p);
	}
	return found;
}

bool
turns_join(struct turns *t, struct turn *me, void *owner, pid_t pid,
    int64_t now)
{
	struct party *p = find(t, pid, now);

	if (p == NULL) {
		if ((p = calloc(1, sizeof(*p))) == NULL)
			return false;
		p->pid = pid;
		TAILQ_INIT(&p->waiting);
		LIST_INSERT_HEAD(&t->parties, p, all);
	}
	p->n++;
	*me = (struct turn){ .party = p, .owner = owner };
	return true;
}

static void
stand(struct turns *t, struct party *p, int64_t now)
{
	p->line = p->paid - now > t->slack_ms ? &t->busy : &t->calm;
	TAILQ_INSERT_TAIL(p->line, p, next);
	t->n_calm += p->line == &t->calm;
}

static void
step_out(struct turns *t, struct party *p)
{
	t->n_calm -= p->line == &t->calm;
	TAILQ_REMOVE(p->line, p, next);
	p->line = NULL;
}

void
turns_leave(struct turns *t, struct turn *me)
{
	struct party *p = me->party;

	if (me->waiting) {
		TAILQ_REMOVE(&p->waiting, me, next);
		if (TAILQ_EMPTY(&p->waiting))
			step_out(t, p);
	}
	p->n--;
	*me = (struct turn){ 0 };
}

size_t
turns_together(const struct turn *me)
{
	return me->party->n;
}

bool
turns_is_behind(const struct turns *t, const struct turn *me)
{
	return me->waiting && me->party->line == &t->busy;
}

void
turns_want(struct turns *t, struct turn *me, int64_t now)
{
	struct party *p = me->party;

	if (me->waiting)
		return;
	me->waiting = true;
	TAILQ_INSERT_TAIL(&p->waiting, me, next);
	if (p->line == NULL)
		stand(t, p, now);
}

void
turns_begin(struct turns *t)
{
	t->calm_left = t->n_calm;
	t->busy_left = TURNS_BUSY;
}

static struct party *
next_party(struct turns *t)
{
	if (t->calm_left > 0 && !TAILQ_EMPTY(&t->calm)) {
		t->calm_left--;
		return TAILQ_FIRST(&t->calm);
	}
	if (t->busy_left > 0 && !TAILQ_EMPTY(&t->busy)) {
		t->busy_left--;
		return TAILQ_FIRST(&t->busy);
	}
	return NULL;
}

/*
 * It may owe twice the slack, and no more: who never stops stays busy, and
 * who stops is forgiven soon.
 */
static void
charge(const struct turns *t, struct party *p, int64_t now)
{
	int64_t most = now + 2 * t->slack_ms;

	p->paid = (p->paid > now ? p->paid : now) + t->cost_ms;
	if (p->paid > most)
		p->paid = most;
}

struct turn *
turns_next(struct turns *t, int64_t now)
{
	struct party *p = next_party(t);
	struct turn *me;

	if (p == NULL)
		return NULL;
	step_out(t, p);
	me = TAILQ_FIRST(&p->waiting);
	TAILQ_REMOVE(&p->waiting, me, next);
	me->waiting = false;
	charge(t, p, now);
	if (!TAILQ_EMPTY(&p->waiting))
		stand(t, p, now);
	return me;
}

bool
turns_waiting(const struct turns *t)
{
	return !TAILQ_EMPTY(&t->calm) || !TAILQ_EMPTY(&t->busy);
}
