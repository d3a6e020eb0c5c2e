/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "agent/certfile.h"
#include "ssh/key.h"
#include "tests/fuzz/law.h"

/* It is in one state at any time, and describes itself. */
static void
at_all_times(const struct certfile *f)
{
	const bool never = f->valid_after >= f->valid_before;
	char words[512];

	certfile_describe(f, words, sizeof(words));
	must(words[0] != '\0');
	for (int bit = 0; bit < 62; bit++) {
		const enum certfile_state s = certfile_state(f,
		    (time_t)1 << bit);

		must(s != CERTFILE_BAD);
		must(!never || s != CERTFILE_OFFERED);
	}
}

/*
 * What is taken is a certificate for a key that a token can have, and its
 * blob alone reads as the same.
 */
static void
taken(const struct certfile *f)
{
	struct certfile again;
	struct key k;
	struct err e;

	must(strcmp(f->path, "x") == 0 && f->bad[0] == '\0');
	must(key_parse(certfile_key(f), &k, &e) == 0);
	must(certfile_take(&again, "x", certfile_blob(f),
	    span_cstr(f->comment), &e) == 0);
	must(span_eq(certfile_key(&again), certfile_key(f)));
	must(strcmp(again.comment, f->comment) == 0);
	must(again.valid_after == f->valid_after);
	must(again.valid_before == f->valid_before);
	certfile_free(&again);
	at_all_times(f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct certfile f;
	struct err e;

	if (certfile_read(&f, "x", (struct span){ p, n }, &e) != 0) {
		must(e.msg[0] != '\0' && f.path == NULL && f.blob == NULL);
		return 0;
	}
	taken(&f);
	certfile_free(&f);
	return 0;
}
