/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "keyutil/keyscan.h"
#include "ssh/cert.h"
#include "ssh/keytext.h"
#include "tests/fuzz/law.h"

/* A host that is told can stand in a file's name and in a certificate. */
static void
is_usable(const struct keyscan *k)
{
	struct cert c = { 0 };
	struct err e;

	must(strchr(k->host, '/') == NULL && k->host[0] != '.');
	must(keytext_is_clean(span_cstr(k->place)));
	must(strstr(k->place, k->host) != NULL);
	must(k->type[0] != '\0');
	must(!cert_is_meant(wire_bytes(&k->blob)));
	must(cert_set_subject(&c, wire_bytes(&k->blob), &e) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	const struct span text = { p, n };
	struct hostpins pins = { 0 };
	struct keyscan k;
	struct err e;

	keyscan_begin(&k, text);
	while (keyscan_next(&k, &e) == 0 && k.host[0] != '\0')
		is_usable(&k);
	keyscan_end(&k);
	(void)!hostpins_parse(&pins, text, &e);
	hostpins_sort(&pins);
	for (size_t i = 0; i < pins.n; i++) {
		must(keytext_is_fingerprint(pins.v[i].fingerprint));
		must(hostpins_first(&pins, pins.v[i].host) <= &pins.v[i]);
	}
	hostpins_free(&pins);
	return 0;
}
