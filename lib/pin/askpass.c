/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/spawn.h"
#include "pin/askpass.h"

#define END_MS	2000	/* from its answer to its end */

/* *status says whether the answer is one. */
static int
finish(const char *program, pid_t pid, int *status, struct err *e)
{
	if (spawn_wait(pid, END_MS, status))
		return 0;
	spawn_kill(pid);
	return err_set(e, ERR_CANCELLED, 0,
	    "%s gave an answer and did not end", program);
}

/* It may close its output only when it is answered. */
static int
drain(int fd, int cancel_fd, struct err *e)
{
	char rest[64];
	size_t n;
	int r;

	do {
		n = sizeof(rest);
		r = secret_read(rest, &n, fd, cancel_fd, -1, e);
	} while (r == 0 && n > 0);
	return r;
}

/*
 * Start it, with that variable or NULL; what it says is in *out, and how it
 * ended in *status.
 */
static int
run(char *const argv[], char *variable, int cancel_fd, struct secret *out,
    int *status, struct err *e)
{
	pid_t pid;
	int fd, r;

	r = variable == NULL ? spawn_reader(argv, &pid, &fd, e) :
	    spawn_reader_with(argv, variable, &pid, &fd, e);
	if (r != 0)
		return r;
	r = secret_read_line(out, fd, cancel_fd, e);
	if (r == 0 && variable != NULL)
		r = drain(fd, cancel_fd, e);
	close(fd);
	if (r == 0)
		return finish(argv[0], pid, status, e);
	spawn_kill(pid);
	return r;
}

static int
ask(const char *program, const char *prompt, char *variable, int cancel_fd,
    struct secret *out, int *status, struct err *e)
{
	char *argv[] = { strdup(program), strdup(prompt), NULL };
	int r;

	if (argv[0] == NULL || argv[1] == NULL)
		r = err_set(e, ERR_NOMEM, 0, "%s", program);
	else
		r = run(argv, variable, cancel_fd, out, status, e);
	free(argv[0]);
	free(argv[1]);
	return r;
}

int
pin_askpass(const char *program, const char *prompt, int cancel_fd,
    struct secret *out, struct err *e)
{
	int r, status;

	r = ask(program, prompt, NULL, cancel_fd, out, &status, e);
	if (r == 0 && status != 0)
		r = err_set(e, ERR_CANCELLED, status,
		    "PIN entry was cancelled (%s ended with %d)", program,
		    status);
	if (r != 0)
		secret_clear(out);
	return r;
}

int
pin_askpass_confirm(const char *program, const char *text, int cancel_fd,
    struct secret *said, struct err *e)
{
	char variable[] = "SSH_ASKPASS_PROMPT=confirm";
	int r, status;

	r = ask(program, text, variable, cancel_fd, said, &status, e);
	if (r == 0 && status != 0)
		r = err_set(e, ERR_CANCELLED, status,
		    "declined (%s ended with %d)", program, status);
	return r;
}
