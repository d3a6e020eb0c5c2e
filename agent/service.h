/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef AGENT_SERVICE_H
#define AGENT_SERVICE_H

#include <sys/socket.h>
#include <sys/un.h>

#include <stdbool.h>

#include "base/err.h"

/*
 * What there is between the agent and a service manager such as systemd(1):
 * the socket it passes (sd_listen_fds(3)) and the news it gets
 * (sd_notify(3)).  Both are a few lines of text, so no library is needed.
 *
 * All of this does nothing where no service manager has asked for it.
 */
struct service {
	int		 listen_fd;	/* it listens; -1: none was passed */
	int		 fd;		/* to tell it; -1: it does not listen */
	struct sockaddr_un to;
	socklen_t	 to_n;
	char		 status[400];	/* what it was told last, or "" */
};

/*
 * Take what is for this process out of the environment, so that no child
 * takes it for its own; before there are threads.  An agent that goes to the
 * background, `front` false, tells nothing: its manager follows another
 * process.  ERR_USAGE when there is anything but one socket.
 */
int	 service_open(struct service *s, bool front, struct err *e) MUST_CHECK;
void	 service_close(struct service *s);

/* The socket is served. */
void	 service_ready(struct service *s);

/* A line for people, such as how many tokens there are. */
void	 service_status(struct service *s, const char *line);

/* The configuration is read again; `trouble` NULL: it was. */
void	 service_reloading(struct service *s);
void	 service_reloaded(struct service *s, const char *trouble);

void	 service_stopping(struct service *s);

#endif
