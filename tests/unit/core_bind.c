/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/certbody.h"
#include "tests/unit/constrained.h"
#include "tests/unit/holder.h"

#define ONE	"11111111111111111111111111111111"	/* sessions */
#define TWO	"22222222222222222222222222222222"

#define HOSTBOUND	"publickey-hostbound-v00@openssh.com"

/*
 * Clients of an agent whose keys may do anything, but where they are told;
 * two hosts, and a CA whose key is not constrained: it is on another token.
 */
struct story {
	struct fixture	 f;
	struct hostkey	 a, b, ca;
};

static void
begin(struct story *s, const char *conf)
{
	struct err e;

	holder_setup(&s->f, conf);
	hostkey_make(&s->ca, HOSTKEY_P256);
	assert_int_equal(ident_add(&s->f.ids, 2, "DENK0200000", "01", "ca",
	    "02", data_span(&s->ca.blob), &e), 0);
	hostkey_make(&s->a, HOSTKEY_ED25519);
	hostkey_make(&s->b, HOSTKEY_ED25519);
}

static void
end(struct story *s)
{
	holder_teardown(&s->f);
	hostkey_free(&s->a);
	hostkey_free(&s->b);
	hostkey_free(&s->ca);
}

static int
setup(void **state)
{
	struct story *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	begin(s, "Use any\nForwardedUse any");
	*state = s;
	return 0;
}

static int
teardown(void **state)
{
	end(*state);
	free(*state);
	return 0;
}

/* "ec" and "rsa" are for these ways from now on. */
static void
constrain(struct story *s, const struct constrained_step *steps, size_t n)
{
	struct wire_w w;

	holder_put_add(&w, MSG_ADD_SMARTCARD_KEY_CONSTRAINED);
	constrained_steps(&w, steps, n);
	holder_add(&s->f, HOLDER_OTHER, &w);
}

static void
constrain_to_a(struct story *s)
{
	constrain(s, &(struct constrained_step){ .to = &s->a }, 1);
}

/* To a, and from there to b as this user. */
static void
constrain_to_b(struct story *s, const char *user)
{
	const struct constrained_step steps[] = { { .to = &s->a },
	    { .from = &s->a, .to = &s->b, .user = user } };

	constrain(s, steps, 2);
}

static uint8_t
bind_to(struct story *s, const struct hostkey *k, const char *session,
    bool forwarding)
{
	return holder_bind(&s->f, HOLDER_ME, &(struct holder_bind){
	    .key = k, .session = span_cstr(session),
	    .forwarding = forwarding });
}

static void
bound(struct story *s, const struct hostkey *k, const char *session,
    bool forwarding)
{
	assert_int_equal(bind_to(s, k, session, forwarding), MSG_SUCCESS);
}

/* Through a, for a login at b. */
static void
bound_to_both(struct story *s)
{
	bound(s, &s->a, ONE, true);
	bound(s, &s->b, TWO, false);
}

/* --- what is to be signed, with "ec" unless it says otherwise --- */

struct login {
	const char	*session;
	const char	*user;		/* NULL: alice */
	const char	*method;	/* NULL: publickey, or host-bound */
	const struct hostkey *host;	/* of a host-bound login, or NULL */
	struct span	 key;		/* in the data; empty: "ec" */
	const char	*alg;		/* NULL: that of "ec" */
};

static struct data
make_login(const struct story *s, const struct login *l)
{
	struct wire_w w;
	struct data d;

	assert_true(wire_write(&w, 8192));
	wire_put_cstring(&w, l->session);
	wire_put_u8(&w, 50);
	wire_put_cstring(&w, l->user != NULL ? l->user : "alice");
	wire_put_cstring(&w, "ssh-connection");
	wire_put_cstring(&w, l->method != NULL ? l->method :
	    l->host != NULL ? HOSTBOUND : "publickey");
	wire_put_u8(&w, 1);
	wire_put_cstring(&w, l->alg != NULL ? l->alg :
	    "ecdsa-sha2-nistp256");
	wire_put_string(&w, l->key.n > 0 ? l->key : holder_blob_of(&s->f, 0));
	if (l->host != NULL)
		wire_put_string(&w, data_span(&l->host->blob));
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	return d;
}

/* Has it been signed?  Else it was refused. */
static bool
signs_blob(struct story *s, struct span blob, struct span data,
    uint32_t flags)
{
	struct fixture *f = &s->f;
	struct wire_w w;
	uint8_t type;

	f->sign_request = 0;
	holder_put_sign(&w, blob, data, flags);
	type = holder_put(f, HOLDER_ME, &w);
	if (type == 0) {
		assert_int_equal(f->sign_request, HOLDER_ME);
		holder_signed(f, MSG_SIGN_RESPONSE);
		return true;
	}
	assert_int_equal(type, MSG_FAILURE);
	assert_int_equal(f->sign_request, 0);
	return false;
}

static bool
signs(struct story *s, struct span data)
{
	return signs_blob(s, holder_blob_of(&s->f, 0), data, 0);
}

static bool
logs_in(struct story *s, const struct login *l)
{
	struct data d = make_login(s, l);
	const bool yes = signs(s, data_span(&d));

	data_free(&d);
	return yes;
}

/* alice, host-bound unless the host is NULL. */
static bool
is_let_in(struct story *s, const char *session, const struct hostkey *host)
{
	return logs_in(s, &(struct login){ .session = session,
	    .host = host });
}

static struct data
make_sshsig(void)
{
	static const uint8_t digest[64] = { 1 };
	struct wire_w w;
	struct data d;

	assert_true(wire_write(&w, 1000));
	wire_put_raw(&w, span_cstr("SSHSIG"));
	wire_put_cstring(&w, "git");
	wire_put_cstring(&w, "");
	wire_put_cstring(&w, "sha512");
	wire_put_string(&w, (struct span){ digest, sizeof(digest) });
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	return d;
}

/* The body of a certificate, of which that key is the CA. */
static struct data
make_tbs(const struct story *s, size_t key)
{
	struct certbody b;
	struct data d;

	certbody_make(&b);
	certbody_set_ca(&b, holder_blob_of(&s->f, key));
	d = certbody_bytes(&b);
	certbody_free(&b);
	return d;
}

/* As random as ssh-add -T's: all values are there. */
static struct data
make_test_data(void)
{
	uint8_t bytes[1024];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	return data_copy((struct span){ bytes, sizeof(bytes) });
}

/* --- session-bind, 2g.2 to 5 --- */

static void
test_a_bound_client_uses_keys_that_are_free(void **state)
{
	struct story *s = *state;

	bound(s, &s->a, ONE, false);
	assert_string_equal(holder_list(&s->f, HOLDER_ME), "ec rsa ca");
	assert_true(is_let_in(s, ONE, NULL));
	assert_true(signs(s, span_cstr("anything")));
}

static void
test_a_host_without_proof_hides_constrained_keys(void **state)
{
	struct story *s = *state;

	constrain_to_a(s);
	assert_int_equal(holder_bind(&s->f, HOLDER_ME, &(struct holder_bind){
	    .key = &s->a, .signer = &s->b, .session = span_cstr(ONE) }),
	    MSG_EXTENSION_FAILURE);
	assert_string_equal(holder_list(&s->f, HOLDER_ME), "ca");
	assert_false(is_let_in(s, ONE, NULL));
	assert_int_equal(holder_remove(&s->f, HOLDER_ME,
	    holder_blob_of(&s->f, 0)), MSG_FAILURE);
	assert_string_equal(holder_list(&s->f, HOLDER_OTHER), "ec rsa ca");
}

static void
bind_cut(struct span cut, void *arg)
{
	struct story *s = arg;
	struct wire_w w;
	uint8_t type;

	assert_true(wire_write(&w, AGENT_MAX_MSG));
	wire_put_u8(&w, MSG_EXTENSION);
	wire_put_cstring(&w, AGENT_EXT_SESSION_BIND);
	wire_put_raw(&w, cut);
	type = holder_put(&s->f, HOLDER_ME, &w);
	assert_int_equal(type, MSG_EXTENSION_FAILURE);
	assert_int_equal(s->f.me.bind.n, 0);
}

static void
test_a_bind_cut_anywhere_is_refused(void **state)
{
	struct story *s = *state;
	struct data d = hostkey_bind(data_span(&s->a.blob), &s->a,
	    span_cstr(ONE), 0);

	data_each_cut(data_span(&d), bind_cut, s);
	data_free(&d);
}

static void
test_a_login_is_the_last_session(void **state)
{
	struct story *s = *state;

	bound(s, &s->a, ONE, true);
	bound(s, &s->a, ONE, true);		/* nothing new */
	assert_int_equal(bind_to(s, &s->b, ONE, true),
	    MSG_EXTENSION_FAILURE);
	bound(s, &s->a, TWO, false);
	assert_int_equal(bind_to(s, &s->a, TWO, false),
	    MSG_EXTENSION_FAILURE);
	assert_int_equal(bind_to(s, &s->b, "3", true),
	    MSG_EXTENSION_FAILURE);
}

static void
test_sixteen_sessions_are_enough(void **state)
{
	struct story *s = *state;
	char session[2] = "a";

	for (int i = 0; i < 16; i++, session[0]++)
		bound(s, &s->a, session, true);
	assert_int_equal(bind_to(s, &s->a, session, true),
	    MSG_EXTENSION_FAILURE);
	assert_int_equal(bind_to(s, &s->a, session, false),
	    MSG_EXTENSION_FAILURE);
}

/* --- keys that are for certain destinations, 2g.6 to 12 --- */

static void
test_unbound_a_constrained_key_is_shown_but_not_used(void **state)
{
	struct story *s = *state;

	constrain_to_a(s);
	assert_string_equal(holder_list(&s->f, HOLDER_ME), "ec rsa ca");
	assert_false(is_let_in(s, ONE, NULL));
	assert_true(holder_told(&s->f, "no session-bind"));
}

static void
test_at_its_host_a_constrained_key_logs_in(void **state)
{
	struct story *s = *state;

	constrain_to_a(s);
	bound(s, &s->a, ONE, false);
	assert_string_equal(holder_list(&s->f, HOLDER_ME), "ec rsa ca");
	assert_true(is_let_in(s, ONE, NULL));
	assert_true(is_let_in(s, ONE, &s->a));
	assert_false(is_let_in(s, TWO, NULL));
	assert_false(is_let_in(s, ONE, &s->b));
}

static void
test_at_another_host_it_is_neither_shown_nor_used(void **state)
{
	struct story *s = *state;

	constrain_to_a(s);
	bound(s, &s->b, ONE, false);
	assert_string_equal(holder_list(&s->f, HOLDER_ME), "ca");
	assert_false(is_let_in(s, ONE, NULL));
	assert_false(is_let_in(s, ONE, &s->b));
	assert_int_equal(holder_remove(&s->f, HOLDER_ME,
	    holder_blob_of(&s->f, 0)), MSG_FAILURE);
	assert_string_equal(holder_list(&s->f, HOLDER_OTHER), "ec rsa ca");
}

static void
test_through_another_host_the_login_names_the_server(void **state)
{
	struct story *s = *state;

	constrain_to_b(s, NULL);
	bound_to_both(s);
	assert_string_equal(holder_list(&s->f, HOLDER_ME), "ec rsa ca");
	assert_false(is_let_in(s, TWO, NULL));
	assert_true(is_let_in(s, TWO, &s->b));
	assert_false(is_let_in(s, ONE, &s->b));
	assert_false(is_let_in(s, TWO, &s->a));
}

static void
test_only_as_that_user(void **state)
{
	struct story *s = *state;
	const struct login alice = { .session = TWO, .host = &s->b };
	const struct login bob = { .session = TWO, .user = "bob",
	    .host = &s->b };

	constrain_to_b(s, "alice");
	bound_to_both(s);
	assert_true(logs_in(s, &alice));
	assert_false(logs_in(s, &bob));
	constrain_to_b(s, "b*");
	assert_false(logs_in(s, &alice));
	assert_true(logs_in(s, &bob));
}

static void
test_where_the_way_ends_the_key_is_not_shown(void **state)
{
	struct story *s = *state;

	constrain_to_a(s);
	bound(s, &s->a, ONE, true);
	assert_string_equal(holder_list(&s->f, HOLDER_ME), "ca");
	assert_false(is_let_in(s, ONE, &s->a));
	constrain_to_b(s, NULL);
	assert_string_equal(holder_list(&s->f, HOLDER_ME), "ec rsa ca");
	assert_false(is_let_in(s, ONE, &s->a));
}

static void
test_a_constrained_key_signs_nothing_but_logins(void **state)
{
	struct story *s = *state;
	struct data d[] = { make_sshsig(), make_tbs(s, 0), make_test_data(),
	    make_login(s, &(struct login){ .session = ONE,
	    .method = "hostbased" }),
	    data_copy(span_cstr(ONE)) };

	for (int constrained = 0; constrained < 2; constrained++) {
		if (constrained)
			constrain_to_a(s);
		else
			bound(s, &s->a, ONE, false);
		for (size_t i = 0; i < sizeof(d) / sizeof(*d); i++)
			assert_int_equal(signs(s, data_span(&d[i])),
			    !constrained);
	}
	assert_true(holder_told(&s->f, "this is not a login"));
	for (size_t i = 0; i < sizeof(d) / sizeof(*d); i++)
		data_free(&d[i]);
}

/* 2c.7: ssh asks with the plain key and logs in with a certificate of it. */
static void
test_the_login_may_name_a_certificate_of_the_key(void **state)
{
	struct story *s = *state;
	struct data cert = holder_cert_of(&s->f, 0);
	struct data of_rsa = holder_cert_of(&s->f, 1);
	struct login l = { .session = ONE, .key = data_span(&cert),
	    .alg = "ecdsa-sha2-nistp256-cert-v01@openssh.com" };
	struct data d;

	constrain_to_a(s);
	bound(s, &s->a, ONE, false);
	assert_true(logs_in(s, &l));
	d = make_login(s, &l);
	assert_true(signs_blob(s, data_span(&cert), data_span(&d), 0));
	data_free(&d);
	l.key = data_span(&of_rsa);
	assert_false(logs_in(s, &l));
	l.key = holder_blob_of(&s->f, 1);
	assert_false(logs_in(s, &l));
	data_free(&cert);
	data_free(&of_rsa);
}

/* 2c.6: what names another algorithm is no login with this key. */
static void
test_the_login_names_an_algorithm_of_the_key(void **state)
{
	static const char *const other[] = { "ssh-ed25519", "rsa-sha2-256",
	    "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp256x", "x" };
	struct story *s = *state;

	constrain_to_a(s);
	bound(s, &s->a, ONE, false);
	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++)
		if (logs_in(s, &(struct login){ .session = ONE,
		    .alg = other[i] }))
			fail_msg("%s", other[i]);
}

/* 2c.8, as RFC 9987 sec. 5.4 has it. */
static void
test_from_everywhere_all_tokens_can_be_locked(void **state)
{
	struct story *s = *state;

	constrain_to_a(s);
	bound(s, &s->b, ONE, true);
	holder_ask(&s->f, span_cstr("\x13"));
	assert_int_equal(s->f.lock_request, HOLDER_ME);
	core_done(s->f.core, HOLDER_ME, 0, NULL);
	holder_check_reply(&s->f, MSG_SUCCESS);
}

/* --- forwarded connections --- */

/* What is signed of a login, an SSHSIG, a certificate, a KEX, and a test. */
static const char *
signed_kinds(struct story *s, char buf[static 6])
{
	struct data d[] = { make_login(s, &(struct login){ .session = TWO }),
	    make_sshsig(), make_tbs(s, 2), data_copy(span_cstr(ONE)),
	    make_test_data() };

	for (size_t i = 0; i < 5; i++) {
		buf[i] = signs_blob(s, holder_blob_of(&s->f, i == 2 ? 2 : 0),
		    data_span(&d[i]), 0) ? "lscht"[i] : '-';
		data_free(&d[i]);
	}
	buf[5] = '\0';
	return buf;
}

static void
test_who_comes_over_a_forwarded_connection_has_less(void **state)
{
	static const struct {
		const char *conf, *local, *forwarded;
	} t[] = {
		{ "", "lsc-t", "ls---" },
		{ "Use any", "lscht", "ls---" },
		{ "ForwardedUse any", "lsc-t", "lsc-t" },
		{ "Use any\nForwardedUse any", "lscht", "lscht" },
		{ "ForwardedUse ca", "lsc-t", "--c--" },
		{ "ForwardedUse none", "lsc-t", "-----" },
		{ "Use auth\nForwardedUse any", "l---t", "l---t" },
		{ "Use host\nForwardedUse auth host", "---ht", "---h-" },
		{ "Key ca\nForwardedUse ca", "lsc-t", "lsc--" },
		{ "ForwardedUse sshsig:git", "lsc-t", "-s---" },
		{ "ForwardedUse sshsig:file", "lsc-t", "-----" },
	};
	struct story s;
	char buf[6];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		s = (struct story){ 0 };
		begin(&s, t[i].conf);
		assert_string_equal(signed_kinds(&s, buf), t[i].local);
		bound(&s, &s.a, ONE, true);
		assert_string_equal(signed_kinds(&s, buf), t[i].forwarded);
		bound(&s, &s.b, TWO, false);
		assert_string_equal(signed_kinds(&s, buf), t[i].forwarded);
		end(&s);
	}
}

static void
test_to_say_forwarding_without_proof_is_no_way_around(void **state)
{
	struct story s = { 0 };
	char buf[6];

	(void)state;
	begin(&s, NULL);
	assert_int_equal(holder_bind(&s.f, HOLDER_ME, &(struct holder_bind){
	    .key = &s.a, .signer = &s.b, .session = span_cstr(ONE),
	    .forwarding = true }), MSG_EXTENSION_FAILURE);
	assert_string_equal(signed_kinds(&s, buf), "ls---");
	assert_true(holder_told(&s.f, "see ForwardedUse"));
	end(&s);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_bound_client_uses_keys_that_are_free),
		TEST(test_a_host_without_proof_hides_constrained_keys),
		TEST(test_a_bind_cut_anywhere_is_refused),
		TEST(test_a_login_is_the_last_session),
		TEST(test_sixteen_sessions_are_enough),
		TEST(test_unbound_a_constrained_key_is_shown_but_not_used),
		TEST(test_at_its_host_a_constrained_key_logs_in),
		TEST(test_at_another_host_it_is_neither_shown_nor_used),
		TEST(test_through_another_host_the_login_names_the_server),
		TEST(test_only_as_that_user),
		TEST(test_where_the_way_ends_the_key_is_not_shown),
		TEST(test_a_constrained_key_signs_nothing_but_logins),
		TEST(test_the_login_may_name_a_certificate_of_the_key),
		TEST(test_the_login_names_an_algorithm_of_the_key),
		TEST(test_from_everywhere_all_tokens_can_be_locked),
		cmocka_unit_test(
		    test_who_comes_over_a_forwarded_connection_has_less),
		cmocka_unit_test(
		    test_to_say_forwarding_without_proof_is_no_way_around),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
