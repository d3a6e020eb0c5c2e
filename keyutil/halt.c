/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/signalfd.h>

#include <unistd.h>

#include "keyutil/halt.h"

int
halt_begin(struct halt *h, struct err *e)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&set, signals[i]);
	h->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (h->fd == -1)
		return err_sys(e, "signals");
	pthread_sigmask(SIG_BLOCK, &set, &h->before);
	return 0;
}

void
halt_end(struct halt *h)
{
	while (halt_asked(h))
		;
	pthread_sigmask(SIG_SETMASK, &h->before, NULL);
	close(h->fd);
}

bool
halt_asked(struct halt *h)
{
	struct signalfd_siginfo info;

	return read(h->fd, &info, sizeof(info)) == (ssize_t)sizeof(info);
}
