/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/queue.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "agent/settings.h"

struct generation {
	SLIST_ENTRY(generation) next;
	struct options	 opt;
};

struct settings {
	_Atomic(const struct options *) current;
	SLIST_HEAD(generations, generation) all;	/* the newest first */
	int		 argc;
	char		**argv;		/* NULL: none */
};

int
settings_publish(struct settings *s, struct options *next, struct err *e)
{
	struct generation *g;

	if ((g = calloc(1, sizeof(*g))) == NULL) {
		options_free(next);
		return err_set(e, ERR_NOMEM, 0, "settings");
	}
	g->opt = *next;
	*next = (struct options){ .pin_fd = -1 };
	SLIST_INSERT_HEAD(&s->all, g, next);
	atomic_store_explicit(&s->current, &g->opt, memory_order_release);
	return 0;
}

int
settings_new(struct settings **out, struct options *first, int argc,
    char **argv, struct err *e)
{
	struct settings *s;
	int r;

	if ((s = calloc(1, sizeof(*s))) == NULL) {
		options_free(first);
		return err_set(e, ERR_NOMEM, 0, "settings");
	}
	SLIST_INIT(&s->all);
	s->argc = argc;
	s->argv = argv;
	if ((r = settings_publish(s, first, e)) != 0) {
		settings_free(s);
		return r;
	}
	*out = s;
	return 0;
}

void
settings_free(struct settings *s)
{
	struct generation *g;

	if (s == NULL)
		return;
	while ((g = SLIST_FIRST(&s->all)) != NULL) {
		SLIST_REMOVE_HEAD(&s->all, next);
		options_free(&g->opt);
		free(g);
	}
	free(s);
}

const struct options *
settings_get(const struct settings *s)
{
	return atomic_load_explicit(&s->current, memory_order_acquire);
}

/* The agent may have left the directory that --config was relative to. */
static int
keep_place(struct options *next, const struct options *now, struct err *e)
{
	if (next->config == NULL)
		return 0;
	free(next->config);
	if ((next->config = strdup(now->config)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "settings");
	return 0;
}

int
settings_reload(struct settings *s, struct err *e)
{
	struct options next = { .pin_fd = -1 };
	int r;

	if (s->argv == NULL)
		return err_set(e, ERR_UNSUPPORTED, 0,
		    "there is no configuration to read again");
	if ((r = options_args(&next, s->argc, s->argv, e)) != 0 ||
	    (r = keep_place(&next, settings_get(s), e)) != 0 ||
	    (r = options_load(&next, e)) != 0) {
		options_free(&next);
		return r;
	}
	return settings_publish(s, &next, e);
}
