/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef VHSM_SERVE_H
#define VHSM_SERVE_H

#include <stdbool.h>

#include "base/err.h"
#include "tests/vhsm/fault.h"
#include "tests/vhsm/vhsm.h"
#include "tests/vhsm/vpcd.h"

/*
 * The card in its reader: one poll loop between vpcd, the card and the
 * people at the control socket.  An answer that shall be late waits in a
 * timer, so the control socket works meanwhile and can even pull the card.
 */
#define SERVE_CLIENTS	8
#define SERVE_LINE_MAX	((size_t)1 << 18)

struct serve_client {
	int		 fd;		/* -1: free */
	struct vh_buf	 in;
};

struct serve_late {			/* the answer not yet sent */
	bool		 on, lost;
	int64_t		 due;		/* ns, CLOCK_MONOTONIC */
	size_t		 n;
	uint8_t		 rsp[VHSM_RSP_MAX];
};

struct server {
	struct vhsm	*card;
	unsigned	 port;
	bool		 reconnect;	/* when pcscd goes away */
	bool		 inserted;
	bool		 gone;		/* pcscd went, and shall not come */
	int64_t		 give_up;	/* first connection only, ns */
	struct vpcd	 link;
	struct faults	 faults;
	struct serve_late late;
	int		 listener;	/* control socket; -1: none */
	struct serve_client client[SERVE_CLIENTS];
};

/* port 0: no reader.  ctl_path NULL: the control socket is as it is. */
int	 serve_start(struct server *s, const char *ctl_path, struct err *e)
	    MUST_CHECK;
int	 serve_run(struct server *s, struct err *e) MUST_CHECK;
void	 serve_stop(struct server *s);

void	 serve_pull(struct server *s);
void	 serve_insert(struct server *s);

#endif
