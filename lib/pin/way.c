/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pin/tty.h"
#include "pin/way.h"

#define DEFAULT_ASKPASS		"/usr/bin/ssh-askpass"
#define DEFAULT_PINENTRY	"pinentry"

/* A variable that is set to something, or NULL. */
static const char *
variable(const char *name)
{
	const char *v = getenv(name);

	return v != NULL && v[0] != '\0' ? v : NULL;
}

static bool
require_is(const char *word)
{
	const char *v = variable("SSH_ASKPASS_REQUIRE");

	return v != NULL && strcmp(v, word) == 0;
}

static bool
has_display(void)
{
	return variable("DISPLAY") != NULL ||
	    variable("WAYLAND_DISPLAY") != NULL;
}

static bool
is_program(const char *path)
{
	struct stat st;

	return access(path, X_OK) == 0 && stat(path, &st) == 0 &&
	    S_ISREG(st.st_mode);
}

/* In the directories of PATH that do not depend on where we are. */
static bool
find(const char *name, char *out, size_t size)
{
	const char *dir = variable("PATH"), *next;
	size_t n;
	int len;

	for (; dir != NULL; dir = next) {
		n = strcspn(dir, ":");
		next = dir[n] == ':' ? dir + n + 1 : NULL;
		if (dir[0] != '/' || n >= size)
			continue;
		len = snprintf(out, size, "%.*s/%s", (int)n, dir, name);
		if (len > 0 && (size_t)len < size && is_program(out))
			return true;
	}
	return false;
}

/* A program that somebody named; if it is not there, it says so later. */
static void
take_program(struct pin_way *w, enum pin_way_kind kind, const char *name)
{
	int n;

	w->kind = kind;
	w->there = strchr(name, '/') == NULL &&
	    find(name, w->program, sizeof(w->program));
	if (w->there)
		return;
	n = snprintf(w->program, sizeof(w->program), "%s", name);
	w->there = strchr(name, '/') != NULL && n > 0 &&
	    (size_t)n < sizeof(w->program) && is_program(w->program);
}

static bool
choose_terminal(struct pin_way *w)
{
	if (!pin_tty_usable())
		return false;
	w->kind = PIN_WAY_TERMINAL;
	w->there = true;
	return true;
}

/*
 * One that nobody named.  The name in PATH is a link, to one that knows
 * terminals only or to one that does so when there is no display.
 */
static bool
choose_pinentry(struct pin_way *w)
{
	const char *tty = variable("GPG_TTY");
	bool on_tty = tty != NULL && access(tty, R_OK | W_OK) == 0;
	char found[PATH_MAX], *real;
	const char *name;
	bool shows;

	if (!find(DEFAULT_PINENTRY, found, sizeof(found)) ||
	    (real = realpath(found, NULL)) == NULL)
		return false;
	name = strrchr(real, '/') + 1;
	shows = on_tty || (has_display() &&
	    strcmp(name, "pinentry-curses") != 0 &&
	    strcmp(name, "pinentry-tty") != 0);
	free(real);
	if (shows)
		take_program(w, PIN_WAY_PINENTRY, found);
	return shows;
}

/* A dialogue that was not configured. */
static bool
choose_dialogue(struct pin_way *w, bool with_pinentry)
{
	const char *askpass = variable("SSH_ASKPASS");

	if (askpass != NULL) {
		take_program(w, PIN_WAY_ASKPASS, askpass);
		return true;
	}
	if (with_pinentry && choose_pinentry(w))
		return true;
	if (!has_display() || !is_program(DEFAULT_ASKPASS))
		return false;
	take_program(w, PIN_WAY_ASKPASS, DEFAULT_ASKPASS);
	return true;
}

void
pin_way_choose(const struct pin_asker *how, struct pin_way *w)
{
	const bool none = how->pinentry != NULL &&
	    strcmp(how->pinentry, "none") == 0;

	w->kind = PIN_WAY_NONE;
	w->there = false;
	if (require_is("force")) {
		(void)choose_dialogue(w, false);
		return;
	}
	if (how->pinentry != NULL && !none) {
		take_program(w, PIN_WAY_PINENTRY, how->pinentry);
		return;
	}
	if (!require_is("prefer") && choose_terminal(w))
		return;
	if (!require_is("never") && choose_dialogue(w, !none))
		return;
	(void)choose_terminal(w);
}
