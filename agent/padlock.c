/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "agent/padlock.h"

#define DELAY_MS	100		/* after the first, then twice, ... */
#define DELAY_MAX_MS	10000

bool
padlock_closed(const struct padlock *p)
{
	return p->password != NULL;
}

static int
take(struct span password, struct secret **out, struct err *e)
{
	struct secret *s;

	if (password.n == 0)
		return err_set(e, ERR_DENIED, 0, "the password is empty");
	if ((s = secret_new()) == NULL)
		return err_set(e, ERR_NOMEM, 0, "password");
	if (secret_add(s, password.p, password.n) != 0) {
		secret_free(s);
		return err_set(e, ERR_LIMIT, 0,
		    "the password is longer than %d bytes", SECRET_MAX);
	}
	*out = s;
	return 0;
}

int
padlock_close(struct padlock *p, struct span password, struct err *e)
{
	int r;

	if (padlock_closed(p))
		return err_set(e, ERR_DENIED, 0, "the agent is locked already");
	if ((r = take(password, &p->password, e)) == 0)
		p->wrong = 0;
	return r;
}

int
padlock_open(struct padlock *p, struct span password, struct err *e)
{
	struct secret *given;
	int r;

	if (!padlock_closed(p))
		return err_set(e, ERR_DENIED, 0, "the agent is not locked");
	if ((r = take(password, &given, e)) != 0 && r != ERR_NOMEM) {
		p->wrong++;
		return r;
	} else if (r != 0) {
		return r;
	}
	if (secret_eq(given, p->password)) {
		padlock_free(p);
	} else {
		p->wrong++;
		r = err_set(e, ERR_DENIED, (int)p->wrong,
		    "the password is wrong");
	}
	secret_free(given);
	return r;
}

unsigned int
padlock_delay(const struct padlock *p)
{
	return p->wrong > DELAY_MAX_MS / DELAY_MS ? DELAY_MAX_MS :
	    p->wrong * DELAY_MS;
}

void
padlock_free(struct padlock *p)
{
	secret_free(p->password);
	*p = (struct padlock){ 0 };
}
