/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/spawn.h"
#include "pin/askpass.h"

int
pin_askpass(const char *program, const char *prompt, int cancel_fd,
    struct secret *out, struct err *e)
{
	char *argv[] = { strdup(program), strdup(prompt), NULL };
	int fd, r, status;
	pid_t pid;

	if (argv[0] == NULL || argv[1] == NULL) {
		r = err_set(e, ERR_NOMEM, 0, "%s", program);
		goto out;
	}
	if ((r = spawn_reader(argv, &pid, &fd, e)) != 0)
		goto out;
	r = secret_read_line(out, fd, cancel_fd, e);
	close(fd);
	if (r != 0) {
		spawn_kill(pid);
		goto out;
	}
	if ((status = spawn_wait(pid)) != 0) {
		secret_clear(out);
		r = err_set(e, ERR_CANCELLED, status,
		    "PIN entry was cancelled (%s ended with %d)", program,
		    status);
	}
out:
	free(argv[0]);
	free(argv[1]);
	return r;
}
