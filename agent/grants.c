/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "agent/grants.h"

struct hidden {
	SLIST_ENTRY(hidden) next;
	size_t		 n;
	uint8_t		 key[];
};

struct grant {
	SLIST_ENTRY(grant) next;
	char		*serial;
	struct constraints constraints;
	struct certfile	**certs;
	size_t		 n_certs;
	SLIST_HEAD(hiddens, hidden) hidden;
};

struct terms {
	struct grant	*grant;
	struct certfile	**certs;
	size_t		 n_certs;
};

struct grants {
	SLIST_HEAD(all_grants, grant) all;
	uint64_t	 version;
};

struct grants *
grants_new(void)
{
	struct grants *g;

	if ((g = calloc(1, sizeof(*g))) != NULL)
		SLIST_INIT(&g->all);
	return g;
}

static void
show_all(struct grant *t)
{
	struct hidden *h;

	while ((h = SLIST_FIRST(&t->hidden)) != NULL) {
		SLIST_REMOVE_HEAD(&t->hidden, next);
		free(h);
	}
}

static void
free_certs(struct certfile **certs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		certfile_free(certs[i]);
		free(certs[i]);
	}
	free(certs);
}

void
grants_free(struct grants *g)
{
	struct grant *t;

	if (g == NULL)
		return;
	while ((t = SLIST_FIRST(&g->all)) != NULL) {
		SLIST_REMOVE_HEAD(&g->all, next);
		show_all(t);
		constraints_free(&t->constraints);
		free_certs(t->certs, t->n_certs);
		free(t->serial);
		free(t);
	}
	free(g);
}

static struct grant *
find(const struct grants *g, const char *serial)
{
	struct grant *t;

	SLIST_FOREACH(t, &g->all, next)
		if (strcmp(t->serial, serial) == 0)
			return t;
	return NULL;
}

static struct grant *
find_or_make(struct grants *g, const char *serial)
{
	struct grant *t = find(g, serial);

	if (t != NULL || (t = calloc(1, sizeof(*t))) == NULL)
		return t;
	if ((t->serial = strdup(serial)) == NULL) {
		free(t);
		return NULL;
	}
	SLIST_INIT(&t->hidden);
	SLIST_INSERT_HEAD(&g->all, t, next);
	return t;
}

static bool
has_cert(struct certfile *const *certs, size_t n, struct span blob)
{
	for (size_t i = 0; i < n; i++)
		if (span_eq(certfile_blob(certs[i]), blob))
			return true;
	return false;
}

/* Those of interest, once; the rest is for keys that no token has. */
static int
take_certs(const struct constraints *c, struct certfile ***out, size_t *n,
    struct err *e)
{
	struct certfile **certs, *f;
	int r = 0;

	*n = 0;
	*out = certs = calloc(c->n_certs + 1, sizeof(*certs));
	if (certs == NULL)
		return err_set(e, ERR_NOMEM, 0, "certificates");
	for (size_t i = 0; i < c->n_certs; i++) {
		if (has_cert(certs, *n, c->certs[i]))
			continue;
		if ((f = calloc(1, sizeof(*f))) == NULL) {
			r = err_set(e, ERR_NOMEM, 0, "certificates");
			break;
		}
		r = certfile_take(f, "", c->certs[i],
		    (struct span){ 0 }, e);
		if (r == 0) {
			certs[(*n)++] = f;
			continue;
		}
		free(f);
		if (r != ERR_UNSUPPORTED)
			break;
		r = 0;
	}
	if (r != 0)
		free_certs(certs, *n);
	return r;
}

int
grants_prepare(struct grants *g, const char *serial,
    const struct constraints *c, struct terms **out, struct err *e)
{
	struct terms *t;
	int r;

	if ((t = calloc(1, sizeof(*t))) == NULL ||
	    (t->grant = find_or_make(g, serial)) == NULL)
		r = err_set(e, ERR_NOMEM, 0, "constraints");
	else
		r = take_certs(c, &t->certs, &t->n_certs, e);
	if (r != 0)
		free(t);
	else
		*out = t;
	return r;
}

void
terms_free(struct terms *t)
{
	if (t == NULL)
		return;
	free_certs(t->certs, t->n_certs);
	free(t);
}

void
grants_set(struct grants *g, struct terms *t, struct constraints *c)
{
	struct grant *one = t->grant;

	constraints_free(&one->constraints);
	free_certs(one->certs, one->n_certs);
	one->constraints = *c;
	one->certs = t->certs;
	one->n_certs = t->n_certs;
	*c = (struct constraints){ 0 };
	free(t);
	show_all(one);
	g->version++;
}

const struct constraints *
grants_of(const struct grants *g, const char *serial)
{
	const struct grant *t = find(g, serial);

	return t != NULL ? &t->constraints : NULL;
}

const struct certfile *const *
grants_certs(const struct grants *g, const char *serial, size_t *n)
{
	const struct grant *t = find(g, serial);

	*n = t != NULL ? t->n_certs : 0;
	return t != NULL ? (const struct certfile *const *)t->certs : NULL;
}

const struct certfile **
grants_all_certs(const struct grants *g, size_t *n)
{
	const struct certfile **all = NULL, **more;
	const struct grant *t;

	*n = 0;
	SLIST_FOREACH(t, &g->all, next) {
		if (t->n_certs == 0)
			continue;
		more = reallocarray(all, *n + t->n_certs, sizeof(*all));
		if (more == NULL)
			break;
		all = more;
		for (size_t i = 0; i < t->n_certs; i++)
			all[(*n)++] = t->certs[i];
	}
	return all;
}

int
grants_hide(struct grants *g, const char *serial, struct span key,
    struct err *e)
{
	struct grant *t;
	struct hidden *h;

	if (grants_hidden(g, serial, key))
		return 0;
	t = find_or_make(g, serial);
	if (t == NULL || (h = malloc(sizeof(*h) + key.n)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "list of keys");
	h->n = key.n;
	memcpy(h->key, key.p, key.n);
	SLIST_INSERT_HEAD(&t->hidden, h, next);
	g->version++;
	return 0;
}

bool
grants_hidden(const struct grants *g, const char *serial, struct span key)
{
	const struct grant *t = find(g, serial);
	const struct hidden *h;

	if (t == NULL)
		return false;
	SLIST_FOREACH(h, &t->hidden, next)
		if (span_eq((struct span){ h->key, h->n }, key))
			return true;
	return false;
}

uint64_t
grants_version(const struct grants *g)
{
	return g->version;
}
