/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "pin/assuan.h"
#include "tests/fuzz/law.h"

struct result {
	int			 r;
	struct assuan_answer	 answer;
	struct secret		*data;
};

/* All answers up to a failure; x is what the last one was. */
static void
run(const unsigned char *p, size_t n, size_t piece, struct result *x)
{
	struct assuan *a = assuan_new();
	size_t room;
	struct err e;
	void *to;

	if (a == NULL || (x->data = secret_new()) == NULL)
		__builtin_trap();
	for (;;) {
		x->r = assuan_next(a, x->data, &x->answer, &e);
		if (x->r != 0)
			break;
		for (const char *c = x->answer.text; *c != '\0'; c++)
			if ((unsigned char)*c < 0x20 || *c == 0x7f)
				__builtin_trap();
		if (x->answer.kind != ASSUAN_MORE)
			continue;
		if (n == 0)
			break;
		to = assuan_room(a, &room);
		if (room == 0)
			__builtin_trap();
		room = room > piece ? piece : room;
		room = room > n ? n : room;
		memcpy(to, p, room);
		assuan_added(a, room);
		p += room;
		n -= room;
	}
	assuan_free(a);
}

/* What is escaped as a command is one line, and comes back from data. */
static void
round_trip(const unsigned char *p, size_t n)
{
	char text[256], line[ASSUAN_LINE_MAX] = "D ";
	struct result x;
	size_t used;

	n = n < sizeof(text) ? n : sizeof(text) - 1;
	memcpy(text, p, n);
	text[n] = '\0';
	assuan_escape(line, text);
	if (strchr(line, '\n') != NULL || strlen(line) > ASSUAN_LINE_MAX - 2)
		__builtin_trap();
	used = strlen(line);
	line[used++] = '\n';
	run((const unsigned char *)line, used, sizeof(line), &x);
	if (x.r != 0 || secret_len(x.data) != strlen(text) ||
	    memcmp(secret_bytes(x.data), text, strlen(text)) != 0)
		__builtin_trap();
	secret_free(x.data);
}

/* An answer is the same in whatever pieces it comes, and is printable. */
int
LLVMFuzzerTestOneInput(const unsigned char *p, size_t n)
{
	struct result whole, pieces;

	run(p, n, n + 1, &whole);
	run(p, n, n % 13 + 1, &pieces);
	if (whole.r != pieces.r || !secret_eq(whole.data, pieces.data) ||
	    memcmp(&whole.answer, &pieces.answer, sizeof(whole.answer)) != 0)
		__builtin_trap();
	secret_free(whole.data);
	secret_free(pieces.data);
	/* A text that fits is not cut, whatever is in it. */
	round_trip(p, n);
	return 0;
}
