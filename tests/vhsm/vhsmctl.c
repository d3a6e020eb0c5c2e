/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vhsmctl [-t TOKEN] COMMAND...: tell a virtual HSM what to do; the commands
 * are in ctl.h.  The socket is $VHSM_CTL, that of token N $VHSM_CTL_N.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
connect_to(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(sa.sun_path))
		errx(1, "%s: too long for a socket", path);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1 ||
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == -1)
		err(1, "%s", path);
	return fd;
}

/* Words go out in quotes, so one may hold blanks; none may hold quotes. */
static void
send_line(FILE *f, char **word)
{
	for (; *word != NULL; word++) {
		if (strpbrk(*word, "\"\n") != NULL)
			errx(2, "%s: has a quote or a line end in it", *word);
		fprintf(f, "\"%s\" ", *word);
	}
	fputc('\n', f);
	if (fflush(f) != 0)
		err(1, "write");
}

/* Copy data lines to standard output until the closing line. */
static int
copy_answer(FILE *f)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int r = -1;

	while (r == -1 && (n = getline(&line, &cap, f)) > 0) {
		if (strcmp(line, "ok\n") == 0) {
			r = 0;
		} else if (strncmp(line, "error ", 6) == 0) {
			line[n - 1] = '\0';
			warnx("%s", line + 6);
			r = 1;
		} else {
			fputs(line, stdout);
		}
	}
	free(line);
	if (r == -1)
		errx(1, "whoever was asked hung up");
	return r;
}

int
main(int argc, char **argv)
{
	char name[32] = "VHSM_CTL";
	const char *path;
	FILE *in, *out;
	int c, fd, r;

	while ((c = getopt(argc, argv, "+t:")) != -1) {
		if (c != 't')
			return 2;
		snprintf(name, sizeof(name), "VHSM_CTL_%s", optarg);
	}
	if (optind == argc)
		errx(2, "usage: vhsmctl [-t TOKEN] COMMAND...");
	if (strcmp(argv[optind], "pcscd") == 0)
		snprintf(name, sizeof(name), "VHSM_HARNESS_CTL");
	if ((path = getenv(name)) == NULL)
		errx(1, "%s is not set: run this under with-vhsm", name);
	fd = connect_to(path);
	if ((out = fdopen(fd, "w")) == NULL ||
	    (in = fdopen(dup(fd), "r")) == NULL)
		err(1, "%s", path);
	send_line(out, argv + optind);
	r = copy_answer(in);
	fclose(in);
	fclose(out);
	return r;
}
