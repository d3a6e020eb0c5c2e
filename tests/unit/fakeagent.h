/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_UNIT_FAKEAGENT_H
#define TESTS_UNIT_FAKEAGENT_H

#include <pthread.h>
#include <stdint.h>

#include "base/span.h"

/*
 * Another agent at a socket of its own, in a thread, that does step by step
 * what a test wrote down.  A step that goes wrong, or is not done within
 * ten seconds, is remembered for fake_join().
 */
enum fake_do {
	FAKE_ACCEPT,		/* one connection, in place of the last */
	FAKE_GET,		/* read this message, whole */
	FAKE_PUT,		/* send this message */
	FAKE_DRIP,		/* the same, byte by byte */
	FAKE_RAW,		/* send these bytes */
	FAKE_SHUT,		/* close */
	FAKE_SHUT_UNREAD,	/* close when bytes came, without reading */
	FAKE_TELL,		/* let fake_wait() return */
	FAKE_AWAIT,		/* fake_go() */
	FAKE_UNTIL_CLOSED,	/* read until the client closes */
};

struct fake_step {
	enum fake_do	 act;
	struct span	 bytes;
};

#define ACCEPT		{ .act = FAKE_ACCEPT }
#define GET(message)	{ FAKE_GET, message }
#define PUT(message)	{ FAKE_PUT, message }
#define DRIP(message)	{ FAKE_DRIP, message }
#define RAW(bytes)	{ FAKE_RAW, bytes }
#define SHUT		{ .act = FAKE_SHUT }
#define SHUT_UNREAD	{ .act = FAKE_SHUT_UNREAD }
#define TELL		{ .act = FAKE_TELL }
#define AWAIT		{ .act = FAKE_AWAIT }
#define UNTIL_CLOSED	{ .act = FAKE_UNTIL_CLOSED }

struct fake {
	char		 dir[64];
	char		 path[108];
	int		 listener;
	int		 fd;		/* the connection; -1: none */
	int		 told, go;	/* eventfd(2) */
	const struct fake_step *steps;
	size_t		 n, failed;	/* failed: the step's number, from 1 */
	pthread_t	 thread;
};

/* Listen in a new directory, then do the steps. */
void	 fake_listen(struct fake *f);
void	 fake_start(struct fake *f, const struct fake_step *steps, size_t n);
void	 fake_wait(struct fake *f);
void	 fake_go(struct fake *f);

/* Fails the test unless each step went well, and nobody else connected. */
void	 fake_join(struct fake *f);
void	 fake_remove(struct fake *f);

#endif
