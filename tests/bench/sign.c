/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ssh/agentmsg.h"
#include "tests/bench/bench.h"
#include "tests/bench/client.h"
#include "tests/bench/sample.h"

#define ROUNDS		20	/* agents and bare card take turns, */
#define EACH_ROUND	25	/* this many signatures at a time */
#define COUNTED		20	/* signatures whose commands are counted */
#define PINGS		1000

/* One key: its name, the bare command, and a connection to each agent. */
struct subject {
	const char	*label, *name, *id;
	uint32_t	 flags;
	uint8_t		 cmd[272];
	size_t		 cmd_n;
	struct message	 request[AGENT_KINDS];
	int		 fd[AGENT_KINDS];
	double		 commands[AGENT_KINDS];
	struct samples	 bare, agent[AGENT_KINDS];
};

/* The very SIGN that the agent sends (facts on SmartCard-HSM, 5.7). */
static void
make_ec_command(struct subject *s, uint8_t ref)
{
	const uint8_t head[] = { 0x80, 0x68, ref, 0x70, 32 };

	memset(s->cmd, 0x5a, sizeof(s->cmd));
	memcpy(s->cmd, head, sizeof(head));
	s->cmd_n = sizeof(head) + 32 + 1;
	s->cmd[s->cmd_n - 1] = 0x00;		/* Le: all there is */
}

static void
make_rsa_command(struct subject *s, uint8_t ref)
{
	const uint8_t head[] = { 0x80, 0x68, ref, 0x20, 0x00, 0x01, 0x00,
	    0x00, 0x01 };

	memset(s->cmd, 0xff, sizeof(s->cmd));
	memcpy(s->cmd, head, sizeof(head));
	s->cmd_n = 7 + 256 + 2;
	memset(s->cmd + 7 + 200, 0x5a, 56);
	s->cmd[7 + 199] = 0x00;
	s->cmd[s->cmd_n - 2] = 0x01;		/* Le: 256 */
	s->cmd[s->cmd_n - 1] = 0x00;
}

/* Up to the length of the answer, which ECDSA varies. */
static size_t
fixed_part(const char *line)
{
	return strcspn(line, ">");
}

/* The card's own log says whether ours and the bare command are one. */
static int
check_same(struct bench *b, struct subject *s, struct err *e)
{
	struct span cmd = { s->cmd, s->cmd_n };
	struct hsm_answer a, bare;
	size_t n;
	int r;

	if ((r = client_sign(s->fd[AGENT_OURS], &s->request[AGENT_OURS],
	    e)) != 0 ||
	    (r = hsm_tell(b->hsm, &a, e, "log")) != 0 ||
	    (r = hsm_transmit(b->hsm, cmd, e)) != 0 ||
	    (r = hsm_tell(b->hsm, &bare, e, "log")) != 0)
		return r;
	n = fixed_part(bare.last);
	if (n == fixed_part(a.last) && memcmp(a.last, bare.last, n) == 0)
		return 0;
	return err_set(e, ERR_TOKEN, 0, "the agent sends \"%s\", and the "
	    "benchmark compares it with \"%s\"", a.last, bare.last);
}

static int
connect_all(struct bench *b, struct subject *s, struct err *e)
{
	struct agent *a;
	int r;

	for (size_t k = 0; k < b->n_agents; k++) {
		a = &b->agents[k];
		if ((r = client_connect(a->socket, &s->fd[k], e)) != 0 ||
		    (r = client_prepare(a->socket, s->label, s->flags,
		    &s->request[k], e)) != 0 ||
		    (r = client_sign(s->fd[k], &s->request[k], e)) != 0)
			return err_wrap(e, "%s", a->program);
	}
	return 0;
}

static int
count_commands(struct bench *b, struct subject *s, struct err *e)
{
	unsigned long n;
	int r;

	for (size_t k = 0; k < b->n_agents; k++) {
		if ((r = hsm_take_count(b->hsm, &n, e)) != 0)
			return r;
		for (unsigned int i = 0; i < COUNTED; i++)
			if ((r = client_sign(s->fd[k], &s->request[k],
			    e)) != 0)
				return r;
		if ((r = hsm_take_count(b->hsm, &n, e)) != 0)
			return r;
		s->commands[k] = (double)n / COUNTED;
	}
	return 0;
}

static int
time_bare(struct bench *b, struct span cmd, struct samples *to, size_t n,
    struct err *e)
{
	double start;
	int r;

	for (size_t i = 0; i < n; i++) {
		start = now_ms();
		if ((r = hsm_transmit(b->hsm, cmd, e)) != 0)
			return r;
		samples_add(to, now_ms() - start);
	}
	return 0;
}

static int
time_agent(struct subject *s, size_t k, struct err *e)
{
	double start;
	int r;

	for (unsigned int i = 0; i < EACH_ROUND; i++) {
		start = now_ms();
		if ((r = client_sign(s->fd[k], &s->request[k], e)) != 0)
			return r;
		samples_add(&s->agent[k], now_ms() - start);
	}
	return 0;
}

static int
time_rounds(struct bench *b, struct subject *s, struct err *e)
{
	struct span cmd = { s->cmd, s->cmd_n };
	int r;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		if ((r = time_bare(b, cmd, &s->bare, EACH_ROUND, e)) != 0)
			return r;
		for (size_t k = 0; k < b->n_agents; k++)
			if ((r = time_agent(s, k, e)) != 0)
				return r;
	}
	return 0;
}

static void
add_row(struct bench *b, const struct subject *s, const char *name,
    const char *id, struct report_row row)
{
	snprintf(row.group, sizeof(row.group), "Sign with %s, the card "
	    "without delay", s->name);
	snprintf(row.name, sizeof(row.name), "%s", name);
	snprintf(row.id, sizeof(row.id), "%s_%s", id, s->id);
	report_add(&b->report, &row);
}

static void
report(struct bench *b, struct subject *s)
{
	struct samples *ours = &s->agent[AGENT_OURS];
	struct samples *theirs = &s->agent[AGENT_THEIRS];
	double bare = samples_quantile(&s->bare, 0.5);

	add_row(b, s, "card commands a signature", "sign_commands",
	    (struct report_row){ .unit = "commands",
	    .ours = s->commands[AGENT_OURS],
	    .theirs = s->commands[AGENT_THEIRS],
	    .judge = JUDGE_AT_MOST, .limit = 1 });
	add_row(b, s, "the bare card command, median", "bare_p50",
	    (struct report_row){ .unit = "ms", .ours = bare, .theirs = NAN });
	add_row(b, s, "the bare card command, 99 of 100", "bare_p99",
	    (struct report_row){ .unit = "ms",
	    .ours = samples_quantile(&s->bare, 0.99), .theirs = NAN });
	add_row(b, s, "signature from the agent, median", "sign_p50",
	    (struct report_row){ .unit = "ms",
	    .ours = samples_quantile(ours, 0.5),
	    .theirs = samples_quantile(theirs, 0.5) });
	add_row(b, s, "signature from the agent, 99 of 100", "sign_p99",
	    (struct report_row){ .unit = "ms",
	    .ours = samples_quantile(ours, 0.99),
	    .theirs = samples_quantile(theirs, 0.99) });
	add_row(b, s, "what the agent adds, median less median", "overhead",
	    (struct report_row){ .unit = "ms",
	    .ours = samples_quantile(ours, 0.5) - bare,
	    .theirs = samples_quantile(theirs, 0.5) - bare,
	    .judge = JUDGE_AT_MOST, .limit = 0.2 });
}

static int
measure(struct bench *b, struct subject *s, struct err *e)
{
	int r;

	s->commands[AGENT_THEIRS] = NAN;
	if ((r = connect_all(b, s, e)) == 0 &&
	    (r = check_same(b, s, e)) == 0 &&
	    (r = count_commands(b, s, e)) == 0 &&
	    (r = time_rounds(b, s, e)) == 0)
		report(b, s);
	for (size_t k = 0; k < b->n_agents; k++)
		if (s->fd[k] != -1)
			close(s->fd[k]);
	return r;
}

/* Commands of the next signature after another program did something. */
static int
recover(struct bench *b, size_t k, const struct message *m,
    int (*other)(struct hsm *, struct err *), double *commands,
    struct err *e)
{
	unsigned long n;
	int fd, r;

	if ((r = client_connect(b->agents[k].socket, &fd, e)) != 0)
		return r;
	if ((r = client_sign(fd, m, e)) == 0 &&
	    (r = other(b->hsm, e)) == 0 &&
	    (r = hsm_take_count(b->hsm, &n, e)) == 0) {
		r = client_sign(fd, m, e);
		if (r == 0)
			r = hsm_take_count(b->hsm, &n, e);
		*commands = r == ERR_DENIED ? INFINITY : (double)n;
	}
	close(fd);
	return r == ERR_DENIED ? 0 : r;
}

static int
recoveries(struct bench *b, struct err *e)
{
	static const struct {
		const char	*name, *id;
		int		(*other)(struct hsm *, struct err *);
	} cases[] = {
		{ "another program selects the applet", "after_select",
		    hsm_select },
		{ "another program resets the card", "after_reset",
		    hsm_reset },
	};
	double n[AGENT_KINDS] = { NAN, NAN };
	struct message m;
	int r;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		for (size_t k = 0; k < b->n_agents; k++) {
			r = client_prepare(b->agents[k].socket, BENCH_EC, 0,
			    &m, e);
			if (r != 0 || (r = recover(b, k, &m, cases[i].other,
			    &n[k], e)) != 0)
				return r;
		}
		struct report_row row = { .unit = "commands",
		    .group = "Card commands of the next signature after",
		    .ours = n[AGENT_OURS], .theirs = n[AGENT_THEIRS],
		    .judge = JUDGE_LATER, .limit = 3 };
		snprintf(row.name, sizeof(row.name), "%s", cases[i].name);
		snprintf(row.id, sizeof(row.id), "%s", cases[i].id);
		report_add(&b->report, &row);
	}
	return 0;
}

/* What the stage itself costs: PC/SC, vpcd and the virtual HSM. */
static int
time_stage(struct bench *b, struct err *e)
{
	static const uint8_t pin_status[] = { 0x00, 0x20, 0x00, 0x81 };
	struct span cmd = { pin_status, sizeof(pin_status) };
	struct report_row row = { .unit = "ms", .theirs = NAN,
	    .group = "The stage: PC/SC and the virtual HSM",
	    .name = "one small card command, median", .id = "stage_p50",
	    .judge = JUDGE_AT_MOST, .limit = 0.2 };
	struct samples s = { 0 };
	int r;

	if ((r = hsm_select(b->hsm, e)) != 0 ||
	    (r = time_bare(b, cmd, &s, PINGS, e)) != 0)
		return r;
	row.ours = samples_quantile(&s, 0.5);
	report_add(&b->report, &row);
	row.ours = samples_quantile(&s, 0.99);
	row.judge = JUDGE_NONE;
	snprintf(row.name, sizeof(row.name),
	    "one small card command, 99 of 100");
	snprintf(row.id, sizeof(row.id), "stage_p99");
	report_add(&b->report, &row);
	return 0;
}

int
bench_sign(struct bench *b, struct err *e)
{
	struct subject ec = { .label = BENCH_EC, .name = "P-256",
	    .id = "p256", .fd = { -1, -1 } };
	struct subject rsa = { .label = BENCH_RSA, .name = "RSA-2048",
	    .id = "rsa2048", .flags = SIGN_FLAG_RSA_SHA512,
	    .fd = { -1, -1 } };
	int r;

	make_ec_command(&ec, 1);	/* the first keys of bench_grow() */
	make_rsa_command(&rsa, 2);
	if ((r = bench_start_all(b, e)) == 0 &&
	    (r = measure(b, &ec, e)) == 0 &&
	    (r = measure(b, &rsa, e)) == 0)
		r = recoveries(b, e);
	bench_stop_all(b);
	return r == 0 ? time_stage(b, e) : r;
}
