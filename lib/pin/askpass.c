/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/spawn.h"
#include "pin/askpass.h"

#define END_MS	2000	/* from its answer to its end */

/* Its status says whether the answer is one. */
static int
finish(const char *program, pid_t pid, struct err *e)
{
	int status;

	if (!spawn_wait(pid, END_MS, &status)) {
		spawn_kill(pid);
		return err_set(e, ERR_CANCELLED, 0,
		    "%s gave an answer and did not end", program);
	}
	if (status != 0)
		return err_set(e, ERR_CANCELLED, status,
		    "PIN entry was cancelled (%s ended with %d)", program,
		    status);
	return 0;
}

int
pin_askpass(const char *program, const char *prompt, int cancel_fd,
    struct secret *out, struct err *e)
{
	char *argv[] = { strdup(program), strdup(prompt), NULL };
	pid_t pid;
	int fd, r;

	if (argv[0] == NULL || argv[1] == NULL) {
		r = err_set(e, ERR_NOMEM, 0, "%s", program);
		goto out;
	}
	if ((r = spawn_reader(argv, &pid, &fd, e)) != 0)
		goto out;
	r = secret_read_line(out, fd, cancel_fd, e);
	close(fd);
	if (r != 0)
		spawn_kill(pid);
	else
		r = finish(program, pid, e);
	if (r != 0)
		secret_clear(out);
out:
	free(argv[0]);
	free(argv[1]);
	return r;
}
