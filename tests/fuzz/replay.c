/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/law.h"

#define INPUT_MAX	(1 << 20)

/* In an allocation of its exact size, for a sanitizer to watch its end. */
static int
run(const uint8_t *buf, size_t n)
{
	uint8_t *p = malloc(n);

	if (p == NULL && n > 0)
		return 1;
	if (n > 0)
		memcpy(p, buf, n);
	LLVMFuzzerTestOneInput(p, n);
	free(p);
	return 0;
}

/* Run a fuzz target over the files of its corpus, without libFuzzer. */
int
main(int argc, char **argv)
{
	uint8_t *buf = malloc(INPUT_MAX);
	int r = buf == NULL;

	for (int i = 1; i < argc && r == 0; i++) {
		FILE *f = fopen(argv[i], "rb");
		size_t n;

		if (f == NULL) {
			perror(argv[i]);
			r = 1;
			break;
		}
		n = fread(buf, 1, INPUT_MAX, f);
		r = ferror(f) || run(buf, n) != 0;
		fclose(f);
	}
	free(buf);
	return r;
}
