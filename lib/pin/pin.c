/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pin/askpass.h"
#include "pin/pin.h"
#include "pin/tty.h"

#define DEFAULT_ASKPASS	"/usr/bin/ssh-askpass"

/* The program to ask with, or NULL. */
static const char *
askpass_program(void)
{
	const char *p = getenv("SSH_ASKPASS");

	if (p != NULL && p[0] != '\0')
		return p;
	if (getenv("DISPLAY") == NULL && getenv("WAYLAND_DISPLAY") == NULL)
		return NULL;
	return access(DEFAULT_ASKPASS, X_OK) == 0 ? DEFAULT_ASKPASS : NULL;
}

static bool
require_is(const char *word)
{
	const char *v = getenv("SSH_ASKPASS_REQUIRE");

	return v != NULL && strcmp(v, word) == 0;
}

int
pin_ask(const char *prompt, int cancel_fd, struct secret *out, struct err *e)
{
	const char *program = require_is("never") ? NULL : askpass_program();
	bool tty = !require_is("force") && pin_tty_usable();

	secret_clear(out);
	if (program != NULL && (!tty || require_is("prefer")))
		return pin_askpass(program, prompt, cancel_fd, out, e);
	if (tty)
		return pin_tty(prompt, cancel_fd, out, e);
	return err_set(e, ERR_DENIED, 0,
	    "nobody to ask for the PIN: the agent has no terminal and no "
	    "SSH_ASKPASS; give it with \"ssh-add -s SERIAL\"");
}
