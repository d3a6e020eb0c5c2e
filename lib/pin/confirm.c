/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "pin/askpass.h"
#include "pin/confirm.h"
#include "pin/pinentry.h"
#include "pin/text.h"
#include "pin/tty.h"
#include "pin/way.h"

#define CUT	"..."

void
pin_confirm_add(char text[static PIN_CONFIRM_MAX], const char *fmt, ...)
{
	char raw[PIN_CONFIRM_LINE - sizeof(CUT) + 1], line[sizeof(raw)];
	const size_t used = strlen(text), room = PIN_CONFIRM_MAX - used;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	pin_text_clean(line, sizeof(line), n < 0 ? CUT : raw);
	n = snprintf(text + used, room, "%s%s%s", used > 0 ? "\n" : "",
	    line, n >= (int)sizeof(raw) ? CUT : "");
	if (n < 0 || (size_t)n >= room)
		memcpy(text + PIN_CONFIRM_MAX - sizeof(CUT), CUT,
		    sizeof(CUT));
}

static int
nobody(struct err *e)
{
	return err_set(e, ERR_DENIED, 0,
	    "nobody to ask for consent: there is no terminal, no SSH_ASKPASS "
	    "and no pinentry that could show itself; set SSH_ASKPASS, or "
	    "PinEntry in the configuration");
}

static int
ask_terminal(const char *text, int cancel_fd, struct secret *said,
    struct err *e)
{
	char shown[PIN_CONFIRM_MAX + 64];

	snprintf(shown, sizeof(shown), "%s\nType \"yes\" to allow it: ",
	    text);
	return pin_tty_shown(shown, cancel_fd, said, e);
}

static bool
is_word(const struct secret *said, const char *word)
{
	return secret_len(said) == strlen(word) &&
	    strncasecmp(secret_bytes(said), word, strlen(word)) == 0;
}

/* By a way that reads a line; one that is too long is no yes either. */
static int
judge(int r, const struct secret *said, bool empty_is_yes, struct err *e)
{
	if (r != 0 && r != ERR_LIMIT)
		return r;
	if (r == 0 && (is_word(said, "yes") ||
	    (empty_is_yes && secret_len(said) == 0)))
		return 0;
	return err_set(e, ERR_CANCELLED, 0, "declined");
}

static int
ask(const struct pin_asker *how, const struct pin_way *w, const char *text,
    int cancel_fd, struct secret *said, struct err *e)
{
	int r = 0;

	switch (w->kind) {
	case PIN_WAY_NONE:
		r = nobody(e);
		break;
	case PIN_WAY_TERMINAL:
		r = ask_terminal(text, cancel_fd, said, e);
		r = judge(r, said, false, e);
		break;
	case PIN_WAY_ASKPASS:
		r = pin_askpass_confirm(w->program, text, cancel_fd, said, e);
		r = judge(r, said, true, e);
		break;
	case PIN_WAY_PINENTRY:
		r = pin_pinentry_confirm(w->program, how->timeout, text,
		    cancel_fd, e);
		break;
	}
	return r;
}

int
pin_confirm(const struct pin_asker *how, const char *text, int cancel_fd,
    struct err *e)
{
	char clean[PIN_CONFIRM_MAX];
	struct secret *said;
	struct pin_way w;
	int r;

	if (strlen(text) >= sizeof(clean))
		return err_set(e, ERR_LIMIT, 0, "the question is too long "
		    "to be shown");
	/* Somebody may type a PIN there. */
	if ((said = secret_new()) == NULL)
		return err_set(e, ERR_NOMEM, 0, "question");
	pin_text_clean_lines(clean, sizeof(clean), text);
	pin_way_choose(how, &w);
	r = ask(how, &w, clean, cancel_fd, said, e);
	secret_free(said);
	return r;
}
