/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <sys/resource.h>
#include <sys/stat.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/use.h"
#include "token/keycache.h"

#define SERIAL	"DENK0100000"

/* A token with every kind of key, and an empty place for a cache. */
struct fixture {
	struct card	 card;
	struct token_keys keys;
	char		 top[64];
	char		 dir[96];
	char		 file[128];
};

static void
setup(struct fixture *f)
{
	static const char *const keys[] = { "p256:a", "rsa1024:b",
	    "aes256:c", "secp256k1:d", "p521:" };
	struct token *t;

	card_open(&f->card, NULL);
	card_keys(&f->card, keys, 5);
	f->card.alone = true;
	t = use_open(&f->card);
	f->keys = use_list(t, NULL);
	token_close(t);
	vhsm_power(f->card.vhsm);
	(void)card_take_count(&f->card);
	snprintf(f->top, sizeof(f->top), "keycache-XXXXXX");
	assert_non_null(mkdtemp(f->top));
	snprintf(f->dir, sizeof(f->dir), "%s/not/yet", f->top);
	snprintf(f->file, sizeof(f->file), "%s/" SERIAL ".keys", f->dir);
}

static void
teardown(struct fixture *f)
{
	char up[80];

	unlink(f->file);
	rmdir(f->file);
	rmdir(f->dir);
	snprintf(up, sizeof(up), "%s/not", f->top);
	rmdir(up);
	/* Nothing else was left behind. */
	assert_int_equal(rmdir(f->top), 0);
	token_keys_free(&f->keys);
	card_close(&f->card);
}

static int
store(struct fixture *f)
{
	struct err e;

	return keycache_store(f->dir, SERIAL, &f->keys, &e);
}

static int
load(struct fixture *f)
{
	struct token_keys k;
	struct err e;
	int r = keycache_load(f->dir, SERIAL, &k, &e);

	if (r == 0)
		token_keys_free(&k);
	else
		assert_true(k.v == NULL && k.n == 0);
	return r;
}

static void
test_what_is_stored_is_loaded(void **state)
{
	struct token_keys k;
	struct fixture f;
	struct stat st;
	struct err e;

	(void)state;
	setup(&f);
	assert_int_equal(store(&f), 0);
	assert_int_equal(stat(f.dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(stat(f.file, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(keycache_load(f.dir, SERIAL, &k, &e), 0);
	assert_int_equal(k.n, f.keys.n);
	assert_memory_equal(k.stamp, f.keys.stamp, sizeof(k.stamp));
	for (size_t i = 0; i < k.n; i++) {
		assert_string_equal(k.v[i].ref, f.keys.v[i].ref);
		assert_string_equal(k.v[i].id, f.keys.v[i].id);
		assert_string_equal(k.v[i].label, f.keys.v[i].label);
		assert_string_equal(k.v[i].algo, f.keys.v[i].algo);
		assert_string_equal(k.v[i].unusable, f.keys.v[i].unusable);
		assert_int_equal(k.v[i].blob_n, f.keys.v[i].blob_n);
		if (k.v[i].blob_n > 0)
			assert_memory_equal(k.v[i].blob, f.keys.v[i].blob,
			    k.v[i].blob_n);
	}
	token_keys_free(&k);
	teardown(&f);
}

static void
test_with_the_cache_a_list_costs_four_commands(void **state)
{
	struct token_keys known, k;
	struct fixture f;
	struct token *t;
	struct err e;

	(void)state;
	setup(&f);
	assert_int_equal(store(&f), 0);
	t = use_open(&f.card);
	assert_int_equal(keycache_load(f.dir, t->serial, &known, &e), 0);
	k = use_list(t, &known);
	assert_int_equal(card_take_count(&f.card), 4);
	assert_int_equal(k.n, 5);
	token_keys_free(&k);
	token_keys_free(&known);
	token_close(t);
	teardown(&f);
}

static void
test_the_same_is_not_written_again(void **state)
{
	struct fixture f;
	struct stat a, b;

	(void)state;
	setup(&f);
	assert_int_equal(store(&f), 0);
	assert_int_equal(stat(f.file, &a), 0);
	assert_int_equal(store(&f), 0);
	assert_int_equal(stat(f.file, &b), 0);
	assert_int_equal(a.st_ino, b.st_ino);
	f.keys.stamp[0] ^= 1;
	assert_int_equal(store(&f), 0);
	assert_int_equal(stat(f.file, &b), 0);
	assert_int_not_equal(a.st_ino, b.st_ino);
	teardown(&f);
}

static void
test_none_is_no_error_of_its_own(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	assert_int_equal(load(&f), ERR_NOTFOUND);
	assert_int_equal(store(&f), 0);
	assert_int_equal(load(&f), 0);
	keycache_drop(f.dir, SERIAL);
	assert_int_equal(load(&f), ERR_NOTFOUND);
	keycache_drop(f.dir, SERIAL);
	teardown(&f);
}

static void
test_cut_or_changed_anywhere_it_is_refused(void **state)
{
	struct token_keys k;
	struct fixture f;
	struct wire_w w;
	uint8_t copy[8192];
	struct span s;
	struct err e;

	(void)state;
	setup(&f);
	assert_true(wire_write(&w, sizeof(copy)));
	assert_int_equal(keycache_put(&w, SERIAL, &f.keys, &e), 0);
	s = wire_bytes(&w);
	memcpy(copy, s.p, s.n);
	for (size_t n = 0; n < s.n; n++)
		assert_int_equal(keycache_parse((struct span){ copy, n },
		    SERIAL, &k, &e), ERR_FORMAT);
	for (size_t n = 0; n < s.n; n++) {
		copy[n] ^= 0x20;
		assert_int_equal(keycache_parse((struct span){ copy, s.n },
		    SERIAL, &k, &e), ERR_FORMAT);
		copy[n] ^= 0x20;
	}
	assert_int_equal(keycache_parse((struct span){ copy, s.n },
	    "DENK0100001", &k, &e), ERR_FORMAT);
	assert_int_equal(keycache_parse((struct span){ copy, s.n }, SERIAL,
	    &k, &e), 0);
	token_keys_free(&k);
	wire_free(&w);
	teardown(&f);
}

static int
reparse(const struct token_keys *keys)
{
	struct token_keys k;
	struct wire_w w;
	struct err e;
	int r;

	assert_true(wire_write(&w, KEYCACHE_MAX));
	assert_int_equal(keycache_put(&w, SERIAL, keys, &e), 0);
	if ((r = keycache_parse(wire_bytes(&w), SERIAL, &k, &e)) == 0)
		token_keys_free(&k);
	wire_free(&w);
	return r;
}

static void
test_well_sealed_nonsense_is_refused(void **state)
{
	static const char *const bad[] = { "\x1b[2J", "\xff", "a\nb",
	    "\xe2\x80\xae" };
	struct token_key *v;
	struct fixture f;
	size_t n;

	(void)state;
	setup(&f);
	v = f.keys.v;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(v[1].label, sizeof(v[1].label), "%s", bad[i]);
		assert_int_equal(reparse(&f.keys), ERR_FORMAT);
	}
	snprintf(v[1].label, sizeof(v[1].label), "fine");
	assert_int_equal(reparse(&f.keys), 0);
	snprintf(v[1].ref, sizeof(v[1].ref), "../02");
	assert_int_equal(reparse(&f.keys), ERR_FORMAT);
	snprintf(v[1].ref, sizeof(v[1].ref), "01");	/* twice */
	assert_int_equal(reparse(&f.keys), ERR_FORMAT);
	snprintf(v[1].ref, sizeof(v[1].ref), "02");
	/* A key and a reason why it is none; neither. */
	snprintf(v[1].unusable, sizeof(v[1].unusable), "why");
	assert_int_equal(reparse(&f.keys), ERR_FORMAT);
	v[1].unusable[0] = '\0';
	n = v[1].blob_n;
	v[1].blob_n = 0;
	assert_int_equal(reparse(&f.keys), ERR_FORMAT);
	v[1].blob_n = n - 1;				/* no public key */
	assert_int_equal(reparse(&f.keys), ERR_FORMAT);
	v[1].blob_n = n;
	assert_int_equal(reparse(&f.keys), 0);
	memset(f.keys.stamp, 0, sizeof(f.keys.stamp));
	assert_int_equal(reparse(&f.keys), ERR_FORMAT);
	teardown(&f);
}

static void
test_a_serial_number_is_never_a_path(void **state)
{
	static const char *const bad[] = { "", ".", "..", "../x", "a/b",
	    "a.b", "a b", "\xc3\xa4", "a\n" };
	struct token_keys k;
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(keycache_store(f.dir, bad[i], &f.keys, &e),
		    ERR_UNSUPPORTED);
		assert_int_equal(keycache_load(f.dir, bad[i], &k, &e),
		    ERR_UNSUPPORTED);
		keycache_drop(f.dir, bad[i]);
	}
	teardown(&f);
}

static void
test_keys_without_a_stamp_are_not_kept(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	memset(f.keys.stamp, 0, sizeof(f.keys.stamp));
	assert_int_equal(store(&f), ERR_UNSUPPORTED);
	assert_int_equal(load(&f), ERR_NOTFOUND);
	teardown(&f);
}

static void
test_only_a_file_of_this_user_alone_is_believed(void **state)
{
	char other[140];
	struct fixture f;

	(void)state;
	setup(&f);
	assert_int_equal(store(&f), 0);
	assert_int_equal(chmod(f.file, 0620), 0);
	assert_int_equal(load(&f), ERR_FORMAT);
	assert_int_equal(chmod(f.file, 0600), 0);
	snprintf(other, sizeof(other), "%s/other", f.dir);
	assert_int_equal(rename(f.file, other), 0);
	assert_int_equal(symlink("other", f.file), 0);
	assert_int_not_equal(load(&f), 0);
	/* What is in the way of the file is replaced, not followed. */
	assert_int_equal(store(&f), 0);
	assert_int_equal(load(&f), 0);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(unlink(f.file), 0);
	assert_int_equal(mkfifo(f.file, 0600), 0);
	assert_int_equal(load(&f), ERR_FORMAT);
	assert_int_equal(unlink(f.file), 0);
	assert_int_equal(mkdir(f.file, 0700), 0);
	assert_int_equal(load(&f), ERR_FORMAT);
	assert_int_equal(store(&f), ERR_SYS);
	teardown(&f);
}

static void
limit_files(rlim_t n)
{
	struct rlimit l;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
	l.rlim_cur = n;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void
test_a_full_disk_changes_nothing(void **state)
{
	struct fixture f;

	(void)state;
	setup(&f);
	assert_int_equal(store(&f), 0);
	f.keys.stamp[0] ^= 1;
	signal(SIGXFSZ, SIG_IGN);
	limit_files(100);
	assert_int_equal(store(&f), ERR_SYS);
	limit_files(RLIM_INFINITY);
	assert_int_equal(load(&f), 0);
	teardown(&f);
}

static void
test_where_nothing_can_be_written_there_is_no_cache(void **state)
{
	struct token_keys k;
	struct fixture f;
	struct err e;

	(void)state;
	setup(&f);
	assert_int_equal(keycache_store("/dev/null/x", SERIAL, &f.keys, &e),
	    ERR_SYS);
	assert_int_not_equal(keycache_load("/dev/null/x", SERIAL, &k, &e), 0);
	keycache_drop("/dev/null/x", SERIAL);
	teardown(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_stored_is_loaded),
		cmocka_unit_test(
		    test_with_the_cache_a_list_costs_four_commands),
		cmocka_unit_test(test_the_same_is_not_written_again),
		cmocka_unit_test(test_none_is_no_error_of_its_own),
		cmocka_unit_test(test_cut_or_changed_anywhere_it_is_refused),
		cmocka_unit_test(test_well_sealed_nonsense_is_refused),
		cmocka_unit_test(test_a_serial_number_is_never_a_path),
		cmocka_unit_test(test_keys_without_a_stamp_are_not_kept),
		cmocka_unit_test(
		    test_only_a_file_of_this_user_alone_is_believed),
		cmocka_unit_test(test_a_full_disk_changes_nothing),
		cmocka_unit_test(
		    test_where_nothing_can_be_written_there_is_no_cache),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
