/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "keyutil/certlist.h"
#include "ssh/keytext.h"
#include "tests/unit/data.h"

#define DAY	86400

/* An agent's four certificates, and a token with the key of two of them. */
struct story {
	struct agentstatus_cert certs[5];
	struct agentstatus	status;
	struct token_key	key;
	struct tokens		tokens;
	struct data		blob;
	char			*fp;
};

static struct agentstatus_cert
cert(const char *path, const char *fp, const char *state, const char *words)
{
	return (struct agentstatus_cert){ span_cstr(path), span_cstr(fp),
	    span_cstr(""), span_cstr(state), span_cstr(words), DAY,
	    2 * DAY };
}

static int
set_up(void **state)
{
	struct story *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	setenv("TZ", "UTC", 1);
	tzset();
	s->blob = data_pub("u_rsa");
	s->fp = keytext_fingerprint(data_span(&s->blob));
	s->certs[0] = cert("/a", s->fp, "offered", "one");
	s->certs[0].valid_before = UINT64_MAX;
	s->certs[1] = cert("/b\n", s->fp, "expired", "two\033");
	s->certs[2] = cert("", s->fp, "not yet valid", "three");
	s->certs[3] = cert("/c", "SHA256:another", "offered", "four");
	s->certs[4] = cert("/d", "", "bad", "torn");
	s->status.certs = s->certs;
	s->status.n_certs = 5;
	s->key = (struct token_key){ .label = "login", .blob = s->blob.p,
	    .blob_n = s->blob.n };
	s->tokens.n = 1;
	s->tokens.v[0].state = SLOT_TOKEN;
	s->tokens.v[0].keys = (struct token_keys){ .v = &s->key, .n = 1 };
	snprintf(s->tokens.v[0].info.serial,
	    sizeof(s->tokens.v[0].info.serial), "DENK1");
	*state = s;
	return 0;
}

static int
tear_down(void **state)
{
	struct story *s = *state;

	data_free(&s->blob);
	free(s->fp);
	free(s);
	return 0;
}

/* Both tables, to free. */
static char *
printed(struct story *s)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	struct err e;

	assert_non_null(f);
	assert_int_equal(certlist_print(f, &s->status,
	    &s->tokens.v[0].keys, &e), 0);
	assert_int_equal(certlist_print_bad(f, &s->status, &e), 0);
	fclose(f);
	return text;
}

static void
test_those_of_the_keys_are_shown_with_their_state(void **state)
{
	struct story *s = *state;
	char *text = printed(s);

	assert_string_equal(text,
	    "\n"
	    "  CERTIFICATE OF  STATE                                 "
	    "FILE          SAYS\n"
	    "  login           offered                               "
	    "/a            one\n"
	    "  login           EXPIRED 1970-01-03 00:00              "
	    "/b?           two?\n"
	    "  login           NOT YET VALID until 1970-01-02 00:00  "
	    "(ssh-add -s)  three\n"
	    "\n"
	    "  NOT A CERTIFICATE  WHY\n"
	    "  /d                 torn\n");
	free(text);
}

static void
test_nothing_to_show_is_no_line(void **state)
{
	struct story *s = *state;
	char *text;

	s->status.n_certs = 0;
	text = printed(s);
	assert_string_equal(text, "");
	free(text);
}

static const char *
text_of(json_t *array, size_t i, const char *name)
{
	return json_string_value(json_object_get(json_array_get(array, i),
	    name));
}

static void
test_json_has_the_same(void **state)
{
	struct story *s = *state;
	json_t *j = certlist_json(&s->status, &s->tokens), *one;

	assert_int_equal(json_array_size(j), 4);
	assert_string_equal(text_of(j, 0, "token"), "DENK1");
	assert_string_equal(text_of(j, 0, "key"), "login");
	assert_string_equal(text_of(j, 0, "fingerprint"), s->fp);
	assert_string_equal(text_of(j, 0, "file"), "/a");
	one = json_array_get(j, 0);
	assert_true(json_is_null(json_object_get(one, "valid_before")));
	one = json_array_get(j, 1);
	assert_string_equal(text_of(j, 1, "state"), "expired");
	assert_string_equal(text_of(j, 1, "text"), "two?");
	assert_int_equal(json_integer_value(json_object_get(one,
	    "valid_before")), 2 * DAY);
	assert_null(text_of(j, 2, "file"));
	assert_null(text_of(j, 3, "token"));
	assert_string_equal(text_of(j, 3, "state"), "bad");
	json_decref(j);
}

#define STORY_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORY_TEST(test_those_of_the_keys_are_shown_with_their_state),
		STORY_TEST(test_nothing_to_show_is_no_line),
		STORY_TEST(test_json_has_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
