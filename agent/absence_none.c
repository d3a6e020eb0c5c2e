/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/absence_watch.h"

int
logind_new(struct logind **out, const struct absence_conf *conf,
    struct err *e)
{
	(void)e;
	log_debug(conf->log, "built without libsystemd: %s",
	    conf->screen_lock ? "no screen lock will be noticed" :
	    "suspend will be noticed when it is over");
	*out = NULL;
	return 0;
}

void
logind_done(struct logind *l)
{
	(void)l;
}

void
logind_free(struct logind *l)
{
	(void)l;
}

int
saver_new(struct saver **out, const struct absence_conf *conf, struct err *e)
{
	(void)conf;
	(void)e;
	*out = NULL;
	return 0;
}

void
saver_free(struct saver *s)
{
	(void)s;
}
