/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "keyutil/wrapfile.h"
#include "tests/fuzz/law.h"

/* What is read is written as it was, if its lengths were DER. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct token_wrapped w, again;
	struct token_key k;
	struct wire_w out;
	struct err e = { 0 };

	if (wrapfile_parse((struct span){ p, n }, &w, &e) != 0) {
		if (e.msg[0] == '\0')
			__builtin_trap();
		return 0;
	}
	if (!wire_write(&out, WRAPFILE_MAX))
		return 0;
	wrapfile_put(&out, &w);
	if (out.bad || wire_bytes(&out).n > n ||
	    wrapfile_parse(wire_bytes(&out), &again, &e) != 0 ||
	    again.blob_n != w.blob_n ||
	    again.description_n != w.description_n ||
	    again.certificate_n != w.certificate_n)
		__builtin_trap();
	wire_free(&out);
	if (token_wrapped_key(&w, &k, &e) == 0)
		free(k.blob);
	return 0;
}
