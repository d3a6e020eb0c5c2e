/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>

#include "tests/bench/agent.h"
#include "tests/bench/hsm.h"
#include "tests/bench/report.h"

/*
 * One run: what it was asked for, the card, the agents, and the rows so
 * far.  The parts below run in the order of main.c, and each leaves the
 * agents stopped and the card without delays.
 */
#define BENCH_EC	"bench-ec"	/* labels of the keys that sign */
#define BENCH_RSA	"bench-rsa"

struct bench {
	const char	*agent, *module, *against;
	unsigned int	 latency;	/* ms of any command, when starting */
	unsigned int	 busy;		/* ms of a signature, when busy */
	bool		 json;
	struct hsm	*hsm;
	struct agent	 agents[AGENT_KINDS];
	size_t		 n_agents;	/* 1: no OpenSSH or OpenSC here */
	unsigned int	 keys;		/* on the token */
	struct report	 report;
};

/* Make keys until there are n; the first two are BENCH_EC, BENCH_RSA. */
int	 bench_grow(struct bench *b, unsigned int n, struct err *e) MUST_CHECK;
int	 bench_start_all(struct bench *b, struct err *e) MUST_CHECK;
void	 bench_stop_all(struct bench *b);

/* cold.c: from the start of an agent to its first list of n keys */
int	 bench_cold(struct bench *b, unsigned int n, struct err *e)
	    MUST_CHECK;

/* sign.c: commands and time of a signature, beside the bare command */
int	 bench_sign(struct bench *b, struct err *e) MUST_CHECK;

/* busy.c: listing while four clients sign */
int	 bench_busy(struct bench *b, struct err *e) MUST_CHECK;

/* idle.c: memory and wake-ups with many keys and clients */
int	 bench_idle(struct bench *b, struct err *e) MUST_CHECK;

#endif
