/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/paths.h"

typedef int path_fn(char **out, struct err *e);

static int
set_up(void **state)
{
	(void)state;
	setenv("HOME", "/home/u", 1);
	unsetenv("XDG_RUNTIME_DIR");
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("XDG_CACHE_HOME");
	unsetenv("XDG_STATE_HOME");
	return 0;
}

static void
assert_path(path_fn *fn, const char *want)
{
	struct err e;
	char *path;

	assert_int_equal(fn(&path, &e), 0);
	assert_string_equal(path, want);
	free(path);
}

static void
test_paths_follow_the_xdg_variables(void **state)
{
	(void)state;
	setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
	setenv("XDG_CONFIG_HOME", "/c", 1);
	setenv("XDG_CACHE_HOME", "/k", 1);
	setenv("XDG_STATE_HOME", "/s", 1);
	assert_path(paths_default_socket,
	    "/run/user/7/hsm-ssh-agent/agent.sock");
	assert_path(paths_runtime_socket,
	    "/run/user/7/hsm-ssh-agent/agent.sock");
	assert_path(paths_config_file, "/c/hsm-ssh-agent/config");
	assert_path(paths_cache_dir, "/k/hsm-ssh-agent");
	assert_path(paths_state_dir, "/s/hsm-ssh-agent");
}

static void
test_paths_are_under_home_without_them(void **state)
{
	struct err e;
	char *path;

	(void)state;
	assert_path(paths_default_socket,
	    "/home/u/.ssh/agent/hsm-ssh-agent.sock");
	assert_path(paths_home_socket,
	    "/home/u/.ssh/agent/hsm-ssh-agent.sock");
	assert_path(paths_config_file,
	    "/home/u/.config/hsm-ssh-agent/config");
	assert_path(paths_cache_dir, "/home/u/.cache/hsm-ssh-agent");
	assert_path(paths_state_dir, "/home/u/.local/state/hsm-ssh-agent");
	assert_int_equal(paths_runtime_socket(&path, &e), ERR_NOTFOUND);
	assert_null(path);
}

static void
test_relative_xdg_path_is_ignored(void **state)
{
	(void)state;
	setenv("XDG_RUNTIME_DIR", "run", 1);
	setenv("XDG_CONFIG_HOME", "", 1);
	assert_path(paths_default_socket,
	    "/home/u/.ssh/agent/hsm-ssh-agent.sock");
	assert_path(paths_config_file,
	    "/home/u/.config/hsm-ssh-agent/config");
}

static void
test_no_home_is_an_error(void **state)
{
	struct err e;
	char *path;

	(void)state;
	unsetenv("HOME");
	assert_int_equal(paths_default_socket(&path, &e), ERR_NOTFOUND);
	assert_null(path);
	assert_int_equal(paths_state_dir(&path, &e), ERR_NOTFOUND);
	setenv("HOME", "u", 1);
	assert_int_equal(paths_config_file(&path, &e), ERR_NOTFOUND);
}

static void
test_a_directory_is_made_with_those_above_it(void **state)
{
	char top[] = "/tmp/paths-test-XXXXXX", dir[100];
	struct stat st;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(top));
	snprintf(dir, sizeof(dir), "%s/a/b/c", top);
	assert_int_equal(paths_make_dir(dir, &e), 0);
	assert_int_equal(paths_make_dir(dir, &e), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(stat(dir, &st), 0);
		assert_true(S_ISDIR(st.st_mode));
		assert_int_equal(st.st_mode & 0777, 0700);
		assert_int_equal(rmdir(dir), 0);
		*strrchr(dir, '/') = '\0';
	}
	assert_int_equal(rmdir(top), 0);
	assert_int_equal(paths_make_dir("/dev/null/a", &e), ERR_SYS);
	assert_non_null(strstr(e.msg, "/dev/null/a: "));
	/* What is in the way is found by whoever uses the directory. */
	assert_int_equal(paths_make_dir("/dev/null", &e), 0);
}

static void
test_a_path_holds_in_any_directory(void **state)
{
	struct err e;
	char *path;

	(void)state;
	assert_int_equal(chdir("/usr"), 0);
	assert_int_equal(paths_absolute(&path, "/a/b", &e), 0);
	assert_string_equal(path, "/a/b");
	free(path);
	assert_int_equal(paths_absolute(&path, "a b", &e), 0);
	assert_string_equal(path, "/usr/a b");
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_paths_follow_the_xdg_variables,
		    set_up),
		cmocka_unit_test_setup(
		    test_paths_are_under_home_without_them, set_up),
		cmocka_unit_test_setup(test_relative_xdg_path_is_ignored,
		    set_up),
		cmocka_unit_test_setup(test_no_home_is_an_error, set_up),
		cmocka_unit_test(
		    test_a_directory_is_made_with_those_above_it),
		cmocka_unit_test(test_a_path_holds_in_any_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
