/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/timerfd.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "agent/absence_clock.h"

#define SLEPT_MS_MIN	1000	/* the two clocks are not read in one go */
#define NEVER		(sizeof(time_t) > 4 ? (time_t)1 << 33 : INT32_MAX)

struct absence_clock {
	struct clock_source source;
	struct watch	*watch;
	int		 fd;
	int64_t		 asleep_ms;	/* as of the last report */
	slept_fn	*fn;
	void		*arg;
};

/* A timer that never ends, but is cancelled when the clock is set. */
static int
open_timer(void *arg)
{
	const struct itimerspec never = { .it_value.tv_sec = NEVER };
	int fd;

	(void)arg;
	fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	if (fd == -1)
		return -1;
	if (timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET,
	    &never, NULL) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static int64_t
read_ms(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int64_t
boottime_ahead(void *arg)
{
	(void)arg;
	return read_ms(CLOCK_BOOTTIME) - read_ms(CLOCK_MONOTONIC);
}

static const struct clock_source kernel = {
	.open = open_timer, .asleep_ms = boottime_ahead,
};

static void
on_clock_set(void *arg, short revents)
{
	struct absence_clock *c = arg;
	int64_t now, slept;
	uint64_t ticks;
	ssize_t n;

	(void)revents;
	n = read(c->fd, &ticks, sizeof(ticks));
	if (n == 0 || (n == -1 && errno == EAGAIN))
		return;
	if (n == -1 && errno != ECANCELED && errno != EINTR) {
		watch_free(c->watch);	/* it would be ready for ever */
		c->watch = NULL;
		return;
	}
	now = c->source.asleep_ms(c->source.arg);
	if (now - c->asleep_ms <= SLEPT_MS_MIN)
		return;
	slept = now - c->asleep_ms;
	c->asleep_ms = now;
	c->fn(c->arg, slept);
}

int
absence_clock_new(struct absence_clock **out, struct loop *l,
    const struct clock_source *source, slept_fn *fn, void *arg,
    struct err *e)
{
	struct absence_clock *c;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "clock");
	c->source = source != NULL ? *source : kernel;
	c->fn = fn;
	c->arg = arg;
	if ((c->fd = c->source.open(c->source.arg)) == -1) {
		free(c);
		return err_sys(e, "timer for suspend");
	}
	c->asleep_ms = c->source.asleep_ms(c->source.arg);
	c->watch = loop_watch(l, c->fd, POLLIN, on_clock_set, c);
	if (c->watch == NULL) {
		absence_clock_free(c);
		return err_set(e, ERR_NOMEM, 0, "clock");
	}
	*out = c;
	return 0;
}

void
absence_clock_free(struct absence_clock *c)
{
	if (c == NULL)
		return;
	watch_free(c->watch);
	close(c->fd);
	free(c);
}
