/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/view.h"
#include "ssh/agentmsg.h"
#include "ssh/identities.h"
#include "ssh/keytext.h"
#include "tests/unit/certdir.h"
#include "tests/unit/configured.h"
#include "tests/unit/constrained.h"
#include "tests/unit/listed.h"

#define NOW	1000000

/*
 * Two tokens: S1 with "ec" and "rsa", S2 with "p384".  The other agent is
 * fixture.theirs; the client is bound to nothing.
 */
struct fixture {
	struct data	 ec, rsa, p384;
	struct idents	 ids;
	struct settings	*settings;
	struct grants	*grants;
	struct bind	 bind;
	struct hostkey	 ca, host;
	void		*dir;		/* a struct certdir */
	struct wire_w	 theirs;
	uint32_t	 n_theirs;
	struct wire_w	 out;
	char		 text[400];
};

static void
add_key(struct fixture *f, const char *serial, const char *label,
    const struct data *d)
{
	struct err e;

	assert_int_equal(ident_add(&f->ids, 1, serial, "01", label, label,
	    data_span(d), &e), 0);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->ec = data_pub("u_ecdsa");
	f->rsa = data_pub("u_rsa");
	f->p384 = data_pub("p384");
	add_key(f, "S1", "ec", &f->ec);
	add_key(f, "S1", "rsa", &f->rsa);
	add_key(f, "S2", "p384", &f->p384);
	f->settings = configured(NULL);
	f->grants = grants_new();
	assert_non_null(f->grants);
	hostkey_make(&f->ca, HOSTKEY_ED25519);
	hostkey_make(&f->host, HOSTKEY_ED25519);
	assert_int_equal(certdir_set_up(&f->dir), 0);
	assert_true(wire_write(&f->theirs, 1 << 20));
	assert_true(wire_write(&f->out, AGENT_MAX_MSG));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	data_free(&f->ec);
	data_free(&f->rsa);
	data_free(&f->p384);
	ident_clear(&f->ids);
	settings_free(f->settings);
	grants_free(f->grants);
	bind_clear(&f->bind);
	hostkey_free(&f->ca);
	hostkey_free(&f->host);
	assert_int_equal(certdir_tear_down(&f->dir), 0);
	wire_free(&f->theirs);
	wire_free(&f->out);
	free(f);
	return 0;
}

static void
configure(struct fixture *f, const char *text)
{
	settings_free(f->settings);
	f->settings = configured(text);
}

static struct view
view_of(const struct fixture *f)
{
	return (struct view){ .ids = &f->ids,
	    .opt = settings_get(f->settings),
	    .certs = ((const struct certdir *)f->dir)->certs,
	    .grants = f->grants, .bind = &f->bind, .now = NOW };
}

static struct data
certify(const struct fixture *f, const struct data *key, uint64_t serial)
{
	return hostkey_certify_user(data_span(key), &f->ca, serial);
}

static void
add_token(struct fixture *f, const char *serial, bool only,
    struct data *certs, size_t n)
{
	constrained_grant(f->grants, serial, only, certs, n);
}

/* In a file; takes it over. */
static void
put_file(struct fixture *f, const char *name, struct data cert)
{
	char *line = keytext_openssh(data_span(&cert), "in a file");

	assert_non_null(line);
	certdir_put(f->dir, name, line);
	(void)certdir_refresh(f->dir);
	free(line);
	data_free(&cert);
}

static void
put_theirs(struct fixture *f, struct span blob, const char *comment)
{
	wire_put_string(&f->theirs, blob);
	wire_put_cstring(&f->theirs, comment);
	f->n_theirs++;
}

/* Their answer; free it. */
static struct data
theirs(const struct fixture *f)
{
	struct wire_w w;
	struct data d;

	assert_true(wire_write(&w, 1 << 20));
	wire_put_u8(&w, MSG_IDENTITIES_ANSWER);
	wire_put_u32(&w, f->n_theirs);
	wire_put_raw(&w, wire_bytes(&f->theirs));
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	return d;
}

static const char *
names(struct fixture *f)
{
	listed(wire_bytes(&f->out), f->text, sizeof(f->text));
	return f->text;
}

static int
put(struct fixture *f, struct span answer)
{
	const struct view v = view_of(f);
	struct err e;
	int r;

	wire_free(&f->out);
	assert_true(wire_write(&f->out, AGENT_MAX_MSG));
	r = view_put(&v, answer, &f->out, &e);
	assert_false(f->out.bad);
	return r;
}

static const char *
list(struct fixture *f)
{
	struct data d = f->n_theirs > 0 ? theirs(f) : (struct data){ 0 };

	assert_int_equal(put(f, data_span(&d)), 0);
	data_free(&d);
	return names(f);
}

static void
test_login_keys_their_certificates_the_others_the_rest(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(list(f), "ec rsa p384");
	put_file(f, "a-cert.pub", certify(f, &f->rsa, 1));
	put_file(f, "b-cert.pub", certify(f, &f->ec, 2));
	put_file(f, "c-cert.pub", certify(f, &f->p384, 3));
	add_token(f, "S1", false, NULL, 0);
	put_theirs(f, data_span(&f->host.blob), "theirs");
	assert_string_equal(list(f),
	    "ec rsa p384 ec#2 rsa#1 p384#3 theirs");
	configure(f, "Key ec\nUse ca\nKey rsa\nUse auth ca");
	assert_string_equal(list(f), "rsa p384 rsa#1 p384#3 theirs ec");
	configure(f, "Use host sshsig");
	assert_string_equal(list(f), "theirs ec rsa p384");
}

static void
test_certificates_of_the_client_go_before_those_in_files(void **state)
{
	struct fixture *f = *state;
	struct data certs[2] = { certify(f, &f->ec, 7),
	    certify(f, &f->p384, 8) };

	put_file(f, "a-cert.pub", certify(f, &f->ec, 1));
	add_token(f, "S1", false, certs, 2);
	/* The one for the other token was not given to that. */
	assert_string_equal(list(f), "ec rsa p384 ec#7 ec#1");
}

static void
test_a_certificate_is_listed_once(void **state)
{
	struct fixture *f = *state;
	struct data certs[3] = { certify(f, &f->ec, 7),
	    certify(f, &f->ec, 8), certify(f, &f->ec, 7) };

	put_file(f, "a-cert.pub", certify(f, &f->ec, 8));
	put_file(f, "b-cert.pub", certify(f, &f->ec, 9));
	add_token(f, "S1", false, certs, 3);
	assert_string_equal(list(f), "ec rsa p384 ec#7 ec#8 ec#9");
}

static void
test_certs_only_hides_the_plain_keys_of_that_token(void **state)
{
	struct fixture *f = *state;
	struct data cert = certify(f, &f->ec, 1);

	add_token(f, "S1", true, &cert, 1);
	assert_string_equal(list(f), "p384 ec#1");
	configure(f, "Use ca");
	assert_string_equal(list(f), "p384");
	configure(f, "");
	add_token(f, "S1", false, &cert, 0);
	assert_string_equal(list(f), "ec rsa p384");
}

static void
test_a_hidden_key_is_gone_until_its_token_is_added(void **state)
{
	struct fixture *f = *state;
	const struct view v = view_of(f);
	struct err e;

	put_file(f, "a-cert.pub", certify(f, &f->ec, 1));
	assert_int_equal(grants_hide(f->grants, "S1", data_span(&f->ec), &e),
	    0);
	assert_string_equal(list(f), "rsa p384");
	assert_false(view_shows(&v, &f->ids.v[0]));
	assert_true(view_shows(&v, &f->ids.v[1]));
	add_token(f, "S2", false, NULL, 0);
	assert_string_equal(list(f), "rsa p384");
	add_token(f, "S1", false, NULL, 0);
	assert_string_equal(list(f), "ec rsa p384 ec#1");
}

static void
test_what_is_not_offered_is_known_all_the_same(void **state)
{
	struct fixture *f = *state;
	struct view v;

	put_file(f, "a-cert.pub", certify(f, &f->ec, 1));
	configure(f, "Key ec\nOffer no");
	assert_string_equal(list(f), "rsa p384");
	v = view_of(f);
	assert_true(view_shows(&v, &f->ids.v[0]));
	configure(f, "Offer no\nKey rsa\nOffer yes\nKey p384\nUse ca");
	assert_string_equal(list(f), "rsa");
}

#define NOBODY	"SHA256:abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"

/* A configuration that offers "ec" to the host of this key or CA only. */
static void
offer_to(struct fixture *f, const struct hostkey *k)
{
	char *fp = keytext_fingerprint(data_span(&k->blob)), text[200];

	snprintf(text, sizeof(text), "Key ec\nOfferTo " NOBODY " %s\n", fp);
	configure(f, text);
	free(fp);
}

static void
bound(struct fixture *f, struct span key, const char *session,
    bool forwarding)
{
	struct data d = hostkey_bind(key, &f->host, span_cstr(session),
	    forwarding);
	struct err e;

	assert_int_equal(bind_add(&f->bind, data_span(&d), &e), 0);
	data_free(&d);
}

static void
test_a_key_is_offered_to_its_hosts_once_one_is_known(void **state)
{
	struct fixture *f = *state;

	put_file(f, "a-cert.pub", certify(f, &f->ec, 1));
	offer_to(f, &f->host);
	assert_string_equal(list(f), "ec rsa p384 ec#1");
	bound(f, data_span(&f->host.blob), "1", false);
	assert_string_equal(list(f), "ec rsa p384 ec#1");
	offer_to(f, &f->ca);
	assert_string_equal(list(f), "rsa p384");
}

static void
test_a_host_with_a_certificate_is_known_by_its_ca(void **state)
{
	struct fixture *f = *state;
	struct data cert = hostkey_certify(&f->host, &f->ca,
	    &(struct hostkey_cert){ .type = CERT_HOST,
	    .before = CERT_FOREVER });

	bound(f, data_span(&cert), "1", false);
	offer_to(f, &f->ca);
	assert_string_equal(list(f), "ec rsa p384");
	offer_to(f, &f->host);
	assert_string_equal(list(f), "ec rsa p384");
	configure(f, "Key ec\nOfferTo " NOBODY);
	assert_string_equal(list(f), "rsa p384");
	data_free(&cert);
}

/* Where such a connection logs in is only known once it says so. */
static void
test_behind_a_forwarded_connection_the_last_host_counts(void **state)
{
	struct fixture *f = *state;
	const struct hostkey host = f->host;

	offer_to(f, &f->ca);
	bound(f, data_span(&host.blob), "1", true);
	assert_string_equal(list(f), "ec rsa p384");
	bound(f, data_span(&host.blob), "2", false);
	assert_string_equal(list(f), "rsa p384");
	bind_clear(&f->bind);
	bound(f, data_span(&host.blob), "1", true);
	f->host = f->ca;
	bound(f, data_span(&f->ca.blob), "2", false);
	f->host = host;
	assert_string_equal(list(f), "ec rsa p384");
	offer_to(f, &f->host);
	assert_string_equal(list(f), "rsa p384");
}

static void
test_only_certificates_of_users_that_hold_now_are_listed(void **state)
{
	static const struct {
		enum cert_type type;
		uint64_t after, before;
		bool listed;
	} t[] = {
		{ CERT_USER, 0, CERT_FOREVER, true },
		{ CERT_USER, NOW, NOW + 1, true },
		{ CERT_USER, 0, NOW, false },
		{ CERT_USER, NOW + 1, CERT_FOREVER, false },
		{ CERT_HOST, 0, CERT_FOREVER, false },
	};
	struct fixture *f = *state;
	struct data d;

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		d = hostkey_certify_blob(data_span(&f->ec), &f->ca,
		    &(struct hostkey_cert){ .type = t[i].type,
		    .serial = i + 1, .after = t[i].after,
		    .before = t[i].before });
		put_file(f, "a-cert.pub", data_copy(data_span(&d)));
		assert_int_equal(strchr(list(f), '#') != NULL, t[i].listed);
		/* The same when a client brought it. */
		certdir_put(f->dir, "a-cert.pub", "");
		(void)certdir_refresh(f->dir);
		add_token(f, "S1", false, &d, 1);
		assert_int_equal(strchr(list(f), '#') != NULL, t[i].listed);
		add_token(f, "S1", false, &d, 0);
	}
}

static void
test_a_certificate_of_no_key_is_not_listed(void **state)
{
	struct fixture *f = *state;
	struct data other = data_pub("p521");
	struct data certs[2] = { certify(f, &other, 1),
	    certify(f, &f->host.blob, 2) };

	put_file(f, "a-cert.pub", certify(f, &other, 3));
	add_token(f, "S1", false, certs, 2);
	assert_string_equal(list(f), "ec rsa p384");
	data_free(&other);
}

static void
test_of_theirs_only_what_is_not_ours_is_listed(void **state)
{
	struct fixture *f = *state;
	struct data cert = certify(f, &f->ec, 1);
	struct data alien = certify(f, &f->host.blob, 2);
	struct err e;

	put_theirs(f, data_span(&f->ec), "ec of theirs");
	put_theirs(f, data_span(&cert), "its certificate");
	put_theirs(f, data_span(&f->host.blob), "theirs");
	put_theirs(f, data_span(&alien), "alien");
	assert_string_equal(list(f), "ec rsa p384 theirs alien#2");
	/* Nor does a key come back that way. */
	assert_int_equal(grants_hide(f->grants, "S1", data_span(&f->ec), &e),
	    0);
	assert_string_equal(list(f), "rsa p384 theirs alien#2");
	data_free(&cert);
	data_free(&alien);
}

static void
put_cut(struct span cut, void *arg)
{
	struct fixture *f = arg;

	if (cut.n > 0)
		assert_int_not_equal(put(f, cut), 0);
	else
		assert_int_equal(put(f, cut), 0);
	assert_string_equal(names(f), "ec rsa p384");
}

static void
test_a_bad_list_of_theirs_leaves_ours_whole(void **state)
{
	struct fixture *f = *state;
	struct data d;

	put_theirs(f, data_span(&f->host.blob), "theirs");
	put_theirs(f, data_span(&f->ca.blob), "more");
	d = theirs(f);
	data_each_cut(data_span(&d), put_cut, f);
	d.p[4]++;			/* one more than there are */
	assert_int_not_equal(put(f, data_span(&d)), 0);
	assert_string_equal(names(f), "ec rsa p384");
	data_free(&d);
	assert_int_not_equal(put(f, span_cstr("\5")), 0);
	assert_string_equal(names(f), "ec rsa p384");
}

static void
test_no_list_is_too_long_for_a_client(void **state)
{
	struct fixture *f = *state;
	struct identities it;
	struct wire_w w;
	struct data d;
	struct err e;

	for (uint32_t i = 0; i < VIEW_MAX; i++) {
		assert_true(wire_write(&w, 32));
		wire_put_cstring(&w, "type");
		wire_put_u32(&w, i);
		put_theirs(f, wire_bytes(&w), "");
		wire_free(&w);
	}
	d = theirs(f);
	assert_int_equal(put(f, data_span(&d)), 0);
	assert_int_equal(identities_read(&it, wire_bytes(&f->out), &e), 0);
	assert_int_equal(it.left, VIEW_MAX);
	data_free(&d);
}

/* A key of theirs of so many bytes; no key, but no agent looks that far. */
static void
put_theirs_of(struct fixture *f, size_t n, const char *comment)
{
	uint8_t *blob = calloc(1, n);

	assert_non_null(blob);
	memcpy(blob, "\0\0\0\4type", 8);
	put_theirs(f, (struct span){ blob, n }, comment);
	free(blob);
}

/* Keys that come after one that does not fit may still do. */
static void
test_no_list_is_over_256_kib(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++)
		put_theirs_of(f, 100000, "big");
	put_theirs(f, data_span(&f->host.blob), "small");
	configure(f, "Key p384\nUse ca");
	assert_string_equal(list(f), "ec rsa big big small p384");
}

static void
test_the_last_byte_of_a_message_is_used(void **state)
{
	struct fixture *f = *state;

	configure(f, "Offer no");
	put_theirs_of(f, AGENT_MAX_MSG - 5 - 8 - 3 + 1, "big");
	assert_string_equal(list(f), "");
	assert_int_equal(wire_bytes(&f->out).n, 5);
	put_theirs_of(f, AGENT_MAX_MSG - 5 - 8 - 3, "fit");
	assert_string_equal(list(f), "fit");
	assert_int_equal(wire_bytes(&f->out).n, AGENT_MAX_MSG);
}

static void
test_a_blob_is_found_as_a_key_or_a_certificate_of_it(void **state)
{
	struct fixture *f = *state;
	struct data cert = certify(f, &f->rsa, 1);
	struct data other = certify(f, &f->host.blob, 2);
	bool is_cert = true;

	assert_ptr_equal(view_find(&f->ids, data_span(&f->p384), &is_cert),
	    &f->ids.v[2]);
	assert_false(is_cert);
	assert_ptr_equal(view_find(&f->ids, data_span(&cert), &is_cert),
	    &f->ids.v[1]);
	assert_true(is_cert);
	assert_null(view_find(&f->ids, data_span(&other), &is_cert));
	assert_null(view_find(&f->ids, data_span(&f->host.blob), &is_cert));
	assert_false(is_cert);
	assert_null(view_find(&f->ids, (struct span){ 0 }, &is_cert));
	cert.n--;
	assert_null(view_find(&f->ids, data_span(&cert), &is_cert));
	data_free(&cert);
	data_free(&other);
}

#define TEST(f)	cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(
		    test_login_keys_their_certificates_the_others_the_rest),
		TEST(test_certificates_of_the_client_go_before_those_in_files),
		TEST(test_a_certificate_is_listed_once),
		TEST(test_certs_only_hides_the_plain_keys_of_that_token),
		TEST(test_a_hidden_key_is_gone_until_its_token_is_added),
		TEST(test_what_is_not_offered_is_known_all_the_same),
		TEST(test_a_key_is_offered_to_its_hosts_once_one_is_known),
		TEST(test_a_host_with_a_certificate_is_known_by_its_ca),
		TEST(test_behind_a_forwarded_connection_the_last_host_counts),
		TEST(test_only_certificates_of_users_that_hold_now_are_listed),
		TEST(test_a_certificate_of_no_key_is_not_listed),
		TEST(test_of_theirs_only_what_is_not_ours_is_listed),
		TEST(test_a_bad_list_of_theirs_leaves_ours_whole),
		TEST(test_no_list_is_too_long_for_a_client),
		TEST(test_no_list_is_over_256_kib),
		TEST(test_the_last_byte_of_a_message_is_used),
		TEST(test_a_blob_is_found_as_a_key_or_a_certificate_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
