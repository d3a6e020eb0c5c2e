/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "agent/aside.h"
#include "agent/confirm.h"

struct confirm {
	struct confirm_conf	 conf;
	struct aside		*aside;		/* owns the rest of it */
	char			*text, *pinentry;
};

static void
destroy(void *arg)
{
	struct confirm *c = arg;

	free(c->text);
	free(c->pinentry);
	free(c);
}

static int
call(void *arg, int cancel_fd, struct err *e)
{
	struct confirm *c = arg;

	return pin_confirm(&c->conf.asker, c->text, cancel_fd, e);
}

static void
over(void *arg, int r, const struct err *e)
{
	struct confirm *c = arg;

	c->conf.fn(c->conf.arg, r, e);
}

static int
start(struct confirm *c, const char *text, struct err *e)
{
	const char *pinentry = c->conf.asker.pinentry;
	const struct aside_conf conf = { .loop = c->conf.loop,
	    .timeout = c->conf.asker.timeout, .late = "nobody answered",
	    .arg = c, .call = call, .over = over, .destroy = destroy };

	if ((c->text = strdup(text)) == NULL || (pinentry != NULL &&
	    (c->pinentry = strdup(pinentry)) == NULL))
		return err_set(e, ERR_NOMEM, 0, "question");
	c->conf.asker.pinentry = c->pinentry;
	return aside_new(&c->aside, &conf, e);
}

int
confirm_new(struct confirm **out, const struct confirm_conf *conf,
    const char *text, struct err *e)
{
	struct confirm *c;
	int r;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "question");
	c->conf = *conf;
	if ((r = start(c, text, e)) != 0) {
		destroy(c);
		return r;
	}
	*out = c;
	return 0;
}

void
confirm_free(struct confirm *c)
{
	if (c != NULL)
		aside_free(c->aside);
}
