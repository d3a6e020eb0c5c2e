/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/policy.h"
#include "ssh/agentmsg.h"

#define WORDS_MAX	8

static const enum request_kind kinds[] = { REQUEST_UNKNOWN, REQUEST_USERAUTH,
	REQUEST_USERAUTH_HOSTBOUND, REQUEST_SSHSIG, REQUEST_CERT,
	REQUEST_HOST_KEX, REQUEST_HOSTKEYS_PROVE, REQUEST_PAM, REQUEST_TEST };

#define N_KINDS	(sizeof(kinds) / sizeof(*kinds))

/* From words with a blank between them. */
static int
parse(struct uses *u, const char *text)
{
	const char *words[WORDS_MAX];
	char copy[200], *rest = copy, *word;
	struct err e = { 0 };
	size_t n = 0;
	int r;

	assert_true(strlen(text) < sizeof(copy));
	memcpy(copy, text, strlen(text) + 1);
	while ((word = strsep(&rest, " ")) != NULL)
		if (*word != '\0')
			words[n++] = word;
	r = uses_parse(u, words, n, &e);
	assert_true(r == 0 || e.msg[0] != '\0');
	return r;
}

static struct request
a(enum request_kind kind)
{
	return (struct request){ .kind = kind, .ns = span_cstr(
	    kind == REQUEST_SSHSIG ? "git" : "") };
}

/* The kinds that it permits, one letter each, in the order of `kinds`. */
static const char *
permitted(const struct uses *u, char *buf)
{
	static const char letters[] = "?uhscxpmt";
	char *out = buf;

	for (size_t i = 0; i < N_KINDS; i++) {
		const struct request req = a(kinds[i]);

		if (uses_permit(u, &req))
			*out++ = letters[i];
	}
	*out = '\0';
	return buf;
}

static void
test_words_permit_their_kinds_of_requests(void **state)
{
	static const struct {
		const char *words, *permitted;
	} t[] = {
		{ "auth", "uhmt" }, { "ca", "ct" }, { "host", "xpt" },
		{ "sshsig", "st" }, { "sshsig:git", "st" },
		{ "sshsig:file", "t" }, { "any", "?uhscxpmt" },
		{ "none", "" }, { "AUTH", "uhmt" }, { "NONE", "" },
		{ "SSHSIG:git", "st" }, { "auth ca", "uhcmt" },
		{ "host sshsig:file,git", "sxpt" },
		{ "auth ca host sshsig", "uhscxpmt" },
		{ "auth auth", "uhmt" },
	};
	char buf[N_KINDS + 1];
	struct uses u = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		assert_int_equal(parse(&u, t[i].words), 0);
		assert_string_equal(permitted(&u, buf), t[i].permitted);
	}
	uses_clear(&u);
	assert_string_equal(permitted(&u, buf), "");
}

static void
test_without_words_a_key_is_for_its_owner_only(void **state)
{
	char buf[N_KINDS + 1];

	(void)state;
	assert_string_equal(permitted(&uses_default, buf), "uhscmt");
	assert_string_equal(permitted(&uses_default_forwarded, buf), "uhsm");
}

static bool
signs_in(const struct uses *u, const char *ns)
{
	return uses_permit(u, &(struct request){ .kind = REQUEST_SSHSIG,
	    .ns = span_cstr(ns) });
}

static void
test_a_namespace_is_all_of_it_and_as_written(void **state)
{
	struct uses u = { 0 };

	(void)state;
	assert_int_equal(parse(&u, "sshsig:git,file sshsig:a@b"), 0);
	assert_true(signs_in(&u, "git") && signs_in(&u, "file") &&
	    signs_in(&u, "a@b"));
	assert_false(signs_in(&u, "gi") || signs_in(&u, "gitx") ||
	    signs_in(&u, "GIT") || signs_in(&u, "") ||
	    signs_in(&u, "git,file"));
	assert_false(uses_permit(&u, &(struct request){
	    .kind = REQUEST_SSHSIG, .ns = { (const uint8_t *)"git", 4 } }));
	uses_clear(&u);
}

static void
test_all_namespaces_and_some_are_all(void **state)
{
	static const char *const all[] = { "sshsig", "sshsig sshsig:git",
	    "sshsig:git sshsig", "any sshsig:git", "sshsig:git ANY" };
	struct uses u = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		assert_int_equal(parse(&u, all[i]), 0);
		assert_true(signs_in(&u, "other"));
	}
	uses_clear(&u);
}

static void
test_mistakes_leave_what_was_there(void **state)
{
	static const char *const bad[] = { "", "login", "auth login",
	    "none auth", "auth none", "none none", "NONE ca", "sshsig:",
	    "sshsig:,", "sshsig:git,", "sshsig:,git", "sshsig:a,,b",
	    "sshsig:new any none", "au", "authx", "any,auth" };
	struct uses u = { 0 };
	char buf[N_KINDS + 1];

	(void)state;
	assert_int_equal(parse(&u, "ca sshsig:git"), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		if (parse(&u, bad[i]) != ERR_USAGE)
			fail_msg("\"%s\"", bad[i]);
		assert_string_equal(permitted(&u, buf), "sct");
		assert_false(signs_in(&u, "new"));
	}
	uses_clear(&u);
}

static void
test_namespaces_have_a_limit(void **state)
{
	static const char list[] = "sshsig:a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,"
	    "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,"
	    "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a";
	const char *const twice[] = { list, "sshsig:b" };
	struct uses u = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(uses_parse(&u, twice, 1, &e), 0);
	assert_int_equal(uses_parse(&u, twice, 2, &e), ERR_USAGE);
	assert_true(signs_in(&u, "a"));
	uses_clear(&u);
}

static void
test_each_request_has_a_word_that_permits_it(void **state)
{
	struct uses u = { 0 };
	char word[80];

	(void)state;
	for (size_t i = 0; i < N_KINDS; i++) {
		const struct request req = a(kinds[i]);

		uses_word(&req, word, sizeof(word));
		assert_int_equal(parse(&u, word), 0);
		assert_true(uses_permit(&u, &req));
		uses_word(&req, word, 3);
		assert_int_equal(strlen(word), 2);
	}
	uses_clear(&u);
}

static void
test_a_refusal_names_the_keyword_that_would_change_it(void **state)
{
	struct request req = a(REQUEST_CERT);
	struct err e;

	(void)state;
	assert_int_equal(policy_use(&uses_default, NULL, NULL, &req, &e), 0);
	assert_int_equal(policy_use(&uses_default, &uses_default_forwarded,
	    NULL, &req, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "\"ca\"; see ForwardedUse"));
	/* Who comes over a forwarded connection has no more than others. */
	assert_int_equal(policy_use(&uses_default_forwarded, &uses_default,
	    NULL, &req, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "\"ca\"; see Use"));
	assert_int_equal(policy_use(&uses_default, NULL,
	    &uses_default_forwarded, &req, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "\"ca\"; see RelayedUse"));
	req = a(REQUEST_UNKNOWN);
	assert_int_equal(policy_use(&uses_default, NULL, NULL, &req, &e),
	    ERR_DENIED);
	assert_non_null(strstr(e.msg, "nobody knows what this data is"));
	req = a(REQUEST_TEST);
	assert_int_equal(policy_use(&(struct uses){ 0 }, NULL, NULL, &req, &e),
	    ERR_DENIED);
	assert_non_null(strstr(e.msg, "not for anything; see Use"));
	req = a(REQUEST_SSHSIG);
	req.ns = span_cstr("a\nb\x1b");
	assert_int_equal(policy_use(&(struct uses){ 0 }, NULL, NULL, &req, &e),
	    ERR_DENIED);
	assert_non_null(strstr(e.msg, "\"sshsig:a?b?\""));
}

static bool
signs_afar_in(const struct uses *u, const char *ns)
{
	return uses_permit_afar(u, &(struct request){ .kind = REQUEST_SSHSIG,
	    .ns = span_cstr(ns) });
}

static void
test_from_afar_a_namespace_of_our_own_has_to_be_named(void **state)
{
	static const char krl[] = "krl@hsm-ssh-agent",
	    approval[] = "certificate-approval@hsm-ssh-agent";
	static const struct {
		const char *words;
		bool krl, approval;
	} t[] = {
		{ "sshsig", false, false }, { "auth", false, false },
		{ "ca", true, false }, { "ca sshsig", true, false },
		{ "sshsig:certificate-approval@hsm-ssh-agent", false, true },
		{ "sshsig:krl@hsm-ssh-agent", true, false },
		{ "any", true, true }, { "none", false, false },
	};
	struct uses u = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		assert_int_equal(parse(&u, t[i].words), 0);
		if (signs_afar_in(&u, krl) != t[i].krl ||
		    signs_afar_in(&u, approval) != t[i].approval)
			fail_msg("%s", t[i].words);
	}
	uses_clear(&u);
	assert_true(signs_afar_in(&uses_default_forwarded, "git"));
	assert_false(signs_afar_in(&uses_default_forwarded, krl));
	assert_true(signs_in(&uses_default, krl));
	assert_true(signs_in(&uses_default, approval));
}

static void
test_nobody_has_a_checkpoint_signed(void **state)
{
	struct request req = a(REQUEST_SSHSIG);
	struct uses any = { 0 };
	struct err e;

	(void)state;
	assert_int_equal(parse(&any, "any"), 0);
	assert_int_equal(policy_use(&any, NULL, NULL, &req, &e), 0);
	req.ns = span_cstr("ledger-checkpoint@hsm-ssh-agent");
	assert_int_equal(policy_use(&any, NULL, NULL, &req, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "and for nobody else"));
	uses_clear(&any);
}

static int
algorithm(bool allow_sha1, enum key_type key, uint32_t flags,
    const char *named)
{
	const struct request req = { .algorithm = span_cstr(named) };
	enum sig_alg alg;
	struct err e;
	const int r = policy_algorithm(allow_sha1, key, flags, &req, &alg,
	    &e);

	assert_true(r == 0 || (r == ERR_DENIED && e.msg[0] != '\0'));
	return r == 0 ? (int)alg : -1;
}

static void
test_without_flags_the_data_names_the_rsa_algorithm(void **state)
{
	static const struct {
		const char *named;
		int strict, lenient;	/* with AllowSHA1 */
	} t[] = {
		{ "rsa-sha2-256", SIG_RSA_SHA256, SIG_RSA_SHA256 },
		{ "rsa-sha2-512", SIG_RSA_SHA512, SIG_RSA_SHA512 },
		{ "rsa-sha2-256-cert-v01@openssh.com", SIG_RSA_SHA256,
		    SIG_RSA_SHA256 },
		{ "rsa-sha2-512-cert-v01@openssh.com", SIG_RSA_SHA512,
		    SIG_RSA_SHA512 },
		{ "", SIG_RSA_SHA256, SIG_RSA_SHA1 },
		{ "ssh-rsa", -1, SIG_RSA_SHA1 },
		{ "ssh-rsa-cert-v01@openssh.com", -1, SIG_RSA_SHA1 },
		{ "-cert-v01@openssh.com", -1, SIG_RSA_SHA1 },
		{ "rsa-sha2-512-cert-v02@openssh.com", -1, SIG_RSA_SHA1 },
		{ "rsa-sha2-5120", -1, SIG_RSA_SHA1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		assert_int_equal(algorithm(false, KEY_RSA, 0, t[i].named),
		    t[i].strict);
		assert_int_equal(algorithm(true, KEY_RSA, 0, t[i].named),
		    t[i].lenient);
	}
}

static void
test_flags_choose_for_rsa_and_mean_nothing_for_ec(void **state)
{
	static const struct {
		enum key_type key;
		enum sig_alg alg;
	} ec[] = { { KEY_P256, SIG_ECDSA_P256 },
	    { KEY_P384, SIG_ECDSA_P384 }, { KEY_P521, SIG_ECDSA_P521 } };

	(void)state;
	assert_int_equal(algorithm(false, KEY_RSA, 2, "ssh-rsa"),
	    SIG_RSA_SHA256);
	assert_int_equal(algorithm(false, KEY_RSA, 4, "ssh-rsa"),
	    SIG_RSA_SHA512);
	assert_int_equal(algorithm(false, KEY_RSA, 6, ""), SIG_RSA_SHA256);
	for (uint32_t bit = 1; bit != 0; bit <<= 1) {
		const bool known = bit == 2 || bit == 4;

		assert_int_equal(algorithm(true, KEY_RSA, bit | 2, "") != -1,
		    known);
		for (size_t i = 0; i < 3; i++)
			assert_int_equal(algorithm(false, ec[i].key, bit, ""),
			    known ? (int)ec[i].alg : -1);
	}
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(algorithm(false, ec[i].key, 0, ""),
		    ec[i].alg);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_permit_their_kinds_of_requests),
		cmocka_unit_test(
		    test_without_words_a_key_is_for_its_owner_only),
		cmocka_unit_test(
		    test_a_namespace_is_all_of_it_and_as_written),
		cmocka_unit_test(test_all_namespaces_and_some_are_all),
		cmocka_unit_test(test_mistakes_leave_what_was_there),
		cmocka_unit_test(test_namespaces_have_a_limit),
		cmocka_unit_test(
		    test_each_request_has_a_word_that_permits_it),
		cmocka_unit_test(
		    test_a_refusal_names_the_keyword_that_would_change_it),
		cmocka_unit_test(
		    test_from_afar_a_namespace_of_our_own_has_to_be_named),
		cmocka_unit_test(test_nobody_has_a_checkpoint_signed),
		cmocka_unit_test(
		    test_without_flags_the_data_names_the_rsa_algorithm),
		cmocka_unit_test(
		    test_flags_choose_for_rsa_and_mean_nothing_for_ec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
