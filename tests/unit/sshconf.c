/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "keyutil/sshconf.h"
#include "tests/unit/data.h"

static const char output[] =
    "host example\nidentitiesonly yes\npubkeyauthentication true\n"
    "pubkeyacceptedalgorithms ssh-ed25519,rsa-sha2-256\n"
    "identityagent ~/agent socket\npkcs11provider none\n"
    "identityfile ~/.ssh/id_rsa\nidentityfile none\n"
    "identityfile ~/.ssh/my key\nport 22\nrequesttty\n";

static struct sshconf
parse(const char *text)
{
	struct sshconf c;
	struct err e;

	assert_int_equal(sshconf_parse(span_cstr(text), &c, &e), 0);
	return c;
}

static void
test_settings_for_keys_are_taken(void **state)
{
	struct sshconf c = parse(output);

	(void)state;
	assert_true(c.identities_only);
	assert_false(c.no_pubkey);
	assert_string_equal(c.algorithms, "ssh-ed25519,rsa-sha2-256");
	assert_string_equal(c.agent, "~/agent socket");
	assert_null(c.provider);
	assert_int_equal(c.n_files, 2);
	assert_string_equal(c.files[1], "~/.ssh/my key");
	sshconf_free(&c);
}

static void
test_what_is_not_set_is_not_there(void **state)
{
	struct sshconf c = parse("");

	(void)state;
	assert_false(c.identities_only);
	assert_false(c.no_pubkey);
	assert_null(c.agent);
	assert_null(c.algorithms);
	assert_int_equal(c.n_files, 0);
	sshconf_free(&c);
	c = parse("identitiesonly no\npubkeyauthentication no\n"
	    "pkcs11provider /usr/lib/x.so\npubkeyacceptedkeytypes a,b");
	assert_false(c.identities_only);
	assert_true(c.no_pubkey);
	assert_string_equal(c.provider, "/usr/lib/x.so");
	assert_string_equal(c.algorithms, "a,b");
	sshconf_free(&c);
}

static void
parse_cut(struct span cut, void *arg)
{
	struct sshconf c;
	struct err e;

	(void)arg;
	assert_int_equal(sshconf_parse(cut, &c, &e), 0);
	assert_in_range(c.n_files, 0, 2);
	sshconf_free(&c);
}

static void
test_output_may_end_anywhere(void **state)
{
	(void)state;
	data_each_cut(span_cstr(output), parse_cut, NULL);
}

static void
test_there_are_limits(void **state)
{
	static const char line[] = "identityfile x\n";
	const size_t n = sizeof(line) - 1, most = SSHCONF_OUTPUT_MAX / n;
	char *text = malloc(SSHCONF_OUTPUT_MAX + n);
	struct sshconf c;
	struct err e;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i <= most; i++)
		memcpy(text + i * n, line, n);
	assert_int_equal(sshconf_parse((struct span){ (uint8_t *)text,
	    most * n }, &c, &e), 0);
	assert_int_equal(c.n_files, SSHCONF_FILES_MAX);
	sshconf_free(&c);
	assert_int_equal(sshconf_parse((struct span){ (uint8_t *)text,
	    (most + 1) * n }, &c, &e), ERR_LIMIT);
	free(text);
}

static void
test_versions_are_two_numbers_behind_a_name(void **state)
{
	int major, minor;

	(void)state;
	assert_true(sshconf_version("OpenSSH_9.2p1 Debian-2", "OpenSSH_",
	    &major, &minor));
	assert_int_equal(major, 9);
	assert_int_equal(minor, 2);
	assert_true(sshconf_version("x libssh2/1.10.0 y", "libssh2/", &major,
	    &minor));
	assert_int_equal(minor, 10);
	assert_false(sshconf_version("OpenSSH_x.2", "OpenSSH_", &major,
	    &minor));
	assert_false(sshconf_version("OpenSSH_9", "OpenSSH_", &major,
	    &minor));
	assert_false(sshconf_version("OpenSSH_9.", "OpenSSH_", &major,
	    &minor));
	assert_false(sshconf_version("OpenSSH_99999999999.1", "OpenSSH_",
	    &major, &minor));
	assert_false(sshconf_version("dropbear", "OpenSSH_", &major, &minor));
}

static void
test_program_that_prints_much_is_cut(void **state)
{
	char sh[] = "sh", c[] = "-c", flood[] = "yes | head -c 100000",
	    fails[] = "echo x; exit 3", none[] = "/nonexistent";
	char text[100];
	int status;

	(void)state;
	assert_true(sshconf_run((char *const []){ sh, c, flood, NULL }, text,
	    sizeof(text), &status));
	assert_int_equal(strlen(text), sizeof(text) - 1);
	assert_true(sshconf_run((char *const []){ sh, c, fails, NULL }, text,
	    sizeof(text), &status));
	assert_int_equal(status, 3);
	assert_string_equal(text, "x\n");
	/* It does not see a posix_spawn(3) that fails. */
	if (getenv("UNDER_VALGRIND") == NULL)
		assert_false(sshconf_run((char *const []){ none, NULL }, text,
		    sizeof(text), &status));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settings_for_keys_are_taken),
		cmocka_unit_test(test_what_is_not_set_is_not_there),
		cmocka_unit_test(test_output_may_end_anywhere),
		cmocka_unit_test(test_there_are_limits),
		cmocka_unit_test(test_versions_are_two_numbers_behind_a_name),
		cmocka_unit_test(test_program_that_prints_much_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
