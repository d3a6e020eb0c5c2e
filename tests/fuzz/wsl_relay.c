/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "contrib/wsl/relay/core.h"
#include "tests/fuzz/law.h"

/* What is taken for a socket's file has a port, and says its nonce. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char text[RELAY_FILE_MAX], word[16];
	struct relay_address a;

	if (n >= sizeof(text))
		return 0;
	memcpy(text, p, n);
	text[n] = '\0';
	if (!relay_parse_file(text, &a))
		return 0;
	must(a.port != 0);
	for (size_t i = 0; i < RELAY_NONCE; i += 4) {
		snprintf(word, sizeof(word), "%02x%02x%02x%02x", a.nonce[i + 3],
		    a.nonce[i + 2], a.nonce[i + 1], a.nonce[i]);
		must(strcasestr(text, word) != NULL);
	}
	return 0;
}
