/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * ride READER KEY-REFERENCE: another program that never knew a PIN, and
 * tries to have a P-256 key sign with somebody else's login, over and over
 * until standard input ends.  Prints "tried N signed M".
 */
#include <err.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <winscard.h>

#define DIGEST	32
#define HEADER	5

struct ride {
	SCARDCONTEXT	 ctx;
	SCARDHANDLE	 card;
	BYTE		 cmd[HEADER + DIGEST + 1];
	unsigned long	 tried, signatures;
};

static void
get_on(struct ride *r, const char *reader)
{
	DWORD protocol;
	LONG rv;

	rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &r->ctx);
	if (rv == SCARD_S_SUCCESS)
		rv = SCardConnect(r->ctx, reader, SCARD_SHARE_SHARED,
		    SCARD_PROTOCOL_T1, &r->card, &protocol);
	if (rv != SCARD_S_SUCCESS)
		errx(2, "%s: %s", reader, pcsc_stringify_error(rv));
}

/*
 * Now and then in a transaction, which waits for its turn; else without,
 * which is refused while somebody else has one.
 */
static void
try_once(struct ride *r)
{
	bool in_turn = r->tried++ % 4 == 0;
	BYTE rsp[258];
	DWORD n = sizeof(rsp), protocol;
	LONG rv = SCARD_S_SUCCESS;

	if (in_turn)
		rv = SCardBeginTransaction(r->card);
	if (rv == SCARD_S_SUCCESS) {
		rv = SCardTransmit(r->card, SCARD_PCI_T1, r->cmd,
		    sizeof(r->cmd), NULL, rsp, &n);
		if (in_turn)
			SCardEndTransaction(r->card, SCARD_LEAVE_CARD);
	}
	if (rv == (LONG)SCARD_W_RESET_CARD)
		SCardReconnect(r->card, SCARD_SHARE_SHARED,
		    SCARD_PROTOCOL_T1, SCARD_LEAVE_CARD, &protocol);
	else if (rv == SCARD_S_SUCCESS && n > 2 && rsp[n - 2] == 0x90)
		r->signatures++;
}

int
main(int argc, char **argv)
{
	struct pollfd end = { .fd = STDIN_FILENO, .events = POLLIN };
	struct ride r = { .cmd = { 0x80, 0x68, 0x00, 0x70, DIGEST } };

	if (argc != 3)
		errx(2, "usage: ride READER KEY-REFERENCE");
	r.cmd[2] = (BYTE)strtoul(argv[2], NULL, 16);
	memset(r.cmd + HEADER, 'x', DIGEST);
	get_on(&r, argv[1]);
	while (poll(&end, 1, 0) == 0)
		try_once(&r);
	printf("tried %lu signed %lu\n", r.tried, r.signatures);
	SCardDisconnect(r.card, SCARD_LEAVE_CARD);
	SCardReleaseContext(r.ctx);
	return 0;
}
