/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/socket.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/harness.h"

#define END_MS	5000	/* then pcscd is killed */
#define SEEN_MS	20000
#define TICK_MS	20

static void
hang_up(struct control *c)
{
	close(c->client);
	c->client = -1;
	c->wait = CONTROL_NOTHING;
}

static void
reply(struct control *c, const char *text)
{
	if (send(c->client, text, strlen(text), MSG_NOSIGNAL) == -1)
		fprintf(stderr, "with-vhsm: nobody waits for: %s", text);
	hang_up(c);
}

static void
reply_error(struct control *c, const struct err *e)
{
	char text[sizeof(e->msg) + 16];

	snprintf(text, sizeof(text), "error %s\n", e->msg);
	reply(c, text);
}

static void
wait_until(struct control *c, enum control_wait what, int64_t ms)
{
	c->wait = what;
	c->deadline = harness_now() + ms;
}

static void
run_end(struct harness *h, int sig, bool restart)
{
	struct control *c = &h->control;

	if (h->pcscd == 0) {
		reply(c, "error pcscd does not run\n");
		return;
	}
	c->restart = restart;
	h->stopped = !restart;
	if (h->stopped) {
		close(h->listener);
		h->listener = -1;
	}
	if (h->stopped && sig == SIGTERM)	/* a crash leaves it there */
		unlink(h->sock);
	kill(h->pcscd, sig);
	wait_until(c, CONTROL_END, END_MS);
}

static void
run_start(struct harness *h)
{
	struct err e;

	if (h->pcscd != 0) {
		reply(&h->control, "error pcscd runs\n");
		return;
	}
	if (scratch_listen(h->sock, &h->listener, &e) != 0 ||
	    child_start_pcscd(h, &e) != 0) {
		reply_error(&h->control, &e);
		return;
	}
	h->stopped = false;
	wait_until(&h->control, CONTROL_SEEN, SEEN_MS);
}

static void
run_pid(struct harness *h)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld\nok\n", (long)h->pcscd);
	reply(&h->control, text);
}

static void
run(struct harness *h, const char *word)
{
	if (strcmp(word, "stop") == 0)
		run_end(h, SIGTERM, false);
	else if (strcmp(word, "kill") == 0)
		run_end(h, SIGKILL, false);
	else if (strcmp(word, "restart") == 0)
		run_end(h, SIGTERM, true);
	else if (strcmp(word, "start") == 0)
		run_start(h);
	else if (strcmp(word, "wait") == 0)
		wait_until(&h->control, CONTROL_SEEN, SEEN_MS);
	else if (strcmp(word, "pid") == 0)
		run_pid(h);
	else
		reply(&h->control, "error pcscd: want stop, kill, start, "
		    "restart, wait or pid\n");
}

/* Cards that are in a reader; false: pcscd has not yet seen them all. */
static bool
count_seen(struct harness *h, size_t *n)
{
	char state;

	*n = 0;
	for (size_t i = 0; i < h->cards; i++) {
		state = token_reader(h, &h->card[i]);
		if (state != 'e' && state != 's')
			return false;
		*n += state == 's';
	}
	return true;
}

/* The cards know first that pcscd has found them, then its clients do. */
static void
look(struct harness *h)
{
	struct control *c = &h->control;
	struct err e;

	if (h->pcscd == 0 || h->helper != 0 || !count_seen(h, &c->cards))
		return;
	if (child_start_watcher(h, c->cards, &e) != 0)
		reply_error(c, &e);
	else
		c->wait = CONTROL_WATCHED;
}

/* A card that was pulled meanwhile would be waited for in vain. */
static void
check_watcher(struct harness *h)
{
	size_t n;

	if (h->helper != 0 &&
	    (!count_seen(h, &n) || n != h->control.cards))
		kill(h->helper, SIGKILL);
}

static void
give_up(struct harness *h)
{
	struct control *c = &h->control;

	if (c->wait == CONTROL_END) {
		kill(h->pcscd, SIGKILL);
		c->deadline = harness_now() + END_MS;
		return;
	}
	if (h->helper != 0)
		kill(h->helper, SIGKILL);
	reply(c, "error pcscd does not see the cards\n");
}

void
control_step(struct harness *h, const struct ended *x)
{
	struct control *c = &h->control;

	switch (c->wait) {
	case CONTROL_NOTHING:
		return;
	case CONTROL_END:
		if (!x->pcscd)
			break;
		if (c->restart)
			wait_until(c, CONTROL_SEEN, SEEN_MS);
		else
			reply(c, "ok\n");
		return;
	case CONTROL_SEEN:
		look(h);
		break;
	case CONTROL_WATCHED:
		if (!x->helper) {
			check_watcher(h);
			break;
		}
		if (x->helper_status == 0)
			reply(c, "ok\n");
		else
			c->wait = CONTROL_SEEN;
		return;
	}
	if (c->wait != CONTROL_NOTHING && harness_now() > c->deadline)
		give_up(h);
}

/* "pcscd" WORD, in quotes as vhsmctl sends them; one small line at once. */
void
control_read(struct harness *h)
{
	struct control *c = &h->control;
	char line[128], word[16];
	ssize_t n;

	if (c->client == -1) {
		c->client = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC);
		return;
	}
	n = recv(c->client, line, sizeof(line) - 1, MSG_DONTWAIT);
	if (n <= 0) {
		hang_up(c);
		return;
	}
	line[n] = '\0';
	if (sscanf(line, "\"pcscd\" \"%15[a-z]\"", word) != 1)
		word[0] = '\0';
	run(h, word);
}

void
control_prepare(const struct harness *h, int fd[2], int64_t *ms)
{
	const struct control *c = &h->control;

	fd[0] = c->client == -1 ? c->listener : -1;
	fd[1] = c->wait == CONTROL_NOTHING ? c->client : -1;
	*ms = c->wait == CONTROL_NOTHING ? -1 : TICK_MS;
}

int
control_start(struct harness *h, const char *path, struct err *e)
{
	h->control.client = -1;
	return scratch_listen(path, &h->control.listener, e);
}
