/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "pin/askpass.h"
#include "pin/pin.h"
#include "pin/pinentry.h"
#include "pin/text.h"
#include "pin/tty.h"
#include "pin/way.h"

bool
pin_can_ask(const struct pin_asker *how)
{
	struct pin_way w;

	pin_way_choose(how, &w);
	return w.there;
}

static const char *
name_of(const struct pin_prompt *p)
{
	return p->name != NULL ? p->name : "PIN";
}

static int
nobody(const struct pin_prompt *p, struct err *e)
{
	char serial[PIN_TEXT_NAME];
	const bool known = p->serial != NULL && p->serial[0] != '\0';

	pin_text_clean(serial, sizeof(serial), p->serial);
	return err_set(e, ERR_DENIED, 0,
	    "nobody to ask for the %.40s: there is no terminal, no "
	    "SSH_ASKPASS and no pinentry that could show itself%s%s%s",
	    name_of(p), known ? "; give it with \"ssh-add -s " : "", serial,
	    known ? "\"" : "");
}

int
pin_ask(const struct pin_asker *how, const struct pin_prompt *p,
    int cancel_fd, struct secret *out, struct err *e)
{
	char line[PIN_TEXT_ALL];
	struct pin_way w;
	int r = 0;

	secret_clear(out);
	pin_way_choose(how, &w);
	pin_text_line(line, sizeof(line), p);
	switch (w.kind) {
	case PIN_WAY_NONE:
		return nobody(p, e);
	case PIN_WAY_TERMINAL:
		r = pin_tty(line, cancel_fd, out, e);
		break;
	case PIN_WAY_ASKPASS:
		r = pin_askpass(w.program, line, cancel_fd, out, e);
		break;
	case PIN_WAY_PINENTRY:
		r = pin_pinentry(w.program, how->timeout, p, cancel_fd, out,
		    e);
		break;
	}
	if (r == 0 && secret_len(out) == 0)
		r = err_set(e, ERR_CANCELLED, 0, "no %.40s was entered",
		    name_of(p));
	if (r != 0)
		secret_clear(out);
	return r;
}
