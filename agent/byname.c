/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/byname.h"
#include "agent/modules.h"
#include "token/p11uri.h"

/* An unlock or lock of a token by its name. */
struct named {
	struct named	*next;
	enum job_kind	 kind;
	uint64_t	 request;
	char		*name;
	struct secret	*pin;		/* NULL: none was given */
	unsigned int	 lifetime;
	bool		 added;		/* its module, for it */
	bool		 cards;		/* a path, of what reads our cards */
};

/*
 * Is it a module that reads the cards which we speak to ourselves?  People
 * are used to give its path, and it need not be asked, which takes seconds.
 */
static bool
is_for_cards(const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	return strstr(name, "opensc") != NULL ||
	    strstr(name, "sc-hsm") != NULL;
}

/*
 * Does this path mean a card that we speak to?  Asked once: what happens to
 * modules meanwhile never makes one mean another token.
 */
static bool
means_card(const struct byname *b, const char *path)
{
	if (!is_for_cards(path) ||
	    modules_path(fleet_modules(b->fleet), path) != NULL)
		return false;
	for (const struct slot *s = fleet_slots(b->fleet); s != NULL;
	    s = s->next)
		if (slot_is_token(s) && s->place.module == NULL)
			return true;
	return false;
}

static bool
is_in_uri(const struct slot *s, const struct p11uri *uri)
{
	const bool in_module = s->place.module != NULL;

	return p11uri_matches(uri, &(struct p11uri_token){ s->serial,
	    s->label, in_module ? s->place.slot.model : NULL,
	    in_module ? s->place.slot.maker : NULL });
}

/* By serial number, label or reader, or by what has it. */
static bool
is_named(const struct byname *b, const struct slot *s, const struct named *n,
    const struct p11uri *uri)
{
	if (uri != NULL)
		return is_in_uri(s, uri);
	if (n->cards)
		return s->place.module == NULL;
	if (n->name[0] == '/')
		return modules_has_token(fleet_modules(b->fleet), n->name,
		    s->serial);
	return strcmp(n->name, s->serial) == 0 ||
	    strcmp(n->name, s->label) == 0 ||
	    strcmp(n->name, s->place.name) == 0;
}

/* What a label says is the token's own word; a serial number is not. */
static struct slot *
find_by_serial(struct byname *b, const char *name)
{
	for (struct slot *s = fleet_slots(b->fleet); s != NULL; s = s->next)
		if (slot_is_token(s) && strcmp(name, s->serial) == 0)
			return s;
	return NULL;
}

static void
no_token(const struct byname *b, const char *name, struct err *e)
{
	char why[320] = "";

	if (modules_path(fleet_modules(b->fleet), name) != NULL)
		fleet_trouble(b->fleet, why, sizeof(why));
	(void)err_set(e, ERR_NO_TOKEN, 0, "%s%s%s", name[0] == '/' ?
	    "the module has no token" : "no such token is plugged in",
	    why[0] != '\0' ? ": " : "", why);
}

/* The token that a client names. */
static struct slot *
find_slot(struct byname *b, const struct named *named, struct err *e)
{
	const char *name = named->name;
	const bool by_uri = p11uri_is(name);
	struct slot *found = NULL;
	struct p11uri uri;
	size_t n = 0;

	if (by_uri && p11uri_parse(&uri, name, e) != 0)
		return NULL;
	if ((found = find_by_serial(b, name)) != NULL)
		return found;
	for (struct slot *s = fleet_slots(b->fleet); s != NULL; s = s->next) {
		if (!slot_is_token(s) ||
		    !is_named(b, s, named, by_uri ? &uri : NULL))
			continue;
		found = s;
		n++;
	}
	if (n == 1)
		return found;
	if (n == 0)
		no_token(b, name, e);
	else
		(void)err_set(e, ERR_DENIED, 0,
		    "%zu tokens are meant; name one by its serial number", n);
	return NULL;
}

static void
named_free(struct named *n)
{
	free(n->name);
	secret_free(n->pin);
	free(n);
}

/* May its token be there soon?  Of a module that is named, no other waits. */
static bool
may_come(struct byname *b, const struct named *n)
{
	const char *module;

	if (n->name[0] != '/')
		return fleet_look(b->fleet, NULL);
	module = modules_path(fleet_modules(b->fleet), n->name);
	return module != NULL && fleet_look(b->fleet, module);
}

/* There may be two in the end. */
static bool
is_opening(const struct byname *b, const struct named *n)
{
	const char *module = n->name[0] == '/' ?
	    modules_path(fleet_modules(b->fleet), n->name) : NULL;

	return module != NULL && fleet_opening_slots(b->fleet, module);
}

/* Takes n over, unless it returns false: its token may be there soon. */
static bool
carry_out(struct byname *b, struct named *n)
{
	struct job *j = NULL;
	struct slot *s;
	struct err e;

	if (is_opening(b, n))
		return false;
	s = find_slot(b, n, &e);
	if (s == NULL && e.code == ERR_NO_TOKEN && may_come(b, n))
		return false;
	if (s == NULL && n->added)
		(void)modules_drop(fleet_modules(b->fleet), n->name);
	if (s == NULL || (n->kind == JOB_UNLOCK &&
	    core_unlocking(b->core, n->request, s->serial, &e) != 0)) {
		core_done(b->core, n->request, (int)e.code, &e);
	} else if ((j = job_new(n->kind, n->request)) == NULL) {
		core_done(b->core, n->request, err_set(&e, ERR_NOMEM, 0,
		    "out of memory"), &e);
	} else {
		j->pin = n->pin;
		n->pin = NULL;
		j->lifetime = n->lifetime;
		j->in_vain = !slot_has_to_lock(s);
		snprintf(j->reason, sizeof(j->reason), "to unlock the token");
		j->drop = n->kind == JOB_LOCK && n->name[0] == '/';
		if (n->kind == JOB_LOCK) {
			core_locking(b->core, n->request, s->serial);
			slot_lock(s, j, BYNAME_LOCKED);
		} else {
			slot_submit(s, j);
		}
	}
	named_free(n);
	return true;
}

/* Labels are read when one is first asked for; false while they are. */
static bool
labels_known(struct byname *b)
{
	bool known = true;
	struct job *j;

	for (struct slot *s = fleet_slots(b->fleet); s != NULL; s = s->next) {
		if (!slot_is_token(s) || s->label[0] != '\0' ||
		    s->trouble[0] != '\0')
			continue;
		if (!s->label_asked && (j = job_new(JOB_LABEL, 0)) != NULL) {
			s->label_asked = true;
			slot_submit(s, j);
		}
		known &= !s->label_asked;
	}
	return known;
}

/* A serial number or reader needs no label, nor does a path. */
static bool
needs_labels(const struct byname *b, const char *name)
{
	const struct slot *s;
	struct p11uri uri;
	struct err e;

	if (p11uri_is(name))
		return p11uri_parse(&uri, name, &e) == 0 &&
		    uri.label[0] != '\0';
	for (s = fleet_slots(b->fleet); s != NULL; s = s->next)
		if (strcmp(name, s->serial) == 0 ||
		    strcmp(name, s->place.name) == 0)
			return false;
	return name[0] != '/';
}

/* To carry one out may bring news, and us here again: begin anew then. */
void
byname_resolve(struct byname *b)
{
	struct named **p = &b->first, *n;

	while ((n = *p) != NULL) {
		if (needs_labels(b, n->name) && !labels_known(b)) {
			p = &n->next;
			continue;
		}
		*p = n->next;
		if (carry_out(b, n)) {
			p = &b->first;
			continue;
		}
		n->next = *p;
		*p = n;
		p = &n->next;
	}
}

void
byname_add(struct byname *b, const struct byname_order *o)
{
	struct named *n, **end;
	struct err e;

	n = calloc(1, sizeof(*n));
	if (n != NULL && (n->name = strdup(o->name)) != NULL &&
	    o->pin != NULL && (n->pin = secret_new()) != NULL)
		secret_copy(n->pin, o->pin);
	if (n == NULL || n->name == NULL ||
	    (o->pin != NULL && n->pin == NULL)) {
		if (n != NULL)
			named_free(n);
		core_done(b->core, o->request, err_set(&e, ERR_NOMEM, 0,
		    "out of memory"), &e);
		return;
	}
	n->kind = o->kind;
	n->request = o->request;
	n->lifetime = o->lifetime;
	n->cards = n->name[0] == '/' && means_card(b, n->name);
	if (n->kind == JOB_UNLOCK && n->name[0] == '/' && !n->cards &&
	    modules_path(fleet_modules(b->fleet), n->name) == NULL) {
		if (modules_add(fleet_modules(b->fleet), n->name,
		    &e) != 0) {
			core_done(b->core, n->request, (int)e.code, &e);
			named_free(n);
			return;
		}
		n->added = true;
	}
	for (end = &b->first; *end != NULL; end = &(*end)->next)
		;
	*end = n;
	byname_resolve(b);
}

void
byname_clear(struct byname *b)
{
	struct named *n;

	while ((n = b->first) != NULL) {
		b->first = n->next;
		named_free(n);
	}
}
