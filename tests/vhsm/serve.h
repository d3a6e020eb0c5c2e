/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_SERVE_H
#define VHSM_SERVE_H

#include <stdbool.h>

#include "base/err.h"
#include "tests/vhsm/fault.h"
#include "tests/vhsm/vhsm.h"
#include "tests/vhsm/vpcd.h"

/*
 * Cards and a reader: one poll loop between vpcd, the card that is in and
 * the people at the control socket.  An answer that shall be late waits in a
 * timer, so the control socket works meanwhile and can even pull the card.
 */
#define SERVE_CLIENTS	8
#define SERVE_LINE_MAX	((size_t)1 << 18)
#define SERVE_CARDS	4

struct serve_client {
	int		 fd;		/* -1: free */
	struct vh_buf	 in;
};

struct serve_late {			/* the answer not yet sent */
	bool		 on, lost, empty;
	int64_t		 due;		/* ns, CLOCK_MONOTONIC */
	size_t		 n;
	uint8_t		 rsp[VHSM_RSP_MAX];
};

struct server {
	struct vhsm_options opt;	/* of cards not yet made */
	struct vhsm	*card[SERVE_CARDS];	/* NULL: not yet asked for */
	unsigned	 in, next;	/* in the reader; from next power on */
	unsigned	 port;
	bool		 reconnect;	/* when pcscd goes away */
	bool		 inserted;
	bool		 seen;		/* pcscd has asked for its ATR */
	int64_t		 connected;	/* when, ns */
	bool		 gone;		/* pcscd went, and shall not come */
	int64_t		 give_up;	/* first connection only, ns */
	struct vpcd	 link;
	struct faults	 faults;
	struct serve_late late;
	int		 listener;	/* control socket; -1: none */
	struct serve_client client[SERVE_CLIENTS];
};

#define SERVE_MS	INT64_C(1000000)

/*
 * Card n, loaded or made when it is first asked for.  Each has a state file
 * of its own, and a serial number, with n added to its sixth character.
 */
int	 serve_card(struct server *s, unsigned n, struct vhsm **out,
	    struct err *e) MUST_CHECK;

/* port 0: no reader.  ctl_path NULL: the control socket is as it is. */
int	 serve_start(struct server *s, const char *ctl_path, struct err *e)
	    MUST_CHECK;
int	 serve_run(struct server *s, struct err *e) MUST_CHECK;
void	 serve_stop(struct server *s);		/* and close the cards */

int64_t	 serve_now(void);

#endif
