/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "agent/cygwin_file.h"
#include "tests/fuzz/law.h"

static const uint8_t nonce[CYGWIN_NONCE_BYTES] = "sixteen bytes !";

/* A file that is taken is one that would be written. */
static void
read_as_file(const uint8_t *p, size_t n)
{
	uint8_t said[CYGWIN_NONCE_BYTES];
	char text[2 * CYGWIN_FILE_MAX], again[CYGWIN_FILE_MAX];
	uint16_t port;

	if (n >= sizeof(text))
		return;
	memcpy(text, p, n);
	text[n] = '\0';
	if (!cygwin_file_parse(text, &port, said))
		return;
	cygwin_file_format(again, port, said);
	must(port != 0 && strcmp(text, again) == 0);
}

/*
 * The first byte says in what pieces the others come.  Nobody is let in whose
 * first bytes are not the nonce, and no byte is taken that is behind the end.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct cygwin_shake s = { 0 };
	enum cygwin_step step = CYGWIN_MORE;
	size_t piece, want, at = 1;

	if (n == 0)
		return 0;
	read_as_file(p, n);
	piece = 1 + p[0] % 32;
	while (at < n && step != CYGWIN_WRONG && step != CYGWIN_DONE) {
		want = cygwin_shake_want(&s);
		must(want > 0 && want <= CYGWIN_NONCE_BYTES);
		want = want < piece ? want : piece;
		want = want < n - at ? want : n - at;
		step = cygwin_shake_feed(&s, nonce,
		    (struct span){ p + at, want });
		at += want;
	}
	if (step == CYGWIN_PROVED || step == CYGWIN_DONE)
		must(memcmp(p + 1, nonce, sizeof(nonce)) == 0);
	if (step == CYGWIN_DONE)
		must(at == 1 + sizeof(s.in) && cygwin_shake_want(&s) == 0);
	return 0;
}
