/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/queue.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/modules.h"
#include "agent/modwatch.h"

#define PATIENCE_MS	5000	/* with one that does not tell its slots */

struct module {
	TAILQ_ENTRY(module) next;
	struct modules	*all;
	char		*path;		/* real; or a name, p11-kit's */
	bool		 configured;
	bool		 named;		/* by a client */
	struct modwatch	*watcher;
	struct watch	*watch;
	struct timer	*patience;	/* until it was looked at, or */
	bool		 settled;
	struct token_place *places;	/* that have a token */
	size_t		 n;
	char		 trouble[320];
};

TAILQ_HEAD(list, module);

struct modules {
	struct modules_conf conf;
	struct list	 list;
	unsigned int	 timeout;	/* of those that are new, s */
};

static void
clear_places(struct module *d)
{
	for (size_t i = 0; i < d->n; i++)
		token_place_clear(&d->places[i]);
	free(d->places);
	d->places = NULL;
	d->n = 0;
}

static void
module_free(struct module *d)
{
	watch_free(d->watch);
	timer_free(d->patience);
	modwatch_free(d->watcher);
	clear_places(d);
	free(d->path);
	free(d);
}

/* Slots without a token, or with one that was never set up, are none. */
static int
set_places(struct module *d, const struct p11_slots *slots, struct err *e)
{
	int r = 0;

	clear_places(d);
	if (slots->n == 0)
		return 0;
	if ((d->places = calloc(slots->n, sizeof(*d->places))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "slots");
	for (size_t i = 0; i < slots->n && r == 0; i++) {
		if (!slots->v[i].present || slots->v[i].serial[0] == '\0')
			continue;
		if ((r = token_place_slot(&d->places[d->n], d->path,
		    &slots->v[i], e)) == 0)
			d->n++;
	}
	return r;
}

static void
on_news(void *arg, short revents)
{
	struct module *d = arg;
	struct p11_slots slots;
	struct err e = { 0 };
	int r;

	(void)revents;
	if ((r = modwatch_get(d->watcher, &slots, &e)) == 0) {
		r = set_places(d, &slots, &e);
		p11_slots_free(&slots);
	}
	if (r != 0 && strcmp(d->trouble, e.msg) != 0)
		log_error(d->all->conf.log, "%s: %s", d->path, e.msg);
	snprintf(d->trouble, sizeof(d->trouble), "%s", e.msg);
	timer_free(d->patience);
	d->patience = NULL;
	d->settled = true;
	d->all->conf.on_news(d->all->conf.arg);
}

static void
on_patience(void *arg)
{
	struct module *d = arg;

	d->patience = NULL;
	d->settled = true;
	snprintf(d->trouble, sizeof(d->trouble), "PKCS#11 module %s takes "
	    "long to tell what is in its slots", d->path);
	log_error(d->all->conf.log, "%s", d->trouble);
	d->all->conf.on_news(d->all->conf.arg);
}

static struct module *
find(const struct modules *m, const char *path)
{
	char *real = path[0] == '/' ? realpath(path, NULL) : NULL;
	struct module *d;

	TAILQ_FOREACH(d, &m->list, next)
		if (strcmp(d->path, real != NULL ? real : path) == 0)
			break;
	free(real);
	return d;
}

static int
start(struct modules *m, const char *path, struct module **out,
    struct err *e)
{
	struct module *d;
	int r;

	if ((*out = find(m, path)) != NULL)
		return 0;
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "module");
	d->all = m;
	d->path = path[0] == '/' ? realpath(path, NULL) : strdup(path);
	if (d->path == NULL) {
		r = err_sys(e, "PKCS#11 module %s", path);
		module_free(d);
		return r;
	}
	if ((r = modwatch_new(&d->watcher, d->path, m->timeout, e)) == 0 &&
	    ((d->watch = loop_watch(m->conf.loop, modwatch_fd(d->watcher),
	    POLLIN, on_news, d)) == NULL ||
	    (d->patience = loop_timer(m->conf.loop, PATIENCE_MS, on_patience,
	    d)) == NULL))
		r = err_set(e, ERR_NOMEM, 0, "module");
	if (r != 0) {
		module_free(d);
		return r;
	}
	TAILQ_INSERT_TAIL(&m->list, d, next);
	*out = d;
	return 0;
}

static void
end_unwanted(struct modules *m)
{
	struct module *d, *after;

	for (d = TAILQ_FIRST(&m->list); d != NULL; d = after) {
		after = TAILQ_NEXT(d, next);
		if (d->configured || d->named)
			continue;
		TAILQ_REMOVE(&m->list, d, next);
		module_free(d);
	}
}

void
modules_configure(struct modules *m, char *const *paths, size_t n,
    unsigned int timeout)
{
	struct module *d;
	struct err e;

	m->timeout = timeout;
	TAILQ_FOREACH(d, &m->list, next) {
		d->configured = false;
	}
	for (size_t i = 0; i < n; i++) {
		if (start(m, paths[i], &d, &e) != 0)
			log_error(m->conf.log, "%s", e.msg);
		else
			d->configured = true;
	}
	end_unwanted(m);
}

int
modules_add(struct modules *m, const char *path, struct err *e)
{
	struct module *d;
	int r;

	if ((r = start(m, path, &d, e)) == 0)
		d->named = true;
	return r;
}

bool
modules_drop(struct modules *m, const char *path)
{
	struct module *d = find(m, path);
	const bool ends = d != NULL && !d->configured;

	if (d != NULL)
		d->named = false;
	end_unwanted(m);
	return ends;
}

const char *
modules_path(const struct modules *m, const char *path)
{
	const struct module *d = find(m, path);

	return d != NULL ? d->path : NULL;
}

bool
modules_has_token(const struct modules *m, const char *path,
    const char *serial)
{
	const struct module *d = find(m, path);

	for (size_t i = 0; d != NULL && i < d->n; i++)
		if (strcmp(d->places[i].slot.serial, serial) == 0)
			return true;
	return false;
}

bool
modules_any(const struct modules *m)
{
	return !TAILQ_EMPTY(&m->list);
}

bool
modules_settled(const struct modules *m)
{
	const struct module *d;

	TAILQ_FOREACH(d, &m->list, next)
		if (!d->settled)
			return false;
	return true;
}

bool
modules_look(struct modules *m, const char *module)
{
	bool looking = false;
	struct module *d;

	TAILQ_FOREACH(d, &m->list, next)
		if (module == NULL || strcmp(module, d->path) == 0)
			looking |= modwatch_look(d->watcher);
	return looking;
}

const struct token_place *
modules_place(const struct modules *m, size_t i)
{
	const struct module *d;

	TAILQ_FOREACH(d, &m->list, next) {
		if (i < d->n)
			return &d->places[i];
		i -= d->n;
	}
	return NULL;
}

const char *
modules_trouble(const struct modules *m)
{
	const struct module *d;

	TAILQ_FOREACH(d, &m->list, next)
		if (d->trouble[0] != '\0')
			return d->trouble;
	return "";
}

int
modules_new(struct modules **out, const struct modules_conf *conf,
    struct err *e)
{
	struct modules *m;

	if ((m = calloc(1, sizeof(*m))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "modules");
	m->conf = *conf;
	TAILQ_INIT(&m->list);
	*out = m;
	return 0;
}

void
modules_free(struct modules *m)
{
	struct module *d;

	if (m == NULL)
		return;
	while ((d = TAILQ_FIRST(&m->list)) != NULL) {
		TAILQ_REMOVE(&m->list, d, next);
		module_free(d);
	}
	free(m);
}
