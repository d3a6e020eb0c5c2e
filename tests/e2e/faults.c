/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/e2e/faults.h"

#define LOG_LINES	8
#define HOLD_MS		150	/* how long a card is kept */
#define DELAY_MS	1500
#define SO_PIN		"3537363231383830"
#define OTHER_MS	8000
#define UNLISTED_MS	1000
#define EXCLUSIVE_MS	1000
#define EXCLUSIVE_TRIES	5

void
scene_open(struct scene *s, unsigned int token, pid_t agent)
{
	const char *harness = getenv("VHSM_HARNESS_PID");
	const char *pin = getenv("PIN");

	*s = (struct scene){ .dir = getenv("E2E"), .agent = agent };
	if (s->dir == NULL || harness == NULL || pin == NULL ||
	    strlen(pin) >= sizeof(s->pin))
		errx(2, "E2E, PIN or VHSM_HARNESS_PID is not set");
	s->harness = (pid_t)strtol(harness, NULL, 10);
	strcpy(s->pin, pin);
	snprintf(s->reader, sizeof(s->reader), "Virtual HSM %c 00 0%u",
	    'A' + token / 2, token % 2);
	snprintf(s->pin_file, sizeof(s->pin_file), token == 0 ? "pin" :
	    "pin.%u", token);
	snprintf(s->comment, sizeof(s->comment), token == 0 ? "ec" :
	    "ec-%u", token);
	vctl_open(&s->hsm, token);
}

void
scene_close(struct scene *s)
{
	vctl_close(&s->hsm);
}

void
scene_add_card(struct scene *s)
{
	vctl_try(&s->hsm, "card 1 init 000000 " SO_PIN);
}

unsigned int
scene_prompts(const struct scene *s)
{
	char path[4096];
	unsigned int n = 0;
	FILE *f;
	int c;

	snprintf(path, sizeof(path), "%s/prompts", s->dir);
	if ((f = fopen(path, "r")) == NULL)
		err(2, "%s", path);
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

bool
scene_visit(struct scene *s, enum other_act act)
{
	other_start(&s->other, s->reader, act);
	return other_end(&s->other, OTHER_MS);
}

void
scene_show_log(void)
{
	const char *path = getenv("AGENT_LOG");
	char line[512], last[LOG_LINES][512] = { "" };
	size_t n = 0;
	FILE *f;

	if (path == NULL || (f = fopen(path, "r")) == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, " signed ") == NULL)
			strcpy(last[n++ % LOG_LINES], line);
	fclose(f);
	for (size_t i = 0; i < LOG_LINES; i++)
		if (last[n % LOG_LINES][0] != '\0' || n >= LOG_LINES)
			printf("#     %s", last[n++ % LOG_LINES]);
}

static void
nothing(struct scene *s)
{
	(void)s;
}

static void
pull(struct scene *s)
{
	vctl_tell(&s->hsm, "pull");
}

static void
insert(struct scene *s)
{
	vctl_tell(&s->hsm, "insert");
}

static void
reset(struct scene *s)
{
	vctl_tell(&s->hsm, "reset");
}

static void
log_out(struct scene *s)
{
	vctl_tell(&s->hsm, "logout");
}

static void
begin_pcsc_reset(struct scene *s)
{
	other_start(&s->other, s->reader, OTHER_RESET);
}

static void
begin_select(struct scene *s)
{
	other_start(&s->other, s->reader, OTHER_SELECT);
}

static void
leave(struct scene *s)
{
	if (!other_end(&s->other, OTHER_MS))
		warnx("the other program did not get its turn");
}

static void
begin_transaction(struct scene *s)
{
	other_start(&s->other, s->reader, OTHER_TRANSACTION);
}

static void
end_transaction(struct scene *s)
{
	if (!other_has(&s->other, OTHER_MS))
		warnx("the other program got no transaction");
	crowd_let(s->crowd, HOLD_MS);
	leave(s);
}

static void
await_unlisted(const struct scene *s)
{
	long until = crowd_now_ms() + UNLISTED_MS;
	struct crowd_key k;

	while (crowd_find(s->comment, &k) && crowd_now_ms() < until)
		poll(NULL, 0, 10);
}

/*
 * A card can be had exclusively only while nobody else has it.  So the agent
 * is made to let go of it by a pull, and stands still until the other
 * program has it: one that stands too soon holds it yet, and moves again.
 */
static void
begin_exclusive(struct scene *s)
{
	for (int i = 0; i < EXCLUSIVE_TRIES; i++) {
		pull(s);
		await_unlisted(s);
		kill(s->agent, SIGSTOP);
		insert(s);
		other_start(&s->other, s->reader, OTHER_EXCLUSIVE);
		if (other_has(&s->other, EXCLUSIVE_MS))
			break;
		kill(s->agent, SIGCONT);
		if (i < EXCLUSIVE_TRIES - 1)
			other_end(&s->other, 0);
		else
			warnx("another program never got the card alone");
	}
	kill(s->agent, SIGCONT);
}

static void
end_exclusive(struct scene *s)
{
	crowd_let(s->crowd, HOLD_MS);
	leave(s);
}

static void
begin_delay(struct scene *s)
{
	vctl_tell(&s->hsm, "delay %d", DELAY_MS);
}

static void
end_delay(struct scene *s)
{
	crowd_let(s->crowd, DELAY_MS + HOLD_MS);
	vctl_tell(&s->hsm, "delay 0");
}

static void
pcscd(const char *what)
{
	if (!other_pcscd(what))
		warnx("\"vhsmctl pcscd %s\" failed", what);
}

static void
restart_pcscd(struct scene *s)
{
	(void)s;
	pcscd("restart");
}

static void
stop_pcscd(struct scene *s)
{
	(void)s;
	pcscd("stop");
}

static void
crash_pcscd(struct scene *s)
{
	(void)s;
	pcscd("kill");
}

static void
start_pcscd(struct scene *s)
{
	crowd_let(s->crowd, HOLD_MS);
	pcscd("start");
}

static void
write_pin(const struct scene *s)
{
	char path[4096], new_path[4096 + 8];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", s->dir, s->pin_file);
	snprintf(new_path, sizeof(new_path), "%s.new", path);
	if ((f = fopen(new_path, "w")) == NULL ||
	    fprintf(f, "%s\n", s->pin) < 0 || fclose(f) != 0 ||
	    rename(new_path, path) == -1)
		err(2, "%s", path);
}

/* The person at the prompt knows of it, and before the token does. */
static void
change_pin(struct scene *s)
{
	char *last = &s->pin[strlen(s->pin) - 1];

	*last = *last == '9' ? '0' : (char)(*last + 1);
	write_pin(s);
	vctl_tell(&s->hsm, "pin %s", s->pin);
}

static void
swap(struct scene *s)
{
	vctl_tell(&s->hsm, "swap 1");
}

static void
swap_back(struct scene *s)
{
	crowd_let(s->crowd, HOLD_MS);
	vctl_tell(&s->hsm, "swap 0");
}

/* pcscd sees a reset and the same ATR; only the serial number is another. */
static void
swap_unseen(struct scene *s)
{
	vctl_tell(&s->hsm, "swap 1 reset");
	if (!scene_visit(s, OTHER_RESET))
		warnx("another program could not reset the card");
}

static void
other_applet(struct scene *s)
{
	vctl_tell(&s->hsm, "other-applet");
}

static void
begin_applet(struct scene *s)
{
	vctl_tell(&s->hsm, "quirk other-applet on");
	other_start(&s->other, s->reader, OTHER_APPLET);
}

const struct fault_kind fault_kinds[] = {
	{ "pull and insert", .begin = pull, .end = insert },
	{ "swap and swap back", .away = true, .begin = swap,
	    .end = swap_back },
	{ "swap seen as a reset", .at_rest = true, .away = true,
	    .begin = swap_unseen,
	    .end = swap_back },
	{ "reset unseen by PC/SC", .begin = reset, .end = nothing },
	{ "reset by another program", .begin = begin_pcsc_reset,
	    .end = leave },
	{ "SELECT by another program", .begin = begin_select, .end = leave },
	{ "applet by another program", .begin = begin_applet, .end = leave },
	{ "another applet selected", .begin = other_applet, .end = nothing },
	{ "logged out elsewhere", .begin = log_out, .end = nothing },
	{ "another program's transaction", .begin = begin_transaction,
	    .end = end_transaction },
	{ "an exclusive holder lets go", .away = true,
	    .begin = begin_exclusive,
	    .end = end_exclusive },
	{ "command lost", .plan = "drop", .on_command = true },
	{ "answer lost", .plan = "drop-after", .on_command = true },
	{ "a wrong answer",
	    .plan = "raw 300602010102010190009000", .on_command = true },
	{ "garbage", .plan = "raw FFFFFFFFFFFFFFFF", .on_command = true },
	{ "an answer cut short", .plan = "raw 90", .on_command = true },
	{ "6F00 once", .plan = "6F00", .on_command = true },
	{ "a long delay", .on_command = true, .begin = begin_delay,
	    .end = end_delay },
	{ "pcscd restarts", .begin = restart_pcscd, .end = nothing },
	{ "pcscd stops, and starts later", .begin = stop_pcscd,
	    .end = start_pcscd },
	{ "pcscd crashes, and starts later", .begin = crash_pcscd,
	    .end = start_pcscd },
	{ "PIN changed elsewhere", .tries = 1, .begin = change_pin,
	    .end = nothing },
};
const size_t fault_kinds_n = sizeof(fault_kinds) / sizeof(fault_kinds[0]);

const struct fault_kind *
fault_named(const char *name)
{
	for (size_t i = 0; i < fault_kinds_n; i++)
		if (strcmp(fault_kinds[i].name, name) == 0)
			return &fault_kinds[i];
	return NULL;
}
