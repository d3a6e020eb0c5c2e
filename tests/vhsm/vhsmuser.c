/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * vhsmuser [-r N] WORD...: another program, which uses the card of reader N
 * (from 0) by PC/SC.  It does what the words say, one after the other, and
 * ends with 1 at the first that fails.
 *
 *	exclusive	connect so that nobody else can; else it is shared
 *	begin, end	a transaction
 *	send HEX	a command; prints the answer in hex
 *	hold		print "holding" and wait for the end of standard input
 *	leave, reset, unpower	disconnect, and do that to the card
 *
 * What needs a connection makes one.  Left at the end, it is ended by leave.
 */
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <winscard.h>

struct user {
	SCARDCONTEXT	 ctx;
	SCARDHANDLE	 card;
	char		 names[2048];
	const char	*reader;
	bool		 connected;
};

static void
check(LONG r, const char *what)
{
	if (r != SCARD_S_SUCCESS)
		errx(1, "%s: %s", what, pcsc_stringify_error(r));
}

static void
find_reader(struct user *u, unsigned long n)
{
	DWORD cap = sizeof(u->names);

	check(SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &u->ctx),
	    "pcscd");
	check(SCardListReaders(u->ctx, NULL, u->names, &cap), "readers");
	u->reader = u->names;
	for (; n > 0 && *u->reader != '\0'; n--)
		u->reader += strlen(u->reader) + 1;
	if (*u->reader == '\0')
		errx(1, "there are not so many readers");
}

static void
connect_card(struct user *u, DWORD share)
{
	DWORD protocol;

	if (u->connected)
		return;
	check(SCardConnect(u->ctx, u->reader, share, SCARD_PROTOCOL_T1,
	    &u->card, &protocol), "connect");
	u->connected = true;
}

static void
disconnect(struct user *u, DWORD how)
{
	connect_card(u, SCARD_SHARE_SHARED);
	check(SCardDisconnect(u->card, how), "disconnect");
	u->connected = false;
}

static size_t
from_hex(const char *s, uint8_t *out, size_t max)
{
	size_t n = 0;
	unsigned v;

	for (; *s != '\0'; s += 2) {
		if (n == max || strspn(s, "0123456789abcdefABCDEF") < 2 ||
		    sscanf(s, "%2x", &v) != 1)
			errx(2, "send: want a command in hex");
		out[n++] = (uint8_t)v;
	}
	return n;
}

static void
send_hex(struct user *u, const char *hex)
{
	uint8_t cmd[4096], rsp[65538];
	DWORD n = sizeof(rsp);

	connect_card(u, SCARD_SHARE_SHARED);
	check(SCardTransmit(u->card, SCARD_PCI_T1, cmd,
	    from_hex(hex, cmd, sizeof(cmd)), NULL, rsp, &n), "send");
	for (DWORD i = 0; i < n; i++)
		printf("%02X", rsp[i]);
	putchar('\n');
	fflush(stdout);
}

static void
hold(void)
{
	puts("holding");
	fflush(stdout);
	while (getchar() != EOF)
		;
}

/* One word; true if it used up the next one too. */
static bool
run(struct user *u, const char *word, const char *next)
{
	if (strcmp(word, "send") == 0 && next != NULL) {
		send_hex(u, next);
		return true;
	}
	if (strcmp(word, "leave") == 0) {
		disconnect(u, SCARD_LEAVE_CARD);
	} else if (strcmp(word, "reset") == 0) {
		disconnect(u, SCARD_RESET_CARD);
	} else if (strcmp(word, "unpower") == 0) {
		disconnect(u, SCARD_UNPOWER_CARD);
	} else if (strcmp(word, "exclusive") == 0) {
		connect_card(u, SCARD_SHARE_EXCLUSIVE);
	} else if (strcmp(word, "begin") == 0) {
		connect_card(u, SCARD_SHARE_SHARED);
		check(SCardBeginTransaction(u->card), "begin");
	} else if (strcmp(word, "end") == 0) {
		connect_card(u, SCARD_SHARE_SHARED);
		check(SCardEndTransaction(u->card, SCARD_LEAVE_CARD), "end");
	} else if (strcmp(word, "hold") == 0) {
		connect_card(u, SCARD_SHARE_SHARED);
		hold();
	} else {
		errx(2, "%s: no such word, or too few of them", word);
	}
	return false;
}

int
main(int argc, char **argv)
{
	struct user u = { .connected = false };
	unsigned long reader = 0;
	int c;

	while ((c = getopt(argc, argv, "+r:")) != -1) {
		if (c != 'r')
			return 2;
		reader = strtoul(optarg, NULL, 10);
	}
	if (optind == argc)
		errx(2, "usage: vhsmuser [-r READER] WORD...");
	find_reader(&u, reader);
	for (char **w = argv + optind; *w != NULL; w++)
		w += run(&u, w[0], w[1]);
	if (u.connected)
		disconnect(&u, SCARD_LEAVE_CARD);
	SCardReleaseContext(u.ctx);
	return 0;
}
