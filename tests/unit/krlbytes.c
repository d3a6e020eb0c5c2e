/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ssh/krl.h"
#include "tests/unit/krlbytes.h"

struct span
krlbytes_ca(void)
{
	static const char blob[] = "\0\0\0\013ssh-ed25519"
	    "\0\0\0 12345678901234567890123456789012";

	return (struct span){ (const uint8_t *)blob, sizeof(blob) - 1 };
}

struct cert
krlbytes_cert(uint64_t serial, const char *key_id)
{
	return (struct cert){
		.plain_name = "ssh-ed25519",
		.key_fields = { (const uint8_t *)
		    "\0\0\0 abcdefghijklmnopqrstuvwxyz012345", 36 },
		.serial = serial, .key_id = span_cstr(key_id),
		.ca = krlbytes_ca(),
	};
}

void
krlbytes_start(struct wire_w *w)
{
	assert_true(wire_write(w, KRL_MAX));
	wire_put_raw(w, (struct span){ (const uint8_t *)"SSHKRL\n", 8 });
	wire_put_u32(w, 1);
	wire_put_u64(w, 1);		/* version */
	wire_put_u64(w, 2);		/* date */
	wire_put_u64(w, 0);		/* flags */
	wire_put_cstring(w, "reserved");
	wire_put_cstring(w, "comment");
}

struct data
krlbytes_end(struct wire_w *w)
{
	struct data d = data_copy(wire_bytes(w));

	wire_free(w);
	return d;
}

struct data
krlbytes_section(uint8_t type, struct span bytes)
{
	struct wire_w w;

	krlbytes_start(&w);
	wire_put_u8(&w, type);
	wire_put_string(&w, bytes);
	return krlbytes_end(&w);
}

struct data
krlbytes_part(uint8_t type, struct span bytes)
{
	struct wire_w w;
	struct data d;

	assert_true(wire_write(&w, KRL_MAX));
	wire_put_string(&w, krlbytes_ca());
	wire_put_cstring(&w, "reserved");
	wire_put_u8(&w, type);
	wire_put_string(&w, bytes);
	d = krlbytes_section(1, wire_bytes(&w));
	wire_free(&w);
	return d;
}

bool
krlbytes_has_serial(const struct krl_view *v, uint64_t n)
{
	const struct cert c = krlbytes_cert(n, "x");
	struct krl_verdict x;
	struct err e;

	assert_int_equal(krl_view_ask_cert(v, &c, &x, &e), 0);
	assert_true(x.by == KRL_BY_SERIAL || x.by == KRL_BY_NOTHING);
	return x.by == KRL_BY_SERIAL;
}
