/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/bind.h"
#include "ssh/keytext.h"
#include "tests/unit/hostkey.h"

/* Two hosts, and a connection that has told nothing. */
struct fixture {
	struct hostkey	 a, b;
	struct bind	 bind;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	hostkey_make(&f->a, HOSTKEY_ED25519);
	hostkey_make(&f->b, HOSTKEY_P256);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	bind_clear(&f->bind);
	hostkey_free(&f->a);
	hostkey_free(&f->b);
	free(f);
	return 0;
}

static struct data
message(const struct hostkey *k, const char *id, uint8_t forwarding)
{
	return hostkey_bind(data_span(&k->blob), k, span_cstr(id), forwarding);
}

static int
add_data(struct bind *b, struct data d)
{
	struct err e = { 0 };
	const int r = bind_add(b, data_span(&d), &e);

	assert_true(r == 0 || e.msg[0] != '\0');
	data_free(&d);
	return r;
}

static int
add(struct bind *b, const struct hostkey *k, const char *id,
    uint8_t forwarding)
{
	return add_data(b, message(k, id, forwarding));
}

static void
test_a_connection_that_told_nothing_is_local(void **state)
{
	const struct bind b = { 0 };
	char text[8] = "xxxxxxx";

	(void)state;
	assert_false(bind_tried(&b) || bind_failed(&b) ||
	    bind_is_forwarded(&b));
	bind_describe(&b, text, sizeof(text));
	assert_string_equal(text, "");
}

static void
test_what_ssh_sends_is_believed(void **state)
{
	static const struct {
		const char	*name;
		bool		 forwarding, certified;
	} sent[] = {
		{ "agent/bind-ed25519-login", false, false },
		{ "agent/bind-ed25519-forward", true, false },
		{ "agent/bind-ecdsa-login", false, false },
		{ "agent/bind-ecdsa-forward", true, false },
		{ "agent/bind-rsa-login", false, false },
		{ "agent/bind-rsa-forward", true, false },
		{ "agent/bind-cert-login", false, true },
		{ "agent/bind-cert-forward", true, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(sent) / sizeof(sent[0]); i++) {
		struct data d = data_file(sent[i].name);
		struct data copy = data_copy(data_span(&d));
		struct bind b = { 0 };

		assert_int_equal(add_data(&b, d), 0);
		assert_int_equal(b.n, 1);
		assert_true(bind_tried(&b));
		assert_false(bind_failed(&b));
		assert_int_equal(bind_is_forwarded(&b), sent[i].forwarding);
		assert_int_equal(b.hops[0].certified, sent[i].certified);
		assert_int_equal(b.hops[0].session_id.n, 64);
		assert_true(span_eq(b.hops[0].body, data_span(&copy)));
		bind_clear(&b);
		assert_false(bind_tried(&b));
		data_free(&copy);
	}
}

/* Rule 1. */
static void
test_a_changed_bit_is_refused(void **state)
{
	struct fixture *f = *state;
	struct data d = message(&f->a, "a session", 0);

	/* The last byte is not signed. */
	for (size_t i = 0; i < (d.n - 1) * 8; i += 3) {
		struct data bad = data_copy(data_span(&d));

		bad.p[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_not_equal(add_data(&f->bind, bad), 0);
		assert_true(bind_failed(&f->bind));
	}
	assert_int_equal(add_data(&f->bind, d), 0);
	assert_false(bind_failed(&f->bind));
}

/* Rule 1. */
static void
test_a_signature_by_another_key_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_not_equal(add_data(&f->bind, hostkey_bind(
	    data_span(&f->a.blob), &f->b, span_cstr("id"), 0)), 0);
	assert_true(bind_failed(&f->bind));
}

static void
refuse_cut(struct span cut, void *arg)
{
	struct bind b = { 0 };
	struct err e;

	(void)arg;
	assert_int_equal(bind_add(&b, cut, &e), ERR_FORMAT);
	assert_true(bind_failed(&b) && bind_is_forwarded(&b));
	bind_clear(&b);
}

/* Rule 1.  Nobody knows what it would have said: it may be forwarded. */
static void
test_a_bind_cut_anywhere_is_refused_and_seems_forwarded(void **state)
{
	struct fixture *f = *state;
	struct data d = message(&f->b, "a session", 0);

	data_each_cut(data_span(&d), refuse_cut, NULL);
	data_free(&d);
}

/* Rule 1. */
static void
test_bytes_after_a_bind_are_ignored_and_not_kept(void **state)
{
	struct fixture *f = *state;
	struct data d = message(&f->a, "a session", 1);
	struct wire_w w;
	struct err e;

	assert_true(wire_write(&w, 4096));
	wire_put_raw(&w, data_span(&d));
	wire_put_cstring(&w, "more");
	assert_int_equal(bind_add(&f->bind, wire_bytes(&w), &e), 0);
	wire_free(&w);
	assert_true(span_eq(f->bind.hops[0].body, data_span(&d)));
	assert_true(span_is(f->bind.hops[0].session_id, "a session"));
	assert_true(span_eq(f->bind.hops[0].key, data_span(&f->a.blob)));
	data_free(&d);
}

/* Rule 2. */
static void
test_any_byte_but_0_says_forwarding(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(&f->bind, &f->a, "1", 1), 0);
	assert_int_equal(add(&f->bind, &f->a, "2", 2), 0);
	assert_int_equal(add(&f->bind, &f->a, "3", 0x80), 0);
	for (size_t i = 0; i < 3; i++)
		assert_true(f->bind.hops[i].forwarding);
}

/* Rule 3. */
static void
test_nothing_comes_after_a_login(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(&f->bind, &f->a, "1", 1), 0);
	assert_int_equal(add(&f->bind, &f->b, "2", 0), 0);
	assert_int_equal(add(&f->bind, &f->b, "2", 0), ERR_DENIED);
	assert_int_equal(add(&f->bind, &f->a, "1", 1), ERR_DENIED);
	assert_int_equal(add(&f->bind, &f->a, "3", 1), ERR_DENIED);
	assert_int_equal(f->bind.n, 2);
	assert_false(bind_failed(&f->bind));
}

/* Rule 4. */
static void
test_a_session_belongs_to_one_key_and_is_kept_once(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(&f->bind, &f->a, "1", 1), 0);
	assert_int_equal(add(&f->bind, &f->a, "1", 1), 0);
	assert_int_equal(f->bind.n, 1);
	/* It does not make a login of what was forwarded. */
	assert_int_equal(add(&f->bind, &f->a, "1", 0), 0);
	assert_true(f->bind.n == 1 && f->bind.hops[0].forwarding);
	assert_int_equal(add(&f->bind, &f->b, "1", 1), ERR_DENIED);
	assert_int_equal(f->bind.n, 1);
	assert_int_equal(add(&f->bind, &f->a, "2", 1), 0);
	assert_int_equal(f->bind.n, 2);
}

/* Rule 5. */
static void
test_16_sessions_are_well_and_the_17th_is_refused(void **state)
{
	struct fixture *f = *state;
	char id[16];

	for (int i = 0; i < 16; i++) {
		snprintf(id, sizeof(id), "%d", i);
		assert_int_equal(add(&f->bind, &f->a, id, 1), 0);
	}
	assert_int_equal(add(&f->bind, &f->a, "17", 1), ERR_LIMIT);
	assert_int_equal(add(&f->bind, &f->a, "17", 0), ERR_LIMIT);
	assert_int_equal(add(&f->bind, &f->a, "3", 1), 0);
	assert_int_equal(f->bind.n, 16);
	assert_false(bind_failed(&f->bind));
}

/* Rule 5. */
static void
test_a_session_id_of_128_bytes_is_well_and_129_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t id[129];

	memset(id, 7, sizeof(id));
	assert_int_equal(add_data(&f->bind, hostkey_bind(
	    data_span(&f->a.blob), &f->a, (struct span){ id, 129 }, 0)),
	    ERR_LIMIT);
	assert_true(bind_failed(&f->bind));
	assert_int_equal(add_data(&f->bind, hostkey_bind(
	    data_span(&f->a.blob), &f->a, (struct span){ id, 128 }, 0)), 0);
}

/* With a certificate that has so many bytes of principals, and 4 more. */
static int
add_long(struct fixture *f, const char *id, size_t n)
{
	struct hostkey_cert what = { .type = CERT_HOST };
	struct data cert, bind, big = { calloc(1, n), n };
	struct wire_w w;

	assert_true(wire_write(&w, 1 << 17));
	wire_put_string(&w, data_span(&big));
	what.principals = wire_bytes(&w);
	cert = hostkey_certify(&f->a, &f->b, &what);
	wire_free(&w);
	data_free(&big);
	bind = hostkey_bind(data_span(&cert), &f->a, span_cstr(id), 1);
	data_free(&cert);
	return add_data(&f->bind, bind);
}

static void
test_a_bind_of_more_than_64_kib_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add_long(f, "id", 65536), ERR_LIMIT);
	assert_true(bind_failed(&f->bind));
}

/* Else one client could have us keep a megabyte for it. */
static void
test_all_binds_of_a_client_are_64_kib_together(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add_long(f, "1", 30000), 0);
	assert_int_equal(add_long(f, "2", 30000), 0);
	assert_int_equal(add_long(f, "3", 30000), ERR_LIMIT);
	assert_int_equal(add_long(f, "2", 30000), ERR_DENIED);
	assert_int_equal(add(&f->bind, &f->b, "3", 1), 0);
	assert_int_equal(f->bind.n, 3);
}

/* Rule 6: an attempt that failed and said nothing else. */
static void
test_a_failed_first_bind_hides_until_one_succeeds(void **state)
{
	struct fixture *f = *state;
	struct data d = hostkey_bind(data_span(&f->a.blob), &f->b,
	    span_cstr("id"), 0);

	assert_int_not_equal(add_data(&f->bind, d), 0);
	assert_true(bind_tried(&f->bind) && bind_failed(&f->bind));
	assert_false(bind_is_forwarded(&f->bind));
	assert_int_equal(add(&f->bind, &f->a, "id", 0), 0);
	assert_false(bind_failed(&f->bind));
}

static void
test_a_refused_bind_that_says_forwarding_is_remembered(void **state)
{
	struct fixture *f = *state;

	assert_int_not_equal(add_data(&f->bind, hostkey_bind(
	    data_span(&f->a.blob), &f->b, span_cstr("id"), 1)), 0);
	assert_true(bind_is_forwarded(&f->bind));
	assert_int_equal(add(&f->bind, &f->a, "id", 0), 0);
	assert_true(bind_is_forwarded(&f->bind));
}

static void
test_a_host_key_of_a_type_not_known_is_refused(void **state)
{
	struct data sk = data_pub("sk_ed25519");
	struct fixture *f = *state;

	assert_int_equal(add_data(&f->bind, hostkey_bind(data_span(&sk),
	    &f->a, span_cstr("id"), 1)), ERR_UNSUPPORTED);
	assert_true(bind_failed(&f->bind) && bind_is_forwarded(&f->bind));
	data_free(&sk);
}

static void
test_a_host_certificate_needs_the_signature_of_its_ca(void **state)
{
	const struct hostkey_cert what = { .type = CERT_HOST };
	struct fixture *f = *state;
	struct data cert = hostkey_certify(&f->a, &f->b, &what);

	cert.p[cert.n - 1] ^= 1;
	assert_int_equal(add_data(&f->bind, hostkey_bind(data_span(&cert),
	    &f->a, span_cstr("id"), 0)), ERR_DENIED);
	cert.p[cert.n - 1] ^= 1;
	assert_int_equal(add_data(&f->bind, hostkey_bind(data_span(&cert),
	    &f->b, span_cstr("id"), 0)), ERR_FORMAT);
	assert_true(bind_failed(&f->bind));
	assert_int_equal(add_data(&f->bind, hostkey_bind(data_span(&cert),
	    &f->a, span_cstr("id"), 0)), 0);
	assert_true(f->bind.hops[0].certified);
	data_free(&cert);
}

/* Whoever made that signature: it is kept, and proves nothing. */
static void
test_a_certificate_by_a_security_key_is_kept_unbelieved(void **state)
{
	const struct hostkey_cert what = { .type = CERT_HOST };
	struct fixture *f = *state;
	struct hostkey sk = f->b;
	struct data cert;

	sk.blob = data_pub("sk_ecdsa");
	cert = hostkey_certify(&f->a, &sk, &what);
	assert_int_equal(add_data(&f->bind, hostkey_bind(data_span(&cert),
	    &f->a, span_cstr("id"), 0)), 0);
	assert_false(f->bind.hops[0].certified);
	data_free(&cert);
	data_free(&sk.blob);
}

static void
assert_described(const struct bind *b, const char *fmt, const char *one,
    const char *two)
{
	char text[BIND_TEXT_MAX], want[BIND_TEXT_MAX];

	bind_describe(b, text, sizeof(text));
	snprintf(want, sizeof(want), "%s%s%s%s%s", fmt, one,
	    two[0] != '\0' ? " via " : "", two,
	    b->hops[0].forwarding ? " over a forwarded connection" : "");
	assert_string_equal(text, want);
}

static void
test_a_person_is_told_where_and_by_which_way(void **state)
{
	struct fixture *f = *state;
	char *a = keytext_fingerprint(data_span(&f->a.blob));
	char *b = keytext_fingerprint(data_span(&f->b.blob));
	struct bind local = { 0 };

	assert_int_equal(add(&local, &f->a, "0", 0), 0);
	assert_described(&local, "at host ", a, "");
	bind_clear(&local);
	assert_int_equal(add(&f->bind, &f->a, "1", 1), 0);
	assert_described(&f->bind, "from host ", a, "");
	assert_int_equal(add(&f->bind, &f->b, "2", 0), 0);
	assert_described(&f->bind, "at host ", b, a);
	free(a);
	free(b);
}

static void
test_a_doubtful_connection_is_described_as_forwarded(void **state)
{
	struct fixture *f = *state;
	char text[BIND_TEXT_MAX];

	assert_int_equal(add_data(&f->bind, data_hex("00")), ERR_FORMAT);
	bind_describe(&f->bind, text, sizeof(text));
	assert_string_equal(text, "over a forwarded connection");
}

static void
test_a_description_of_16_hosts_fits_and_of_any_is_cut(void **state)
{
	struct fixture *f = *state;
	char text[BIND_TEXT_MAX], id[16];

	for (int i = 0; i < 16; i++) {
		snprintf(id, sizeof(id), "%d", i);
		assert_int_equal(add(&f->bind, i % 2 ? &f->a : &f->b, id, 1),
		    0);
	}
	bind_describe(&f->bind, text, sizeof(text));
	assert_true(strlen(text) < sizeof(text) - 1);
	assert_non_null(strstr(text, " over a forwarded connection"));
	for (size_t n = 0; n < 200; n++) {
		char *less = malloc(n);

		bind_describe(&f->bind, less, n);
		if (n > 0) {
			assert_int_equal(strlen(less), n - 1);
			assert_memory_equal(less, text, n - 1);
		}
		free(less);
	}
}

#define WITH(fn)	cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_connection_that_told_nothing_is_local),
		cmocka_unit_test(test_what_ssh_sends_is_believed),
		WITH(test_a_changed_bit_is_refused),
		WITH(test_a_signature_by_another_key_is_refused),
		WITH(test_a_bind_cut_anywhere_is_refused_and_seems_forwarded),
		WITH(test_bytes_after_a_bind_are_ignored_and_not_kept),
		WITH(test_any_byte_but_0_says_forwarding),
		WITH(test_nothing_comes_after_a_login),
		WITH(test_a_session_belongs_to_one_key_and_is_kept_once),
		WITH(test_16_sessions_are_well_and_the_17th_is_refused),
		WITH(test_a_session_id_of_128_bytes_is_well_and_129_refused),
		WITH(test_a_bind_of_more_than_64_kib_is_refused),
		WITH(test_all_binds_of_a_client_are_64_kib_together),
		WITH(test_a_failed_first_bind_hides_until_one_succeeds),
		WITH(test_a_refused_bind_that_says_forwarding_is_remembered),
		WITH(test_a_host_key_of_a_type_not_known_is_refused),
		WITH(test_a_host_certificate_needs_the_signature_of_its_ca),
		WITH(test_a_certificate_by_a_security_key_is_kept_unbelieved),
		WITH(test_a_person_is_told_where_and_by_which_way),
		WITH(test_a_doubtful_connection_is_described_as_forwarded),
		WITH(test_a_description_of_16_hosts_fits_and_of_any_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
