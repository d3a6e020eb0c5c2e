/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyutil/wrapfile.h"
#include "tests/unit/data.h"

#define BLOB		"0405AABBCCDDEE"
#define DESCRIPTION	"300E" "30060C046E616D65" "30040402AABB"
#define CERTIFICATE	"67020500"

static int
parse(const char *hex, struct token_wrapped *w)
{
	struct data d = data_hex(hex);
	struct err e;
	int r;

	r = wrapfile_parse(data_span(&d), w, &e);
	data_free(&d);
	return r;
}

static void
test_all_parts_are_read_and_written_alike(void **state)
{
	static const struct {
		const char	*hex;
		size_t		 description, certificate;
	} t[] = {
		{ "301B" BLOB DESCRIPTION CERTIFICATE, 16, 4 },
		{ "3017" BLOB DESCRIPTION, 16, 0 },
		{ "300B" BLOB CERTIFICATE, 0, 4 },
		{ "3007" BLOB, 0, 0 },
	};
	struct token_wrapped w;
	struct wire_w out;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct data d = data_hex(t[i].hex);

		assert_int_equal(parse(t[i].hex, &w), 0);
		assert_int_equal(w.blob_n, 5);
		assert_int_equal(w.description_n, t[i].description);
		assert_int_equal(w.certificate_n, t[i].certificate);
		assert_true(wire_write(&out, WRAPFILE_MAX));
		wrapfile_put(&out, &w);
		assert_true(span_eq(wire_bytes(&out), data_span(&d)));
		wire_free(&out);
		data_free(&d);
	}
}

static void
test_label_and_id_are_told(void **state)
{
	struct token_wrapped w;
	struct token_key k;
	struct err e;

	(void)state;
	assert_int_equal(parse("301B" BLOB DESCRIPTION CERTIFICATE, &w), 0);
	assert_int_equal(token_wrapped_key(&w, &k, &e), 0);
	assert_string_equal(k.label, "name");
	assert_string_equal(k.id, "aabb");
	assert_null(k.blob);
	assert_string_not_equal(k.unusable, "");
}

static void
test_cut_anywhere_is_an_error(void **state)
{
	struct data all = data_hex("301B" BLOB DESCRIPTION CERTIFICATE);
	struct token_wrapped w;
	struct err e;

	(void)state;
	for (size_t n = 0; n < all.n; n++) {
		struct data d = data_copy((struct span){ all.p, n });

		assert_int_equal(wrapfile_parse(data_span(&d), &w, &e),
		    ERR_FORMAT);
		data_free(&d);
	}
	data_free(&all);
}

static void
test_what_is_no_wrapped_key_is_an_error(void **state)
{
	struct token_wrapped w;

	(void)state;
	assert_int_equal(parse("3007" BLOB "00", &w), ERR_FORMAT);
	assert_int_equal(parse("3000", &w), ERR_FORMAT);
	assert_int_equal(parse("30020400", &w), ERR_FORMAT);
	assert_int_equal(parse("3007" "0305AABBCCDDEE", &w), ERR_FORMAT);
	/* The end of a part is beyond the end of the whole. */
	assert_int_equal(parse("3009" BLOB "3001", &w), ERR_FORMAT);
	assert_int_equal(parse("300B" BLOB "30020500", &w), 0);
	assert_int_equal(parse("300D" BLOB "30020500" "6701", &w),
	    ERR_FORMAT);
	assert_int_equal(parse("300F" BLOB CERTIFICATE CERTIFICATE, &w),
	    ERR_FORMAT);
	assert_int_equal(parse("300C" BLOB "30020500" "00", &w), ERR_FORMAT);
}

static void
of_zeros(size_t n, int want)
{
	uint8_t *p = calloc(1, n + 8);
	struct token_wrapped w;
	struct err e;

	assert_non_null(p);
	memcpy(p, (uint8_t[]){ 0x30, 0x82, (uint8_t)((n + 4) >> 8),
	    (uint8_t)(n + 4), 0x04, 0x82, (uint8_t)(n >> 8), (uint8_t)n }, 8);
	assert_int_equal(wrapfile_parse((struct span){ p, n + 8 }, &w, &e),
	    want);
	free(p);
}

static void
test_more_than_there_is_room_for_is_an_error(void **state)
{
	(void)state;
	of_zeros(TOKEN_BLOB_MAX, 0);
	of_zeros(TOKEN_BLOB_MAX + 1, ERR_FORMAT);
}

static void
test_a_file_is_read_as_it_was_written(void **state)
{
	char dir[] = "/tmp/wrapfile-XXXXXX", path[64];
	struct token_wrapped w, again;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.hsmkey", dir);
	assert_int_equal(wrapfile_read(path, &w, &e), ERR_SYS);
	assert_int_equal(e.detail, ENOENT);
	assert_int_equal(parse("301B" BLOB DESCRIPTION CERTIFICATE, &w), 0);
	assert_int_equal(wrapfile_write(path, &w, &e), 0);
	assert_int_equal(wrapfile_read(path, &again, &e), 0);
	assert_memory_equal(&w, &again, sizeof(w));
	assert_int_equal(wrapfile_write(path, &w, &e), ERR_DENIED);
	assert_int_equal(truncate(path, 100000), 0);
	assert_int_equal(wrapfile_read(path, &again, &e), ERR_FORMAT);
	assert_non_null(strstr(e.msg, path));
	assert_int_equal(wrapfile_read(dir, &again, &e), ERR_SYS);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_parts_are_read_and_written_alike),
		cmocka_unit_test(test_label_and_id_are_told),
		cmocka_unit_test(test_cut_anywhere_is_an_error),
		cmocka_unit_test(test_what_is_no_wrapped_key_is_an_error),
		cmocka_unit_test(
		    test_more_than_there_is_room_for_is_an_error),
		cmocka_unit_test(test_a_file_is_read_as_it_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
