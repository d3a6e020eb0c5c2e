/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keyutil/revoked.h"
#include "keyutil/trustfile.h"
#include "keyutil/verdict.h"
#include "tests/unit/data.h"

typedef int reader(struct span text, struct trustfile *t, struct err *e);

/* A text of pieces; "=NAME" is the key of a file, without its newline. */
static struct data
text_of(const char *const *pieces)
{
	char *all = NULL, *pub;
	struct data d;
	size_t n;
	FILE *f;

	assert_non_null(f = open_memstream(&all, &n));
	for (; *pieces != NULL; pieces++) {
		if (**pieces != '=') {
			fputs(*pieces, f);
			continue;
		}
		assert_non_null(pub = data_text(*pieces + 1));
		pub[strcspn(pub, "\n")] = '\0';
		fputs(pub, f);
		free(pub);
	}
	assert_int_equal(fclose(f), 0);
	d = data_copy((struct span){ (uint8_t *)all, n });
	free(all);
	return d;
}

#define TEXT(...)	text_of((const char *const[]){ __VA_ARGS__, NULL })

static void
is_key(const struct trustfile *t, size_t i, const char *name,
    unsigned int line)
{
	struct data pub = data_pub(name);

	assert_true(i < t->n);
	assert_true(span_eq(t->v[i], data_span(&pub)));
	assert_int_equal(t->at[i].number, line);
	data_free(&pub);
}

static void
test_keys_are_read_line_by_line(void **state)
{
	struct data d = TEXT("# CAs\r\n\n \t ", "=ca.pub", "\r\n",
	    "=u_ecdsa-cert.pub", "\n  # x\n", "=p384.pub");
	struct trustfile t;
	struct err e;

	(void)state;
	assert_int_equal(trustfile_keys(data_span(&d), &t, &e), 0);
	assert_string_equal(t.fault, "");
	assert_int_equal(t.n, 3);
	is_key(&t, 0, "ca", 3);
	is_key(&t, 1, "u_ecdsa-cert", 4);
	is_key(&t, 2, "p384", 6);
	trustfile_free(&t);
	data_free(&d);
}

static void
test_nothing_is_read_after_a_line_that_is_no_key(void **state)
{
	struct data d = TEXT("=ca.pub", "\ncert-authority ", "=p384.pub",
	    "\n", "=p521.pub", "\n");
	struct trustfile t;
	struct err e;

	(void)state;
	assert_int_equal(trustfile_keys(data_span(&d), &t, &e), 0);
	assert_int_equal(t.n, 1);
	is_key(&t, 0, "ca", 1);
	assert_non_null(strstr(t.fault, "line 2: "));
	trustfile_free(&t);
	data_free(&d);
}

static void
is_name(const struct trustfile *t, size_t i, const char *name,
    unsigned int line, bool options)
{
	assert_true(i < t->n);
	assert_true(span_is(t->v[i], name));
	assert_int_equal(t->at[i].number, line);
	assert_int_equal(t->at[i].options, options);
}

static void
test_names_are_the_last_words_of_lines(void **state)
{
	static const char text[] = "alice\n\n# bob\n  carol \t\n"
	    "command=\"a b\",no-pty dave # him\n#\n*\n\xff";
	struct trustfile t;
	struct err e;

	(void)state;
	assert_int_equal(trustfile_names(span_cstr(text), &t, &e), 0);
	assert_int_equal(t.n, 5);
	is_name(&t, 0, "alice", 1, false);
	is_name(&t, 1, "carol", 4, false);
	is_name(&t, 2, "dave", 5, true);
	is_name(&t, 3, "*", 7, false);
	is_name(&t, 4, "\xff", 8, false);
	trustfile_free(&t);
}

/* How many keys of such a line are for the host. */
static size_t
for_host(const char *patterns, const char *host)
{
	struct data d = TEXT("@cert-authority ", patterns, " ", "=ca.pub",
	    "\n");
	struct trustfile t;
	struct err e;
	size_t n;

	assert_int_equal(trustfile_hosts(data_span(&d), "@cert-authority",
	    host, &t, &e), 0);
	n = t.n;
	trustfile_free(&t);
	data_free(&d);
	return n;
}

static void
test_hosts_match_their_patterns(void **state)
{
	(void)state;
	assert_int_equal(for_host("*", "a.example"), 1);
	assert_int_equal(for_host("*.example", "a.example"), 1);
	assert_int_equal(for_host("*.Example", "a.example"), 1);
	assert_int_equal(for_host("*.example", "example"), 0);
	assert_int_equal(for_host("b,a.example,c", "a.example"), 1);
	assert_int_equal(for_host("*,!a.*", "a.example"), 0);
	assert_int_equal(for_host("!a.*,*", "a.example"), 0);
	assert_int_equal(for_host("!a.*,*", "b.example"), 1);
	assert_int_equal(for_host("!a.*", "b.example"), 0);
	assert_int_equal(for_host("a.example", "[a.example]:2222"), 1);
	assert_int_equal(for_host("[a.example]:2222", "[a.example]:2222"), 1);
	assert_int_equal(for_host("[a.example]:2223", "[a.example]:2222"), 0);
	assert_int_equal(for_host("[a.example]:2222", "a.example"), 0);
	assert_int_equal(for_host(",", "a"), 0);
	assert_int_equal(for_host("!", "a"), 0);
}

static void
test_marked_lines_of_known_hosts_are_read(void **state)
{
	struct data d = TEXT("a ", "=p384.pub", "\n@cert-authority a no\n",
	    "@cert-authority\n@revoked a ", "=p521.pub",
	    "\n@cert-authority |1|salt|hash ", "=rsaca.pub",
	    "\n@cert-authority b,a ", "=ca.pub");
	struct trustfile t;
	struct err e;

	(void)state;
	assert_int_equal(trustfile_hosts(data_span(&d), "@cert-authority",
	    "a", &t, &e), 0);
	assert_int_equal(t.n, 1);
	is_key(&t, 0, "ca", 6);
	assert_int_equal(t.hashed, 1);
	assert_non_null(strstr(t.fault, "line 2: "));
	trustfile_free(&t);
	assert_int_equal(trustfile_hosts(data_span(&d), "@revoked", "a", &t,
	    &e), 0);
	assert_int_equal(t.n, 1);
	is_key(&t, 0, "p521", 4);
	trustfile_free(&t);
	data_free(&d);
}

static void
read_cut(struct span cut, void *arg)
{
	reader *const all[] = { trustfile_keys, trustfile_names };
	struct trustfile t;
	struct err e;

	(void)arg;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(all[i](cut, &t, &e), 0);
		for (size_t k = 0; k < t.n; k++)
			assert_in_range(t.at[k].number, 1, 5);
		trustfile_free(&t);
	}
	assert_int_equal(trustfile_hosts(cut, "@cert-authority", "a", &t,
	    &e), 0);
	assert_in_range(t.n, 0, 1);
	trustfile_free(&t);
}

static void
test_files_may_be_cut_anywhere(void **state)
{
	struct data d = TEXT("# x\n", "=ca.pub",
	    "\n\n@cert-authority !b,a ", "=ca.pub", "\nx=\"y z\" name # n");

	(void)state;
	data_each_cut(data_span(&d), read_cut, NULL);
	data_free(&d);
}

/* --- revoked_by() --- */

static int
revoked(const char *const *pieces, char how[REVOKED_HOW], struct err *e)
{
	struct data d = text_of(pieces), pub = data_pub("u_ecdsa-cert");
	struct cert c;
	int r;

	assert_int_equal(cert_parse(data_span(&pub), &c, e), 0);
	r = revoked_by(data_span(&d), &c, how, e);
	data_free(&pub);
	data_free(&d);
	return r;
}

#define REVOKED(...) \
	revoked((const char *const[]){ __VA_ARGS__, NULL }, how, &e)

static void
test_a_list_revokes_keys_cas_and_certificates(void **state)
{
	char how[REVOKED_HOW];
	struct err e;

	(void)state;
	assert_int_equal(REVOKED("=p384.pub", "\n"), 0);
	assert_string_equal(how, "");
	assert_int_equal(REVOKED("=p384.pub", "\n", "=u_ecdsa.pub"), 0);
	assert_string_equal(how, "its key is in line 2");
	assert_int_equal(REVOKED("#\n\n", "=ca.pub"), 0);
	assert_string_equal(how, "its CA is in line 3");
	assert_int_equal(REVOKED("=u_ecdsa-cert.pub"), 0);
	assert_string_equal(how, "its key is in line 1");
	assert_int_equal(REVOKED("=u_ecdsa.pub", "\nno key\n"), 0);
	assert_string_equal(how, "its key is in line 1");
	assert_int_equal(REVOKED("no key\n", "=u_ecdsa.pub"), ERR_FORMAT);
	assert_string_equal(how, "");
	assert_non_null(strstr(e.msg, "line 1"));
}

static void
test_a_list_that_is_not_there_is_an_error(void **state)
{
	const struct verdict_question q = { .revoked = "/nowhere/at/all" };
	struct verdict v;
	struct err e;

	(void)state;
	assert_int_equal(verdict_load(&v, &q, &e), ERR_SYS);
	verdict_free(&v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_are_read_line_by_line),
		cmocka_unit_test(
		    test_nothing_is_read_after_a_line_that_is_no_key),
		cmocka_unit_test(test_names_are_the_last_words_of_lines),
		cmocka_unit_test(test_hosts_match_their_patterns),
		cmocka_unit_test(test_marked_lines_of_known_hosts_are_read),
		cmocka_unit_test(test_files_may_be_cut_anywhere),
		cmocka_unit_test(
		    test_a_list_revokes_keys_cas_and_certificates),
		cmocka_unit_test(test_a_list_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
