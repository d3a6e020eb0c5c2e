/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/certdir.h"
#include "tests/unit/data.h"

static void
put_link(struct certdir *p, const char *name, const char *to)
{
	assert_int_equal(symlink(to, certdir_path(p, name)), 0);
}

/* What is wrong with the one at `i`. */
static const char *
bad_at(struct certdir *p, size_t i, const char *name)
{
	return certdir_at(p, i, name)->bad;
}

static void
test_certificates_of_a_directory_come_by_path(void **state)
{
	struct certdir *p = *state;
	struct data rsa = data_pub("u_rsa-cert");

	certdir_put_copy(p, "b-cert.pub", "u_rsa-cert.pub");
	certdir_put_copy(p, "a-cert.pub", "u_ecdsa-cert.pub");
	certdir_put_copy(p, "c.pub", "p384-cert.pub");
	assert_int_equal(mkdir(certdir_path(p, "d"), 0700), 0);
	certdir_put_copy(p, "d/x-cert.pub", "p521-cert.pub");
	assert_true(certdir_refresh(p));
	assert_int_equal(certdir_count(p), 2);
	certdir_at(p, 0, "a-cert.pub");
	certdir_at(p, 1, "b-cert.pub");
	assert_ptr_equal(certs_find(p->certs, data_span(&rsa)),
	    certdir_at(p, 1, "b-cert.pub"));
	data_free(&rsa);
	rsa = data_pub("u_rsa");
	assert_null(certs_find(p->certs, data_span(&rsa)));
	data_free(&rsa);
	assert_false(certdir_refresh(p));
}

static void
test_a_place_can_be_a_file_and_be_named_twice(void **state)
{
	struct certdir *p = *state;
	char file[80], *places[] = { file, p->dir, file };
	struct certs *c;
	struct err e;
	size_t n;

	snprintf(file, sizeof(file), "%s/c.pub", p->dir);
	certdir_put_copy(p, "c.pub", "p384-cert.pub");
	certdir_put_copy(p, "a-cert.pub", "u_rsa-cert.pub");
	assert_int_equal(certs_new(&c, &p->log, places, 3, &e), 0);
	assert_true(certs_refresh(c, time(NULL)));
	assert_string_equal(certs_all(c, &n)[1]->path, file);
	assert_int_equal(n, 2);
	certdir_put(p, "c.pub", "none");
	assert_true(certs_refresh(c, time(NULL)));
	certs_all(c, &n);
	assert_int_equal(n, 2);
	certs_free(c);
}

static void
test_what_comes_changes_and_goes_is_seen(void **state)
{
	struct certdir *p = *state;
	struct data d = data_pub("p384-cert");
	char to[80];

	assert_false(certdir_refresh(p));
	certdir_put_copy(p, "a-cert.pub", "u_rsa-cert.pub");
	assert_true(certdir_refresh(p));
	certdir_put_copy(p, "new", "p384-cert.pub");
	snprintf(to, sizeof(to), "%s/a-cert.pub", p->dir);
	assert_int_equal(rename(certdir_path(p, "new"), to), 0);
	assert_true(certdir_refresh(p));
	assert_true(span_eq(certfile_blob(certdir_at(p, 0, "a-cert.pub")),
	    data_span(&d)));
	assert_int_equal(unlink(certdir_path(p, "a-cert.pub")), 0);
	assert_true(certdir_refresh(p));
	assert_int_equal(certdir_count(p), 0);
	assert_false(certdir_refresh(p));
	data_free(&d);
}

/* Of the same length and, most times, in the same tick of the clock. */
static void
test_a_change_right_after_a_change_is_seen(void **state)
{
	struct certdir *p = *state;

	for (uint32_t i = 0; i < 200; i++) {
		certdir_put_made(p, "a-cert.pub", i);
		assert_true(certdir_refresh(p));
	}
}

static long
reads_so_far(void)
{
	FILE *f = fopen("/proc/self/io", "r");
	char line[80];
	long n = -1;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		sscanf(line, "syscr: %ld", &n);
	if (f != NULL)
		fclose(f);
	return n;
}

/* But once more, if it was young: two changes may share a tick. */
static void
test_a_file_that_did_not_change_is_not_read_again(void **state)
{
	struct certdir *p = *state;
	const time_t later = time(NULL) + CERTDIR_LATER;
	long reads[3];

	certdir_put_many(p, 100);
	certdir_put_copy(p, "x-cert.pub", "u_ed25519-cert.pub");
	certdir_put_copy(p, "y-cert.pub", "u_rsa.pub");
	assert_true(certdir_refresh(p));
	reads[0] = reads_so_far();
	assert_false(certs_refresh(p->certs, later));
	reads[1] = reads_so_far();
	assert_false(certs_refresh(p->certs, later));
	reads[2] = reads_so_far();
	if (reads[0] == -1)
		skip();
	assert_true(reads[1] - reads[0] > 100);
	assert_true(reads[2] - reads[1] < 10);	/* those of asking */
}

static void
test_what_is_no_certificate_does_no_harm(void **state)
{
	struct certdir *p = *state;
	int fd;

	alarm(20);		/* a place that blocks ends the test */
	assert_int_equal(mkfifo(certdir_path(p, "fifo-cert.pub"), 0600), 0);
	put_link(p, "tofifo-cert.pub", "fifo-cert.pub");
	put_link(p, "zero-cert.pub", "/dev/zero");
	put_link(p, "dangling-cert.pub", "none");
	put_link(p, "loop-cert.pub", "loop-cert.pub");
	assert_int_equal(mkdir(certdir_path(p, "dir-cert.pub"), 0700), 0);
	certdir_put_copy(p, "sk-cert.pub", "sk_ed25519-cert.pub");
	assert_false(certdir_refresh(p));
	assert_int_equal(certdir_count(p), 0);

	certdir_put(p, "1-cert.pub", "");
	certdir_put_copy(p, "2-cert.pub", "u_rsa.pub");
	fd = open(certdir_path(p, "3-cert.pub"), O_CREAT | O_WRONLY, 0600);
	assert_int_equal(ftruncate(fd, 10 * 1024 * 1024), 0);
	close(fd);
	certdir_put_copy(p, "target", "u_rsa-cert.pub");
	put_link(p, "4-cert.pub", "target");
	assert_true(certdir_refresh(p));
	assert_int_equal(certdir_count(p), 4);
	assert_string_equal(bad_at(p, 0, "1-cert.pub"), "the file is empty");
	assert_string_equal(bad_at(p, 1, "2-cert.pub"), "not a certificate");
	assert_true(bad_at(p, 2, "3-cert.pub")[0] != '\0');
	assert_string_equal(bad_at(p, 3, "4-cert.pub"), "");
	alarm(0);
}

static void
test_a_half_written_file_is_bad_and_told_once(void **state)
{
	struct certdir *p = *state;
	char *text = data_text("u_rsa-cert.pub");

	p->log.level = LOG_LEVEL_INFO;
	certdir_listen(p);
	text[300] = '\0';
	certdir_put(p, "a-cert.pub", text);
	free(text);
	assert_true(certdir_refresh(p));
	assert_false(certdir_refresh(p));
	assert_false(certs_refresh(p->certs, time(NULL) + CERTDIR_LATER));
	assert_int_equal(certfile_state(certdir_at(p, 0, "a-cert.pub"), 0),
	    CERTFILE_BAD);
	certdir_put_copy(p, "a-cert.pub", "u_rsa-cert.pub");
	assert_true(certdir_refresh(p));
	assert_string_equal(bad_at(p, 0, "a-cert.pub"), "");
	assert_int_equal(certdir_told(p, "no certificate: "), 1);
}

static void
test_a_certificate_in_two_files_counts_once(void **state)
{
	struct certdir *p = *state;

	certdir_put_copy(p, "b-cert.pub", "u_rsa-cert.pub");
	certdir_put_copy(p, "a-cert.pub", "u_rsa-cert.pub");
	put_link(p, "c-cert.pub", "a-cert.pub");
	assert_true(certdir_refresh(p));
	assert_int_equal(certdir_count(p), 1);
	certdir_at(p, 0, "a-cert.pub");
	assert_int_equal(unlink(certdir_path(p, "a-cert.pub")), 0);
	assert_true(certdir_refresh(p));
	assert_int_equal(certdir_count(p), 1);
	certdir_at(p, 0, "b-cert.pub");
}

static void
test_a_place_that_is_not_there_may_come(void **state)
{
	struct certdir *p = *state;
	char dir[80], null[] = "/dev/null", *places[] = { dir, null };
	struct certs *c;
	struct err e;
	size_t n;

	snprintf(dir, sizeof(dir), "%s/later", p->dir);
	p->log.level = LOG_LEVEL_DEBUG;
	certdir_listen(p);
	assert_int_equal(certs_new(&c, &p->log, places, 2, &e), 0);
	for (int i = 0; i < 3; i++)
		assert_false(certs_refresh(c, time(NULL)));
	assert_int_equal(mkdir(certdir_path(p, "later"), 0700), 0);
	certdir_put_copy(p, "later/a-cert.pub", "u_rsa-cert.pub");
	assert_true(certs_refresh(c, time(NULL)));
	certs_all(c, &n);
	assert_int_equal(n, 1);
	certs_free(c);
	assert_int_equal(certdir_told(p, "no certificates: "), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CERTDIR_TEST(test_certificates_of_a_directory_come_by_path),
		CERTDIR_TEST(test_a_place_can_be_a_file_and_be_named_twice),
		CERTDIR_TEST(test_what_comes_changes_and_goes_is_seen),
		CERTDIR_TEST(test_a_change_right_after_a_change_is_seen),
		CERTDIR_TEST(test_a_file_that_did_not_change_is_not_read_again),
		CERTDIR_TEST(test_what_is_no_certificate_does_no_harm),
		CERTDIR_TEST(test_a_half_written_file_is_bad_and_told_once),
		CERTDIR_TEST(test_a_certificate_in_two_files_counts_once),
		CERTDIR_TEST(test_a_place_that_is_not_there_may_come),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
