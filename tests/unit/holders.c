/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/root.h"
#include "token/holders.h"

#define MAP	"7f5e4c000000-7f5e4c021000 r-xp 00000000 08:01 1234    "
#define PCSC	MAP "/usr/lib/x86_64-linux-gnu/libpcsclite.so.1.0.0\n"
#define LIBC	MAP "/usr/lib/x86_64-linux-gnu/libc.so.6\n"

static void
add(const char *proc, const char *pid, const char *name, const char *maps)
{
	char path[64];

	snprintf(path, sizeof(path), "/%s/comm", pid);
	root_put(proc, path, name);
	snprintf(path, sizeof(path), "/%s/maps", pid);
	root_put(proc, path, maps);
}

static void
test_who_has_the_library_is_found(void **state)
{
	struct pcsc_holder v[4];
	char *proc = root_make(), self[24];

	(void)state;
	assert_int_equal(pcsc_holders(proc, v, 4), 0);
	snprintf(self, sizeof(self), "%ld", (long)getpid());
	add(proc, self, "me\n", PCSC);
	add(proc, "20", "pcscd\n", PCSC);
	add(proc, "21", "hsm-ssh-agent\n", PCSC);
	add(proc, "22", "hsm-keyutil\n", PCSC);
	add(proc, "23", "bash\n", LIBC "7f00-7f01 rw-p 0 00:00 0\n");
	add(proc, "24", "odd\n", MAP "/opt/libpcsclite/plugin.so\n");
	add(proc, "self", "link\n", PCSC);
	add(proc, "25x", "no pid\n", PCSC);
	root_put(proc, "/26/comm", "unreadable\n");
	root_put(proc, "/27/maps", PCSC);
	assert_int_equal(pcsc_holders(proc, v, 4), 0);
	add(proc, "4321", "scdaemon\n", LIBC PCSC LIBC);
	assert_int_equal(pcsc_holders(proc, v, 4), 1);
	assert_int_equal(v[0].pid, 4321);
	assert_string_equal(v[0].name, "scdaemon");
	add(proc, "4322", "new\n", LIBC MAP "/lib/libpcsclite_real.so.1\n");
	assert_int_equal(pcsc_holders(proc, v, 4), 2);
	assert_int_equal(pcsc_holders(proc, v, 1), 1);
	assert_int_equal(pcsc_holders("/nonexistent", v, 4), 0);
	root_remove(proc);
}

static void
test_a_name_cannot_forge_a_line(void **state)
{
	struct pcsc_holder v[1];
	char *proc = root_make();

	(void)state;
	add(proc, "7", "a\033[2J\177\xffz\nb\n", PCSC);
	assert_int_equal(pcsc_holders(proc, v, 1), 1);
	assert_string_equal(v[0].name, "a?[2J??z");
	add(proc, "7", "0123456789abcdefghi\n", PCSC);
	assert_int_equal(pcsc_holders(proc, v, 1), 1);
	assert_string_equal(v[0].name, "0123456789abcde");
	add(proc, "7", "", PCSC);
	assert_int_equal(pcsc_holders(proc, v, 1), 0);
	root_remove(proc);
}

static void
described_as(const char *proc, const char *start, const char *advice)
{
	char text[320];

	pcsc_holders_describe(proc, text, sizeof(text));
	if (strncmp(text, start, strlen(start)) != 0 ||
	    strstr(text, advice) == NULL)
		fail_msg("%s", text);
}

static void
test_each_program_has_its_advice(void **state)
{
	static const char *const cases[][2] = {
		{ "scdaemon", "gpgconf --kill scdaemon" },
		{ "gsd-smartcard", "org.gnome.SettingsDaemon.Smartcard" },
		{ "firefox-esr", "security module" },
		{ "ssh-pkcs11-help", "ssh-add -e" },
		{ "pkcs11-tool", "wait until" },
		{ "sc-hsm-tool", "wait until" },
		{ "whatever", "end it, or set it to shared mode" },
		{ "firefo", "end it, or set it to shared mode" },
	};
	char *proc = root_make(), start[64];

	(void)state;
	described_as(proc, "it cannot be seen who; ", "gpgconf");
	described_as("/nonexistent", "it cannot be seen who; ", "gpgconf");
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		add(proc, "12", cases[i][0], PCSC);
		snprintf(start, sizeof(start), "%s (pid 12); ", cases[i][0]);
		described_as(proc, start, cases[i][1]);
	}
	root_remove(proc);
}

static void
test_the_likely_one_is_named_first(void **state)
{
	char *proc = root_make();

	(void)state;
	add(proc, "1", "unknown\n", PCSC);
	add(proc, "2", "scdaemon\n", PCSC);
	described_as(proc, "one of scdaemon (pid 2), unknown (pid 1); ",
	    "gpgconf");
	add(proc, "3", "unknown\n", PCSC);
	add(proc, "4", "firefox\n", PCSC);
	described_as(proc, "one of scdaemon (pid 2), firefox (pid 4), unknown",
	    " and others; ");
	root_remove(proc);
}

/* The buffer of an error is smaller than what could be said. */
static void
test_a_description_is_cut_where_the_room_ends(void **state)
{
	char *proc = root_make(), whole[320], text[320];

	(void)state;
	add(proc, "1", "scdaemon\n", PCSC);
	add(proc, "2", "other\n", PCSC);
	pcsc_holders_describe(proc, whole, sizeof(whole));
	for (size_t n = 1; n < sizeof(text); n++) {
		text[n] = 'x';
		pcsc_holders_describe(proc, text, n);
		assert_true(strlen(text) < n);
		assert_memory_equal(text, whole, strlen(text));
		assert_int_equal(text[n], 'x');
	}
	root_remove(proc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_has_the_library_is_found),
		cmocka_unit_test(test_a_name_cannot_forge_a_line),
		cmocka_unit_test(test_each_program_has_its_advice),
		cmocka_unit_test(test_the_likely_one_is_named_first),
		cmocka_unit_test(
		    test_a_description_is_cut_where_the_room_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
