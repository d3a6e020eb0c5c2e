/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pty-run PATTERN ANSWER COMMAND...: run COMMAND with a terminal of its own.
 * When it has printed PATTERN, type ANSWER and a line end, once.  What the
 * terminal shows is copied to standard output.  Exits as COMMAND does, or
 * with 124 when that takes longer than a minute.
 *
 * An empty PATTERN types nothing.
 */
#include <sys/types.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOWN_MAX	65536
#define PATIENCE_MS	60000

struct dialogue {
	int		 fd;
	const char	*pattern, *answer;
	bool		 answered;
	char		 shown[SHOWN_MAX];	/* with a NUL behind it */
	size_t		 n;
};

static void
type_answer(struct dialogue *d)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "%s\n", d->answer);

	if (n < 0 || (size_t)n >= sizeof(line))
		errx(125, "the answer is too long");
	if (write(d->fd, line, (size_t)n) != n)
		err(125, "terminal");
	d->answered = true;
}

/* False at the end of what the terminal has to show. */
static bool
copy_some(struct dialogue *d)
{
	ssize_t n;

	if (d->n == sizeof(d->shown) - 1)
		errx(125, "too much on the terminal");
	n = read(d->fd, d->shown + d->n, sizeof(d->shown) - 1 - d->n);
	if (n == -1 && errno == EINTR)
		return true;
	if (n <= 0)
		return false;	/* EIO: nobody has it open any more */
	fwrite(d->shown + d->n, 1, (size_t)n, stdout);
	fflush(stdout);
	d->n += (size_t)n;
	d->shown[d->n] = '\0';
	if (!d->answered && d->pattern[0] != '\0' &&
	    strstr(d->shown, d->pattern) != NULL)
		type_answer(d);
	return true;
}

int
main(int argc, char **argv)
{
	static struct dialogue d;
	struct pollfd p = { .events = POLLIN };
	int status;
	pid_t pid;

	if (argc < 4)
		errx(125, "usage: pty-run PATTERN ANSWER COMMAND...");
	d.pattern = argv[1];
	d.answer = argv[2];
	if ((pid = forkpty(&d.fd, NULL, NULL, NULL)) == -1)
		err(125, "forkpty");
	if (pid == 0) {
		execvp(argv[3], argv + 3);
		err(127, "%s", argv[3]);
	}
	p.fd = d.fd;
	do {
		if (poll(&p, 1, PATIENCE_MS) == 0) {
			kill(pid, SIGKILL);
			errx(124, "nothing happens any more");
		}
	} while (copy_some(&d));
	if (waitpid(pid, &status, 0) == -1)
		err(125, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    128 + WTERMSIG(status);
}
