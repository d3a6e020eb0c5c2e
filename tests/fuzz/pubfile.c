/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "keyutil/pubfile.h"
#include "ssh/keytext.h"
#include "tests/fuzz/law.h"

/* What was read is one clean line, and reads as itself. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line, *again;
	struct err e;

	if (pubfile_parse((struct span){ data, size }, &line, &e) != 0) {
		must(line == NULL);
		return 0;
	}
	must(keytext_is_clean(span_cstr(line)));
	must(pubfile_parse(span_cstr(line), &again, &e) == 0);
	must(strcmp(line, again) == 0);
	free(line);
	free(again);
	return 0;
}
