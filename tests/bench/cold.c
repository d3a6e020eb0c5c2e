/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>

#include "tests/bench/bench.h"
#include "tests/bench/client.h"
#include "tests/bench/sample.h"

#define REPEATS		5
#define PATIENCE_MS	60000
#define LISTENING_MS	50

/* Times, and the most commands of any repeat, each since the start. */
struct stage {
	struct samples	 ms;
	unsigned long	 commands;
};

struct cold {
	struct samples	 listening;	/* ms */
	struct stage	 listed, signed_once;
	struct stage	 known;		/* listed by a second start */
	unsigned long	 again;		/* commands of a second list */
};

/* Until the list is complete: an agent may answer before it has looked. */
static int
list_all(const struct agent *a, unsigned int want, struct err *e)
{
	double ms, give_up = now_ms() + PATIENCE_MS;
	uint32_t keys;
	int r;

	do {
		if ((r = client_list(a->socket, &keys, &ms, e)) != 0)
			return r;
	} while (keys < want && now_ms() < give_up);
	if (keys == want)
		return 0;
	return err_set(e, ERR_TOKEN, 0, "%s lists %u keys of %u", a->program,
	    keys, want);
}

static void
at_least(unsigned long *most, unsigned long n)
{
	if (*most < n)
		*most = n;
}

static int
count_stages(struct bench *b, const struct agent *a, unsigned int keys,
    double start, struct cold *c, struct err *e)
{
	unsigned long n, again, more;
	int r;

	if ((r = list_all(a, keys, e)) != 0)
		return r;
	samples_add(&c->listed.ms, now_ms() - start);
	if ((r = hsm_take_count(b->hsm, &n, e)) != 0 ||
	    (r = list_all(a, keys, e)) != 0 ||
	    (r = hsm_take_count(b->hsm, &again, e)) != 0 ||
	    (r = client_sign_once(a->socket, BENCH_EC, e)) != 0)
		return r;
	samples_add(&c->signed_once.ms, now_ms() - start);
	if ((r = hsm_take_count(b->hsm, &more, e)) != 0)
		return r;
	at_least(&c->listed.commands, n);
	at_least(&c->again, again);
	at_least(&c->signed_once.commands, n + again + more);
	return 0;
}

static int
count_known(struct bench *b, const struct agent *a, unsigned int keys,
    double start, struct cold *c, struct err *e)
{
	unsigned long n;
	int r;

	if ((r = list_all(a, keys, e)) != 0)
		return r;
	samples_add(&c->known.ms, now_ms() - start);
	if ((r = hsm_take_count(b->hsm, &n, e)) == 0)
		at_least(&c->known.commands, n);
	return r;
}

/*
 * The card as after power-on: nothing selected, nobody logged in, and no
 * program has it open.
 */
static int
once(struct bench *b, struct agent *a, unsigned int keys, struct cold *c,
    struct err *e)
{
	struct hsm_answer answer;
	unsigned long n;
	double start;
	int r;

	if ((r = hsm_tell(b->hsm, &answer, e, "reset")) != 0 ||
	    (r = hsm_take_count(b->hsm, &n, e)) != 0)
		return r;
	start = now_ms();
	if ((r = agent_start(a, e)) == 0) {
		samples_add(&c->listening, a->listening_ms);
		r = a->keep_cache ? count_known(b, a, keys, start, c, e) :
		    count_stages(b, a, keys, start, c, e);
	}
	agent_stop(a);
	return r;
}

static int
twice(struct bench *b, struct agent *a, unsigned int keys, struct cold *c,
    struct err *e)
{
	int r;

	if ((r = once(b, a, keys, c, e)) != 0)
		return r;
	a->keep_cache = true;
	r = once(b, a, keys, c, e);
	a->keep_cache = false;
	return r;
}

static void
add_row(struct bench *b, unsigned int n, const char *name, const char *id,
    struct report_row row)
{
	snprintf(row.group, sizeof(row.group), "Start with nothing known, "
	    "%u key%s, each card command %u ms", n, n == 1 ? "" : "s",
	    b->latency);
	snprintf(row.name, sizeof(row.name), "%s", name);
	snprintf(row.id, sizeof(row.id), "cold_%u_%s", n, id);
	if (b->n_agents <= AGENT_THEIRS)
		row.theirs = NAN;
	report_add(&b->report, &row);
}

static double
median(struct stage *s)
{
	return samples_quantile(&s->ms, 0.5);
}

static void
report(struct bench *b, unsigned int n, struct cold *c)
{
	struct cold *ours = &c[AGENT_OURS], *theirs = &c[AGENT_THEIRS];

	add_row(b, n, "time until it takes clients", "listening_ms",
	    (struct report_row){ .unit = "ms",
	    .ours = samples_quantile(&ours->listening, 0.5),
	    .theirs = samples_quantile(&theirs->listening, 0.5),
	    .judge = JUDGE_AT_MOST, .limit = LISTENING_MS });
	add_row(b, n, "card commands until all is listed", "list_commands",
	    (struct report_row){ .unit = "commands",
	    .ours = (double)ours->listed.commands,
	    .theirs = (double)theirs->listed.commands,
	    .judge = JUDGE_AT_MOST, .limit = 4 + 2 * n });
	add_row(b, n, "time until then", "list_ms",
	    (struct report_row){ .unit = "ms", .ours = median(&ours->listed),
	    .theirs = median(&theirs->listed) });
	add_row(b, n, "card commands to list it again", "again_commands",
	    (struct report_row){ .unit = "commands",
	    .ours = (double)ours->again, .theirs = (double)theirs->again,
	    .judge = JUDGE_AT_MOST, .limit = 0 });
	add_row(b, n, "card commands until the first signature",
	    "sign_commands", (struct report_row){ .unit = "commands",
	    .ours = (double)ours->signed_once.commands,
	    .theirs = (double)theirs->signed_once.commands });
	add_row(b, n, "time until then", "sign_ms",
	    (struct report_row){ .unit = "ms",
	    .ours = median(&ours->signed_once),
	    .theirs = median(&theirs->signed_once) });
	add_row(b, n, "card commands until all is listed, the next time",
	    "known_commands", (struct report_row){ .unit = "commands",
	    .ours = (double)ours->known.commands,
	    .theirs = (double)theirs->known.commands,
	    .judge = JUDGE_AT_MOST, .limit = 4 });
	add_row(b, n, "time until then", "known_ms",
	    (struct report_row){ .unit = "ms", .ours = median(&ours->known),
	    .theirs = median(&theirs->known) });
}

int
bench_cold(struct bench *b, unsigned int n, struct err *e)
{
	struct cold c[AGENT_KINDS] = { 0 };
	struct hsm_answer answer;
	int r;

	if ((r = bench_grow(b, n, e)) != 0 ||
	    (r = hsm_tell(b->hsm, &answer, e, "delay %u", b->latency)) != 0)
		return r;
	hsm_let_go(b->hsm);
	for (unsigned int i = 0; i < REPEATS; i++)
		for (size_t k = 0; k < b->n_agents; k++)
			if ((r = twice(b, &b->agents[k], n, &c[k], e)) != 0)
				return r;
	report(b, n, c);
	return hsm_tell(b->hsm, &answer, e, "delay 0");
}
