/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/resource.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/constrained.h"
#include "tests/unit/holder.h"

static void
test_what_would_not_be_signed_any_more_is_not_handed_out(void **state)
{
	struct fixture *f = *state;

	holder_ask_sign(f, 0, span_cstr("data"), 0);
	holder_add_plainly(f, HOLDER_OTHER);
	holder_signed(f, MSG_SIGN_RESPONSE);

	holder_ask_sign(f, 0, span_cstr("data"), 0);
	holder_add_certs_only(f, HOLDER_OTHER, 0);
	holder_signed(f, MSG_FAILURE);
	assert_true(holder_told(f, "certificates only"));
	holder_add_plainly(f, HOLDER_OTHER);

	holder_ask_sign(f, 0, span_cstr("data"), 0);
	assert_int_equal(holder_remove(f, HOLDER_OTHER,
	    holder_blob_of(f, 0)), MSG_SUCCESS);
	holder_signed(f, MSG_FAILURE);
	holder_add_plainly(f, HOLDER_OTHER);

	holder_ask_sign(f, 0, span_cstr("data"), 0);
	f->n_hidden = f->ids.n;			/* pulled, meanwhile */
	f->ids.n = 0;
	holder_add_plainly(f, HOLDER_OTHER);
	holder_signed(f, MSG_FAILURE);
	f->ids.n = f->n_hidden;
}

/* For a token that was added with "ssh-add -c". */
static void
add_confirm(struct fixture *f)
{
	struct wire_w w;

	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
	constrained_confirm(&w);
	holder_add(f, HOLDER_OTHER, &w);
}

static void
test_without_consent_nothing_is_signed(void **state)
{
	struct fixture *f = *state;

	add_confirm(f);
	holder_ask_sign(f, 0, span_cstr("data"), 0);
	assert_int_equal(f->replies, 0);
	assert_int_equal(f->sign_request, 0);
	assert_int_equal(holder_wait(f, HOLDER_ME), MSG_FAILURE);
	assert_int_equal(f->sign_request, 0);
	assert_true(holder_told(f, "nobody to ask for consent"));
	holder_add_plainly(f, HOLDER_OTHER);
	holder_ask_sign(f, 0, span_cstr("data"), 0);
	assert_int_equal(f->sign_request, HOLDER_ME);
}

/* Each use is asked for; a yes to one is none to the next. */
static void
test_with_consent_it_is_signed_once(void **state)
{
	struct fixture *f = *state;

	add_confirm(f);
	f->consents = true;
	for (int i = 0; i < 2; i++) {
		holder_ask_sign(f, 1, span_cstr("data"), 2);
		assert_int_equal(f->sign_request, 0);
		holder_wait_order(f);
		assert_int_equal(f->sign_request, HOLDER_ME);
		holder_signed(f, MSG_SIGN_RESPONSE);
	}
}

static void
test_the_configuration_asks_for_consent(void **state)
{
	struct fixture f;

	(void)state;
	holder_setup(&f, "Use any\nKey ec\nConfirm yes");
	holder_ask_sign(&f, 1, span_cstr("data"), 2);
	assert_int_equal(f.sign_request, HOLDER_ME);
	holder_signed(&f, MSG_SIGN_RESPONSE);
	holder_ask_sign(&f, 0, span_cstr("data"), 0);
	assert_int_equal(f.sign_request, 0);
	assert_int_equal(holder_wait(&f, HOLDER_ME), MSG_FAILURE);
	holder_teardown(&f);

	/* "no" there does not undo what ssh-add -c said. */
	holder_setup(&f, "Use any\nConfirm no");
	add_confirm(&f);
	holder_ask_sign(&f, 0, span_cstr("data"), 0);
	assert_int_equal(f.sign_request, 0);
	assert_int_equal(holder_wait(&f, HOLDER_ME), MSG_FAILURE);
	holder_teardown(&f);
}

/* What is refused anyway is nobody's question. */
static void
test_nobody_is_asked_about_what_is_refused(void **state)
{
	struct fixture f;

	(void)state;
	holder_setup(&f, NULL);
	add_confirm(&f);
	holder_ask_sign(&f, 0, span_cstr("data"), 0);
	holder_check_reply(&f, MSG_FAILURE);
	assert_true(holder_told(&f, "nobody knows what this data is"));
	holder_teardown(&f);
}

static void
test_consent_is_void_once_the_key_is_gone(void **state)
{
	struct fixture *f = *state;

	add_confirm(f);
	f->consents = true;
	holder_ask_sign(f, 0, span_cstr("data"), 0);
	holder_add_certs_only(f, HOLDER_OTHER, 0);
	assert_int_equal(holder_wait(f, HOLDER_ME), MSG_FAILURE);
	assert_int_equal(f->sign_request, 0);
	assert_true(holder_told(f, "certificates only"));
}

static void
test_what_was_begun_without_consent_needs_it_at_the_end(void **state)
{
	struct fixture *f = *state;

	holder_ask_sign(f, 0, span_cstr("data"), 0);
	add_confirm(f);
	core_signed(f->core, HOLDER_ME, 0, NULL, span_cstr("signature"));
	assert_int_equal(f->replies == 0 || f->reply[0] == MSG_FAILURE, true);
}

static void
test_the_question_goes_with_its_client(void **state)
{
	struct fixture *f = *state;
	struct wire_w w;

	add_confirm(f);
	f->consents = true;
	holder_ask_sign(f, 0, span_cstr("data"), 0);
	core_goodbye(f->core, &f->me, HOLDER_ME);
	holder_put_sign(&w, holder_blob_of(f, 0), span_cstr("data"), 0);
	assert_int_equal(holder_put(f, HOLDER_OTHER, &w), 0);
	holder_wait_order(f);
	assert_int_equal(f->sign_request, HOLDER_OTHER);
	assert_int_equal(f->answers, 1);
	assert_int_equal(f->cancelled, 0);
}

/* There is no descriptor left to put it on the screen with. */
static void
test_the_next_question_may_fail_as_a_client_goes(void **state)
{
	struct fixture *f = *state;
	struct rlimit files, none;
	struct wire_w w;

	add_confirm(f);
	holder_ask_sign(f, 0, span_cstr("data"), 0);
	holder_put_sign(&w, holder_blob_of(f, 0), span_cstr("data"), 0);
	assert_int_equal(holder_put(f, HOLDER_OTHER, &w), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	none = (struct rlimit){ 0, files.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	core_goodbye(f->core, &f->me, HOLDER_ME);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
	assert_int_equal(f->replies_other, 1);
	assert_int_equal(f->reply[0], MSG_FAILURE);
	assert_int_equal(f->replies, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HOLDER_TEST(
		    test_what_would_not_be_signed_any_more_is_not_handed_out),
		HOLDER_TEST(test_without_consent_nothing_is_signed),
		HOLDER_TEST(test_with_consent_it_is_signed_once),
		cmocka_unit_test(test_the_configuration_asks_for_consent),
		cmocka_unit_test(test_nobody_is_asked_about_what_is_refused),
		HOLDER_TEST(test_consent_is_void_once_the_key_is_gone),
		HOLDER_TEST(
		    test_what_was_begun_without_consent_needs_it_at_the_end),
		HOLDER_TEST(test_the_question_goes_with_its_client),
		HOLDER_TEST(test_the_next_question_may_fail_as_a_client_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
