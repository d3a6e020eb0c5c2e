/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/pins.h"
#include "pin/source.h"

struct pins {
	pthread_mutex_t		 lock;
	const struct options	*opt;
	struct secret		*from_fd;	/* NULL: none was given */
	char			 owner[64];	/* serial it is bound to */
	size_t			 present;
};

int
pins_new(struct pins **out, const struct options *o, struct err *e)
{
	struct pins *p;
	int r = 0;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "PINs");
	pthread_mutex_init(&p->lock, NULL);
	p->opt = o;
	if (o->pin_fd != -1) {
		if ((p->from_fd = secret_new()) == NULL)
			r = err_set(e, ERR_NOMEM, 0, "PINs");
		else
			r = secret_read_line(p->from_fd, o->pin_fd, -1, e);
		if (r == 0 && secret_len(p->from_fd) == 0)
			r = err_set(e, ERR_FORMAT, 0, "it holds no PIN");
		if (r != 0) {
			r = err_wrap(e, "--pin-fd %d", o->pin_fd);
			pins_free(p);
			return r;
		}
		if (o->pin_fd > STDERR_FILENO)
			close(o->pin_fd);
	}
	*out = p;
	return 0;
}

void
pins_free(struct pins *p)
{
	if (p == NULL)
		return;
	secret_free(p->from_fd);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void
pins_set_present(struct pins *p, size_t n)
{
	pthread_mutex_lock(&p->lock);
	p->present = n;
	pthread_mutex_unlock(&p->lock);
}

static bool
is_named(const char *name, const char *serial, const char *label)
{
	return strcmp(name, serial) == 0 || strcmp(name, label) == 0;
}

/* Under the lock: is the global PIN for this token? */
static bool
owns_global(struct pins *p, const char *serial, const char *label)
{
	if (p->owner[0] != '\0')
		return strcmp(p->owner, serial) == 0;
	if (p->opt->token != NULL ? !is_named(p->opt->token, serial, label) :
	    p->present != 1)
		return false;
	snprintf(p->owner, sizeof(p->owner), "%s", serial);
	return true;
}

static int
from_file(char *path, struct secret *out, struct err *e)
{
	const struct pin_source source = { PIN_SOURCE_FILE, path };

	return pin_source_read(&source, -1, out, e);
}

static int
get_global(struct pins *p, const char *serial, const char *label,
    struct secret *out, struct err *e)
{
	if (p->from_fd == NULL && p->opt->pin_file == NULL)
		return err_set(e, ERR_NOTFOUND, 0, "no PIN was given");
	if (!owns_global(p, serial, label))
		return err_set(e, ERR_NOTFOUND, 0,
		    "the PIN given at start is not for token %s; name the "
		    "token it is for with --token", serial);
	if (p->from_fd == NULL)
		return from_file(p->opt->pin_file, out, e);
	secret_copy(out, p->from_fd);
	return 0;
}

int
pins_get(struct pins *p, const char *serial, const char *label,
    struct secret *out, struct err *e)
{
	const struct options *o = p->opt;
	int r;

	secret_clear(out);
	for (size_t i = 0; i < o->n_tokens; i++)
		if (o->tokens[i].pin_file != NULL &&
		    is_named(o->tokens[i].name, serial, label))
			return from_file(o->tokens[i].pin_file, out, e);
	pthread_mutex_lock(&p->lock);
	r = get_global(p, serial, label, out, e);
	pthread_mutex_unlock(&p->lock);
	return r;
}
