/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "agent/absence.h"
#include "agent/absence_clock.h"
#include "agent/absence_watch.h"

struct absence {
	struct absence_conf conf;
	struct absence_clock *clock;
	struct logind	*logind;
	struct saver	*saver;
};

static void
on_slept(void *arg, int64_t ms)
{
	struct absence *a = arg;

	log_debug(a->conf.log, "the machine was asleep for %lld s",
	    (long long)(ms / 1000));
	a->conf.fn(a->conf.arg, ABSENCE_SUSPEND);
}

int
absence_new(struct absence **out, const struct absence_conf *conf,
    struct err *e)
{
	struct absence *a;
	int r = 0;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "suspend and screen lock");
	a->conf = *conf;
	if (conf->suspend)
		r = absence_clock_new(&a->clock, conf->loop, NULL, on_slept, a,
		    e);
	if (r == 0 && (conf->suspend || conf->screen_lock))
		r = logind_new(&a->logind, conf, e);
	if (r == 0 && conf->screen_lock)
		r = saver_new(&a->saver, conf, e);
	if (r != 0) {
		absence_free(a);
		return r;
	}
	*out = a;
	return 0;
}

void
absence_done(struct absence *a)
{
	logind_done(a->logind);
}

void
absence_free(struct absence *a)
{
	if (a == NULL)
		return;
	saver_free(a->saver);
	logind_free(a->logind);
	absence_clock_free(a->clock);
	free(a);
}
