/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hsm-ssh-agent-ledger PATH: keeps the ledger at PATH for the agent that has
 * started it, which talks to it over standard input and output.  It holds no
 * PIN and no key, waits for the disk, and ends when the agent does, once it
 * has finished what it was doing.
 */
#include <sys/prctl.h>
#include <sys/socket.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/conn.h"
#include "agent/record.h"
#include "base/paths.h"
#include "ssh/agentmsg.h"

struct keeper {
	const char	*path;
	struct ledger	*ledger;
};

/* It is opened when it is needed, and anew when its file was replaced. */
static int
open_ledger(struct keeper *k, struct err *e)
{
	char *dir, *slash;
	int r;

	if (k->ledger != NULL && !ledger_is_astray(k->ledger))
		return 0;
	ledger_close(k->ledger);
	k->ledger = NULL;
	if ((dir = strdup(k->path)) == NULL)
		return err_set(e, ERR_NOMEM, 0, "ledger");
	if ((slash = strrchr(dir, '/')) != NULL)
		*slash = '\0';
	r = paths_make_dir(dir, e);
	free(dir);
	if (r != 0)
		return r;
	if ((r = ledger_open(&k->ledger, k->path, LEDGER_WRITE, e)) == 0)
		ledger_remember(k->ledger);
	return r;
}

static int
check(struct keeper *k, const struct record *d, struct err *e)
{
	struct cert c;
	int r;

	if ((r = cert_parse_tbs(d->bytes, &c, e)) != 0)
		return r;
	return ledger_check(k->ledger, &c, &d->rule, e);
}

static int
add(struct keeper *k, const struct record *d, struct record_answer *a)
{
	struct cert c;
	struct err e;
	int r;

	if ((r = cert_parse(d->bytes, &c, &a->err)) != 0 ||
	    (r = ledger_add_certificate(k->ledger, d->bytes, &d->rule,
	    &d->who, d->note, &a->err)) != 0)
		return r;
	/* That this is not known is no reason for a checkpoint. */
	if (ledger_checkpoint_due(k->ledger, c.ca, &a->seq, a->checkpoint,
	    &e) != 0)
		a->checkpoint[0] = '\0';
	return 0;
}

static void
answer(struct keeper *k, const struct record *d, struct record_answer *a)
{
	*a = (struct record_answer){ .kind = d->kind, .id = d->id };
	if ((a->r = open_ledger(k, &a->err)) != 0)
		return;
	switch (d->kind) {
	case RECORD_CHECK:
		a->r = check(k, d, &a->err);
		break;
	case RECORD_CERTIFICATE:
		a->r = add(k, d, a);
		break;
	case RECORD_SERIALS:
		a->r = ledger_serials(k->ledger, d->ca, d->n, &a->serial,
		    &a->err);
		break;
	case RECORD_CHECKPOINT:
		a->r = ledger_add_checkpoint(k->ledger, d->ca, d->n,
		    d->bytes, &a->err);
		break;
	}
}

static bool
put_answer(const struct record_answer *a)
{
	uint8_t head[4];
	struct wire_w w;
	struct span msg;
	bool ok;

	if (!wire_write(&w, AGENT_MAX_MSG))
		return false;
	record_answer_put(a, &w);
	msg = wire_bytes(&w);
	for (int i = 0; i < 4; i++)
		head[i] = (uint8_t)(msg.n >> (24 - 8 * i));
	ok = !w.bad && fwrite(head, sizeof(head), 1, stdout) == 1 &&
	    fwrite(msg.p, msg.n, 1, stdout) == 1 && fflush(stdout) == 0;
	wire_free(&w);
	return ok;
}

/* The next message: 1; 0: there is none any more; -1: it is broken. */
static int
next(struct conn_in *in, struct span *msg)
{
	uint8_t buf[4096];
	struct span s;
	ssize_t n;
	int got;

	do {
		const size_t want = conn_in_want(in);

		n = read(STDIN_FILENO, buf, want < sizeof(buf) ? want :
		    sizeof(buf));
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 && conn_in_held(in) == 0 ? 0 : -1;
		s = (struct span){ buf, (size_t)n };
		got = conn_in_feed(in, &s, msg);
	} while (n == -1 || got == 0);
	return got;
}

int
main(int argc, char **argv)
{
	struct conn_in in = { 0 };
	struct keeper k = { 0 };
	struct record_answer a;
	struct record d;
	struct span msg;
	int got;

	if (argc != 2 || argv[1][0] != '/') {
		fprintf(stderr, "usage: hsm-ssh-agent-ledger PATH\n"
		    "hsm-ssh-agent(1) starts it by itself.\n");
		return 2;
	}
	k.path = argv[1];
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);	/* a limit is as a full disk */
	/* A key stroke that ends the agent is none of our business. */
	(void)signal(SIGINT, SIG_IGN);
	while ((got = next(&in, &msg)) == 1) {
		if (!record_parse(msg, &d))
			break;
		answer(&k, &d, &a);
		conn_in_next(&in);
		if (!put_answer(&a))
			break;
	}
	conn_in_next(&in);
	ledger_close(k.ledger);
	return got == 0 ? 0 : 1;
}
