/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/vault.h"

#define PIN	"648219"
#define SERIAL	"DENK0100000"
#define OTHER	"DENK0100001"

/* A vault with a state directory that is not there yet, nor its parent. */
struct fixture {
	struct vault	*v;
	struct vault_conf conf;
	char		 top[32], dir[64], bar[100];
	struct secret	*pin, *out;
};

static void
open_vault(struct fixture *f)
{
	struct err e;

	assert_int_equal(vault_new(&f->v, &f->conf, &e), 0);
}

static void
setup(struct fixture *f, unsigned int lifetime, unsigned int idle)
{
	*f = (struct fixture){ .top = "/tmp/vault-test-XXXXXX" };
	assert_non_null(mkdtemp(f->top));
	snprintf(f->dir, sizeof(f->dir), "%s/state/agent", f->top);
	snprintf(f->bar, sizeof(f->bar), "%s/pin-rejected-%s", f->dir,
	    SERIAL);
	f->conf = (struct vault_conf){ f->dir, lifetime, idle };
	f->pin = secret_new();
	f->out = secret_new();
	assert_int_equal(secret_add(f->pin, PIN, strlen(PIN)), 0);
	open_vault(f);
}

static void
teardown(struct fixture *f)
{
	vault_free(f->v);
	secret_free(f->pin);
	secret_free(f->out);
	(void)unlink(f->bar);
	(void)rmdir(f->dir);
	*strrchr(f->dir, '/') = '\0';
	(void)rmdir(f->dir);
	assert_int_equal(rmdir(f->top), 0);	/* nothing else is there */
}

/* Ask again until it is so, for ten seconds at the most. */
static bool
locks_itself(struct fixture *f)
{
	for (int i = 0; i < 1000; i++) {
		if (!vault_unlocked(f->v, SERIAL))
			return true;
		usleep(10000);
	}
	return false;
}

static bool
keeps_pin(struct fixture *f, const char *serial)
{
	bool yes = vault_pin(f->v, serial, f->out);

	assert_int_equal(secret_len(f->out), yes ? strlen(PIN) : 0);
	return yes;
}

static bool
is_barred(struct fixture *f, const char *serial)
{
	struct timespec since;

	return vault_barred(f->v, serial, &since);
}

static void
test_an_unlock_is_remembered_by_serial_number(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 0, 0);
	assert_false(vault_unlocked(f.v, SERIAL));
	assert_false(keeps_pin(&f, SERIAL));
	vault_unlock(f.v, SERIAL, f.pin);
	assert_true(vault_unlocked(f.v, SERIAL));
	assert_true(keeps_pin(&f, SERIAL));
	assert_true(secret_eq(f.out, f.pin));
	assert_int_equal(vault_ends_in(f.v, SERIAL), -1);
	assert_false(vault_unlocked(f.v, OTHER));
	assert_false(keeps_pin(&f, OTHER));

	/* Unlocked anew, and this time nothing is to be kept. */
	vault_unlock(f.v, SERIAL, NULL);
	assert_true(vault_unlocked(f.v, SERIAL));
	assert_false(keeps_pin(&f, SERIAL));
	teardown(&f);
}

static void
test_a_lifetime_ends_whatever_is_signed(void **state)
{
	struct fixture f;
	int64_t before;

	(void)state;
	setup(&f, 100, 0);
	vault_unlock(f.v, SERIAL, f.pin);
	do {
		before = vault_ends_in(f.v, SERIAL);
		assert_in_range(before, 1, 100000);
	} while (before > 99990);
	vault_used(f.v, SERIAL);
	vault_unlock(f.v, SERIAL, f.pin);
	assert_true(vault_ends_in(f.v, SERIAL) <= before);
	/* Another unlock is another life. */
	vault_lock(f.v, SERIAL);
	vault_unlock(f.v, SERIAL, f.pin);
	assert_true(vault_ends_in(f.v, SERIAL) > before);
	teardown(&f);

	setup(&f, 1, 0);
	vault_unlock(f.v, SERIAL, f.pin);
	assert_true(locks_itself(&f));
	assert_false(keeps_pin(&f, SERIAL));
	assert_int_equal(vault_ends_in(f.v, SERIAL), -1);
	teardown(&f);
}

static void
test_a_signature_starts_the_idle_time_anew(void **state)
{
	struct fixture f;
	int64_t left;

	(void)state;
	setup(&f, 0, 100);
	vault_used(f.v, SERIAL);		/* nothing to extend */
	assert_false(vault_unlocked(f.v, SERIAL));
	vault_unlock(f.v, SERIAL, f.pin);
	do {
		left = vault_ends_in(f.v, SERIAL);
		assert_in_range(left, 1, 100000);
	} while (left > 99990);
	vault_used(f.v, SERIAL);
	assert_true(vault_ends_in(f.v, SERIAL) > left);
	teardown(&f);

	setup(&f, 0, 1);
	vault_unlock(f.v, SERIAL, f.pin);
	assert_true(locks_itself(&f));
	vault_used(f.v, SERIAL);
	assert_false(vault_unlocked(f.v, SERIAL));
	teardown(&f);
}

static void
test_the_first_of_two_ends_counts(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 100, 50);
	vault_unlock(f.v, SERIAL, f.pin);
	assert_in_range(vault_ends_in(f.v, SERIAL), 40000, 50000);
	teardown(&f);
	setup(&f, 50, 100);
	vault_unlock(f.v, SERIAL, f.pin);
	vault_used(f.v, SERIAL);
	assert_in_range(vault_ends_in(f.v, SERIAL), 40000, 50000);
	vault_lock(f.v, SERIAL);
	assert_int_equal(vault_ends_in(f.v, SERIAL), -1);
	teardown(&f);
}

static void
test_locking_is_for_one_or_for_all(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 0, 0);
	vault_unlock(f.v, SERIAL, f.pin);
	vault_unlock(f.v, OTHER, f.pin);
	vault_lock(f.v, SERIAL);
	vault_lock(f.v, "never seen");
	assert_false(vault_unlocked(f.v, SERIAL));
	assert_false(keeps_pin(&f, SERIAL));
	assert_true(keeps_pin(&f, OTHER));
	vault_unlock(f.v, SERIAL, f.pin);
	vault_lock(f.v, NULL);
	assert_false(vault_unlocked(f.v, SERIAL));
	assert_false(vault_unlocked(f.v, OTHER));
	assert_false(keeps_pin(&f, OTHER));
	teardown(&f);
}

static bool
is_other(void *arg, const char *serial)
{
	++*(int *)arg;
	return strcmp(serial, OTHER) == 0;
}

static void
test_tokens_that_are_away_are_locked(void **state)
{
	struct fixture f;
	int asked = 0;

	(void)state;
	setup(&f, 0, 0);
	vault_unlock(f.v, SERIAL, f.pin);
	vault_unlock(f.v, OTHER, f.pin);
	vault_lock_absent(f.v, is_other, &asked);
	assert_int_equal(asked, 2);
	assert_false(keeps_pin(&f, SERIAL));
	assert_true(keeps_pin(&f, OTHER));
	teardown(&f);
}

static void
test_a_rejected_pin_is_known_again(void **state)
{
	struct secret *another = secret_new();
	struct fixture f;

	(void)state;
	setup(&f, 0, 0);
	assert_int_equal(secret_add(another, "648218", 6), 0);
	vault_unlock(f.v, SERIAL, f.pin);
	vault_rejected(f.v, SERIAL, f.pin, 2);
	assert_false(vault_unlocked(f.v, SERIAL));
	assert_false(keeps_pin(&f, SERIAL));
	assert_true(vault_was_rejected(f.v, SERIAL, f.pin));
	assert_false(vault_was_rejected(f.v, SERIAL, another));
	assert_false(vault_was_rejected(f.v, OTHER, f.pin));
	/* Locking is no reason to try it again; the right one is. */
	vault_lock(f.v, NULL);
	assert_true(vault_was_rejected(f.v, SERIAL, f.pin));
	vault_unlock(f.v, SERIAL, another);
	assert_false(vault_was_rejected(f.v, SERIAL, f.pin));
	secret_free(another);
	teardown(&f);
}

static void
test_more_tries_than_before_mean_that_somebody_changed_it(void **state)
{
	static const struct {
		int	 tries;
		bool	 still;
	} t[] = { { 2, true }, { 1, true }, { 0, true }, { 3, false },
	    { -1, false } };
	struct fixture f;

	(void)state;
	setup(&f, 0, 0);
	vault_saw_tries(f.v, SERIAL, 3);
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		vault_rejected(f.v, SERIAL, f.pin, 2);
		vault_saw_tries(f.v, OTHER, 3);
		vault_saw_tries(f.v, SERIAL, t[i].tries);
		assert_int_equal(vault_was_rejected(f.v, SERIAL, f.pin),
		    t[i].still);
	}
	teardown(&f);
}

/* The whole file, for what must not be in it. */
static size_t
read_bar(const struct fixture *f, char *buf, size_t len)
{
	FILE *file = fopen(f->bar, "r");
	size_t n;

	assert_non_null(file);
	n = fread(buf, 1, len - 1, file);
	buf[n] = '\0';
	assert_int_equal(fclose(file), 0);
	return n;
}

static void
test_a_bar_outlives_the_agent(void **state)
{
	struct timespec since, again;
	char text[1000];
	struct fixture f;
	struct stat st;
	struct err e;

	(void)state;
	setup(&f, 0, 0);
	assert_false(is_barred(&f, SERIAL));
	vault_rejected(f.v, SERIAL, f.pin, 2);
	assert_int_equal(vault_bar(f.v, SERIAL, &e), 0);
	assert_true(vault_barred(f.v, SERIAL, &since));
	assert_false(is_barred(&f, OTHER));
	assert_int_equal(stat(f.bar, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(f.dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_true(read_bar(&f, text, sizeof(text)) > 0);
	assert_null(strstr(text, PIN));
	assert_null(strstr(text, "648"));

	vault_free(f.v);
	open_vault(&f);
	assert_true(vault_barred(f.v, SERIAL, &again));
	assert_true(again.tv_sec - since.tv_sec <= 1 &&
	    since.tv_sec - again.tv_sec <= 1);
	assert_false(is_barred(&f, OTHER));
	vault_lock(f.v, SERIAL);
	assert_true(is_barred(&f, SERIAL));

	vault_unlock(f.v, SERIAL, NULL);
	assert_false(is_barred(&f, SERIAL));
	assert_int_equal(access(f.bar, F_OK), -1);
	vault_free(f.v);
	open_vault(&f);
	assert_false(is_barred(&f, SERIAL));
	teardown(&f);
}

static void
test_who_removes_the_file_ends_the_bar(void **state)
{
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f, 0, 0);
	assert_int_equal(vault_bar(f.v, SERIAL, &e), 0);
	assert_true(is_barred(&f, SERIAL));
	assert_int_equal(unlink(f.bar), 0);
	assert_false(is_barred(&f, SERIAL));
	/* And can be barred again. */
	assert_int_equal(vault_bar(f.v, SERIAL, &e), 0);
	vault_free(f.v);
	open_vault(&f);
	assert_true(is_barred(&f, SERIAL));
	assert_int_equal(unlink(f.bar), 0);
	assert_false(is_barred(&f, SERIAL));
	teardown(&f);
}

static void
test_a_hostile_serial_number_names_no_file(void **state)
{
	static const char *const bad[] = { "../x", "/tmp/x", "a/b", "..", "",
	    "a b", "x\n", "\xc3\xa4", "a.b", "-" };
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f, 0, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(vault_bar(f.v, bad[i], &e), 0);
		assert_true(is_barred(&f, bad[i]));
		vault_unlock(f.v, bad[i], NULL);
		assert_false(is_barred(&f, bad[i]));
	}
	teardown(&f);		/* which sees that the directory is empty */
}

static void
test_a_bar_that_cannot_be_written_holds_in_memory(void **state)
{
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f, 0, 0);
	f.conf.state_dir = "/dev/null/state";
	vault_free(f.v);
	open_vault(&f);
	assert_int_equal(vault_bar(f.v, SERIAL, &e), ERR_SYS);
	assert_non_null(strstr(e.msg, "/dev/null/state"));
	assert_true(is_barred(&f, SERIAL));
	vault_unlock(f.v, SERIAL, NULL);
	assert_false(is_barred(&f, SERIAL));

	/* Without a home there is nothing to write, and nothing to say. */
	f.conf.state_dir = NULL;
	vault_free(f.v);
	open_vault(&f);
	assert_int_equal(vault_bar(f.v, SERIAL, &e), 0);
	assert_true(is_barred(&f, SERIAL));
	teardown(&f);
}

static void
test_a_link_in_the_place_of_the_bar_is_not_followed(void **state)
{
	struct fixture f;
	char target[100];
	struct err e;

	(void)state;
	setup(&f, 0, 0);
	snprintf(target, sizeof(target), "%s/target", f.top);
	assert_int_equal(vault_bar(f.v, SERIAL, &e), 0);
	assert_int_equal(unlink(f.bar), 0);
	assert_int_equal(symlink(target, f.bar), 0);
	assert_int_equal(vault_bar(f.v, SERIAL, &e), ERR_SYS);
	assert_true(is_barred(&f, SERIAL));
	assert_int_equal(access(target, F_OK), -1);
	teardown(&f);
}

/* Everything at once: a sanitizer of threads has the last word. */
static void *
use_it(void *arg)
{
	struct fixture *f = arg;
	struct secret *out = secret_new();
	struct timespec since;
	int asked = 0;
	struct err e;

	for (int i = 0; i < 200; i++) {
		vault_unlock(f->v, SERIAL, f->pin);
		if (vault_pin(f->v, SERIAL, out))
			assert_true(secret_eq(out, f->pin));
		vault_used(f->v, SERIAL);
		(void)vault_ends_in(f->v, SERIAL);
		vault_rejected(f->v, OTHER, f->pin, 2);
		(void)vault_was_rejected(f->v, OTHER, f->pin);
		vault_saw_tries(f->v, OTHER, 3);
		if (i % 50 == 0)
			assert_int_equal(vault_bar(f->v, SERIAL, &e), 0);
		(void)vault_barred(f->v, SERIAL, &since);
		vault_lock_absent(f->v, is_other, &asked);
		vault_set_times(f->v, 1, 1);
		vault_restrict(f->v, SERIAL, true, i % 2 == 0);
		vault_lock(f->v, NULL);
	}
	secret_free(out);
	return NULL;
}

static void
test_new_times_hold_from_the_next_unlock_on(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 0, 1000);
	vault_unlock(f.v, SERIAL, f.pin);
	vault_set_times(f.v, 10, 5);
	vault_used(f.v, SERIAL);
	assert_true(vault_ends_in(f.v, SERIAL) > 900000);
	vault_unlock(f.v, SERIAL, f.pin);
	assert_true(vault_ends_in(f.v, SERIAL) > 900000);
	vault_lock(f.v, SERIAL);
	vault_unlock(f.v, SERIAL, f.pin);
	assert_in_range(vault_ends_in(f.v, SERIAL), 1, 5000);
	vault_set_times(f.v, 0, 0);
	vault_lock(f.v, SERIAL);
	vault_unlock(f.v, SERIAL, f.pin);
	assert_int_equal(vault_ends_in(f.v, SERIAL), -1);
	teardown(&f);
}

static void
test_an_unlock_without_a_pin_only_ends_earlier(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 100, 0);
	vault_shorten(f.v, SERIAL, 10);		/* nothing is unlocked */
	vault_unlock(f.v, SERIAL, f.pin);
	assert_true(vault_ends_in(f.v, SERIAL) > 90000);
	vault_shorten(f.v, SERIAL, 0);
	vault_shorten(f.v, SERIAL, 1000);
	assert_true(vault_ends_in(f.v, SERIAL) <= 100000);
	vault_shorten(f.v, SERIAL, 50);
	assert_true(vault_ends_in(f.v, SERIAL) <= 50000);
	vault_lock(f.v, SERIAL);
	vault_unlock(f.v, SERIAL, f.pin);	/* so does the next */
	assert_true(vault_ends_in(f.v, SERIAL) <= 50000);
	vault_limit(f.v, SERIAL, 0);
	assert_true(vault_ends_in(f.v, SERIAL) > 90000);
	teardown(&f);
}

static void
test_what_may_not_be_kept_is_forgotten(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f, 0, 0);
	vault_unlock(f.v, OTHER, f.pin);
	vault_unlock(f.v, SERIAL, f.pin);
	vault_restrict(f.v, SERIAL, false, true);
	assert_true(keeps_pin(&f, SERIAL));
	vault_restrict(f.v, SERIAL, true, false);
	assert_false(keeps_pin(&f, SERIAL));
	assert_true(vault_unlocked(f.v, SERIAL));
	vault_restrict(f.v, SERIAL, false, false);
	assert_false(vault_unlocked(f.v, SERIAL));
	assert_true(keeps_pin(&f, OTHER));
	teardown(&f);
}

static void
test_threads_may_share_it(void **state)
{
	pthread_t t[4];
	struct fixture f;

	(void)state;
	setup(&f, 1, 1);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, use_it, &f), 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_false(vault_unlocked(f.v, SERIAL));
	assert_false(keeps_pin(&f, SERIAL));
	teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_unlock_is_remembered_by_serial_number),
		cmocka_unit_test(test_a_lifetime_ends_whatever_is_signed),
		cmocka_unit_test(test_a_signature_starts_the_idle_time_anew),
		cmocka_unit_test(test_the_first_of_two_ends_counts),
		cmocka_unit_test(test_locking_is_for_one_or_for_all),
		cmocka_unit_test(test_tokens_that_are_away_are_locked),
		cmocka_unit_test(test_a_rejected_pin_is_known_again),
		cmocka_unit_test(
		    test_more_tries_than_before_mean_that_somebody_changed_it),
		cmocka_unit_test(test_a_bar_outlives_the_agent),
		cmocka_unit_test(test_who_removes_the_file_ends_the_bar),
		cmocka_unit_test(test_a_hostile_serial_number_names_no_file),
		cmocka_unit_test(
		    test_a_bar_that_cannot_be_written_holds_in_memory),
		cmocka_unit_test(
		    test_a_link_in_the_place_of_the_bar_is_not_followed),
		cmocka_unit_test(test_new_times_hold_from_the_next_unlock_on),
		cmocka_unit_test(
		    test_an_unlock_without_a_pin_only_ends_earlier),
		cmocka_unit_test(test_what_may_not_be_kept_is_forgotten),
		cmocka_unit_test(test_threads_may_share_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
