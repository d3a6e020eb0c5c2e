/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keyutil/keyscan.h"
#include "ssh/keytext.h"
#include "tests/unit/data.h"

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAg" \
	"JRNarH4TRpNePnAS"
#define FP "SHA256:AbCdEfGhIjKlMnOpQrStUvWxYz0123456789+/AbCdE"
#define FP2 "SHA256:0bCdEfGhIjKlMnOpQrStUvWxYz0123456789+/AbCdE"
#define SHOWN	1000

/* All keys as "LINE place host type\n", or the error after them. */
static int
show(const char *text, char out[SHOWN])
{
	struct data d = data_copy(span_cstr(text));
	struct keyscan k;
	struct err e;
	size_t n = 0;
	int r;

	out[0] = '\0';
	keyscan_begin(&k, data_span(&d));
	while ((r = keyscan_next(&k, &e)) == 0 && k.host[0] != '\0') {
		assert_true(wire_bytes(&k.blob).n > 0);
		n += (size_t)snprintf(out + n, SHOWN - n, "%zu %s %s %s\n",
		    k.line, k.place, k.host, k.type);
		assert_true(n < SHOWN);
	}
	keyscan_end(&k);
	if (r != 0)
		snprintf(out + n, SHOWN - n, "%s", e.msg);
	data_free(&d);
	return r;
}

static void
shows(const char *text, const char *keys)
{
	char out[SHOWN];

	assert_int_equal(show(text, out), 0);
	assert_string_equal(out, keys);
}

static void
fails(const char *text, const char *told)
{
	char out[SHOWN];

	assert_int_not_equal(show(text, out), 0);
	if (strstr(out, told) == NULL)
		fail_msg("\"%s\" for \"%s\"", out, text);
}

static void
test_each_line_is_a_host_and_a_key(void **state)
{
	(void)state;
	shows("", "");
	shows("# web1:22 SSH-2.0-OpenSSH_9.2\nweb1 " KEY "\n",
	    "2 web1 web1 ed25519\n");
	shows("web1.example.org " KEY "\r\n\n10.0.0.7 " KEY "\nfe80::1%eth0 "
	    KEY, "1 web1.example.org web1.example.org ed25519\n"
	    "3 10.0.0.7 10.0.0.7 ed25519\n"
	    "4 fe80::1%eth0 fe80::1%eth0 ed25519\n");
}

static void
test_a_port_is_no_part_of_the_host(void **state)
{
	(void)state;
	shows("[web1]:2222 " KEY "\n[::1]:22022 " KEY,
	    "1 [web1]:2222 web1 ed25519\n2 [::1]:22022 ::1 ed25519\n");
	fails("[web1] " KEY, "line 1: no line of ssh-keyscan");
	fails("[web1]:", "line 1: no line of ssh-keyscan");
	fails("[web1]: " KEY, "line 1: no line of ssh-keyscan");
	fails("[web1]:22x " KEY, "line 1: no line of ssh-keyscan");
	fails("[]:22 " KEY, "line 1: no line of ssh-keyscan");
}

static void
test_keys_have_the_types_of_host_keys(void **state)
{
	static const char *const t[][2] = { { "p384", "ecdsa" },
	    { "p521", "ecdsa" }, { "rsa2048", "rsa" } };
	char *key, text[4096], want[64], name[32];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(name, sizeof(name), "%s.pub", t[i][0]);
		assert_non_null(key = data_text(name));
		snprintf(text, sizeof(text), "h %s", key);
		snprintf(want, sizeof(want), "1 h h %s\n", t[i][1]);
		shows(text, want);
		free(key);
	}
	assert_non_null(key = data_text("sk_ed25519.pub"));
	snprintf(text, sizeof(text), "h %s", key);
	fails(text, "line 1: no type that a host key");
	free(key);
	assert_non_null(key = data_text("p384-cert.pub"));
	snprintf(text, sizeof(text), "h %s", key);
	fails(text, "line 1: no type that a host key");
	free(key);
}

static void
test_what_is_no_host_is_told_with_its_line(void **state)
{
	(void)state;
	fails("web1 " KEY "\n|1|abc=|def= " KEY, "line 2: the host's name is "
	    "hashed");
	fails("a/b " KEY, "line 1: no line of ssh-keyscan");
	fails("../a " KEY, "line 1: no line of ssh-keyscan");
	fails("-a " KEY, "line 1: no line of ssh-keyscan");
	fails("a,10.0.0.1 " KEY, "line 1: no line of ssh-keyscan");
	fails("*.example " KEY, "line 1: no line of ssh-keyscan");
	fails("@cert-authority a " KEY, "line 1: no line of ssh-keyscan");
	fails("web1", "line 1: ");
	fails("web1 ssh-ed25519", "line 1: ");
	fails("web1 ssh-rsa " KEY, "line 1: ");
}

static void
test_a_line_can_be_cut_anywhere(void **state)
{
	static const char text[] = "[web1.example.org]:2222 " KEY;
	char cut[sizeof(text)], out[SHOWN];

	(void)state;
	for (size_t n = 1; n < sizeof(text) - 1; n++) {
		memcpy(cut, text, n);
		cut[n] = '\0';
		assert_int_not_equal(show(cut, out), 0);
	}
	assert_int_equal(show(text, out), 0);
}

static void
test_pins_are_found_by_their_hosts(void **state)
{
	struct hostpins p = { 0 };
	struct err e;
	struct hostpin *x;

	(void)state;
	assert_null(hostpins_first(&p, "a"));
	assert_int_equal(hostpins_add(&p, "web2=" FP, &e), 0);
	assert_int_equal(hostpins_parse(&p, span_cstr("# ours\n\n  web1\t" FP
	    "  me\r\nweb2 " FP2 "\n[web2]:22 " FP), &e), 0);
	hostpins_sort(&p);
	assert_int_equal(p.n, 4);
	assert_non_null(x = hostpins_first(&p, "web1"));
	assert_string_equal(x->fingerprint, FP);
	assert_non_null(x = hostpins_first(&p, "web2"));
	assert_string_equal(x[1].host, "web2");
	assert_string_not_equal(x[0].fingerprint, x[1].fingerprint);
	assert_non_null(hostpins_first(&p, "[web2]:22"));
	assert_null(hostpins_first(&p, "web"));
	assert_null(hostpins_first(&p, "web3"));
	hostpins_free(&p);
}

static void
test_pins_are_whole_fingerprints(void **state)
{
	static const char *const bad[] = { "", "web1", "web1=", "=" FP,
	    "web1=SHA256:short", "web1=MD5:00:11", "web1=" FP "x",
	    "web1=" FP " " };
	struct hostpins p = { 0 };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(hostpins_add(&p, bad[i], &e), ERR_USAGE);
	assert_int_equal(hostpins_parse(&p, span_cstr("a " FP "\nb\n"), &e),
	    ERR_USAGE);
	assert_non_null(strstr(e.msg, "line 2: "));
	hostpins_free(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_line_is_a_host_and_a_key),
		cmocka_unit_test(test_a_port_is_no_part_of_the_host),
		cmocka_unit_test(test_keys_have_the_types_of_host_keys),
		cmocka_unit_test(test_what_is_no_host_is_told_with_its_line),
		cmocka_unit_test(test_a_line_can_be_cut_anywhere),
		cmocka_unit_test(test_pins_are_found_by_their_hosts),
		cmocka_unit_test(test_pins_are_whole_fingerprints),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
