/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <reader.h>
#include <winscard.h>

#include "token/holders.h"
#include "token/pcsc.h"

#define PNP		"\\\\?PnP?\\Notification"
#define BEGIN_TRIES	3
/* pcsc-lite wakes up once a minute when it is told to wait for ever. */
#define WAIT_MS		(24 * 60 * 60 * 1000)
#define NAMES_MAX	(PCSC_READERS_MAX * PCSC_NAME_MAX + 1)

struct pcsc {
	SCARDCONTEXT	 ctx;
};

struct card {
	SCARDCONTEXT	 ctx;
	SCARDHANDLE	 handle;
	struct pcsc_reader reader;	/* as it was when we connected */
	bool		 stale;		/* to be connected anew */
	bool		 reset;		/* seen, not yet told */
	bool		 begun;
};

static int
held_by_another(struct err *e, const char *what)
{
	char who[sizeof(e->msg)];

	pcsc_holders_describe("/proc", who, sizeof(who));
	return err_set(e, ERR_DENIED, 0,
	    "%s: another program holds the card for itself alone: %s", what,
	    who);
}

/* What a PC/SC error means to a caller, and what a person can do. */
static int
pcsc_err(struct err *e, LONG rv, const char *what)
{
	switch ((uint32_t)rv) {
	case (uint32_t)SCARD_E_NO_SERVICE:
	case (uint32_t)SCARD_E_SERVICE_STOPPED:
	case (uint32_t)SCARD_F_COMM_ERROR:
		return err_set(e, ERR_NO_TOKEN, 0,
		    "%s: no PC/SC daemon; start it with "
		    "\"systemctl start pcscd.socket\" or \"pcscd\"", what);
	case (uint32_t)SCARD_E_NO_READERS_AVAILABLE:
	case (uint32_t)SCARD_E_UNKNOWN_READER:
	case (uint32_t)SCARD_E_READER_UNAVAILABLE:
	case (uint32_t)SCARD_E_NO_SMARTCARD:
	case (uint32_t)SCARD_W_REMOVED_CARD:
	case (uint32_t)SCARD_E_NOT_TRANSACTED:
	case (uint32_t)SCARD_E_INVALID_HANDLE:
		return err_set(e, ERR_TOKEN_GONE, 0, "%s: %s", what,
		    pcsc_stringify_error(rv));
	case (uint32_t)SCARD_W_UNRESPONSIVE_CARD:
	case (uint32_t)SCARD_W_UNPOWERED_CARD:
		return err_set(e, ERR_TOKEN_GONE, 0,
		    "%s: the card does not answer; pull it out and put it "
		    "back", what);
	case (uint32_t)SCARD_E_SHARING_VIOLATION:
		return held_by_another(e, what);
	case (uint32_t)SCARD_W_SECURITY_VIOLATION:
		return err_set(e, ERR_DENIED, 0,
		    "%s: PC/SC access denied to this user (polkit)", what);
	case (uint32_t)SCARD_E_NO_MEMORY:
		return err_set(e, ERR_NOMEM, 0, "%s", what);
	case (uint32_t)SCARD_E_CANCELLED:
		return err_set(e, ERR_CANCELLED, 0, "%s: cancelled", what);
	default:
		return err_set(e, ERR_TOKEN, (int)rv, "%s: %s", what,
		    pcsc_stringify_error(rv));
	}
}

static int
establish(SCARDCONTEXT *ctx, struct err *e)
{
	LONG rv;

	rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, ctx);
	return rv == SCARD_S_SUCCESS ? 0 : pcsc_err(e, rv, "PC/SC");
}

int
pcsc_open(struct pcsc **out, struct err *e)
{
	struct pcsc *p;
	int r;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "PC/SC");
	if ((r = establish(&p->ctx, e)) != 0) {
		free(p);
		return r;
	}
	*out = p;
	return 0;
}

void
pcsc_close(struct pcsc *p)
{
	if (p == NULL)
		return;
	SCardReleaseContext(p->ctx);
	free(p);
}

/*
 * Copy the names of a multi-string (each ends in NUL, the last in two) into
 * *rs.  The daemon is another process: its lengths are not taken on trust.
 */
static int
take_names(const char *names, size_t n, struct pcsc_readers *rs,
    struct err *e)
{
	size_t len;

	if (n < 1 || names[n - 1] != '\0' || (n > 1 && names[n - 2] != '\0'))
		return err_set(e, ERR_FORMAT, 0,
		    "PC/SC: list of readers without its end");
	for (; n > 0 && *names != '\0'; names += len + 1, n -= len + 1) {
		len = strlen(names);
		if (rs->n == PCSC_READERS_MAX || len >= PCSC_NAME_MAX)
			return err_set(e, ERR_LIMIT, 0,
			    "PC/SC: too many readers or too long a name");
		memcpy(rs->v[rs->n++].name, names, len + 1);
	}
	return 0;
}

static void
take_state(struct pcsc_reader *r, const SCARD_READERSTATE *s)
{
	r->present = (s->dwEventState & SCARD_STATE_PRESENT) != 0;
	r->mute = (s->dwEventState & SCARD_STATE_MUTE) != 0;
	r->exclusive = (s->dwEventState & SCARD_STATE_EXCLUSIVE) != 0;
	r->in_use = r->exclusive ||
	    (s->dwEventState & SCARD_STATE_INUSE) != 0;
	r->events = (uint32_t)(s->dwEventState >> 16) & 0xffff;
	r->atr_n = s->cbAtr > sizeof(r->atr) ? sizeof(r->atr) : s->cbAtr;
	memcpy(r->atr, s->rgbAtr, r->atr_n);
}

static int
list_names(struct pcsc *p, struct pcsc_readers *rs, struct err *e)
{
	char names[NAMES_MAX];
	DWORD n = sizeof(names);
	LONG rv;

	*rs = (struct pcsc_readers){ 0 };
	rv = SCardListReaders(p->ctx, NULL, names, &n);
	if (rv == (LONG)SCARD_E_NO_READERS_AVAILABLE)
		return 0;
	if (rv != SCARD_S_SUCCESS)
		return pcsc_err(e, rv, "PC/SC readers");
	if (n > sizeof(names))
		return err_set(e, ERR_FORMAT, 0, "PC/SC: list of readers");
	return take_names(names, n, rs, e);
}

int
pcsc_list(struct pcsc *p, struct pcsc_readers *rs, struct err *e)
{
	SCARD_READERSTATE st[PCSC_READERS_MAX];
	LONG rv;
	int r;

	do {
		if ((r = list_names(p, rs, e)) != 0 || rs->n == 0)
			return r;
		memset(st, 0, sizeof(st));
		for (size_t i = 0; i < rs->n; i++)
			st[i].szReader = rs->v[i].name;
		rv = SCardGetStatusChange(p->ctx, 0, st, (DWORD)rs->n);
		/* One may go between the two calls: then look again. */
	} while (rv == (LONG)SCARD_E_UNKNOWN_READER);
	if (rv != SCARD_S_SUCCESS && rv != (LONG)SCARD_E_TIMEOUT)
		return pcsc_err(e, rv, "PC/SC readers");
	for (size_t i = 0; i < rs->n; i++)
		take_state(&rs->v[i], &st[i]);
	return 0;
}

/* The state as SCardGetStatusChange wants to be told what is known. */
static DWORD
known_state(const struct pcsc_reader *r)
{
	DWORD s = (DWORD)r->events << 16;

	s |= r->present ? SCARD_STATE_PRESENT : SCARD_STATE_EMPTY;
	if (r->mute)
		s |= SCARD_STATE_MUTE;
	if (r->exclusive)
		s |= SCARD_STATE_EXCLUSIVE;
	else if (r->in_use)
		s |= SCARD_STATE_INUSE;
	return s;
}

/*
 * Only what matters here.  That another program connects is told to nobody
 * while somebody is connected (pcsc-lite 1.9.9), and so not by `in_use`.
 */
static bool
differs(const struct pcsc_reader *r, const SCARD_READERSTATE *s)
{
	struct pcsc_reader now = { 0 };

	take_state(&now, s);
	return now.present != r->present || now.mute != r->mute ||
	    now.exclusive != r->exclusive || now.events != r->events ||
	    (s->dwEventState & (SCARD_STATE_UNKNOWN |
	    SCARD_STATE_UNAVAILABLE)) != 0;
}

int
pcsc_wait(struct pcsc *p, const struct pcsc_readers *rs, struct err *e)
{
	SCARD_READERSTATE st[PCSC_READERS_MAX + 1] = { 0 };
	LONG rv;

	for (size_t i = 0; i < rs->n; i++) {
		st[i].szReader = rs->v[i].name;
		st[i].dwCurrentState = known_state(&rs->v[i]);
	}
	st[rs->n].szReader = PNP;
	st[rs->n].dwCurrentState = (DWORD)rs->n << 16;
	for (;;) {
		rv = SCardGetStatusChange(p->ctx, WAIT_MS, st,
		    (DWORD)rs->n + 1);
		if (rv == (LONG)SCARD_E_TIMEOUT)
			continue;
		if (rv == (LONG)SCARD_E_UNKNOWN_READER)
			return 0;
		if (rv != SCARD_S_SUCCESS)
			return pcsc_err(e, rv, "PC/SC readers");
		if ((st[rs->n].dwEventState & SCARD_STATE_CHANGED) != 0)
			return 0;
		for (size_t i = 0; i < rs->n; i++) {
			if (differs(&rs->v[i], &st[i]))
				return 0;
			st[i].dwCurrentState = st[i].dwEventState;
		}
	}
}

void
pcsc_cancel(struct pcsc *p)
{
	SCardCancel(p->ctx);
}

/*
 * An error with a handle that was good before.  A daemon that was started
 * anew does not know it, and calls that a security violation.
 */
static int
handle_err(struct err *e, LONG rv)
{
	if (rv == (LONG)SCARD_W_SECURITY_VIOLATION)
		rv = (LONG)SCARD_E_INVALID_HANDLE;
	return pcsc_err(e, rv, "PC/SC card");
}

/* What PC/SC knows of the reader now: asks the daemon, not the card. */
static LONG
peek(SCARDCONTEXT ctx, struct pcsc_reader *r)
{
	SCARD_READERSTATE st = { .szReader = r->name };
	LONG rv;

	rv = SCardGetStatusChange(ctx, 0, &st, 1);
	if (rv != SCARD_S_SUCCESS && rv != (LONG)SCARD_E_TIMEOUT)
		return rv;
	take_state(r, &st);
	return SCARD_S_SUCCESS;
}

/*
 * PC/SC counts the cards that go and come.  A handle whose card was pulled
 * says only "reset" when another program has reset the next card since.
 * The count misses a card that is exchanged between two looks of the daemon
 * (0.4 s, or none where the reader reports it) and reset within that time.
 */
static enum card_since
since_reset(struct card *c)
{
	struct pcsc_reader now = c->reader;
	bool same;

	if (peek(c->ctx, &now) != SCARD_S_SUCCESS)
		return CARD_UNSURE;
	same = now.present && now.events == c->reader.events &&
	    now.atr_n == c->reader.atr_n &&
	    memcmp(now.atr, c->reader.atr, now.atr_n) == 0;
	c->reader = now;
	return same ? CARD_RESET : CARD_UNSURE;
}

static LONG
take_up(struct card *c, DWORD how)
{
	DWORD protocol;

	return SCardReconnect(c->handle, SCARD_SHARE_SHARED,
	    SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, how, &protocol);
}

static bool
has_power(const struct card *c)
{
	DWORD state;

	return SCardStatus(c->handle, NULL, NULL, &state, NULL, NULL,
	    NULL) == SCARD_S_SUCCESS && (state & SCARD_POWERED) != 0;
}

/*
 * The card was reset by somebody: take the handle up again as it is.  One
 * whose power was switched off gets it back, which the daemon itself does
 * only while nobody has the card: others could not connect to it any more.
 */
static LONG
reconnect(struct card *c)
{
	LONG rv;

	c->reset = true;
	c->stale = false;
	rv = take_up(c, SCARD_LEAVE_CARD);
	if (rv == SCARD_S_SUCCESS && !has_power(c))
		rv = take_up(c, SCARD_RESET_CARD);
	return rv;
}

static int
card_begin(void *ctx, enum card_since *since, struct err *e)
{
	struct card *c = ctx;
	LONG rv = SCARD_S_SUCCESS;

	for (int i = 0; i < BEGIN_TRIES; i++) {
		if (c->stale)
			rv = reconnect(c);
		if (rv == SCARD_S_SUCCESS)
			rv = SCardBeginTransaction(c->handle);
		if (rv != (LONG)SCARD_W_RESET_CARD)
			break;
		c->stale = true;
		rv = SCARD_S_SUCCESS;
	}
	if (rv != SCARD_S_SUCCESS)
		return handle_err(e, rv);
	if (c->stale)
		return err_set(e, ERR_AGAIN, 0,
		    "another program resets the card again and again");
	*since = c->reset ? since_reset(c) : CARD_KEPT;
	c->reset = false;
	c->begun = true;
	return 0;
}

static void
card_end(void *ctx)
{
	struct card *c = ctx;

	c->begun = false;
	SCardEndTransaction(c->handle, SCARD_LEAVE_CARD);
}

/*
 * Who takes the card while another program is about to reset it learns of
 * that from a command, and sometimes only from the protocol that is then
 * not agreed on: nothing but connecting anew helps.
 */
static int
was_reset(struct card *c, struct err *e)
{
	c->stale = true;
	if (c->begun)
		return err_set(e, ERR_AGAIN, 0,
		    "another program has reset the card meanwhile");
	return err_set(e, ERR_PIN_NEEDED, -1, "the card was reset");
}

static int
card_transmit(void *ctx, struct span cmd, uint8_t *rsp, size_t *rsp_len,
    struct err *e)
{
	SCARD_IO_REQUEST recv_pci = { 0 };
	struct card *c = ctx;
	DWORD n = *rsp_len;
	LONG rv;

	rv = SCardTransmit(c->handle, SCARD_PCI_T1, cmd.p, cmd.n, &recv_pci,
	    rsp, &n);
	if (rv == (LONG)SCARD_E_SHARING_VIOLATION)
		return err_set(e, ERR_AGAIN, 0, "the card is in use");
	if (rv == (LONG)SCARD_W_RESET_CARD ||
	    rv == (LONG)SCARD_E_PROTO_MISMATCH)
		return was_reset(c, e);
	if (rv != SCARD_S_SUCCESS)
		return handle_err(e, rv);
	*rsp_len = n;
	return 0;
}

static int
card_control(void *ctx, uint32_t code, struct span in, uint8_t *out,
    size_t *out_len, struct err *e)
{
	struct card *c = ctx;
	DWORD n = *out_len;
	LONG rv;

	if (code == CARD_ASK_FEATURES)
		code = CM_IOCTL_GET_FEATURE_REQUEST;
	rv = SCardControl(c->handle, code, in.p, in.n, out, n, &n);
	if (rv != SCARD_S_SUCCESS)
		return pcsc_err(e, rv, "PC/SC reader");
	*out_len = n;
	return 0;
}

static void
card_close(void *ctx)
{
	struct card *c = ctx;

	if (c == NULL)
		return;
	if (c->handle != 0)
		SCardDisconnect(c->handle, SCARD_LEAVE_CARD);
	SCardReleaseContext(c->ctx);
	free(c);
}

int
pcsc_connect(const char *reader, struct card_io *io, struct err *e)
{
	DWORD protocol;
	struct card *c;
	LONG rv;
	int r;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_set(e, ERR_NOMEM, 0, "PC/SC card");
	snprintf(c->reader.name, sizeof(c->reader.name), "%s", reader);
	if ((r = establish(&c->ctx, e)) != 0) {
		free(c);
		return r;
	}
	/*
	 * In this order, and at once: a card that is exchanged in between
	 * has another count, and hardly anybody connects in between.
	 */
	if ((rv = peek(c->ctx, &c->reader)) == SCARD_S_SUCCESS)
		rv = SCardConnect(c->ctx, reader, SCARD_SHARE_SHARED,
		    SCARD_PROTOCOL_T1, &c->handle, &protocol);
	if (rv != SCARD_S_SUCCESS) {
		r = pcsc_err(e, rv, "PC/SC card");
		card_close(c);
		return r;
	}
	*io = (struct card_io){ .begin = card_begin, .end = card_end,
	    .transmit = card_transmit, .control = card_control,
	    .close = card_close, .ctx = c, .reader = c->reader.name,
	    .alone = !c->reader.in_use };
	return 0;
}
