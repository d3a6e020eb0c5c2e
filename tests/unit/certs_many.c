/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "ssh/agentmsg.h"
#include "ssh/agentstatus.h"
#include "ssh/keytext.h"
#include "tests/unit/certdir.h"
#include "tests/unit/data.h"

static void
test_too_many_are_told_once_and_the_rest_is_there(void **state)
{
	struct certdir *p = *state;

	certdir_put_many(p, CERTS_MAX + 3);
	p->log.level = LOG_LEVEL_ERROR;
	certdir_listen(p);
	assert_true(certdir_refresh(p));
	assert_false(certdir_refresh(p));
	assert_int_equal(certdir_told(p, "1024-cert.pub and those"), 1);
	assert_int_equal(certdir_count(p), CERTS_MAX);
	certdir_at(p, CERTS_MAX - 1, "1023-cert.pub");
	assert_int_equal(unlink(certdir_path(p, "0000-cert.pub")), 0);
	p->log.level = LOG_LEVEL_QUIET;
	assert_true(certdir_refresh(p));
	certdir_at(p, CERTS_MAX - 1, "1024-cert.pub");
}

/* A refresh while no descriptor is left. */
static bool
refresh_in_need(struct certs *c)
{
	const int next = dup(STDIN_FILENO);
	struct rlimit old, none;
	bool news;

	assert_true(next != -1);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	news = certs_refresh(c, time(NULL));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	return news;
}

/* That is no reason to hide what is there: neither directory nor file. */
static void
test_without_descriptors_all_stays(void **state)
{
	struct certdir *p = *state;
	char file[80], *places[] = { file };
	struct certs *c;
	struct err e;

	snprintf(file, sizeof(file), "%s/0000-cert.pub", p->dir);
	assert_int_equal(certs_new(&c, &p->log, places, 1, &e), 0);
	certdir_put_many(p, 3);
	assert_true(certdir_refresh(p));
	assert_true(certs_refresh(c, time(NULL)));
	certdir_put_many(p, 4);
	certdir_put_copy(p, "0000-cert.pub", "u_rsa-cert.pub");
	assert_false(refresh_in_need(p->certs));
	assert_false(refresh_in_need(c));
	assert_int_equal(certdir_count(p), 3);
	assert_true(certdir_refresh(p));
	assert_true(certs_refresh(c, time(NULL)));
	assert_int_equal(certdir_count(p), 4);
	certs_free(c);
}

static double
ms_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) * 1e3 +
	    (double)(now.tv_nsec - start->tv_nsec) / 1e6;
}

/* For a busy machine and a sanitizer; it is far less. */
static void
test_200_certificates_are_looked_at_in_no_time(void **state)
{
	struct certdir *p = *state;
	const time_t later = time(NULL) + CERTDIR_LATER;
	struct timespec start;
	double cold, warm;

	certdir_put_many(p, 200);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_true(certs_refresh(p->certs, later));
	cold = ms_since(&start);
	clock_gettime(CLOCK_MONOTONIC, &start);
	assert_false(certs_refresh(p->certs, later));
	warm = ms_since(&start);
	printf("# 200 certificates: %.2f ms, again %.2f ms\n", cold, warm);
	assert_true(warm < 50);
}

static const char *
comment_of(void *arg, struct span key)
{
	const struct data *known = arg;

	return span_eq(key, data_span(known)) ? "login" : NULL;
}

/* The status answer of an agent that has no tokens, as its reader sees it. */
static void
ask_status(struct wire_w *w, const struct certs *c,
    const struct certfile *more, time_t now, struct data *known,
    struct agentstatus *s)
{
	const struct certs_names names = { comment_of, known };
	struct err e;

	assert_true(wire_write(w, AGENT_MAX_MSG));
	wire_put_u8(w, MSG_EXTENSION_RESPONSE);
	wire_put_cstring(w, AGENT_EXT_STATUS);
	wire_put_cstring(w, "1");
	for (int i = 0; i < 3; i++)
		wire_put_u32(w, 0);
	certs_put_status(w, c, &more, more != NULL, now, &names);
	assert_int_equal(agentstatus_parse(wire_bytes(w), s, &e), 0);
}

static void
test_the_status_tells_of_each(void **state)
{
	struct certdir *p = *state;
	struct data known = data_pub("p384"), blob = data_pub("u_rsa-cert");
	char *fp = keytext_fingerprint(data_span(&known));
	struct agentstatus s;
	struct certfile more;
	struct wire_w w;
	struct err e;

	assert_int_equal(certfile_take(&more, "", data_span(&blob),
	    span_cstr(""), &e), 0);
	certdir_put_copy(p, "a-cert.pub", "p384-cert.pub");
	certdir_put(p, "b-cert.pub", "no key at all");
	assert_true(certdir_refresh(p));
	ask_status(&w, p->certs, &more,
	    (time_t)certdir_at(p, 0, "a-cert.pub")->valid_after - 1, &known,
	    &s);
	assert_int_equal(s.n_certs, 3);
	assert_int_equal(s.certs[0].path.n, 0);
	assert_int_equal(s.certs[0].comment.n, 0);
	assert_true(span_is(s.certs[1].path, certdir_path(p, "a-cert.pub")));
	assert_true(span_is(s.certs[1].fingerprint, fp));
	assert_true(span_is(s.certs[1].comment, "login"));
	assert_true(span_is(s.certs[1].state, "not yet valid"));
	assert_true(s.certs[1].words.n > 0);
	assert_true(s.certs[1].valid_before ==
	    certdir_at(p, 0, "a-cert.pub")->valid_before);
	assert_true(span_is(s.certs[2].state, "bad"));
	assert_true(span_is(s.certs[2].words, "key is not base64"));
	assert_int_equal(s.certs[2].fingerprint.n, 0);
	agentstatus_free(&s);
	wire_free(&w);
	certfile_free(&more);
	data_free(&blob);
	data_free(&known);
	free(fp);
}

static void
test_a_long_status_ends_where_it_is_full(void **state)
{
	struct certdir *p = *state;
	struct data known = data_pub("u_rsa");
	struct agentstatus s;
	struct wire_w w;

	certdir_put_many(p, CERTS_MAX);
	assert_true(certdir_refresh(p));
	ask_status(&w, p->certs, NULL, 0, &known, &s);
	assert_true(s.n_certs > 400);
	assert_true(wire_bytes(&w).n <= 129 * 1024);
	agentstatus_free(&s);
	wire_free(&w);
	ask_status(&w, NULL, NULL, 0, &known, &s);
	assert_int_equal(s.n_certs, 0);
	agentstatus_free(&s);
	wire_free(&w);
	data_free(&known);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CERTDIR_TEST(test_too_many_are_told_once_and_the_rest_is_there),
		CERTDIR_TEST(test_without_descriptors_all_stays),
		CERTDIR_TEST(test_200_certificates_are_looked_at_in_no_time),
		CERTDIR_TEST(test_the_status_tells_of_each),
		CERTDIR_TEST(test_a_long_status_ends_where_it_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
