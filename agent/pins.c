/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/pins.h"

struct pins {
	pthread_mutex_t		 lock;
	const struct settings	*settings;
	struct secret		*from_fd;	/* NULL: none was given */
	char			 owner[64];	/* serial it is bound to */
	size_t			 present;
};

int
pins_new(struct pins **out, const struct settings *s, struct err *e)
{
	const struct options *o = settings_get(s);
	struct pins *p;
	int r = 0;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "PINs");
	pthread_mutex_init(&p->lock, NULL);
	p->settings = s;
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

/* Is the global PIN, for `wanted` if that is not NULL, for this token? */
static bool
owns_global(struct pins *p, const char *wanted, const char *serial,
    const char *label)
{
	bool ours;

	pthread_mutex_lock(&p->lock);
	if (p->owner[0] != '\0')
		ours = strcmp(p->owner, serial) == 0;
	else if (wanted != NULL)
		ours = strcmp(wanted, serial) == 0 ||
		    strcmp(wanted, label) == 0;
	else
		ours = p->present == 1;
	if (ours)
		snprintf(p->owner, sizeof(p->owner), "%s", serial);
	pthread_mutex_unlock(&p->lock);
	return ours;
}

/* Did a person change it after it was rejected? */
static bool
is_newer(const struct pin_source *src, const struct timespec *than)
{
	struct timespec t;
	struct err e;

	return pin_source_changed(src, &t, &e) == 0 &&
	    (t.tv_sec > than->tv_sec ||
	    (t.tv_sec == than->tv_sec && t.tv_nsec > than->tv_nsec));
}

static int
is_barred(const char *origin, struct err *e)
{
	return err_set(e, ERR_DENIED, 0, "the PIN %s was rejected, or may have "
	    "been, and is not sent again until somebody logs in", origin);
}

static int
from_source(const struct pin_source *src, const struct pins_query *q,
    struct secret *out, const char **origin, struct err *e)
{
	static const char *const origins[] = {
		[PIN_SOURCE_FILE] = "in PinFile",
		[PIN_SOURCE_CREDENTIAL] = "in PinCredential",
		[PIN_SOURCE_COMMAND] = "of PinCommand",
	};

	int r;

	*origin = origins[src->kind];
	if (q->barred != NULL && !is_newer(src, q->barred))
		return is_barred(*origin, e);
	r = pin_source_read(src, q->cancel_fd, out, e);
	if (r == ERR_NOTFOUND)		/* one was named, that is amiss */
		r = (int)(e->code = ERR_DENIED);
	return r;
}

int
pins_get(struct pins *p, const struct pins_query *q, struct secret *out,
    const char **origin, struct err *e)
{
	const struct options *o = settings_get(p->settings);
	const struct token_options *t = options_block(o, q->serial,
	    q->label);

	secret_clear(out);
	if (t != NULL && t->source.value != NULL)
		return from_source(&t->source, q, out, origin, e);
	if (p->from_fd == NULL && o->all.source.value == NULL)
		return err_set(e, ERR_NOTFOUND, 0, "no PIN was given");
	if (!owns_global(p, o->token, q->serial, q->label))
		return err_set(e, ERR_NOTFOUND, 0,
		    "the PIN given at start is not for token %s; name the "
		    "token it is for with --token", q->serial);
	if (p->from_fd == NULL)
		return from_source(&o->all.source, q, out, origin, e);
	*origin = "from --pin-fd";
	if (q->barred != NULL)
		return is_barred(*origin, e);
	secret_copy(out, p->from_fd);
	return 0;
}
