/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <systemd/sd-bus.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/absence_watch.h"
#include "agent/bus.h"

#define LOGIND		"org.freedesktop.login1"
#define LOGIND_PATH	"/org/freedesktop/login1"
#define MANAGER		LOGIND ".Manager"
#define SESSION		LOGIND ".Session"
#define PROPERTIES	"org.freedesktop.DBus.Properties"

enum sleep {
	AWAKE,
	GOING,		/* to sleep, and we have something to do */
	GONE,		/* logind need not wait for us */
};

struct logind {
	struct absence_conf conf;
	struct bus	*bus;
	enum sleep	 sleep;
	int		 inhibitor;	/* sleep waits while it is open; -1 */
	bool		 asked;		/* for one */
};

static void
drop_inhibitor(struct logind *l)
{
	if (l->inhibitor != -1)
		close(l->inhibitor);
	l->inhibitor = -1;
}

static int
on_inhibited(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct logind *l = arg;
	const sd_bus_error *why = sd_bus_message_get_error(m);
	int fd;

	(void)error;
	l->asked = false;
	if (why != NULL)
		log_debug(l->conf.log, "logind lets nobody hold up sleep: %s",
		    why->message != NULL ? why->message : why->name);
	else if (l->inhibitor == -1 && l->sleep != GONE &&
	    bus_is_from(l->bus, LOGIND, m) &&
	    sd_bus_message_read(m, "h", &fd) > 0)
		l->inhibitor = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return 0;
}

static void
take_inhibitor(struct logind *l, struct sd_bus *handle)
{
	if (l->inhibitor != -1 || l->asked)
		return;
	l->asked = sd_bus_call_method_async(handle, NULL, LOGIND, LOGIND_PATH,
	    MANAGER, "Inhibit", on_inhibited, l, "ssss", "sleep",
	    "hsm-ssh-agent", "Logs out of the tokens", "delay") >= 0;
}

static int
on_prepare(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct logind *l = arg;
	int begins;

	(void)error;
	if (!bus_is_from(l->bus, LOGIND, m) ||
	    sd_bus_message_read(m, "b", &begins) <= 0)
		return 0;
	if (begins) {
		log_debug(l->conf.log, "logind: the machine goes to sleep");
		l->sleep = GOING;
		l->conf.fn(l->conf.arg, ABSENCE_SUSPEND);
	} else {
		l->sleep = AWAKE;
		take_inhibitor(l, sd_bus_message_get_bus(m));
	}
	return 0;
}

static int
on_user(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct logind *l = arg;
	const char *path;
	uint32_t uid;

	(void)error;
	if (!sd_bus_message_is_method_error(m, NULL) &&
	    bus_is_from(l->bus, LOGIND, m) &&
	    sd_bus_message_read(m, "v", "(uo)", &uid, &path) > 0 &&
	    uid == getuid()) {
		log_debug(l->conf.log, "logind: the screen is locked");
		l->conf.fn(l->conf.arg, ABSENCE_SCREEN_LOCK);
	}
	return 0;
}

/* A session was locked: whose is it? */
static void
ask_user(struct logind *l, sd_bus_message *m)
{
	(void)sd_bus_call_method_async(sd_bus_message_get_bus(m), NULL, LOGIND,
	    sd_bus_message_get_path(m), PROPERTIES, "Get", on_user, l, "ss",
	    SESSION, "User");
}

static int
on_lock(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct logind *l = arg;

	(void)error;
	if (bus_is_from(l->bus, LOGIND, m))
		ask_user(l, m);
	return 0;
}

/* Among the properties of a session that have changed. */
static bool
says_locked(sd_bus_message *m)
{
	const char *interface, *key;
	int locked = 0;

	if (sd_bus_message_read(m, "s", &interface) <= 0 ||
	    strcmp(interface, SESSION) != 0 ||
	    sd_bus_message_enter_container(m, 'a', "{sv}") <= 0)
		return false;
	while (sd_bus_message_enter_container(m, 'e', "sv") > 0) {
		if (sd_bus_message_read(m, "s", &key) <= 0)
			return false;
		if (strcmp(key, "LockedHint") == 0)
			return sd_bus_message_read(m, "v", "b", &locked) > 0 &&
			    locked;
		if (sd_bus_message_skip(m, "v") < 0 ||
		    sd_bus_message_exit_container(m) < 0)
			return false;
	}
	return false;
}

static int
on_properties(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct logind *l = arg;

	(void)error;
	if (bus_is_from(l->bus, LOGIND, m) && says_locked(m))
		ask_user(l, m);
	return 0;
}

static void
on_up(void *arg, struct sd_bus *handle)
{
	struct logind *l = arg;

	if (l->conf.suspend)
		(void)sd_bus_add_match_async(handle, NULL,
		    "type='signal',sender='" LOGIND "',path='" LOGIND_PATH "',"
		    "interface='" MANAGER "',member='PrepareForSleep'",
		    on_prepare, NULL, l);
	if (!l->conf.screen_lock)
		return;
	(void)sd_bus_add_match_async(handle, NULL,
	    "type='signal',sender='" LOGIND "',interface='" SESSION "',"
	    "member='Lock'", on_lock, NULL, l);
	(void)sd_bus_add_match_async(handle, NULL,
	    "type='signal',sender='" LOGIND "',path_namespace='" LOGIND_PATH
	    "/session',interface='" PROPERTIES "',member='PropertiesChanged',"
	    "arg0='" SESSION "'", on_properties, NULL, l);
}

/* What we had from another logind, this one does not know. */
static void
on_owner(void *arg, struct sd_bus *handle, bool there)
{
	struct logind *l = arg;

	drop_inhibitor(l);
	l->asked = false;
	l->sleep = AWAKE;
	if (there && l->conf.suspend)
		take_inhibitor(l, handle);
}

int
logind_new(struct logind **out, const struct absence_conf *conf,
    struct err *e)
{
	struct bus_conf bus_conf = { .loop = conf->loop, .log = conf->log,
	    .names = { LOGIND }, .up = on_up, .owner = on_owner };
	struct logind *l;
	int r;

	*out = NULL;
	if ((l = calloc(1, sizeof(*l))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "logind");
	l->conf = *conf;
	l->inhibitor = -1;
	bus_conf.arg = l;
	if ((r = bus_new(&l->bus, &bus_conf, e)) != 0) {
		free(l);
		return r;
	}
	*out = l;
	return 0;
}

void
logind_done(struct logind *l)
{
	if (l == NULL || l->sleep != GOING)
		return;
	l->sleep = GONE;
	drop_inhibitor(l);
}

void
logind_free(struct logind *l)
{
	if (l == NULL)
		return;
	bus_free(l->bus);
	drop_inhibitor(l);
	free(l);
}
