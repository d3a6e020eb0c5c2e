/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include <winscard.h>

#include "tests/harness/harness.h"

#define READERS	(2 * HARNESS_LIBS + 1)

/* All readers, and last the pseudo-reader that reports new ones. */
static size_t
list_readers(SCARDCONTEXT ctx, char *names, DWORD cap,
    SCARD_READERSTATE state[READERS])
{
	size_t n = 0;
	LONG r;

	memset(state, 0, READERS * sizeof(*state));
	r = SCardListReaders(ctx, NULL, names, &cap);
	if (r == SCARD_S_SUCCESS)
		for (char *p = names; *p != '\0' && n < READERS - 1;
		    p += strlen(p) + 1)
			state[n++].szReader = p;
	state[n++].szReader = "\\\\?PnP?\\Notification";
	return n;
}

static size_t
count_cards(const SCARD_READERSTATE *state, size_t n)
{
	size_t cards = 0;

	for (size_t i = 0; i < n; i++)
		if ((state[i].dwEventState & SCARD_STATE_PRESENT) != 0 &&
		    state[i].cbAtr != 0)
			cards++;
	return cards;
}

int
watch_cards(size_t want)
{
	SCARD_READERSTATE state[READERS];
	char names[READERS * 128];
	SCARDCONTEXT ctx;
	size_t n;
	LONG r;

	r = SCardEstablishContext(SCARD_SCOPE_SYSTEM, NULL, NULL, &ctx);
	if (r != SCARD_S_SUCCESS) {
		fprintf(stderr, "with-vhsm: %s\n", pcsc_stringify_error(r));
		return 1;
	}
	if (want == 0)
		return 0;
	n = list_readers(ctx, names, sizeof(names), state);
	for (;;) {
		r = SCardGetStatusChange(ctx, INFINITE, state, (DWORD)n);
		if (r != SCARD_S_SUCCESS)
			break;
		if (count_cards(state, n - 1) >= want)
			return 0;
		if ((state[n - 1].dwEventState & SCARD_STATE_CHANGED) != 0)
			n = list_readers(ctx, names, sizeof(names), state);
		else
			for (size_t i = 0; i < n; i++)
				state[i].dwCurrentState =
				    state[i].dwEventState &
				    ~(DWORD)SCARD_STATE_CHANGED;
	}
	fprintf(stderr, "with-vhsm: %s\n", pcsc_stringify_error(r));
	return 1;
}
