/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include <openssl/crypto.h>

#include "tests/vhsm/ctl.h"
#include "tests/vhsm/reader.h"

#define RETRY	(5 * SERVE_MS)
#define SILENCE	(3000 * SERVE_MS)	/* vpcd asks for the ATR before */

static void
forget_command(struct server *s, struct span cmd, struct span rsp)
{
	fault_note(&s->faults, cmd, rsp);
	OPENSSL_cleanse(s->link.in + 2, cmd.n);	/* it may hold a PIN */
}

static void
unplug(struct server *s)
{
	const struct span nothing = { NULL, 0 };
	struct span cmd;

	if (s->late.on && vpcd_peek(&s->link, &cmd)) {
		forget_command(s, cmd, nothing);
		vpcd_abort(&s->link);
	}
	vpcd_hang_up(&s->link);
	vhsm_power(s->card[s->in]);
	s->late.on = false;
	s->seen = false;
}

void
reader_pull(struct server *s)
{
	unplug(s);
	s->inserted = false;
}

void
reader_insert(struct server *s)
{
	s->inserted = true;
	s->reconnect |= s->link.fd == -1;
}

void
reader_exchange(struct server *s, unsigned n)
{
	vhsm_power(s->card[s->in]);
	s->in = s->next = n;
	vhsm_power(s->card[n]);
}

static void
lose_reader(struct server *s)
{
	unplug(s);
	s->gone = !s->reconnect;
}

static void
run_lines(struct server *s, enum fault_kind moment)
{
	struct fault due;

	while (fault_take(&s->faults, moment, &due))
		ctl_run_planned(s, due.line);
}

static void
answer(struct server *s)
{
	struct span cmd, rsp = { s->late.rsp, s->late.n };

	if (!vpcd_peek(&s->link, &cmd))
		return;
	s->late.on = false;
	if (s->late.lost)
		rsp.n = 0;
	forget_command(s, cmd, rsp);
	vpcd_next(&s->link);
	if (s->late.lost)
		vpcd_abort(&s->link);
	else if (s->late.empty || !vpcd_send(&s->link, rsp))
		vpcd_close(&s->link);
	if (s->link.fd == -1)
		unplug(s);
	run_lines(s, FAULT_AFTER);
}

/* What the card says, or what was planned to be said for it. */
static void
find_answer(struct server *s, struct span cmd)
{
	struct fault due;

	s->late.n = 0;
	s->late.empty = fault_take(&s->faults, FAULT_EMPTY, &due);
	if (s->late.empty)
		return;
	if (fault_take(&s->faults, FAULT_DROP, &due)) {
		s->late.lost = true;
		return;
	}
	if (fault_take(&s->faults, FAULT_ANSWER, &due)) {
		memcpy(s->late.rsp, due.raw, due.raw_n);
		s->late.n = due.raw_n;
		return;
	}
	s->late.lost = fault_take(&s->faults, FAULT_DROP_AFTER, &due);
	s->late.n = vhsm_apdu(s->card[s->in], cmd, s->late.rsp, VPCD_MAX);
}

/*
 * A line that was planned may take the card out: before the command, then it
 * is not run, or before its answer, which is lost.
 */
static void
take_command(struct server *s, struct span cmd)
{
	unsigned delay;

	fault_arrive(&s->faults, cmd);
	delay = fault_delay(&s->faults, cmd);
	s->late.on = true;
	s->late.lost = false;
	s->late.due = serve_now() + delay * SERVE_MS;
	run_lines(s, FAULT_BEFORE);
	if (s->late.on) {
		find_answer(s, cmd);
		run_lines(s, FAULT_DURING);
	}
	if (!s->late.on)
		run_lines(s, FAULT_AFTER);
	else if (delay == 0)
		answer(s);
}

static void
take_control(struct server *s, uint8_t what)
{
	struct span atr;

	vpcd_next(&s->link);
	if (what == VPCD_ATR) {
		atr.p = vhsm_atr(s->card[s->in], &atr.n);
		s->seen = true;
		if (!vpcd_send(&s->link, atr))
			lose_reader(s);
	} else {
		reader_exchange(s, s->next);
	}
}

static void
take_messages(struct server *s)
{
	struct span msg;

	while (s->link.fd != -1 && !s->late.on &&
	    vpcd_peek(&s->link, &msg)) {
		if (msg.n == 1)
			take_control(s, msg.p[0]);
		else
			take_command(s, msg);
	}
}

void
reader_read(struct server *s)
{
	if (!vpcd_fill(&s->link))
		lose_reader(s);
	else
		take_messages(s);
}

void
reader_answer_late(struct server *s)
{
	answer(s);
	take_messages(s);
}

/*
 * A connection that a pcscd did not get to accept before it was killed can
 * stay open at this end for ever.
 */
static int64_t
leave_silence(struct server *s)
{
	int64_t left;

	if (s->link.fd == -1 || s->seen)
		return -1;
	if ((left = s->connected + SILENCE - serve_now()) > 0)
		return left;
	vpcd_close(&s->link);
	return RETRY;
}

int64_t
reader_keep_connected(struct server *s)
{
	if (s->port == 0 || !s->inserted || s->link.fd != -1)
		return leave_silence(s);
	if (vpcd_connect(&s->link, s->port)) {
		s->connected = serve_now();
		s->give_up = 0;
		return leave_silence(s);
	}
	if (s->give_up != 0 && !s->reconnect && serve_now() > s->give_up)
		s->gone = true;
	return RETRY;
}
