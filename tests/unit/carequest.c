/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "keyutil/carequest.h"
#include "tests/unit/signedby.h"

/* A directory with a request, and those who sign it. */
struct desk {
	char		 dir[32];
	char		 file[64];	/* the request */
	struct hostkey	 asks, approves, ca;
	struct data	 text;
};

static void
put(const struct desk *d, const char *name, struct span s)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", d->dir, name);
	assert_non_null(f = fopen(path, "w"));
	assert_int_equal(fwrite(s.p, 1, s.n, f), s.n);
	assert_int_equal(fclose(f), 0);
}

static void
put_signed(const struct desk *d, const char *name, const struct hostkey *k,
    const char *ns)
{
	struct data sig = signedby(k, ns, data_span(&d->text));

	put(d, name, data_span(&sig));
	data_free(&sig);
}

static int
set_up(void **state)
{
	struct desk *d = calloc(1, sizeof(*d));
	struct certbody b;

	assert_non_null(d);
	snprintf(d->dir, sizeof(d->dir), "/tmp/carequest.XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	snprintf(d->file, sizeof(d->file), "%s/a.request", d->dir);
	hostkey_make(&d->asks, HOSTKEY_ED25519);
	hostkey_make(&d->approves, HOSTKEY_P256);
	hostkey_make(&d->ca, HOSTKEY_P384);
	certbody_make(&b);
	certbody_set_ca(&b, data_span(&d->ca.blob));
	d->text = signedby_request(&b);
	certbody_free(&b);
	put(d, "a.request", data_span(&d->text));
	put_signed(d, "a.request.sig", &d->asks, APPROVAL_NS_REQUEST);
	*state = d;
	return 0;
}

static int
tear_down(void **state)
{
	struct desk *d = *state;
	DIR *dir = opendir(d->dir);
	char path[400];

	assert_non_null(dir);
	for (struct dirent *f; (f = readdir(dir)) != NULL;) {
		snprintf(path, sizeof(path), "%s/%s", d->dir, f->d_name);
		if (f->d_name[0] != '.')
			assert_int_equal(unlink(path), 0);
	}
	closedir(dir);
	assert_int_equal(rmdir(d->dir), 0);
	hostkey_free(&d->asks);
	hostkey_free(&d->approves);
	hostkey_free(&d->ca);
	data_free(&d->text);
	free(d);
	return 0;
}

static void
check_fails(const struct desk *d, enum err_code code, const char *why)
{
	struct carequest q;
	struct err e;

	assert_int_equal(carequest_read(&q, d->file, &e), code);
	if (strstr(e.msg, why) == NULL)
		fail_msg("%s, not %s", e.msg, why);
	carequest_free(&q);
}

static void
test_a_request_is_read_with_its_signature(void **state)
{
	const struct desk *d = *state;
	struct carequest q;
	struct err e;

	assert_int_equal(carequest_read(&q, d->file, &e), 0);
	assert_string_equal(q.by, signedby_name(&d->asks).s);
	assert_int_equal(q.papers.n, 0);
	carequest_free(&q);
	put_signed(d, "a.request.sig", &d->asks, APPROVAL_NS_APPROVE);
	check_fails(d, ERR_DENIED, "is no signature of");
	put(d, "a.request.sig", span_cstr("nothing"));
	check_fails(d, ERR_FORMAT, "is no signature of");
	put(d, "a.request", span_cstr("hsm-ssh-agent certificate request 1\n"));
	check_fails(d, ERR_FORMAT, "a.request\"");
	put(d, "a.request", span_cstr(""));
	check_fails(d, ERR_FORMAT, "not a certificate request");
}

static void
test_one_that_nobody_signed_is_refused(void **state)
{
	const struct desk *d = *state;
	char path[80];

	snprintf(path, sizeof(path), "%s.sig", d->file);
	assert_int_equal(unlink(path), 0);
	check_fails(d, ERR_NOTFOUND, "counts with the signature of who asks");
}

static void
test_approvals_are_found_beside_it_by_their_names(void **state)
{
	static const char *const others[] = { "a.request.approval",
	    "a.request.c.approval.old", "ba.request.x.approval",
	    "a.requests.x.approval", "b.request.x.approval", "x.approval" };
	const struct desk *d = *state;
	struct carequest q;
	struct err e;

	put_signed(d, "a.request.bob.approval", &d->approves,
	    APPROVAL_NS_APPROVE);
	put_signed(d, "a.request.anna.approval", &d->asks,
	    APPROVAL_NS_APPROVE);
	put_signed(d, "a.request.wrong.approval", &d->approves,
	    APPROVAL_NS_REQUEST);
	put(d, "a.request.none.approval", span_cstr("nothing"));
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		put_signed(d, others[i], &d->approves, APPROVAL_NS_APPROVE);
	assert_int_equal(carequest_read(&q, d->file, &e), 0);
	assert_int_equal(carequest_find(&q, &e), 0);
	assert_int_equal(q.papers.n, 2);
	assert_non_null(strstr(q.approval[0].file, "/a.request.anna."));
	assert_string_equal(q.approval[1].by, signedby_name(&d->approves).s);
	carequest_free(&q);
}

static void
test_it_says_how_many_approvals_can_be(void **state)
{
	const struct desk *d = *state;
	struct carequest q;
	struct err e;
	char name[64];

	for (int i = 0; i <= APPROVAL_MAX; i++) {
		snprintf(name, sizeof(name), "a.request.%d.approval", i);
		put_signed(d, name, &d->approves, APPROVAL_NS_APPROVE);
	}
	assert_int_equal(carequest_read(&q, d->file, &e), 0);
	assert_int_equal(carequest_find(&q, &e), ERR_LIMIT);
	assert_non_null(strstr(e.msg, "more than 16 approvals"));
	carequest_free(&q);
}

static void
test_a_name_says_whose_approval_it_is(void **state)
{
	static const struct {
		const char	*comment, *name;
	} t[] = {
		{ "bob", "d/a.request.bob-0_Zz_234.approval" },
		{ "", "d/a.request.0_Zz_234.approval" },
		{ "../bob me@host", "d/a.request..._bob_me@host-0_Zz_234"
		    ".approval" },
		{ "b\xc3\xb6" "b", "d/a.request.b__b-0_Zz_234.approval" },
		{ "0123456789012345678901234567890123456789more",
		    "d/a.request.0123456789012345678901234567890123456789"
		    "-0_Zz_234.approval" },
	};
	const struct carequest q = { .file = "d/a.request" };
	char print[] = "SHA256:0/Zz+23456789", comment[80], *name;

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		snprintf(comment, sizeof(comment), "%s", t[i].comment);
		name = carequest_approval_name(&q, &(const struct signkey){
		    .comment = comment, .fingerprint = print });
		assert_string_equal(name, t[i].name);
		free(name);
	}
}

static void
test_what_it_asks_for_is_an_order(void **state)
{
	const struct desk *d = *state;
	struct certorders l = { 0 };
	const struct certorder *o;
	struct carequest q;
	struct err e;
	struct wire_w w;
	struct cert c;

	assert_int_equal(carequest_read(&q, d->file, &e), 0);
	assert_int_equal(carequest_order(&q, NULL, &l, &e), 0);
	assert_int_equal(carequest_order(&q, "there", &l, &e), 0);
	assert_int_equal(carequest_order(&q, "-", &l, &e), 0);
	assert_int_equal(l.n, 3);
	assert_non_null(strstr(l.v[0].file, "/a-cert.pub"));
	assert_string_equal(l.v[1].file, "there");
	assert_null(l.v[2].file);
	o = &l.v[0];
	assert_true(o->fixed && !o->numbered);
	l.v[0].draft.serial = 7;
	assert_true(wire_write(&w, CA_DRAFT_MAX));
	assert_int_equal(ca_draft_put_tbs(&o->draft, (struct span){
	    o->subject, o->subject_n }, data_span(&d->ca.blob), &w, &e), 0);
	assert_int_equal(cert_parse_tbs(wire_bytes(&w), &c, &e), 0);
	assert_int_equal(approval_matches(&q.request.cert, &c, &e), 0);
	wire_free(&w);
	certorders_free(&l);
	carequest_free(&q);
}

#define DESK_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DESK_TEST(test_a_request_is_read_with_its_signature),
		DESK_TEST(test_one_that_nobody_signed_is_refused),
		DESK_TEST(test_approvals_are_found_beside_it_by_their_names),
		DESK_TEST(test_it_says_how_many_approvals_can_be),
		cmocka_unit_test(test_a_name_says_whose_approval_it_is),
		DESK_TEST(test_what_it_asks_for_is_an_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
