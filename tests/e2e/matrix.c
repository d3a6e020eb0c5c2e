/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * matrix AGENT-PID FAULT: one row of the fault matrix.  The fault happens at
 * each of six moments, with a key of either kind, to one client and to
 * eight.  After each: is the agent well, does the next signature work, was
 * each client answered, was at most one prompt shown and no PIN try lost?
 *
 * Runs under with-vhsm, beside an agent that gets its PIN from the askpass
 * in $E2E.  Prints a line of the matrix, counts, and what went wrong.
 * Exit status: 0 all well, 1 not, 3 not and the agent needs to be replaced.
 */
#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/e2e/faults.h"

#define CROWD		8
#define READY_MS	60000	/* between cells, for anything */
#define ANSWER_MS	20000	/* for each client */
#define AIM_MS		3000	/* until the moment has come */
#define SLOW_MS		25	/* what a card command takes meanwhile */
#define BACK_MS		1000
#define RECOVER_MS	10000

enum moment {
	BEFORE_LIST,
	BEFORE_SIGN,
	AFTER_SELECT,
	AFTER_VERIFY,
	DURING_SIGN,
	IDLE,
	MOMENTS,
};

static const char *const moment_names[MOMENTS] = {
	[BEFORE_LIST] = "before list",
	[BEFORE_SIGN] = "before sign",
	[AFTER_SELECT] = "between SELECT and VERIFY",
	[AFTER_VERIFY] = "between VERIFY and SIGN",
	[DURING_SIGN] = "during SIGN",
	[IDLE] = "idle",
};

/* How the agent takes a lost login back: which command comes when. */
struct habit {
	unsigned long	 select, verify, sign;	/* from 1 */
};

struct cell {
	const struct fault_kind *fault;
	enum moment	 moment;
	const struct crowd_key *key;
	size_t		 clients;
	char		 trouble[160];		/* "" when all is well */
	unsigned int	 prompts, tries;
	long		 next_ms;
	struct crowd_tally tally;
};

struct row {
	unsigned int	 cells, failed, refused, requests, signatures,
			 prompts, tries, pins;
	long		 slowest_ms, next_ms;
};

static bool
is_amid(enum moment m)
{
	return m == AFTER_SELECT || m == AFTER_VERIFY || m == DURING_SIGN;
}

static void __attribute__((format(printf, 2, 3)))
blame(struct cell *c, const char *fmt, ...)
{
	size_t n = strlen(c->trouble);
	va_list ap;

	if (n > 0 && n < sizeof(c->trouble) - 2) {
		strcpy(c->trouble + n, "; ");
		n += 2;
	}
	va_start(ap, fmt);
	vsnprintf(c->trouble + n, sizeof(c->trouble) - n, fmt, ap);
	va_end(ap);
}

/* All well again, whatever the last cell did. */
static bool
make_ready(struct scene *s, struct crowd *one, const struct crowd_key *k)
{
	long until = crowd_now_ms() + READY_MS;

	vctl_tell(&s->hsm, "delay 0");
	vctl_tell(&s->hsm, "forget");
	vctl_tell(&s->hsm, "insert");
	do {
		if (crowd_sign_once(one, k, READY_MS))
			return true;
		poll(NULL, 0, 20);
	} while (crowd_now_ms() < until && kill(s->agent, 0) == 0);
	return false;
}

/* Watch it take back a lost login, once undisturbed. */
static bool
learn(struct scene *s, struct crowd *one, const struct crowd_key *k,
    struct habit *h)
{
	struct vctl_command log[VCTL_LOG];
	size_t n;

	*h = (struct habit){ 0 };
	vctl_tell(&s->hsm, "reset");
	vctl_tell(&s->hsm, "reset-count");
	if (!crowd_sign_once(one, k, RECOVER_MS))
		return false;
	n = vctl_log(&s->hsm, log);
	for (size_t i = 0; i < n; i++) {
		if (log[i].header[1] == 0xa4)
			h->select = i + 1;
		if (vctl_is_pin(&log[i]))
			h->verify = i + 1;
	}
	h->sign = n;
	return h->select > 0 && h->verify > h->select && h->sign > h->verify;
}

/* Until that many commands were answered: the next is under way. */
static bool
await_count(struct scene *s, unsigned long n)
{
	long until = crowd_now_ms() + AIM_MS;

	while (vctl_number(&s->hsm, "count", NULL) < n) {
		if (crowd_now_ms() > until)
			return false;
		crowd_let(s->crowd, 0);
	}
	return true;
}

static void
ask_all(struct scene *s, const struct cell *c, bool list)
{
	for (size_t i = 0; i < c->clients; i++) {
		if (list)
			crowd_list(s->crowd, i);
		crowd_sign(s->crowd, i, c->key);
	}
}

/* A token that was given up has to be back within a second. */
static void
await_back(const struct crowd_key *key)
{
	long until = crowd_now_ms() + BACK_MS;
	struct crowd_key k;

	while (!crowd_find(key->comment, &k) && crowd_now_ms() < until)
		poll(NULL, 0, 10);
}

/* It happens, and then the clients ask; with nobody asking, it passes. */
static void
stage_before(struct scene *s, struct cell *c)
{
	if (c->moment == BEFORE_SIGN) {
		for (size_t i = 0; i < c->clients; i++)
			crowd_list(s->crowd, i);
		crowd_wait(s->crowd, ANSWER_MS);
	}
	if (c->fault->plan != NULL)
		vctl_tell(&s->hsm, "fail 1 %s", c->fault->plan);
	else
		c->fault->begin(s);
	if (c->moment == IDLE) {
		if (c->fault->on_command)
			scene_visit(s, OTHER_ASK);
	} else {
		ask_all(s, c, c->moment == BEFORE_LIST);
	}
	if (c->fault->plan == NULL)
		c->fault->end(s);
	if (c->moment == IDLE && c->fault->away)
		await_back(c->key);
	if (c->moment == IDLE)
		ask_all(s, c, true);
}

/*
 * The clients ask, and it happens when the card has run a certain command
 * and not yet answered it.  Another client goes first, so that it is known
 * whose signature is under way in DURING_SIGN.
 */
static void
stage_amid(struct scene *s, struct cell *c, const struct habit *h)
{
	unsigned long at = c->moment == AFTER_SELECT ? h->select :
	    c->moment == AFTER_VERIFY ? h->verify : 2;

	if (c->moment != DURING_SIGN) {
		vctl_tell(&s->hsm, "reset");
		vctl_tell(&s->hsm, "reset-count");
	}
	if (c->fault->plan != NULL)
		vctl_tell(&s->hsm, "fail %lu %s",
		    c->moment == DURING_SIGN ? at : at + 1, c->fault->plan);
	vctl_tell(&s->hsm, "delay %d", SLOW_MS);
	if (c->moment == DURING_SIGN)
		crowd_sign(s->crowd, c->clients, c->key);
	ask_all(s, c, false);
	if (!await_count(s, at - 1))
		blame(c, "the moment never came");
	if (c->fault->plan == NULL)
		c->fault->begin(s);
	if (c->fault->plan == NULL)
		c->fault->end(s);
	vctl_tell(&s->hsm, "delay 0");
}

/* No PIN has any business at the other card. */
static void
count_pins(struct scene *s, struct cell *c, struct row *r)
{
	unsigned long lost;

	r->pins += (unsigned int)vctl_number(&s->hsm, "pins", &lost);
	c->tries = (unsigned int)lost;
	if (vctl_number(&s->hsm, "card 1 pins", NULL) != 0)
		blame(c, "the PIN went to another token");
}

/* What must hold afterwards, whatever it was. */
static void
judge(struct scene *s, struct cell *c, struct crowd *one)
{
	const struct crowd_tally *t = &c->tally;
	long begin = crowd_now_ms();

	if (c->fault->away)
		await_back(c->key);
	if (!crowd_sign_once(one, c->key, RECOVER_MS))
		blame(c, "the next signature %s", one->tally.refused > 0 ?
		    "is refused" : "does not come");
	c->next_ms = crowd_now_ms() - begin;
	if (kill(s->agent, 0) == -1)
		blame(c, "the agent is dead");
	if (t->lost > 0)
		blame(c, "%u of %u without an answer", t->lost, t->sent);
	if (t->wrong > 0)
		blame(c, "%u wrong answers", t->wrong);
	if (c->moment == IDLE && t->refused > 0)
		blame(c, "%u refused, and it was over", t->refused);
}

static void
run_cell(struct scene *s, struct cell *c, struct crowd *one, struct row *r,
    const struct habit *h)
{
	unsigned int prompts = scene_prompts(s);

	vctl_tell(&s->hsm, "reset-count");
	crowd_forget(s->crowd);
	if (!crowd_gather(s->crowd, c->clients + 1)) {
		blame(c, "the agent takes no clients");
	} else {
		if (is_amid(c->moment))
			stage_amid(s, c, h);
		else
			stage_before(s, c);
		crowd_wait(s->crowd, ANSWER_MS);
	}
	c->tally = s->crowd->tally;
	crowd_dismiss(s->crowd);
	judge(s, c, one);
	c->prompts = scene_prompts(s) - prompts;
	count_pins(s, c, r);
	if (c->prompts > 1)
		blame(c, "%u prompts", c->prompts);
	if (c->tries > c->fault->tries)
		blame(c, "%u PIN tries lost", c->tries);
}

static void
add(struct row *r, const struct cell *c)
{
	r->cells++;
	r->failed += c->trouble[0] != '\0';
	r->requests += c->tally.sent;
	r->signatures += c->tally.signatures;
	r->refused += c->tally.refused;
	r->prompts += c->prompts;
	r->tries += c->tries;
	if (c->tally.slowest_ms > r->slowest_ms)
		r->slowest_ms = c->tally.slowest_ms;
	if (c->next_ms > r->next_ms)
		r->next_ms = c->next_ms;
}

static void
tell(const struct cell *c)
{
	if (c->trouble[0] != '\0') {
		printf("# %s, %s, %s, %zu client%s: %s\n", c->fault->name,
		    moment_names[c->moment], c->key->comment, c->clients,
		    c->clients == 1 ? "" : "s", c->trouble);
		scene_show_log();
	}
	fflush(stdout);
}

/* All cells of a row; false: the agent did not come to itself. */
static bool
run_row(struct scene *s, const struct fault_kind *f,
    const struct crowd_key key[2], struct row *r, char *line)
{
	struct crowd *one;
	struct habit h = { 0 };
	bool ready = true;

	if ((one = calloc(1, sizeof(*one))) == NULL)
		err(2, NULL);
	for (int m = 0; m < MOMENTS; m++) {
		*line++ = ' ';
		if (f->at_rest && is_amid((enum moment)m)) {
			memcpy(line, "----", 4);
			line += 4;
			continue;
		}
		for (int i = 0; i < 4; i++) {
			struct cell c = { .fault = f,
			    .moment = (enum moment)m, .key = &key[i / 2],
			    .clients = i % 2 == 0 ? 1 : CROWD };

			ready = ready && make_ready(s, one, c.key) &&
			    (i % 2 != 0 || learn(s, one, c.key, &h));
			if (ready)
				run_cell(s, &c, one, r, &h);
			else
				blame(&c, "the agent was not well before");
			tell(&c);
			add(r, &c);
			*line++ = c.trouble[0] != '\0' ? 'X' :
			    c.tally.refused > 0 ? 'r' : '.';
		}
	}
	*line = '\0';
	free(one);
	return ready;
}

/* Another row may have ended with the token just put in. */
static bool
find_keys(struct crowd_key key[2])
{
	long until = crowd_now_ms() + READY_MS;

	while (!crowd_find("rsa", &key[0]) || !crowd_find("ec", &key[1])) {
		if (crowd_now_ms() > until)
			return false;
		poll(NULL, 0, 20);
	}
	return true;
}

int
main(int argc, char **argv)
{
	const struct fault_kind *f;
	struct crowd_key key[2];
	struct row r = { 0 };
	char line[MOMENTS * 5 + 1];
	struct scene s;
	bool ready;

	if (argc != 3 || (f = fault_named(argv[2])) == NULL) {
		for (size_t i = 0; i < fault_kinds_n; i++)
			printf("%s\n", fault_kinds[i].name);
		return 2;
	}
	scene_open(&s, 0, (pid_t)strtol(argv[1], NULL, 10));
	if ((s.crowd = calloc(1, sizeof(*s.crowd))) == NULL)
		err(2, NULL);
	scene_add_card(&s);
	if (!find_keys(key)) {
		printf("# the agent does not list the keys\n");
		free(s.crowd);
		scene_close(&s);
		return 3;
	}
	ready = run_row(&s, f, key, &r, line);
	printf("matrix %-32s%s\n", f->name, line);
	printf("counts %u %u %u %u %u %u %u %u %ld %ld\n", r.cells, r.failed,
	    r.requests, r.signatures, r.refused, r.prompts, r.pins, r.tries,
	    r.slowest_ms, r.next_ms);
	free(s.crowd);
	scene_close(&s);
	return !ready ? 3 : r.failed > 0;
}
