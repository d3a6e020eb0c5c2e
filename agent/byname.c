/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/byname.h"

/* An unlock or lock of a token by its name. */
struct named {
	struct named	*next;
	enum job_kind	 kind;
	uint64_t	 request;
	char		*name;
	struct secret	*pin;		/* NULL: none was given */
};

/*
 * The token that a client names: by serial number, label or reader, or by
 * any path, which means the only one.
 */
static struct slot *
find_slot(struct byname *b, const char *name, struct err *e)
{
	struct slot *found = NULL;
	size_t n = 0;

	for (struct slot *s = fleet_slots(b->fleet); s != NULL; s = s->next) {
		if (!slot_is_token(s) || (name[0] != '/' &&
		    strcmp(name, s->serial) != 0 &&
		    strcmp(name, s->label) != 0 &&
		    strcmp(name, s->reader.name) != 0))
			continue;
		found = s;
		n++;
	}
	if (n == 1)
		return found;
	if (n == 0)
		(void)err_set(e, ERR_NO_TOKEN, 0,
		    "no such token is plugged in");
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

/* Takes n over. */
static void
carry_out(struct byname *b, struct named *n)
{
	struct job *j = NULL;
	struct slot *s;
	struct err e;

	if ((s = find_slot(b, n->name, &e)) == NULL) {
		core_done(b->core, n->request, (int)e.code, &e);
	} else if ((j = job_new(n->kind, n->request)) == NULL) {
		core_done(b->core, n->request, err_set(&e, ERR_NOMEM, 0,
		    "out of memory"), &e);
	} else {
		j->pin = n->pin;
		n->pin = NULL;
		snprintf(j->reason, sizeof(j->reason), "to unlock the token");
		if (n->kind == JOB_LOCK)
			slot_lock(s, j, BYNAME_LOCKED);
		else
			slot_submit(s, j);
	}
	named_free(n);
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

	for (s = fleet_slots(b->fleet); s != NULL; s = s->next)
		if (strcmp(name, s->serial) == 0 ||
		    strcmp(name, s->reader.name) == 0)
			return false;
	return name[0] != '/';
}

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
		carry_out(b, n);
	}
}

void
byname_add(struct byname *b, enum job_kind kind, uint64_t request,
    const char *name, const struct secret *pin)
{
	struct named *n, **end;
	struct err e;

	n = calloc(1, sizeof(*n));
	if (n != NULL && (n->name = strdup(name)) != NULL && pin != NULL &&
	    (n->pin = secret_new()) != NULL)
		secret_copy(n->pin, pin);
	if (n == NULL || n->name == NULL || (pin != NULL && n->pin == NULL)) {
		if (n != NULL)
			named_free(n);
		core_done(b->core, request, err_set(&e, ERR_NOMEM, 0,
		    "out of memory"), &e);
		return;
	}
	n->kind = kind;
	n->request = request;
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
