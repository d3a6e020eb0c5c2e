/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/prctl.h>
#include <sys/wait.h>

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/client.h"
#include "tests/bench/sample.h"

#define SIGNERS		4
#define TURNS		2		/* of each agent */
#define TURN_MS		3000
#define PAUSE_MS	4		/* between two listings */
#define PATIENCE_MS	20000

struct load {
	pid_t	 pid[SIGNERS];		/* 0: not running */
};

/* A child: sign until it is ended. */
static void __attribute__((noreturn))
sign_on(const char *path, const struct message *m)
{
	struct err e;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (client_connect(path, &fd, &e) == 0)
		while (client_sign(fd, m, &e) == 0)
			;
	_exit(1);
}

static void
unload(struct load *l)
{
	for (size_t i = 0; i < SIGNERS; i++) {
		if (l->pid[i] == 0)
			continue;
		kill(l->pid[i], SIGKILL);
		waitpid(l->pid[i], NULL, 0);
		l->pid[i] = 0;
	}
}

static int
put_load(struct load *l, const char *path, const struct message *m,
    struct err *e)
{
	for (size_t i = 0; i < SIGNERS; i++) {
		if ((l->pid[i] = fork()) == -1) {
			l->pid[i] = 0;
			return err_sys(e, "fork");
		}
		if (l->pid[i] == 0)
			sign_on(path, m);
	}
	return 0;
}

/* Until the card has answered a SIGN: then the others wait behind it. */
static int
wait_busy(struct bench *b, struct err *e)
{
	double give_up = now_ms() + PATIENCE_MS;
	struct hsm_answer a;
	int r;

	if ((r = hsm_tell(b->hsm, &a, e, "reset-count")) != 0)
		return r;
	do {
		pause_ms(PAUSE_MS);
		if ((r = hsm_tell(b->hsm, &a, e, "count 68")) != 0)
			return r;
	} while (strtoul(a.first, NULL, 10) == 0 && now_ms() < give_up);
	if (strtoul(a.first, NULL, 10) > 0)
		return 0;
	return err_set(e, ERR_TOKEN, 0, "the signing clients do not sign");
}

static int
list_while_busy(const struct agent *a, unsigned int want, struct samples *s,
    struct err *e)
{
	double end = now_ms() + TURN_MS, ms;
	uint32_t keys;
	int r;

	while (now_ms() < end) {
		if ((r = client_list(a->socket, &keys, &ms, e)) != 0)
			return r;
		if (keys != want)
			return err_set(e, ERR_TOKEN, 0,
			    "%s lists %u keys of %u", a->program, keys, want);
		samples_add(s, ms);
		pause_ms(PAUSE_MS);
	}
	return 0;
}

/* One agent at a time is busy, for the card is only one. */
static int
turn(struct bench *b, const struct agent *a, struct samples *s,
    struct err *e)
{
	struct load l = { { 0 } };
	struct hsm_answer answer;
	struct message m;
	int r;

	if ((r = client_prepare(a->socket, BENCH_EC, 0, &m, e)) != 0 ||
	    (r = hsm_tell(b->hsm, &answer, e, "delay %u 68", b->busy)) != 0)
		return r;
	if ((r = put_load(&l, a->socket, &m, e)) == 0 &&
	    (r = wait_busy(b, e)) == 0)
		r = list_while_busy(a, b->keys, s, e);
	unload(&l);
	if (r == 0)
		r = hsm_tell(b->hsm, &answer, e, "delay 0 68");
	return r;
}

static double
quantile(struct bench *b, struct samples *s, enum agent_kind k, double q)
{
	return k < b->n_agents ? samples_quantile(&s[k], q) : NAN;
}

static void
report(struct bench *b, struct samples *s)
{
	static const struct {
		const char		*name, *id;
		double			 q;
		enum report_judge	 judge;
	} rows[] = {
		{ "answer to a list, median", "busy_list_p50", 0.5,
		    JUDGE_NONE },
		{ "answer to a list, 99 of 100", "busy_list_p99", 0.99,
		    JUDGE_AT_MOST },
		{ "answer to a list, the slowest", "busy_list_max", 1,
		    JUDGE_NONE },
	};

	struct report_row row = { .unit = "lists", .id = "busy_lists",
	    .ours = (double)s[AGENT_OURS].n, .theirs = NAN };

	if (b->n_agents > AGENT_THEIRS)
		row.theirs = (double)s[AGENT_THEIRS].n;
	snprintf(row.group, sizeof(row.group), "While %d clients sign "
	    "without a pause, each signature %u ms", SIGNERS, b->busy);
	snprintf(row.name, sizeof(row.name), "lists answered in %d seconds",
	    TURNS * TURN_MS / 1000);
	report_add(&b->report, &row);
	row.unit = "ms";
	row.limit = 5;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		row.ours = quantile(b, s, AGENT_OURS, rows[i].q);
		row.theirs = quantile(b, s, AGENT_THEIRS, rows[i].q);
		row.judge = rows[i].judge;
		snprintf(row.name, sizeof(row.name), "%s", rows[i].name);
		snprintf(row.id, sizeof(row.id), "%s", rows[i].id);
		report_add(&b->report, &row);
	}
}

int
bench_busy(struct bench *b, struct err *e)
{
	struct samples s[AGENT_KINDS] = { 0 };
	int r;

	r = bench_start_all(b, e);
	for (unsigned int i = 0; r == 0 && i < TURNS; i++)
		for (size_t k = 0; r == 0 && k < b->n_agents; k++)
			r = turn(b, &b->agents[k], &s[k], e);
	bench_stop_all(b);
	if (r == 0)
		report(b, s);
	return r;
}
