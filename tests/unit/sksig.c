/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "ssh/sksig.h"
#include "ssh/sshsig.h"
#include "tests/unit/data.h"

/* A signature by ssh-keygen, its key, and what that signed. */
struct signed_one {
	struct data	 key, data, sig;
};

static const char *const names[] = { "sk-ed25519", "sk-ecdsa" };

#define N_NAMES	(sizeof(names) / sizeof(names[0]))

static void
load(struct signed_one *o, const char *name)
{
	struct data text, message = data_file("sshsig/message");
	char file[64];
	struct sshsig s;
	struct wire_w w;
	struct err e;

	snprintf(file, sizeof(file), "sshsig/%s.sig", name);
	text = data_file(file);
	assert_int_equal(sshsig_parse(data_span(&text), &s, &e), 0);
	assert_true(wire_write(&w, 1024));
	assert_int_equal(sshsig_put_tbs(&s, data_span(&message), &w, &e), 0);
	o->key = data_copy(s.key);
	o->data = data_copy(wire_bytes(&w));
	o->sig = data_copy(s.signature);
	wire_free(&w);
	sshsig_free(&s);
	data_free(&text);
	data_free(&message);
}

static void
unload(struct signed_one *o)
{
	data_free(&o->key);
	data_free(&o->data);
	data_free(&o->sig);
}

static int
verify(const struct signed_one *o)
{
	struct err e;

	return sksig_verify(data_span(&o->key), data_span(&o->data),
	    data_span(&o->sig), &e);
}

/* With bits changed so far from the end. */
static int
verify_changed(struct signed_one *o, struct data *d, size_t from_end,
    uint8_t bits)
{
	int r;

	d->p[d->n - from_end] ^= bits;
	r = verify(o);
	d->p[d->n - from_end] ^= bits;
	return r;
}

static void
test_all_that_a_security_key_tells_is_signed(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_NAMES; i++) {
		struct signed_one o;

		load(&o, names[i]);
		assert_int_equal(verify(&o), 0);
		/* Application, counter, flags but presence, data. */
		assert_int_equal(verify_changed(&o, &o.key, 1, 1),
		    ERR_DENIED);
		assert_int_equal(verify_changed(&o, &o.sig, 1, 1),
		    ERR_DENIED);
		assert_int_equal(verify_changed(&o, &o.sig, 4, 1),
		    ERR_DENIED);
		assert_int_equal(verify_changed(&o, &o.sig, 5, 4),
		    ERR_DENIED);
		assert_int_equal(verify_changed(&o, &o.data, 1, 1),
		    ERR_DENIED);
		unload(&o);
	}
}

static void
test_one_that_nobody_touched_is_refused(void **state)
{
	struct signed_one o;
	struct err e;

	(void)state;
	load(&o, "sk-untouched");
	assert_int_equal(sksig_verify(data_span(&o.key), data_span(&o.data),
	    data_span(&o.sig), &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "without being touched"));
	/* Nor does it help to say that somebody did. */
	o.sig.p[o.sig.n - 5] |= 1;
	assert_int_equal(sksig_verify(data_span(&o.key), data_span(&o.data),
	    data_span(&o.sig), &e), ERR_DENIED);
	assert_string_equal(e.msg, "signature is wrong");
	unload(&o);
}

static void
refuse_key(struct span cut, void *arg)
{
	const struct signed_one *o = arg;
	struct err e;
	int r;

	r = sksig_verify(cut, data_span(&o->data), data_span(&o->sig), &e);
	assert_true(r == ERR_FORMAT || r == ERR_UNSUPPORTED);
}

static void
refuse_sig(struct span cut, void *arg)
{
	const struct signed_one *o = arg;
	struct err e;

	assert_int_equal(sksig_verify(data_span(&o->key),
	    data_span(&o->data), cut, &e), ERR_FORMAT);
}

static void
refuse_longer(struct data *d, struct signed_one *o,
    void (*refuse)(struct span, void *))
{
	uint8_t more[512] = { 0 };

	memcpy(more, d->p, d->n);
	refuse((struct span){ more, d->n + 1 }, o);
}

static void
test_what_is_cut_anywhere_or_too_long_is_malformed(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_NAMES; i++) {
		struct signed_one o;

		load(&o, names[i]);
		data_each_cut(data_span(&o.key), refuse_key, &o);
		data_each_cut(data_span(&o.sig), refuse_sig, &o);
		refuse_longer(&o.key, &o, refuse_key);
		refuse_longer(&o.sig, &o, refuse_sig);
		unload(&o);
	}
}

static int
verify_as(const struct signed_one *o, const char *key, const char *sig)
{
	struct wire_w k, s;
	struct err e;
	int r;

	assert_true(wire_write(&k, 64) && wire_write(&s, 64));
	wire_put_cstring(&k, key);
	wire_put_cstring(&s, sig);
	r = sksig_verify(*key != '\0' ? wire_bytes(&k) : data_span(&o->key),
	    data_span(&o->data),
	    *sig != '\0' ? wire_bytes(&s) : data_span(&o->sig), &e);
	wire_free(&s);
	wire_free(&k);
	return r;
}

static void
test_other_keys_and_forms_are_not_supported(void **state)
{
	struct signed_one o;

	(void)state;
	load(&o, "sk-ecdsa");
	assert_int_equal(verify_as(&o, "sk-other@openssh.com", ""),
	    ERR_UNSUPPORTED);
	assert_int_equal(verify_as(&o, "ssh-ed25519", ""), ERR_UNSUPPORTED);
	assert_int_equal(verify_as(&o, "",
	    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"), ERR_UNSUPPORTED);
	assert_int_equal(verify_as(&o, "", "ecdsa-sha2-nistp256"),
	    ERR_FORMAT);
	unload(&o);
}

static void
test_a_security_key_is_known_by_its_name(void **state)
{
	static const struct {
		const char	*file;
		bool		 is;
	} keys[] = {
		{ "sk_ed25519", true }, { "sk_ecdsa", true },
		{ "u_ed25519", false }, { "u_ecdsa", false },
		{ "u_rsa", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct data d = data_pub(keys[i].file);

		assert_int_equal(sksig_is_key(data_span(&d)), keys[i].is);
		data_free(&d);
	}
	assert_false(sksig_is_key((struct span){ 0 }));
	assert_false(sksig_is_key(span_cstr("sk-")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_that_a_security_key_tells_is_signed),
		cmocka_unit_test(test_one_that_nobody_touched_is_refused),
		cmocka_unit_test(
		    test_what_is_cut_anywhere_or_too_long_is_malformed),
		cmocka_unit_test(test_other_keys_and_forms_are_not_supported),
		cmocka_unit_test(test_a_security_key_is_known_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
