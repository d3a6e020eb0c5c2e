/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/constrained.h"

#define ROOM	(1 << 17)

void
constrained_lifetime(struct wire_w *w, uint32_t seconds)
{
	wire_put_u8(w, 1);
	wire_put_u32(w, seconds);
}

void
constrained_confirm(struct wire_w *w)
{
	wire_put_u8(w, 2);
}

static void
put_hop(struct wire_w *w, const struct hostkey *key, const char *user)
{
	struct wire_w hop;

	assert_true(wire_write(&hop, ROOM));
	wire_put_cstring(&hop, user != NULL ? user : "");
	wire_put_cstring(&hop, key != NULL ? "host" : "");
	wire_put_cstring(&hop, "");
	if (key != NULL) {
		wire_put_string(&hop, data_span(&key->blob));
		wire_put_u8(&hop, false);
	}
	wire_put_string(w, wire_bytes(&hop));
	wire_free(&hop);
}

void
constrained_steps(struct wire_w *w, const struct constrained_step *steps,
    size_t n)
{
	struct wire_w list, one;

	assert_true(wire_write(&list, ROOM));
	for (size_t i = 0; i < n; i++) {
		assert_true(wire_write(&one, ROOM));
		put_hop(&one, steps[i].from, NULL);
		put_hop(&one, steps[i].to, steps[i].user);
		wire_put_cstring(&one, "");
		wire_put_string(&list, wire_bytes(&one));
		wire_free(&one);
	}
	wire_put_u8(w, 255);
	wire_put_cstring(w, "restrict-destination-v00@openssh.com");
	wire_put_string(w, wire_bytes(&list));
	wire_free(&list);
}

void
constrained_certs(struct wire_w *w, bool only, const struct data *certs,
    size_t n)
{
	struct wire_w list;

	assert_true(wire_write(&list, ROOM));
	for (size_t i = 0; i < n; i++)
		wire_put_string(&list, data_span(&certs[i]));
	wire_put_u8(w, 255);
	wire_put_cstring(w, "associated-certs-v00@openssh.com");
	wire_put_u8(w, only);
	wire_put_string(w, wire_bytes(&list));
	wire_free(&list);
}

void
constrained_grant(struct grants *g, const char *serial, bool only,
    struct data *certs, size_t n)
{
	struct constraints c;
	struct terms *t;
	struct wire_w w;
	struct err e;

	assert_true(wire_write(&w, ROOM));
	constrained_certs(&w, only, certs, n);
	assert_int_equal(constraints_parse(wire_bytes(&w),
	    CONSTRAINT_WITH_CERTS, &c, &e), 0);
	assert_int_equal(grants_prepare(g, serial, &c, &t, &e), 0);
	grants_set(g, t, &c);
	assert_true(c.certs == NULL && c.bytes == NULL);
	wire_free(&w);
	for (size_t i = 0; i < n; i++)
		data_free(&certs[i]);
}
