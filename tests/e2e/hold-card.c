/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * hold-card exclusive|transaction|shared [READER]: be a program that keeps
 * the card to itself: connected to it alone, or in a transaction that does not
 * end.  Or one that is merely connected, so that the card keeps its power.
 * Prints "held" when it does, and lets go when its standard input ends.
 * READER is a part of the name; without it the first reader is taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <winscard.h>

enum how {
	EXCLUSIVE,
	TRANSACTION,
	SHARED,
	HOWS,
};

static enum how
parse(const char *word)
{
	static const char *const words[] = { "exclusive", "transaction",
	    "shared" };
	int i;

	for (i = 0; i < HOWS && strcmp(words[i], word) != 0; i++)
		;
	return (enum how)i;
}

/* The first reader whose name has `part` in it; NULL if there is none. */
static const char *
find_reader(SCARDCONTEXT ctx, const char *part, char *list, DWORD n)
{
	if (SCardListReaders(ctx, NULL, list, &n) != SCARD_S_SUCCESS)
		return NULL;
	for (const char *r = list; *r != '\0'; r += strlen(r) + 1)
		if (strstr(r, part) != NULL)
			return r;
	return NULL;
}

static LONG
hold(SCARDCONTEXT ctx, const char *reader, enum how how, SCARDHANDLE *card)
{
	DWORD protocol;
	LONG rv;

	rv = SCardConnect(ctx, reader,
	    how == EXCLUSIVE ? SCARD_SHARE_EXCLUSIVE : SCARD_SHARE_SHARED,
	    SCARD_PROTOCOL_T0 | SCARD_PROTOCOL_T1, card, &protocol);
	if (rv == SCARD_S_SUCCESS && how == TRANSACTION)
		rv = SCardBeginTransaction(*card);
	return rv;
}

int
main(int argc, char **argv)
{
	char list[4096], byte;
	const char *reader;
	SCARDCONTEXT ctx;
	SCARDHANDLE card;
	enum how how;
	LONG rv;

	if (argc < 2 || argc > 3 || (how = parse(argv[1])) == HOWS) {
		fputs("usage: hold-card exclusive|transaction|shared "
		    "[READER]\n", stderr);
		return 2;
	}
	rv = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &ctx);
	if (rv == SCARD_S_SUCCESS) {
		reader = find_reader(ctx, argc > 2 ? argv[2] : "", list,
		    sizeof(list));
		rv = reader == NULL ? (LONG)SCARD_E_UNKNOWN_READER :
		    hold(ctx, reader, how, &card);
	}
	if (rv != SCARD_S_SUCCESS) {
		fprintf(stderr, "hold-card: %s\n", pcsc_stringify_error(rv));
		return 1;
	}
	puts("held");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	if (how == TRANSACTION)
		SCardEndTransaction(card, SCARD_LEAVE_CARD);
	SCardDisconnect(card, SCARD_LEAVE_CARD);
	SCardReleaseContext(ctx);
	return 0;
}
