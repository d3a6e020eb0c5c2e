/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/spawn.h"
#include "pin/assuan.h"
#include "pin/confirm.h"
#include "pin/pinentry.h"
#include "pin/text.h"
#include "pin/tty.h"

/* libgpg-error's, in the lower half of a code. */
#define GPG_CODE		0xffffU
#define GPG_TIMEOUT		62
#define GPG_CANCELED		99
#define GPG_NOT_CONFIRMED	114
#define GPG_FULLY_CANCELED	198

#define END_MS	1000	/* from BYE to its end */

struct talk {
	int		 fd, cancel_fd;
	struct assuan	*in;
	const char	*declined, *late;	/* what its refusals mean */
};

/* What is said once it has greeted: it shows and answers one question. */
typedef int	 ask_fn(struct talk *t, void *arg, struct err *e);

static int
ended(struct err *e)
{
	return err_set(e, ERR_CANCELLED, 0, "it ended without an answer");
}

/* One line, without a secret. */
static int
say(struct talk *t, const char *line, struct err *e)
{
	char buf[ASSUAN_LINE_MAX];
	int n = snprintf(buf, sizeof(buf), "%s\n", line);
	ssize_t sent;

	if (n < 0 || (size_t)n >= sizeof(buf))
		return err_set(e, ERR_LIMIT, 0, "too long a line for it");
	/* It answers each line: so few bytes always have room. */
	while ((sent = send(t->fd, buf, (size_t)n, MSG_NOSIGNAL)) == -1)
		if (errno != EINTR)
			return ended(e);
	return sent == n ? 0 : ended(e);
}

static int
read_some(struct talk *t, struct err *e)
{
	void *to;
	size_t n;
	int r;

	to = assuan_room(t->in, &n);
	r = secret_read(to, &n, t->fd, t->cancel_fd, -1, e);
	if (r == ERR_SYS && e->detail == ECONNRESET)
		return ended(e);
	if (r != 0)
		return r;
	if (n == 0)
		return ended(e);
	assuan_added(t->in, n);
	return 0;
}

/* Until OK or ERR. */
static int
listen_to(struct talk *t, struct secret *data, struct assuan_answer *answer,
    struct err *e)
{
	int r;

	do {
		if ((r = assuan_next(t->in, data, answer, e)) != 0)
			return r;
		if (answer->kind == ASSUAN_MORE)
			r = read_some(t, e);
		else if (answer->kind == ASSUAN_INQUIRE)
			r = say(t, "CAN", e);
	} while (r == 0 && (answer->kind == ASSUAN_MORE ||
	    answer->kind == ASSUAN_INQUIRE));
	return r;
}

static int
refused(const struct talk *t, const struct assuan_answer *answer,
    struct err *e)
{
	switch (answer->code & GPG_CODE) {
	case GPG_CANCELED:
	case GPG_FULLY_CANCELED:
	case GPG_NOT_CONFIRMED:
		return err_set(e, ERR_CANCELLED, 0, "%s", t->declined);
	case GPG_TIMEOUT:
		return err_set(e, ERR_CANCELLED, ETIMEDOUT, "%s", t->late);
	default:
		return err_set(e, ERR_DENIED, (int)(answer->code & GPG_CODE),
		    "it could not ask: %s (%u)", answer->text, answer->code);
	}
}

static int
command(struct talk *t, const char *line, struct secret *data, struct err *e)
{
	struct assuan_answer answer;
	int r;

	if ((r = say(t, line, e)) != 0 ||
	    (r = listen_to(t, data, &answer, e)) != 0)
		return r;
	return answer.kind == ASSUAN_OK ? 0 : refused(t, &answer, e);
}

/* One that it need not know. */
static int
hint(struct talk *t, const char *line, struct err *e)
{
	struct assuan_answer answer;
	int r;

	if ((r = say(t, line, e)) != 0)
		return r;
	return listen_to(t, NULL, &answer, e);
}

/* Values are not escaped there: one that would need it is left out. */
static int
option(struct talk *t, const char *name, const char *value, struct err *e)
{
	char line[256];
	int n;

	if (value == NULL || value[0] == '\0')
		return 0;
	for (const char *p = value; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return 0;
	n = snprintf(line, sizeof(line), "OPTION %s=%s", name, value);
	if (n < 0 || (size_t)n >= sizeof(line))
		return 0;
	return hint(t, line, e);
}

/* The one of these variables that counts; as locale(7) has it. */
static const char *
locale_of(const char *category)
{
	const char *names[] = { "LC_ALL", category, "LANG" };
	const char *v;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if ((v = getenv(names[i])) != NULL && v[0] != '\0')
			return v;
	return NULL;
}

/* Where and how to show itself. */
static int
send_place(struct talk *t, struct err *e)
{
	const char *tty = pin_tty_usable() ? "/dev/tty" : getenv("GPG_TTY");
	int r;

	/* As GnuPG does: one that grabs the keyboard can lock a desktop. */
	if ((r = hint(t, "OPTION no-grab", e)) != 0 ||
	    (r = option(t, "ttyname", tty, e)) != 0 ||
	    (r = option(t, "ttytype", getenv("TERM"), e)) != 0 ||
	    (r = option(t, "lc-ctype", locale_of("LC_CTYPE"), e)) != 0 ||
	    (r = option(t, "lc-messages", locale_of("LC_MESSAGES"), e)) != 0)
		return r;
	return option(t, "display", getenv("DISPLAY"), e);
}

/* Some pinentries look for markup in what they show. */
static void
no_markup(char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '<')
			*text = '(';
		if (*text == '>')
			*text = ')';
	}
}

static void
describe(char *line, const struct pin_prompt *p)
{
	char asked[PIN_TEXT_ASKED], reason[PIN_TEXT_LINE], left[32];
	char text[PIN_TEXT_ALL];

	pin_text_asked(asked, sizeof(asked), p);
	pin_text_tries(left, sizeof(left), p->tries);
	pin_text_clean(reason, sizeof(reason), p->reason);
	snprintf(text, sizeof(text), "%s%s%s%s%s", asked,
	    left[0] != '\0' ? "\n" : "", left,
	    reason[0] != '\0' ? "\n\n" : "", reason);
	no_markup(text);
	(void)assuan_escape(line, text);
}

static int
send_frame(struct talk *t, unsigned int timeout, struct err *e)
{
	char title[ASSUAN_LINE_MAX] = "SETTITLE ";
	char seconds[32];
	int r;

	(void)assuan_escape(title, program_invocation_short_name);
	snprintf(seconds, sizeof(seconds), "SETTIMEOUT %u", timeout);
	if ((r = hint(t, title, e)) != 0)
		return r;
	return timeout > 0 ? hint(t, seconds, e) : 0;
}

struct pin_question {
	unsigned int	 timeout;
	const struct pin_prompt *prompt;
	struct secret	*out;
};

/* A person must see which token it is about. */
static int
ask_pin(struct talk *t, void *arg, struct err *e)
{
	char desc[ASSUAN_LINE_MAX] = "SETDESC ";
	char error[ASSUAN_LINE_MAX] = "SETERROR ";
	const struct pin_question *q = arg;
	const struct pin_prompt *p = q->prompt;
	char text[PIN_TEXT_LINE], prompt[64];
	int r;

	describe(desc, p);
	pin_text_clean(text, sizeof(text), p->error);
	no_markup(text);
	(void)assuan_escape(error, text);
	snprintf(prompt, sizeof(prompt), "SETPROMPT %.40s:",
	    p->name != NULL ? p->name : "PIN");
	if ((r = send_frame(t, q->timeout, e)) != 0 ||
	    (r = command(t, desc, NULL, e)) != 0 ||
	    (r = hint(t, prompt, e)) != 0 ||
	    (text[0] != '\0' && (r = hint(t, error, e)) != 0))
		return r;
	return command(t, "GETPIN", q->out, e);
}

struct consent_question {
	unsigned int	 timeout;
	const char	*text;
};

/* Nothing may be hidden from who consents. */
static int
ask_consent(struct talk *t, void *arg, struct err *e)
{
	const struct consent_question *q = arg;
	char desc[ASSUAN_LINE_MAX] = "SETDESC ";
	char text[PIN_CONFIRM_MAX];
	int r;

	pin_text_clean_lines(text, sizeof(text), q->text);
	no_markup(text);
	if (!assuan_escape(desc, text))
		return err_set(e, ERR_LIMIT, 0, "the question is too long "
		    "to be shown");
	if ((r = send_frame(t, q->timeout, e)) != 0 ||
	    (r = command(t, desc, NULL, e)) != 0 ||
	    (r = hint(t, "SETOK Allow", e)) != 0 ||
	    (r = hint(t, "SETCANCEL Deny", e)) != 0)
		return r;
	return command(t, "CONFIRM", NULL, e);
}

static int
converse(struct talk *t, ask_fn *ask, void *arg, struct err *e)
{
	struct assuan_answer greeting;
	int r;

	if ((r = listen_to(t, NULL, &greeting, e)) != 0)
		return r;
	if (greeting.kind != ASSUAN_OK)
		return refused(t, &greeting, e);
	if ((r = send_place(t, e)) != 0)
		return r;
	return ask(t, arg, e);
}

/* It has nothing more to say; one that stays is ended. */
static void
part_from(struct talk *t, pid_t pid)
{
	struct err ignored;
	int status;

	(void)say(t, "BYE", &ignored);
	(void)shutdown(t->fd, SHUT_WR);
	if (!spawn_wait(pid, END_MS, &status))
		spawn_kill(pid);
}

static int
run(const char *program, struct talk *t, ask_fn *ask, void *arg,
    struct err *e)
{
	char *argv[] = { strdup(program), NULL };
	pid_t pid;
	int r;

	t->in = assuan_new();
	if (argv[0] == NULL || t->in == NULL) {
		r = err_set(e, ERR_NOMEM, 0, "%s", program);
		goto out;
	}
	if ((r = spawn_talker(argv, &pid, &t->fd, e)) != 0)
		goto out;
	if ((r = converse(t, ask, arg, e)) == 0) {
		part_from(t, pid);
	} else {
		spawn_kill(pid);
		r = err_wrap(e, "%s", program);
	}
	close(t->fd);
out:
	assuan_free(t->in);
	free(argv[0]);
	return r;
}

int
pin_pinentry(const char *program, unsigned int timeout,
    const struct pin_prompt *p, int cancel_fd, struct secret *out,
    struct err *e)
{
	struct talk t = { .cancel_fd = cancel_fd,
	    .declined = "PIN entry was cancelled",
	    .late = "nobody entered the PIN in time" };
	struct pin_question q = { timeout, p, out };
	int r;

	if ((r = run(program, &t, ask_pin, &q, e)) != 0)
		secret_clear(out);
	return r;
}

int
pin_pinentry_confirm(const char *program, unsigned int timeout,
    const char *text, int cancel_fd, struct err *e)
{
	struct talk t = { .cancel_fd = cancel_fd, .declined = "declined",
	    .late = "nobody answered in time" };
	struct consent_question q = { timeout, text };

	return run(program, &t, ask_consent, &q, e);
}
