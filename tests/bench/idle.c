/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/client.h"
#include "tests/bench/sample.h"

#define KEYS		50
#define CLIENTS		500
#define IDLE_S		5
#define CALM_MS		250
#define PATIENCE_MS	10000

struct crowd {
	int	 fd[AGENT_KINDS][CLIENTS];
	size_t	 n[AGENT_KINDS];
};

/* Each client has asked once, as a real one does before it waits. */
static int
gather(struct bench *b, struct crowd *c, size_t k, struct err *e)
{
	const struct agent *a = &b->agents[k];
	uint32_t keys;
	int r;

	while (c->n[k] < CLIENTS) {
		r = client_connect(a->socket, &c->fd[k][c->n[k]], e);
		if (r != 0)
			return r;
		r = client_list_on(c->fd[k][c->n[k]++], &keys, e);
		if (r != 0)
			return err_wrap(e, "%s, client %zu", a->program,
			    c->n[k]);
	}
	return 0;
}

static int
look(struct bench *b, struct agent_usage u[AGENT_KINDS], struct err *e)
{
	int r = 0;

	for (size_t k = 0; r == 0 && k < b->n_agents; k++)
		r = agent_usage(&b->agents[k], &u[k], e);
	return r;
}

/* Until ours has stood still for a moment, or never seems to. */
static int
wait_calm(struct bench *b, struct err *e)
{
	struct agent_usage was[AGENT_KINDS], is[AGENT_KINDS];
	double give_up = now_ms() + PATIENCE_MS;
	int r;

	do {
		if ((r = look(b, was, e)) != 0)
			return r;
		pause_ms(CALM_MS);
		if ((r = look(b, is, e)) != 0)
			return r;
	} while (is[AGENT_OURS].wakeups != was[AGENT_OURS].wakeups &&
	    now_ms() < give_up);
	return 0;
}

static void
report(struct bench *b, const struct agent_usage *before,
    const struct agent_usage *after)
{
	struct report_row row = { .unit = "MiB", .id = "resident",
	    .name = "resident memory, with its helper", .theirs = NAN,
	    .judge = JUDGE_AT_MOST, .limit = 10 };

	snprintf(row.group, sizeof(row.group),
	    "%d keys, %d clients connected and idle", KEYS, CLIENTS);
	row.ours = after[AGENT_OURS].resident_mib;
	if (b->n_agents > AGENT_THEIRS)
		row.theirs = after[AGENT_THEIRS].resident_mib;
	report_add(&b->report, &row);

	row.unit = "wake-ups";
	row.limit = 0;
	snprintf(row.name, sizeof(row.name), "wake-ups in %d seconds, all "
	    "threads", IDLE_S);
	snprintf(row.id, sizeof(row.id), "wakeups");
	row.ours = (double)(after[AGENT_OURS].wakeups -
	    before[AGENT_OURS].wakeups);
	if (b->n_agents > AGENT_THEIRS)
		row.theirs = (double)(after[AGENT_THEIRS].wakeups -
		    before[AGENT_THEIRS].wakeups);
	report_add(&b->report, &row);
}

/* Both sign once before, so that all code that serves is in memory. */
static int
measure(struct bench *b, struct crowd *c, struct err *e)
{
	struct agent_usage before[AGENT_KINDS], after[AGENT_KINDS];
	int r;

	for (size_t k = 0; k < b->n_agents; k++)
		if ((r = client_sign_once(b->agents[k].socket, BENCH_EC,
		    e)) != 0 ||
		    (r = gather(b, c, k, e)) != 0)
			return r;
	if ((r = wait_calm(b, e)) != 0 || (r = look(b, before, e)) != 0)
		return r;
	pause_ms(IDLE_S * 1000L);
	if ((r = look(b, after, e)) == 0)
		report(b, before, after);
	return r;
}

int
bench_idle(struct bench *b, struct err *e)
{
	struct crowd c = { .n = { 0 } };
	int r;

	if ((r = bench_grow(b, KEYS, e)) == 0 &&
	    (r = bench_start_all(b, e)) == 0)
		r = measure(b, &c, e);
	for (size_t k = 0; k < AGENT_KINDS; k++)
		while (c.n[k] > 0)
			close(c.fd[k][--c.n[k]]);
	bench_stop_all(b);
	return r;
}
