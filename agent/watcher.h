/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_WATCHER_H
#define AGENT_WATCHER_H

#include "token/pcsc.h"

/*
 * A thread that waits for readers and cards to come and go, and leaves the
 * latest picture for the loop.  It sleeps in PC/SC; only while there is no
 * PC/SC daemon does it look again, ever less often up to 10 seconds.
 */
struct watcher;

int	 watcher_new(struct watcher **out, struct err *e) MUST_CHECK;
void	 watcher_free(struct watcher *w);	/* NULL is fine */

/* Readable when there is news. */
int	 watcher_fd(const struct watcher *w);

/*
 * The picture now.  Not 0 when PC/SC cannot be asked: *rs is empty then
 * and *e says why.
 */
int	 watcher_get(struct watcher *w, struct pcsc_readers *rs,
	    struct err *e) MUST_CHECK;

#endif
