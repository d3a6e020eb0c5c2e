/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/ident.h"
#include "agent/loop.h"
#include "agent/keywords.h"
#include "agent/options.h"
#include "agent/pins.h"
#include "agent/refusals.h"
#include "tests/unit/data.h"

/* The small parts of the agent: identities, refusals, options, PINs, loop. */

static struct span
blob_of(struct wire_w *w, uint8_t i)
{
	uint8_t n[128] = { 0x80 };

	struct err e;

	n[1] = i;
	n[127] = 1;
	assert_true(wire_write(w, KEY_BLOB_MAX));
	assert_int_equal(key_put_rsa(w, (struct span){ (const uint8_t *)
	    "\1\0\1", 3 }, (struct span){ n, sizeof(n) }, &e), 0);
	return wire_bytes(w);
}

static void
add(struct idents *ids, uint8_t i, const char *serial, const char *ref,
    const char *label)
{
	struct wire_w w;
	struct err e;

	assert_int_equal(ident_add(ids, i, serial, ref, label, "0a",
	    blob_of(&w, i), &e), 0);
	wire_free(&w);
}

static void
test_comments_are_unique(void **state)
{
	struct idents ids = { 0 };

	(void)state;
	add(&ids, 1, "S1", "01", "login");
	add(&ids, 2, "S1", "02", "login");
	add(&ids, 3, "S1", "03", "");
	add(&ids, 4, "S2", "01", "login");
	assert_int_equal(ids.n, 4);
	assert_string_equal(ids.v[0].comment, "login");
	assert_string_equal(ids.v[1].comment, "login (S1 key 02)");
	assert_string_equal(ids.v[2].comment, "0a");
	assert_string_equal(ids.v[3].comment, "login (S2 key 01)");
	ident_clear(&ids);
}

static void
test_the_same_key_is_offered_once(void **state)
{
	struct idents ids = { 0 };
	struct wire_w w;

	(void)state;
	add(&ids, 1, "S1", "01", "a");
	add(&ids, 1, "S2", "01", "clone");
	assert_int_equal(ids.n, 1);
	assert_ptr_equal(ident_find(&ids, blob_of(&w, 1)), &ids.v[0]);
	wire_free(&w);
	assert_null(ident_find(&ids, blob_of(&w, 9)));
	wire_free(&w);
	ident_clear(&ids);
}

static void
test_the_oldest_refusal_makes_room(void **state)
{
	struct refusals r = { 0 };
	char text[16];

	(void)state;
	for (uint64_t i = 0; i < REFUSALS_KEPT + 3; i++) {
		snprintf(text, sizeof(text), "%d", (int)i);
		refusals_add(&r, i, i == 3 ? ERR_DENIED : ERR_TOKEN, text);
	}
	assert_int_equal(r.n, REFUSALS_KEPT);
	assert_string_equal(r.v[r.first].text, "3");
	assert_int_equal(r.v[r.first].time, 3);
	assert_int_equal(r.v[r.first].code, ERR_DENIED);
}

static int
conf(struct options *o, const char *text, struct err *e)
{
	struct data d = data_copy(span_cstr(text));
	int r;

	*o = (struct options){ .pin_fd = -1 };
	r = keywords_parse(o, data_span(&d), "conf", e);
	data_free(&d);
	return r;
}

static void
test_configuration_sets_options(void **state)
{
	struct options o;
	struct err e;

	(void)state;
	assert_int_equal(conf(&o, "AllowSHA1 yes\nlifetime 1h\nLogLevel debug"
	    "\nSocket /run/s\nPinFile /p\nToken DENK1\n PinFile /q\n"
	    "Token two\n", &e), 0);
	assert_true(o.allow_sha1);
	assert_int_equal(o.lifetime, 3600);
	assert_int_equal(o.log_level, LOG_LEVEL_DEBUG);
	assert_string_equal(o.socket, "/run/s");
	assert_string_equal(o.all.source.value, "/p");
	assert_int_equal(o.n_tokens, 2);
	assert_string_equal(o.tokens[0].name, "DENK1");
	assert_string_equal(o.tokens[0].source.value, "/q");
	assert_null(o.tokens[1].source.value);
	options_free(&o);
}

static void
test_configuration_errors_name_the_line(void **state)
{
	static const char *const bad[] = { "\nNoSuch x", "\nAllowSHA1 maybe",
	    "\nLifetime", "\nLogLevel loud", "\nPinFile",
	    "PinFile /a\nPinFile /b", "Token a\nLogLevel info",
	    "\nToken", "\nAllowSHA1 yes no" };
	struct options o;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(conf(&o, bad[i], &e), ERR_USAGE);
		assert_memory_equal(e.msg, "conf:2: ", 8);
		options_free(&o);
	}
}

/* PINs, and the settings that say where they are. */
struct given {
	struct settings	*settings;
	struct pins	*pins;
};

static struct given
given_by(struct options o, size_t present)
{
	struct given g;
	struct err e;

	assert_int_equal(settings_new(&g.settings, &o, 0, NULL, &e), 0);
	assert_int_equal(pins_new(&g.pins, g.settings, &e), 0);
	pins_set_present(g.pins, present);
	return g;
}

static struct given
given_at_start(char *token, size_t present)
{
	struct options o = { .token = token };
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], "648219\n", 7), 7);
	close(fd[1]);
	o.pin_fd = fd[0];
	return given_by(o, present);
}

static void
given_free(struct given *g)
{
	pins_free(g->pins);
	settings_free(g->settings);
}

static int
get(struct pins *p, const char *serial, const char *label)
{
	struct secret *s = secret_new();
	const char *origin;
	struct err e;
	int r;

	r = pins_get(p, &(struct pins_query){ serial, label, NULL, -1 }, s,
	    &origin, &e);
	assert_int_equal(secret_len(s), r == 0 ? 6 : 0);
	secret_free(s);
	return r;
}

static void
test_a_global_pin_is_for_one_token(void **state)
{
	struct given g = given_at_start(NULL, 1);
	struct pins *p = g.pins;

	(void)state;
	assert_int_equal(get(p, "S1", "one"), 0);
	pins_set_present(p, 2);
	assert_int_equal(get(p, "S1", "one"), 0);
	assert_int_equal(get(p, "S2", "two"), ERR_NOTFOUND);
	/* Not even when the first is pulled and another takes its place. */
	pins_set_present(p, 1);
	assert_int_equal(get(p, "S2", "two"), ERR_NOTFOUND);
	given_free(&g);

	g = given_at_start(NULL, 2);
	assert_int_equal(get(g.pins, "S1", "one"), ERR_NOTFOUND);
	given_free(&g);

	g = given_at_start(strdup("two"), 2);
	p = g.pins;
	assert_int_equal(get(p, "S1", "one"), ERR_NOTFOUND);
	assert_int_equal(get(p, "S2", "two"), 0);
	assert_int_equal(get(p, "S3", "two"), ERR_NOTFOUND);
	given_free(&g);
}

/* What is wrong with a source that was named; that is not "none given". */
static void
no_pin_from(enum pin_source_kind kind, const char *value, const char *why)
{
	const struct options o = { .pin_fd = -1,
	    .all.source = { kind, strdup(value) } };
	struct given g = given_by(o, 1);
	struct secret *s = secret_new();
	const char *origin;
	struct err e;
	int r;

	r = pins_get(g.pins, &(struct pins_query){ "S1", "one", NULL, -1 }, s,
	    &origin, &e);
	assert_true(r != 0 && r != ERR_NOTFOUND && r == (int)e.code);
	assert_non_null(strstr(e.msg, why));
	assert_int_equal(secret_len(s), 0);
	given_free(&g);
	secret_free(s);
}

static void
test_a_source_that_gives_no_pin_says_why(void **state)
{
	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	no_pin_from(PIN_SOURCE_CREDENTIAL, "pin", "CREDENTIALS_DIRECTORY");
	no_pin_from(PIN_SOURCE_FILE, "/no/such/file", "No such file");
	no_pin_from(PIN_SOURCE_COMMAND, "/bin/false", "/bin/false");
}

struct rounds {
	struct loop	*loop;
	struct watch	*watch;
	int		 fd, count;
};

static void
on_timer(void *arg)
{
	struct rounds *r = arg;

	r->count += 100;
	loop_stop(r->loop);
}

static void
on_readable(void *arg, short revents)
{
	struct rounds *r = arg;
	char c;

	assert_int_equal(revents & POLLIN, POLLIN);
	assert_int_equal(read(r->fd, &c, 1), 1);
	if (++r->count == 3) {
		watch_free(r->watch);	/* from inside its own callback */
		assert_non_null(loop_timer(r->loop, 1, on_timer, r));
	}
}

static void
test_the_loop_runs_watches_and_timers(void **state)
{
	struct rounds r = { 0 };
	struct err e;
	int p[2];

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(write(p[1], "abcdef", 6), 6);
	r.fd = p[0];
	assert_int_equal(loop_new(&r.loop, &e), 0);
	r.watch = loop_watch(r.loop, p[0], POLLIN, on_readable, &r);
	assert_int_equal(loop_run(r.loop, &e), 0);
	assert_int_equal(r.count, 103);
	loop_free(r.loop);
	close(p[0]);
	close(p[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_comments_are_unique),
		cmocka_unit_test(test_the_same_key_is_offered_once),
		cmocka_unit_test(test_the_oldest_refusal_makes_room),
		cmocka_unit_test(test_configuration_sets_options),
		cmocka_unit_test(test_configuration_errors_name_the_line),
		cmocka_unit_test(test_a_global_pin_is_for_one_token),
		cmocka_unit_test(test_a_source_that_gives_no_pin_says_why),
		cmocka_unit_test(test_the_loop_runs_watches_and_timers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
