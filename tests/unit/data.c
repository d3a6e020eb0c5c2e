/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/keytext.h"
#include "tests/unit/data.h"

#define FILE_MAX	65536

struct data
data_copy(struct span s)
{
	struct data d = { malloc(s.n), s.n };

	if (s.n > 0) {
		assert_non_null(d.p);
		memcpy(d.p, s.p, s.n);
	}
	return d;
}

struct data
data_hex(const char *hex)
{
	uint8_t buf[2048];
	size_t n = 0;

	for (; *hex != '\0'; hex += 2) {
		const char two[3] = { hex[0], hex[1], '\0' };

		assert_true(n < sizeof(buf));
		buf[n++] = (uint8_t)strtoul(two, NULL, 16);
	}
	return data_copy((struct span){ buf, n });
}

void
data_free(struct data *d)
{
	free(d->p);
	*d = (struct data){ 0 };
}

static FILE *
data_open(const char *folder, const char *name)
{
	const char *dir = getenv("srcdir");
	char path[512];

	snprintf(path, sizeof(path), "%s/tests/data/%s%s",
	    dir != NULL ? dir : ".", folder, name);
	return fopen(path, "rb");
}

struct data
data_file(const char *name)
{
	FILE *f = data_open("", name);
	uint8_t buf[FILE_MAX];
	size_t n;

	assert_non_null(f);
	n = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	return data_copy((struct span){ buf, n });
}

char *
data_text(const char *name)
{
	FILE *f = data_open("ssh/", name);
	char *text;
	size_t n;

	if (f == NULL)
		return NULL;
	text = malloc(FILE_MAX);
	assert_non_null(text);
	n = fread(text, 1, FILE_MAX - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

struct data
data_pub(const char *name)
{
	char file[80], *text;
	struct wire_w w;
	struct data d;
	struct err e;

	snprintf(file, sizeof(file), "%s.pub", name);
	text = data_text(file);
	assert_non_null(text);
	assert_true(wire_write(&w, FILE_MAX));
	assert_int_equal(keytext_parse(text, &w, NULL, &e), 0);
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	free(text);
	return d;
}

struct span
data_login_key(struct span login)
{
	struct wire_r r;

	wire_read(&r, login);
	(void)wire_get_string(&r);
	(void)wire_get_u8(&r);
	for (int i = 0; i < 3; i++)
		(void)wire_get_string(&r);
	(void)wire_get_u8(&r);
	(void)wire_get_string(&r);
	return wire_get_string(&r);
}

void
data_each_cut(struct span all, void (*fn)(struct span, void *), void *arg)
{
	for (size_t n = 0; n < all.n; n++) {
		struct data d = data_copy((struct span){ all.p, n });

		fn(data_span(&d), arg);
		data_free(&d);
	}
}
