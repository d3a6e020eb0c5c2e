/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "pin/tty.h"

static int
open_tty(void)
{
	return open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

bool
pin_tty_usable(void)
{
	int fd = open_tty();
	bool ok;

	if (fd == -1)
		return false;
	/* A background process that reads from it would be stopped. */
	ok = tcgetpgrp(fd) == getpgrp();
	close(fd);
	return ok;
}

static int
say(int fd, const char *text, struct err *e)
{
	if (write(fd, text, strlen(text)) == -1)
		return err_sys(e, "terminal");
	return 0;
}

static int
ask(const char *prompt, bool echo, int cancel_fd, struct secret *out,
    struct err *e)
{
	struct termios saved, mode;
	struct err ignored;
	int fd, r;

	if ((fd = open_tty()) == -1)
		return err_sys(e, "terminal");
	if (tcgetattr(fd, &saved) == -1) {
		r = err_sys(e, "terminal");
		close(fd);
		return r;
	}
	mode = saved;
	mode.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	mode.c_lflag |= ICANON | ISIG | (echo ? ECHO : 0);
	/* What was typed before the question was shown is no answer to it. */
	if (tcsetattr(fd, TCSAFLUSH, &mode) == -1) {
		r = err_sys(e, "terminal");
		close(fd);
		return r;
	}
	if ((r = say(fd, prompt, e)) == 0)
		r = secret_read_line(out, fd, cancel_fd, e);
	(void)tcsetattr(fd, TCSAFLUSH, &saved);
	/* The line end that echo left out, or that nobody typed. */
	if (!echo || r != 0)
		(void)say(fd, "\n", &ignored);
	close(fd);
	return r;
}

int
pin_tty(const char *prompt, int cancel_fd, struct secret *out, struct err *e)
{
	return ask(prompt, false, cancel_fd, out, e);
}

int
pin_tty_shown(const char *prompt, int cancel_fd, struct secret *out,
    struct err *e)
{
	return ask(prompt, true, cancel_fd, out, e);
}
