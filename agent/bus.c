/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <systemd/sd-bus.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/bus.h"

#define DAEMON		"org.freedesktop.DBus"
#define DAEMON_PATH	"/org/freedesktop/DBus"
#define TRIES_MAX	7	/* after 1, 2, 4 ... 64 seconds */
#define MESSAGES_MAX	64	/* before somebody else has a turn */

struct name {
	struct bus	*bus;
	char		 owner[256];	/* ":1.7"; "": nobody */
};

struct bus {
	struct bus_conf	 conf;
	const char	*kind;
	struct sd_bus	*sd;
	struct name	 names[BUS_NAMES_MAX];
	struct watch	*watch;
	int		 fd;
	struct timer	*timeout;
	struct timer	*retry;
	unsigned	 tries;
	bool		 was_there;
};

static int	 start(struct bus *b);

static void
set_owner(struct name *n, const char *owner)
{
	struct bus *b = n->bus;
	size_t len = strlen(owner);

	if (strcmp(n->owner, owner) == 0 || len >= sizeof(n->owner))
		return;
	memcpy(n->owner, owner, len + 1);
	if (b->conf.owner != NULL)
		b->conf.owner(b->conf.arg, b->sd, len > 0);
}

/* From the bus itself: nobody else can have that name as a sender. */
static bool
is_from_daemon(sd_bus_message *m)
{
	const char *sender = sd_bus_message_get_sender(m);

	return sender != NULL && strcmp(sender, DAEMON) == 0;
}

static int
on_owner_changed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct name *n = arg;
	const char *name, *old, *new;

	(void)error;
	if (is_from_daemon(m) &&
	    sd_bus_message_read(m, "sss", &name, &old, &new) > 0 &&
	    strcmp(name, n->bus->conf.names[n - n->bus->names]) == 0)
		set_owner(n, new);
	return 0;
}

static int
on_owner_told(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct name *n = arg;
	struct bus *b = n->bus;
	const char *owner = "";

	(void)error;
	if (!is_from_daemon(m))
		return 0;
	if (!b->was_there || b->tries > 0)
		log_debug(b->conf.log, "the %s bus is there", b->kind);
	b->was_there = true;
	b->tries = 0;
	if (!sd_bus_message_is_method_error(m, NULL) &&
	    sd_bus_message_read(m, "s", &owner) > 0)
		set_owner(n, owner);
	return 0;
}

static int
follow_name(struct bus *b, size_t i)
{
	char rule[256];
	int r;

	snprintf(rule, sizeof(rule), "type='signal',sender='" DAEMON "',"
	    "path='" DAEMON_PATH "',interface='" DAEMON "',"
	    "member='NameOwnerChanged',arg0='%s'", b->conf.names[i]);
	r = sd_bus_add_match_async(b->sd, NULL, rule, on_owner_changed, NULL,
	    &b->names[i]);
	if (r < 0)
		return r;
	return sd_bus_call_method_async(b->sd, NULL, DAEMON, DAEMON_PATH,
	    DAEMON, "GetNameOwner", on_owner_told, &b->names[i], "s",
	    b->conf.names[i]);
}

static void
disconnect(struct bus *b)
{
	watch_free(b->watch);
	timer_free(b->timeout);
	b->watch = NULL;
	b->timeout = NULL;
	sd_bus_close_unref(b->sd);	/* not flushed: that could wait */
	b->sd = NULL;
	for (size_t i = 0; i < BUS_NAMES_MAX; i++)
		set_owner(&b->names[i], "");
}

static void
try_again(void *arg)
{
	struct bus *b = arg;

	b->retry = NULL;
	(void)start(b);
}

/* The connection has ended, or did not come about. */
static void
died(struct bus *b, int errnum)
{
	bool first = b->tries == 0;

	disconnect(b);
	if (!b->was_there) {
		log_debug(b->conf.log, "no %s bus: %s", b->kind,
		    strerror(errnum));
		return;
	}
	if (b->tries < TRIES_MAX)
		b->retry = loop_timer(b->conf.loop, 1000LL << b->tries++,
		    try_again, b);
	if (b->retry == NULL)
		log_info(b->conf.log, "the %s bus has not come back: "
		    "what it tells will be missed", b->kind);
	else if (first)
		log_info(b->conf.log, "the %s bus has gone: %s", b->kind,
		    strerror(errnum));
}

static void	 on_ready(void *arg, short revents);

static void
on_timeout(void *arg)
{
	struct bus *b = arg;

	b->timeout = NULL;
	on_ready(b, 0);
}

static int
arm_timeout(struct bus *b)
{
	struct timespec ts;
	uint64_t at, now;
	int r;

	timer_free(b->timeout);
	b->timeout = NULL;
	if ((r = sd_bus_get_timeout(b->sd, &at)) < 0)
		return r;
	if (at == UINT64_MAX)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now = (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
	b->timeout = loop_timer(b->conf.loop,
	    at <= now ? 0 : (int64_t)((at - now) / 1000) + 1, on_timeout, b);
	return b->timeout != NULL ? 0 : -ENOMEM;
}

/* What libsystemd wants to wait for; its descriptor may be a new one. */
static int
arm(struct bus *b)
{
	int events, fd;

	if ((fd = sd_bus_get_fd(b->sd)) < 0)
		return fd;
	if ((events = sd_bus_get_events(b->sd)) < 0)
		return events;
	if (b->watch != NULL && fd != b->fd) {
		watch_free(b->watch);
		b->watch = NULL;
	}
	b->fd = fd;
	if (b->watch != NULL)
		watch_set(b->watch, (short)events);
	else if ((b->watch = loop_watch(b->conf.loop, fd, (short)events,
	    on_ready, b)) == NULL)
		return -ENOMEM;
	return arm_timeout(b);
}

static void
on_ready(void *arg, short revents)
{
	struct bus *b = arg;
	int r = 1;

	(void)revents;
	for (int i = 0; i < MESSAGES_MAX && r > 0; i++)
		r = sd_bus_process(b->sd, NULL);
	if (r >= 0)
		r = arm(b);
	if (r < 0)
		died(b, -r);
}

static int
start(struct bus *b)
{
	int r;

	r = b->conf.session ? sd_bus_open_user(&b->sd) :
	    sd_bus_open_system(&b->sd);
	if (r >= 0)
		r = sd_bus_set_exit_on_disconnect(b->sd, 0);
	/* Matches first: they are in place when a name is known. */
	if (r >= 0)
		b->conf.up(b->conf.arg, b->sd);
	for (size_t i = 0; i < BUS_NAMES_MAX && r >= 0; i++)
		if (b->conf.names[i] != NULL)
			r = follow_name(b, i);
	if (r >= 0)
		r = arm(b);
	if (r < 0)
		died(b, -r);
	return r;
}

int
bus_new(struct bus **out, const struct bus_conf *conf, struct err *e)
{
	struct bus *b;

	if ((b = calloc(1, sizeof(*b))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "bus");
	b->conf = *conf;
	b->kind = conf->session ? "session" : "system";
	for (size_t i = 0; i < BUS_NAMES_MAX; i++)
		b->names[i].bus = b;
	(void)start(b);
	*out = b;
	return 0;
}

void
bus_free(struct bus *b)
{
	if (b == NULL)
		return;
	b->conf.owner = NULL;
	timer_free(b->retry);
	disconnect(b);
	free(b);
}

bool
bus_is_from(const struct bus *b, const char *name, struct sd_bus_message *m)
{
	const char *sender = sd_bus_message_get_sender(m);

	for (size_t i = 0; i < BUS_NAMES_MAX && b->conf.names[i] != NULL; i++)
		if (strcmp(b->conf.names[i], name) == 0)
			return sender != NULL && *sender != '\0' &&
			    strcmp(sender, b->names[i].owner) == 0;
	return false;
}
