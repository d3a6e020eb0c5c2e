/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * meter SOCKET START EC RSA: what an agent of any make does with the keys
 * that have these comments.  START is when its process began, in nanoseconds
 * as "date +%s%N" prints them.  Prints, on a line: milliseconds until the
 * keys are listed, until the first signature, for one signature (the median
 * of one client's); and signatures a second with 4 clients, by EC and by RSA.
 */
#include <sys/prctl.h>
#include <sys/wait.h>

#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "ssh/agentmsg.h"
#include "tests/bench/client.h"
#include "tests/bench/sample.h"

#define PATIENCE_MS	20000
#define SINGLES		200
#define CLIENTS		4
#define CROWD_MS	1000

static double
since(const char *start)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6 -
	    strtod(start, NULL) / 1e6;
}

/* It may answer before it has looked at its tokens. */
static void
await_key(const char *socket, const char *comment, uint32_t flags,
    struct message *m)
{
	const double give_up = now_ms() + PATIENCE_MS;
	struct err e;

	while (client_prepare(socket, comment, flags, m, &e) != 0) {
		if (now_ms() > give_up)
			errx(2, "%s", e.msg);
		poll(NULL, 0, 1);
	}
}

static int
connected(const char *socket)
{
	struct err e;
	int fd;

	if (client_connect(socket, &fd, &e) != 0)
		errx(2, "%s", e.msg);
	return fd;
}

static void
sign(int fd, const struct message *m)
{
	struct err e;

	if (client_sign(fd, m, &e) != 0)
		errx(2, "%s", e.msg);
}

static double
singles(const char *socket, const struct message *m)
{
	static struct samples s;
	const int fd = connected(socket);
	double begin;

	for (int i = 0; i < SINGLES; i++) {
		begin = now_ms();
		sign(fd, m);
		samples_add(&s, now_ms() - begin);
	}
	close(fd);
	return samples_quantile(&s, 0.5);
}

/* A child: sign until the time is over, and tell how often. */
static void __attribute__((noreturn))
sign_on(const char *socket, const struct message *m, double until, int out)
{
	const int fd = connected(socket);
	unsigned long n = 0;

	for (; now_ms() < until; n++)
		sign(fd, m);
	_exit(write(out, &n, sizeof(n)) != sizeof(n));
}

/* Signatures a second. */
static double
crowd(const char *socket, const struct message *m)
{
	const double begin = now_ms();
	unsigned long n, all = 0;
	int p[2], status;

	if (pipe(p) == -1)
		err(2, "pipe");
	for (int i = 0; i < CLIENTS; i++)
		switch (fork()) {
		case -1:
			err(2, "fork");
		case 0:
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			sign_on(socket, m, begin + CROWD_MS, p[1]);
		}
	for (int i = 0; i < CLIENTS; i++)
		if (wait(&status) == -1 || status != 0 ||
		    read(p[0], &n, sizeof(n)) != sizeof(n))
			errx(2, "a client failed");
		else
			all += n;
	close(p[0]);
	close(p[1]);
	return (double)all / (now_ms() - begin) * 1e3;
}

int
main(int argc, char **argv)
{
	double listed, first, one, ec_many, rsa_many;
	struct message ec, rsa;
	int fd;

	if (argc != 5)
		errx(2, "usage: meter SOCKET START EC RSA");
	await_key(argv[1], argv[3], 0, &ec);
	await_key(argv[1], argv[4], SIGN_FLAG_RSA_SHA512, &rsa);
	listed = since(argv[2]);
	fd = connected(argv[1]);
	sign(fd, &ec);
	first = since(argv[2]);
	sign(fd, &rsa);
	close(fd);
	one = singles(argv[1], &ec);
	ec_many = crowd(argv[1], &ec);
	rsa_many = crowd(argv[1], &rsa);
	printf("%.1f %.1f %.3f %.0f %.0f\n", listed, first, one, ec_many,
	    rsa_many);
	return 0;
}
