/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "tests/unit/vhsm_card.h"
#include "tests/vhsm/vh_buf.h"

unsigned
card_send(struct test *t, struct span cmd)
{
	size_t n = vhsm_apdu(t->v, cmd, t->rsp, sizeof(t->rsp));

	assert_true(n >= 2);
	t->n = n - 2;
	return (unsigned)t->rsp[n - 2] << 8 | t->rsp[n - 1];
}

unsigned
card_send_hex(struct test *t, const char *hex)
{
	long n = 0;
	uint8_t *p = OPENSSL_hexstr2buf(hex, &n);
	struct span cmd = { p, (size_t)n };
	unsigned sw;

	assert_non_null(p);
	sw = card_send(t, cmd);
	OPENSSL_free(p);
	return sw;
}

unsigned
card_send_data(struct test *t, const char *header, struct span data)
{
	struct vh_buf b = { 0 };
	long n = 0;
	uint8_t *h = OPENSSL_hexstr2buf(header, &n);
	struct span hs = { h, (size_t)n };
	unsigned sw;

	vh_buf_put(&b, hs);
	vh_buf_put_u8(&b, 0);
	if (data.n != 0)
		vh_buf_put_u16(&b, (unsigned)data.n);
	vh_buf_put(&b, data);
	vh_buf_put_u16(&b, 0);
	sw = card_send(t, vh_buf_bytes(&b));
	vh_buf_free(&b);
	OPENSSL_free(h);
	return sw;
}

struct span
card_answer(const struct test *t)
{
	struct span s = { t->rsp, t->n };

	return s;
}

void
card_expect(const struct test *t, const char *hex)
{
	long n = 0;
	uint8_t *p = OPENSSL_hexstr2buf(hex, &n);

	assert_int_equal(t->n, n);
	assert_memory_equal(t->rsp, p, (size_t)n);
	OPENSSL_free(p);
}

void
card_open(struct test *t)
{
	struct err e = { 0 };

	if (vhsm_open(&t->v, &t->opt, &e) != 0)
		fail_msg("%s", e.msg);
}

void
card_ready(struct test *t)
{
	struct err e = { 0 };

	card_open(t);
	assert_int_equal(vhsm_initialise(t->v, VHSM_PIN, VHSM_SO_PIN, "lab",
	    &e), 0);
	EXPECT(t, SELECT, 0x9000);
}

uint8_t
card_make_key(struct test *t, const char *type)
{
	struct span id = { NULL, 0 };
	struct err e = { 0 };
	uint8_t ref = 0;

	if (vhsm_make_key(t->v, type, type, id, &ref, &e) != 0)
		fail_msg("%s", e.msg);
	return ref;
}

int
card_setup(void **state)
{
	struct test *t = calloc(1, sizeof(*t));

	*state = t;
	return t == NULL;
}

int
card_teardown(void **state)
{
	struct test *t = *state;

	vhsm_close(t->v);
	if (t->path[0] != '\0') {
		unlink(t->path);
		rmdir(t->dir);
	}
	free(t);
	return 0;
}

void
card_use_file(struct test *t)
{
	snprintf(t->dir, sizeof(t->dir), "/tmp/vhsm-unit.XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	snprintf(t->path, sizeof(t->path), "%s/state", t->dir);
	t->opt.state_path = t->path;
}

void
card_reopen(struct test *t)
{
	vhsm_close(t->v);
	t->v = NULL;
	card_open(t);
	EXPECT(t, SELECT, 0x9000);
}
