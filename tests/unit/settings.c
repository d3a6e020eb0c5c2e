/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/stat.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/check.h"
#include "agent/settings.h"

/* Settings from a file in a directory of its own. */
struct fixture {
	char		 dir[32], file[64];
	char		*argv[6];
	struct settings	*s;
};

static void
write_n(const struct fixture *f, const char *text, size_t n)
{
	FILE *file = fopen(f->file, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(f->file, 0600), 0);
}

static void
write_conf(const struct fixture *f, const char *text)
{
	write_n(f, text, strlen(text));
}

/* As the agent starts, with -t 5m and that file, as `config` names it. */
static void
setup(struct fixture *f, const char *config, const char *text)
{
	struct options o;
	struct err e;

	*f = (struct fixture){ .dir = "/tmp/settings-XXXXXX" };
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->file, sizeof(f->file), "%s/conf", f->dir);
	write_conf(f, text);
	assert_int_equal(chdir(f->dir), 0);
	f->argv[0] = strdup("hsm-ssh-agent");
	f->argv[1] = strdup("-t5m");
	f->argv[2] = strdup("--config");
	f->argv[3] = strdup(config != NULL ? config : f->file);
	assert_int_equal(options_args(&o, 4, f->argv, &e), 0);
	assert_int_equal(options_load(&o, &e), 0);
	assert_int_equal(settings_new(&f->s, &o, 4, f->argv, &e), 0);
	assert_null(o.config);
	assert_int_equal(chdir("/"), 0);
}

static void
teardown(struct fixture *f)
{
	settings_free(f->s);
	for (size_t i = 0; i < 4; i++)
		free(f->argv[i]);
	(void)unlink(f->file);
	assert_int_equal(rmdir(f->dir), 0);
}

static void
test_a_reload_takes_the_file_and_the_command_line_wins(void **state)
{
	const struct options *old, *o;
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f, NULL, "Lifetime 1h\nLogLevel error\nPinEntry /old\n");
	old = settings_get(f.s);
	assert_ptr_equal(old, settings_get(f.s));
	write_conf(&f, "Lifetime 2h\nLogLevel debug\nPinEntry /new\n"
	    "Token one\nPinCache never\n");
	assert_ptr_equal(old, settings_get(f.s));
	assert_int_equal(settings_reload(f.s, &e), 0);
	o = settings_get(f.s);
	assert_ptr_not_equal(o, old);
	assert_int_equal(o->log_level, LOG_LEVEL_DEBUG);
	assert_string_equal(o->pinentry, "/new");
	assert_int_equal(o->n_tokens, 1);
	assert_int_equal(o->lifetime, 300);
	assert_string_equal(o->file, f.file);
	/* Who still looks at the old ones sees them as they were. */
	assert_int_equal(old->log_level, LOG_LEVEL_ERROR);
	assert_string_equal(old->pinentry, "/old");
	/* What is no longer said is as if it never was. */
	write_conf(&f, "");
	assert_int_equal(settings_reload(f.s, &e), 0);
	assert_null(settings_get(f.s)->pinentry);
	assert_int_equal(settings_get(f.s)->log_level, LOG_LEVEL_INFO);
	teardown(&f);
}

static void
test_a_mistake_changes_nothing(void **state)
{
	static const char text[] = "LogLevel debug\nToken \"one\"\n"
	    "PinCommand /bin/echo \"a b\"\n";
	const struct options *before;
	struct fixture f;
	char at[80];
	struct err e;

	(void)state;
	setup(&f, NULL, "LogLevel error\n");
	before = settings_get(f.s);
	snprintf(at, sizeof(at), "%s:2: ", f.file);
	write_conf(&f, "LogLevel debug\nLogLevel loud\n");
	assert_int_equal(settings_reload(f.s, &e), ERR_USAGE);
	assert_memory_equal(e.msg, at, strlen(at));
	write_conf(&f, "LogLevel debug\nPinFile \"x\n");
	assert_int_equal(settings_reload(f.s, &e), ERR_USAGE);
	assert_memory_equal(e.msg, at, strlen(at));
	assert_int_equal(chmod(f.file, 0622), 0);
	assert_int_equal(settings_reload(f.s, &e), ERR_DENIED);
	assert_int_equal(unlink(f.file), 0);
	assert_int_equal(settings_reload(f.s, &e), ERR_NOTFOUND);
	assert_ptr_equal(settings_get(f.s), before);
	assert_int_equal(before->log_level, LOG_LEVEL_ERROR);

	for (size_t n = 0; n < sizeof(text); n++) {
		before = settings_get(f.s);
		write_n(&f, text, n);
		if (settings_reload(f.s, &e) != 0)
			assert_ptr_equal(settings_get(f.s), before);
		else
			assert_int_equal(settings_get(f.s)->log_level,
			    n < 14 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG);
	}
	teardown(&f);
}

static void
test_a_file_is_found_again_from_another_directory(void **state)
{
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f, "conf", "LogLevel error\n");
	assert_string_equal(settings_get(f.s)->file, f.file);
	write_conf(&f, "LogLevel debug\n");
	for (int i = 0; i < 2; i++)
		assert_int_equal(settings_reload(f.s, &e), 0);
	assert_int_equal(settings_get(f.s)->log_level, LOG_LEVEL_DEBUG);
	teardown(&f);
}

struct reading {
	struct settings	*s;
	atomic_bool	 end;
};

/* Of one generation, whichever it is. */
static void *
read_them(void *arg)
{
	struct reading *r = arg;
	const struct options *o;
	size_t torn = 0;
	char text[16];

	while (!r->end) {
		o = settings_get(r->s);
		snprintf(text, sizeof(text), "/%u", o->idle);
		torn += strcmp(text, o->pinentry) != 0;
	}
	return torn == 0 ? r : NULL;
}

static void
test_threads_see_all_of_it_or_nothing(void **state)
{
	struct reading r = { 0 };
	pthread_t t[4];
	struct fixture f;
	unsigned int n;
	char text[64];
	struct err e;
	void *out;

	(void)state;
	setup(&f, NULL, "LockAfterIdle 1\nPinEntry /1\n");
	r.s = f.s;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, read_them, &r),
		    0);
	/* Threads do not run side by side there. */
	n = getenv("UNDER_VALGRIND") != NULL ? 10 : 200;
	for (unsigned int i = 2; i < n; i++) {
		snprintf(text, sizeof(text), "LockAfterIdle %u\nPinEntry /%u\n",
		    i, i);
		write_conf(&f, text);
		assert_int_equal(settings_reload(f.s, &e), 0);
	}
	r.end = true;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(t[i], &out), 0);
		assert_non_null(out);
	}
	teardown(&f);
}

static void
test_without_a_command_line_there_is_nothing_to_read(void **state)
{
	struct settings *s;
	struct options o;
	struct err e;

	(void)state;
	options_default(&o);
	assert_int_equal(settings_new(&s, &o, 0, NULL, &e), 0);
	assert_int_equal(settings_reload(s, &e), ERR_UNSUPPORTED);
	options_default(&o);
	o.idle = 7;
	assert_int_equal(settings_publish(s, &o, &e), 0);
	assert_int_equal(settings_get(s)->idle, 7);
	settings_free(s);
}

/* What -T has to say of one line, behind "file:line: "; NULL: nothing. */
static void
look(struct fixture *f, const char *line, const char *said)
{
	char text[256], at[128], *out = NULL;
	size_t len, n;
	struct err e;
	FILE *to;

	snprintf(text, sizeof(text), "\n%s\n", line);
	write_conf(f, text);
	assert_non_null(to = open_memstream(&out, &len));
	assert_int_equal(check_files(f->file, to, &n, &e), 0);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(n, said != NULL);
	snprintf(at, sizeof(at), "%s:2: ", f->file);
	if (said == NULL)
		assert_string_equal(out, "");
	else if (strncmp(out, at, strlen(at)) != 0 ||
	    strstr(out, said) == NULL)
		fail_msg("%s: %s", line, out);
	free(out);
}

static void
test_what_a_file_names_is_looked_at(void **state)
{
	struct fixture f;
	char line[200];

	(void)state;
	setup(&f, NULL, "");
	unsetenv("CREDENTIALS_DIRECTORY");
	look(&f, "NotifyCommand /bin/true", NULL);
	look(&f, "notifycommand /no/such", "/no/such: No such file");
	look(&f, "PinEntry none", NULL);
	look(&f, "PinEntry pinentry-of-no-such-kind", NULL);
	look(&f, "PinEntry /etc/passwd", "/etc/passwd: Permission denied");
	look(&f, "PinEntry /etc", "/etc: not a program");
	look(&f, "PinCommand /bin/echo one two", NULL);
	look(&f, "PinCommand \"/no/such\" x", "/no/such: No such file");
	look(&f, "PinCredential pin", NULL);
	look(&f, "Socket /tmp/socket", NULL);
	look(&f, "Socket /no/such/socket", "/no/such: No such file");
	look(&f, "PinFile /no/such", "PIN file /no/such: ");
	look(&f, "Module softhsm2", NULL);
	look(&f, "Module /no/such.so", "/no/such.so: No such file");
	look(&f, "Module /etc", "/etc: not a module");
	look(&f, "Module /etc/passwd", NULL);
	look(&f, "CygwinSocket /tmp/socket", NULL);
	look(&f, "CygwinSocket /no/such/socket", "No such file");
	look(&f, "Token one", NULL);
	/* A file that is for its owner alone, then for all: here, itself. */
	snprintf(line, sizeof(line), "PinFile %s", f.file);
	look(&f, line, NULL);
	look(&f, "PinFile /etc/passwd", "/etc/passwd");
	memset(line, 0, sizeof(line));
	memcpy(line, "Socket /", 8);
	memset(line + 8, 'x', 120);
	look(&f, line, "longer than the 107 bytes");

	setenv("CREDENTIALS_DIRECTORY", f.dir, 1);
	look(&f, "PinCredential pin", "No such file");
	unsetenv("CREDENTIALS_DIRECTORY");
	teardown(&f);
}

static void
test_every_mistake_is_told(void **state)
{
	struct fixture f;
	size_t n, len;
	char *out;
	struct err e;
	FILE *to;

	(void)state;
	setup(&f, NULL, "PinEntry /no/a\nLogLevel info\nPinFile /no/b\n"
	    "Token x\n PinFile /no/c\n");
	assert_non_null(to = open_memstream(&out, &len));
	assert_int_equal(check_files(f.file, to, &n, &e), 0);
	assert_int_equal(fclose(to), 0);
	assert_int_equal(n, 3);
	assert_non_null(strstr(out, "conf:1: "));
	assert_non_null(strstr(out, "conf:3: "));
	assert_non_null(strstr(out, "conf:5: "));
	free(out);
	assert_int_equal(unlink(f.file), 0);
	assert_int_equal(check_files(f.file, stderr, &n, &e), ERR_NOTFOUND);
	teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_a_reload_takes_the_file_and_the_command_line_wins),
		cmocka_unit_test(test_a_mistake_changes_nothing),
		cmocka_unit_test(
		    test_a_file_is_found_again_from_another_directory),
		cmocka_unit_test(test_threads_see_all_of_it_or_nothing),
		cmocka_unit_test(
		    test_without_a_command_line_there_is_nothing_to_read),
		cmocka_unit_test(test_what_a_file_names_is_looked_at),
		cmocka_unit_test(test_every_mistake_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
