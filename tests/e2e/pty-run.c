/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pty-run PATTERN ANSWER [-a PATTERN ANSWER]... COMMAND...: run COMMAND with a
 * terminal of its own.  When it has printed PATTERN, type ANSWER and a line
 * end, once; then wait for the next PATTERN behind that.  What the terminal
 * shows is copied to standard output.  Exits as COMMAND does, or with 124
 * when that takes longer than a minute.
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

#define ANSWERS_MAX	8

struct dialogue {
	int		 fd;
	struct {
		const char	*pattern, *answer;
	}		 v[ANSWERS_MAX];
	size_t		 answers, given;
	char		 shown[SHOWN_MAX];	/* with a NUL behind it */
	size_t		 n, seen;
};

static void
type_answer(struct dialogue *d)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "%s\n",
	    d->v[d->given].answer);

	if (n < 0 || (size_t)n >= sizeof(line))
		errx(125, "the answer is too long");
	if (write(d->fd, line, (size_t)n) != n)
		err(125, "terminal");
	d->given++;
}

/* False at the end of what the terminal has to show. */
static bool
copy_some(struct dialogue *d)
{
	const char *pattern, *p;
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
	if (d->given == d->answers)
		return true;
	pattern = d->v[d->given].pattern;
	if (pattern[0] != '\0' &&
	    (p = strstr(d->shown + d->seen, pattern)) != NULL) {
		d->seen = (size_t)(p - d->shown) + strlen(pattern);
		type_answer(d);
	}
	return true;
}

/* Where the command begins. */
static char **
take_answers(struct dialogue *d, int argc, char **argv)
{
	char **end = argv + argc;

	do {
		if (end - argv < 4 || d->answers == ANSWERS_MAX)
			errx(125, "usage: pty-run PATTERN ANSWER "
			    "[-a PATTERN ANSWER]... COMMAND...");
		d->v[d->answers].pattern = argv[1];
		d->v[d->answers++].answer = argv[2];
		argv += 3;
	} while (strcmp(argv[0], "-a") == 0);
	return argv;
}

int
main(int argc, char **argv)
{
	static struct dialogue d;
	struct pollfd p = { .events = POLLIN };
	int status;
	pid_t pid;

	argv = take_answers(&d, argc, argv);
	if ((pid = forkpty(&d.fd, NULL, NULL, NULL)) == -1)
		err(125, "forkpty");
	if (pid == 0) {
		execvp(argv[0], argv);
		err(127, "%s", argv[0]);
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
