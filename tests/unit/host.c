/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keyutil/host.h"
#include "tests/unit/root.h"

#define RELEASE	"/proc/sys/kernel/osrelease"
#define USB	"/sys/bus/usb/devices"

static enum host_kind
kind_of(const char *root)
{
	struct host h;

	host_look(root, &h);
	return h.kind;
}

static void
test_kind_of_linux_is_told_apart(void **state)
{
	char *root = root_make();

	(void)state;
	assert_int_equal(kind_of(root), HOST_PLAIN);
	root_put(root, RELEASE, "6.1.0-18-amd64\n");
	assert_int_equal(kind_of(root), HOST_PLAIN);
	root_put(root, RELEASE, "4.4.0-19041-Microsoft\n");
	assert_int_equal(kind_of(root), HOST_WSL1);
	root_put(root, RELEASE, "4.19.128-microsoft-standard\n");
	assert_int_equal(kind_of(root), HOST_WSL2);
	root_put(root, RELEASE, "5.15.90.1-microsoft-standard-WSL2\n");
	assert_int_equal(kind_of(root), HOST_WSL2);
	root_put(root, "/.dockerenv", "");
	assert_int_equal(kind_of(root), HOST_CONTAINER);
	root_remove(root);
}

static void
test_systemd_is_seen_by_its_directory(void **state)
{
	char *root = root_make();
	struct host h;

	(void)state;
	host_look(root, &h);
	assert_false(h.systemd);
	root_put(root, "/run/systemd/system/x", "");
	host_look(root, &h);
	assert_true(h.systemd);
	root_remove(root);
}

static void
put_device(const char *root, const char *device, const char *vendor,
    const char *product)
{
	char path[128];

	snprintf(path, sizeof(path), USB "/%s/idVendor", device);
	root_put(root, path, vendor);
	snprintf(path, sizeof(path), USB "/%s/idProduct", device);
	root_put(root, path, product);
}

static void
test_tokens_on_usb_are_found_by_their_numbers(void **state)
{
	char *root = root_make();
	struct host_usb v[2];
	size_t n = 7;

	(void)state;
	assert_false(host_usb(root, v, 2, &n));
	assert_int_equal(n, 0);
	put_device(root, "1-1", "1d6b\n", "0002\n");
	assert_true(host_usb(root, v, 2, &n));
	assert_int_equal(n, 0);
	put_device(root, "1-2", "20a0\n", "4230\n");
	assert_true(host_usb(root, v, 2, &n));
	assert_int_equal(n, 1);
	assert_true(v[0].ours);
	assert_string_equal(v[0].name, "Nitrokey HSM");
	put_device(root, "1-3", "20a0\n", "42b2\n");
	put_device(root, "1-4", "20a0\n", "4108\n");
	assert_true(host_usb(root, v, 2, &n));
	assert_int_equal(n, 2);
	root_remove(root);
}

static void
test_numbers_that_are_none_are_passed_over(void **state)
{
	static const char *const bad[] = { "", "\n", "20a", "020a0\n",
	    "20a0 ", "-0a0\n", "xyzw\n", "20a0x\n" };
	char *root = root_make();
	struct host_usb v[2];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		put_device(root, "1-2", bad[i], "4230\n");
		assert_true(host_usb(root, v, 2, &n));
		assert_int_equal(n, 0);
	}
	root_remove(root);
}

static void
test_packages_have_the_names_of_the_system(void **state)
{
	char *root = root_make();

	(void)state;
	assert_string_equal(host_install(root, HOST_LIBCCID),
	    "install the CCID driver for pcscd");
	root_put(root, "/usr/bin/dnf", "");
	assert_string_equal(host_install(root, HOST_LIBCCID),
	    "sudo dnf install pcsc-lite-ccid");
	root_put(root, "/usr/bin/apt-get", "");
	assert_string_equal(host_install(root, HOST_PCSCD),
	    "sudo apt-get install pcscd");
	root_remove(root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kind_of_linux_is_told_apart),
		cmocka_unit_test(test_systemd_is_seen_by_its_directory),
		cmocka_unit_test(
		    test_tokens_on_usb_are_found_by_their_numbers),
		cmocka_unit_test(test_numbers_that_are_none_are_passed_over),
		cmocka_unit_test(test_packages_have_the_names_of_the_system),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
