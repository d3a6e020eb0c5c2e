/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "keyutil/trustfile.h"
#include "ssh/wire.h"
#include "tests/fuzz/law.h"

/* The lines are in their order, and what is of them fits into the file. */
static void
check(struct trustfile *t, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < t->n; i++) {
		must(t->v[i].n > 0);
		must(i == 0 || t->at[i].number > t->at[i - 1].number);
		bytes += t->v[i].n;
	}
	must(bytes <= n);
	must(strlen(t->fault) < sizeof(t->fault));
	trustfile_free(t);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct span text = { p, n };
	struct trustfile t;
	struct err e;

	if (trustfile_keys(text, &t, &e) != 0)
		abort();
	check(&t, n);
	if (trustfile_names(text, &t, &e) != 0)
		abort();
	check(&t, n);
	if (trustfile_hosts(text, "@cert-authority", "[web.example]:22", &t,
	    &e) != 0)
		abort();
	check(&t, n);
	return 0;
}
