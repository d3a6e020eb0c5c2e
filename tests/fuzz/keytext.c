/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "ssh/key.h"
#include "ssh/keytext.h"
#include "tests/fuzz/law.h"

/* Cleaning is done once: clean text stays as it is. */
static void
clean(struct span in)
{
	char once[300], twice[300];

	keytext_clean(once, sizeof(once), in);
	must(strlen(once) < sizeof(once));
	for (const char *s = once; *s != '\0'; s++)
		must((unsigned char)*s >= 0x20 && *s != 0x7f);
	keytext_clean(twice, sizeof(twice), span_cstr(once));
	must(strcmp(once, twice) == 0);
}

/* What was read is printed as a line that reads as the same blob. */
static void
print(struct span blob)
{
	char *line = keytext_openssh(blob, "comment");
	struct span comment;
	struct wire_w w;
	struct err e;

	if (line == NULL)
		return;			/* a type name that is not text */
	must(wire_write(&w, 1 << 18));
	if (strlen(line) <= 65536) {
		must(keytext_parse(line, &w, &comment, &e) == 0);
		must(span_eq(wire_bytes(&w), blob));
		must(span_is(comment, "comment"));
	}
	wire_free(&w);
	free(line);
}

/* A key we can sign with has every form. */
static void
forms(struct span blob)
{
	char *forms[] = {
		keytext_fingerprint(blob), keytext_fingerprint_md5(blob),
		keytext_rfc4716(blob, "comment"), keytext_listing(blob, ""),
		keytext_sshfp(blob, "host"), keytext_pem(blob),
	};
	const size_t n = sizeof(forms) / sizeof(forms[0]);
	struct wire_w w;
	struct key k;
	struct err e;

	must(wire_write(&w, 4096));
	for (size_t i = 0; i < 3; i++)
		must(forms[i] != NULL);
	if (key_parse(blob, &k, &e) == 0)
		must(forms[3] != NULL && forms[4] != NULL);
	if (forms[5] != NULL && key_parse(blob, &k, &e) == 0)
		must(key_put_spki(&w, blob, &e) == 0);
	for (size_t i = 0; i < n; i++)
		free(forms[i]);
	wire_free(&w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *line = malloc(n + 1);
	struct span comment = { 0 };
	struct wire_w w;
	struct err e;

	must(line != NULL && wire_write(&w, 1 << 18));
	if (n > 0)
		memcpy(line, p, n);
	line[n] = '\0';
	clean((struct span){ p, n });
	if (keytext_parse(line, &w, &comment, &e) == 0) {
		must(comment.n <= strlen(line));
		print(wire_bytes(&w));
		forms(wire_bytes(&w));
	} else
		must(wire_bytes(&w).n == 0);
	wire_free(&w);
	free(line);
	return 0;
}
