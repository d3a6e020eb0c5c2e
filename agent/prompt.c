/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/aside.h"
#include "agent/prompt.h"

struct prompt {
	struct prompt_conf	 conf;
	struct aside		*aside;		/* owns the rest of it */
	struct pin_prompt	 what;		/* points into what follows */
	char			 label[64], serial[32], reason[200];
	char			 error[200];
	char			*pinentry;
	struct secret		*pin;		/* the thread's while it asks */
};

static void
destroy(void *arg)
{
	struct prompt *p = arg;

	secret_free(p->pin);
	free(p->pinentry);
	free(p);
}

static int
call(void *arg, int cancel_fd, struct err *e)
{
	struct prompt *p = arg;

	return pin_ask(&p->conf.asker, &p->what, cancel_fd, p->pin, e);
}

static void
over(void *arg, int r, const struct err *e)
{
	struct prompt *p = arg;

	p->conf.fn(p->conf.arg, r, p->pin, e);
}

/* Text that its owner may change or free while the question is open. */
static const char *
keep(char *to, size_t len, const char *from)
{
	if (from == NULL || from[0] == '\0')
		return NULL;
	snprintf(to, len, "%s", from);
	return to;
}

static int
start(struct prompt *p, const struct pin_prompt *what, struct err *e)
{
	const struct aside_conf conf = { .loop = p->conf.loop,
	    .timeout = p->conf.asker.timeout,
	    .late = "nobody entered the PIN", .arg = p, .call = call,
	    .over = over, .destroy = destroy };

	p->what = *what;
	(void)keep(p->label, sizeof(p->label), what->label);
	(void)keep(p->serial, sizeof(p->serial), what->serial);
	p->what.label = p->label;
	p->what.serial = p->serial;
	p->what.reason = keep(p->reason, sizeof(p->reason), what->reason);
	p->what.error = keep(p->error, sizeof(p->error), what->error);
	if (p->conf.asker.pinentry != NULL &&
	    (p->pinentry = strdup(p->conf.asker.pinentry)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "prompt");
	p->conf.asker.pinentry = p->pinentry;
	if ((p->pin = secret_new()) == NULL)
		return err_set(e, ERR_NOMEM, 0, "prompt");
	return aside_new(&p->aside, &conf, e);
}

int
prompt_new(struct prompt **out, const struct prompt_conf *conf,
    const struct pin_prompt *what, struct err *e)
{
	struct prompt *p;
	int r;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "prompt");
	p->conf = *conf;
	if ((r = start(p, what, e)) != 0) {
		destroy(p);
		return r;
	}
	*out = p;
	return 0;
}

void
prompt_free(struct prompt *p)
{
	if (p != NULL)
		aside_free(p->aside);
}
