/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef HARNESS_HARNESS_H
#define HARNESS_HARNESS_H

#include <sys/types.h>

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * The parts of with-vhsm: a scratch directory, ports, a pcscd and some
 * cards.  Every child dies with us, every child's end is seen in one place
 * (harness_reap), and nothing waits for time to pass.
 */
#define HARNESS_TOKENS	4
#define HARNESS_CARDS	(HARNESS_TOKENS + 1)	/* and one foreign */
#define HARNESS_LIBS	((HARNESS_CARDS + 1) / 2)
#define HARNESS_KEYS	64

struct options {
	unsigned	 tokens;
	bool		 is_short, fresh, foreign, stick;
	const char	*latency, *firmware, *keep;
	const char	*key[HARNESS_KEYS];
	size_t		 keys;
	char		**command;
};

struct card {
	unsigned	 number;
	bool		 foreign, is_old;	/* old: kept from before */
	unsigned	 port;
	int		 ctl;			/* listening socket */
	pid_t		 pid;			/* 0: not running */
};

/* What children have done since the last look. */
struct ended {
	bool		 pcscd, helper, card, command;
	int		 helper_status, command_status, card_status;
	struct card	*which;
};

/* control.c: what COMMAND asks of us; one at a time. */
enum control_wait {
	CONTROL_NOTHING,
	CONTROL_END,		/* of pcscd */
	CONTROL_SEEN,		/* pcscd has to see all cards that are in */
	CONTROL_WATCHED,	/* and so has its client, the watcher */
};

struct control {
	int		 listener, client;	/* -1: none */
	enum control_wait wait;
	bool		 restart;	/* after its end */
	size_t		 cards;		/* the watcher waits for */
	int64_t		 deadline;	/* ms */
};

struct harness {
	struct options	 opt;
	char		 dir[PATH_MAX];		/* scratch */
	char		 bin[PATH_MAX];		/* where vhsm, vhsmctl are */
	char		 sock[108];		/* pcscd's */
	int		 listener, signals;
	struct card	 card[HARNESS_CARDS];
	size_t		 cards;
	unsigned	 base[HARNESS_LIBS];	/* first port of each pair */
	int		 lock[HARNESS_LIBS];
	pid_t		 pcscd, helper, command;	/* 0: not running */
	bool		 stopped;		/* pcscd, and on purpose */
	struct control	 control;
	unsigned	 restarts;
	int64_t		 restarts_from;		/* ms */
};

/* scratch.c: the directory and what lies in it */
int	 scratch_make(struct harness *h, struct err *e) MUST_CHECK;
void	 scratch_remove(struct harness *h);
int	 scratch_configure(struct harness *h, struct err *e) MUST_CHECK;
int	 scratch_listen(const char *path, int *fd, struct err *e) MUST_CHECK;
void	 scratch_show_logs(const struct harness *h);	/* to stderr */

/* ports.c: pairs of ports that no other with-vhsm uses */
int	 ports_take(struct harness *h, struct err *e) MUST_CHECK;
void	 ports_give_back(struct harness *h);

/* child.c: starting, watching and ending processes */
int	 child_start_pcscd(struct harness *h, struct err *e) MUST_CHECK;
int	 child_start_card(struct harness *h, struct card *c, struct err *e)
	    MUST_CHECK;
int	 child_start_command(struct harness *h, struct err *e) MUST_CHECK;
/* A child that ends with 0 when pcscd sees n cards. */
int	 child_start_watcher(struct harness *h, size_t n, struct err *e)
	    MUST_CHECK;
struct ended child_reap(struct harness *h);
void	 child_stop_all(struct harness *h);

/* private.c: in the child, before it becomes pcscd */
void	 private_enter(const struct harness *h);

/* token.c: words with a card */
int	 token_set_up(struct harness *h, struct card *c, struct err *e)
	    MUST_CHECK;
/* What its command "reader" says: 'e'mpty, 'f'ull, 's'een; 0: nothing. */
char	 token_reader(struct harness *h, struct card *c);

/* control.c: the socket of with-vhsm itself */
int	 control_start(struct harness *h, const char *path, struct err *e)
	    MUST_CHECK;
/* Descriptors to wait for input on, and for how long; -1: neither. */
void	 control_prepare(const struct harness *h, int fd[2], int64_t *ms);
void	 control_read(struct harness *h);
/* After children ended, or time passed: is what was asked for done? */
void	 control_step(struct harness *h, const struct ended *x);

int64_t	 harness_now(void);		/* ms */

/* watch.c: wait for n cards; runs in a child, returns its exit status */
int	 watch_cards(size_t n);

#endif
