/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <systemd/sd-bus.h>

#include <stdio.h>
#include <stdlib.h>

#include "agent/absence_watch.h"
#include "agent/bus.h"

/* Each is the name of the service and of its interface. */
static const char *const services[] = {
	"org.freedesktop.ScreenSaver",
	"org.gnome.ScreenSaver",
	"org.cinnamon.ScreenSaver",
	"org.mate.ScreenSaver",
	"org.xfce.ScreenSaver",
};

#define SERVICES	(sizeof(services) / sizeof(*services))

struct saver {
	struct absence_conf conf;
	struct bus	*bus;
};

static int
on_active_changed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct saver *s = arg;
	const char *name = sd_bus_message_get_interface(m);
	int active;

	(void)error;
	if (name != NULL && bus_is_from(s->bus, name, m) &&
	    sd_bus_message_read(m, "b", &active) > 0 && active) {
		log_debug(s->conf.log, "%s: the screen is locked", name);
		s->conf.fn(s->conf.arg, ABSENCE_SCREEN_LOCK);
	}
	return 0;
}

static void
on_up(void *arg, struct sd_bus *handle)
{
	char rule[256];

	for (size_t i = 0; i < SERVICES; i++) {
		snprintf(rule, sizeof(rule), "type='signal',sender='%s',"
		    "interface='%s',member='ActiveChanged'", services[i],
		    services[i]);
		(void)sd_bus_add_match_async(handle, NULL, rule,
		    on_active_changed, NULL, arg);
	}
}

int
saver_new(struct saver **out, const struct absence_conf *conf, struct err *e)
{
	struct bus_conf bus_conf = { .loop = conf->loop, .log = conf->log,
	    .session = true, .up = on_up };
	struct saver *s;
	int r;

	*out = NULL;
	if (getenv("DBUS_SESSION_BUS_ADDRESS") == NULL)
		return 0;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "screen lock");
	s->conf = *conf;
	bus_conf.arg = s;
	for (size_t i = 0; i < SERVICES; i++)
		bus_conf.names[i] = services[i];
	if ((r = bus_new(&s->bus, &bus_conf, e)) != 0) {
		free(s);
		return r;
	}
	*out = s;
	return 0;
}

void
saver_free(struct saver *s)
{
	if (s == NULL)
		return;
	bus_free(s->bus);
	free(s);
}
