/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ca/approval.h"
#include "ssh/keytext.h"
#include "tests/unit/certbody.h"

#define SIGNERS	"requester anna bert cleo dora subject untouched old"
#define WORDS	20

/* The words of a line, by blanks. */
struct words {
	char		 text[400];
	char		*v[WORDS];
	size_t		 n;
};

static void
split(struct words *w, const char *line)
{
	char *save, *word;

	w->n = 0;
	snprintf(w->text, sizeof(w->text), "%s", line);
	for (word = strtok_r(w->text, " ", &save); word != NULL;
	    word = strtok_r(NULL, " ", &save)) {
		assert_true(w->n < WORDS);
		w->v[w->n++] = word;
	}
}

/* Of the key in tests/data/approval/NAME.pub. */
static char *
fingerprint_of(const char *name)
{
	char file[80], *fp;
	struct data d;

	snprintf(file, sizeof(file), "../approval/%s", name);
	d = data_pub(file);
	fp = keytext_fingerprint(data_span(&d));
	assert_non_null(fp);
	data_free(&d);
	return fp;
}

static void
list_make(struct ca_list *l, const char *names)
{
	struct words w;
	struct err e;

	*l = (struct ca_list){ 0 };
	split(&w, names);
	for (size_t i = 0; i < w.n; i++) {
		char *fp = fingerprint_of(w.v[i]);

		assert_int_equal(ca_list_add(l, fp, &e), 0);
		free(fp);
	}
}

static struct data
signature_of(const char *name)
{
	char file[120];

	snprintf(file, sizeof(file), "approval/%s.sig", name);
	return data_file(file);
}

/* The certificate to be signed, which the request asks for. */
static void
body_make(struct certbody *b)
{
	certbody_make(b);
	certbody_set_subject(b, "../approval/subject");
	b->serial = 4711;
}

struct story {
	size_t		 needed;
	const char	*requesters, *approvers;
	const char	*asked;		/* whose signature; asked-NAME.sig */
	const char	*approvals;	/* NAME.sig */
	int		 rc;
	const char	*words;		/* of the reason */
	const char	*names;		/* whose fingerprints are in it */
};

static const struct story stories[] = {
	/* Who is there, and how many. */
	{ 1, "", SIGNERS, "requester", "anna", 0, "", "" },
	{ 2, "", SIGNERS, "requester", "anna bert", 0, "", "" },
	{ 4, "", SIGNERS, "requester", "dora cleo bert anna", 0, "", "" },
	{ 0, "", "", "requester", "", 0, "", "" },
	{ 1, "", SIGNERS, "requester", "", ERR_DENIED, "0 of 1 approvals",
	    "" },
	{ 2, "", SIGNERS, "requester", "anna", ERR_DENIED,
	    "1 of 2 approvals", "" },
	{ 1, "", SIGNERS, "requester", "anna bert cleo", 0, "", "" },

	/* Who may ask. */
	{ 1, "anna requester", SIGNERS, "requester", "anna", 0, "", "" },
	{ 1, "anna bert", SIGNERS, "requester", "anna", ERR_DENIED,
	    "may not ask", "requester" },
	{ 1, "", SIGNERS, "stranger", "anna", 0, "", "" },
	{ 1, "requester", SIGNERS, "stranger", "anna", ERR_DENIED,
	    "may not ask", "" },
	{ 1, "", SIGNERS, "subject", "anna", 0, "", "" },
	{ 0, "anna", "", "requester", "", ERR_DENIED, "may not ask",
	    "requester" },
	{ 1, "", SIGNERS, "wrong-namespace", "anna", ERR_DENIED,
	    "the request's signature by", "requester" },
	{ 1, "", SIGNERS, "wrong-namespace", "anna", ERR_DENIED,
	    "namespace \"file\", not \"" APPROVAL_NS_REQUEST "\"", "" },
	{ 1, "", SIGNERS, "other", "anna", ERR_DENIED,
	    "signature is wrong", "requester" },

	/* Who may approve. */
	{ 1, "", "bert", "requester", "anna", ERR_DENIED, "the CA does not "
	    "have it among its approvers", "anna" },
	{ 1, "", "", "requester", "anna", ERR_DENIED, "the CA does not",
	    "anna" },
	{ 1, "", SIGNERS, "requester", "stranger", ERR_DENIED,
	    "the CA does not", "" },
	{ 1, "", SIGNERS, "requester", "stranger anna", 0, "", "" },
	{ 1, "", SIGNERS, "requester", "requester", ERR_DENIED, "approval 1 "
	    "by SHA256:", "requester" },
	{ 1, "", SIGNERS, "requester", "requester", ERR_DENIED, "nobody "
	    "approves his own request", "requester" },
	{ 2, "", SIGNERS, "requester", "requester anna", ERR_DENIED,
	    "1 of 2 approvals; approval 1 by", "requester" },
	{ 1, "", SIGNERS, "requester", "requester anna", 0, "", "" },
	{ 1, "", SIGNERS, "requester", "subject", ERR_DENIED, "it is the key "
	    "to be certified", "subject" },
	{ 1, "", SIGNERS, "subject", "subject", ERR_DENIED, "nobody approves "
	    "his own request", "subject" },

	/* One key is one person, however it signs. */
	{ 2, "", SIGNERS, "requester", "anna anna", ERR_DENIED,
	    "approval 2 by", "anna" },
	{ 2, "", SIGNERS, "requester", "anna anna-again", ERR_DENIED,
	    "it has approved already", "anna" },
	{ 2, "", SIGNERS, "requester", "anna-cert anna", ERR_DENIED,
	    "it has approved already", "anna" },
	{ 1, "", SIGNERS, "requester", "anna-cert", 0, "", "" },
	{ 1, "", SIGNERS, "requester", "anna-again", 0, "", "" },
	{ 2, "", SIGNERS, "requester", "anna anna-again anna-cert bert", 0,
	    "", "" },

	/* What was signed. */
	{ 1, "", SIGNERS, "requester", "anna-other", ERR_DENIED,
	    "signature is wrong", "anna" },
	{ 1, "", SIGNERS, "requester", "anna-as-request", ERR_DENIED,
	    "not \"" APPROVAL_NS_APPROVE "\"", "anna" },
	{ 1, "", SIGNERS, "requester", "asked-requester", ERR_DENIED,
	    "not \"" APPROVAL_NS_APPROVE "\"", "requester" },
	{ 1, "", SIGNERS, "requester", "untouched", ERR_DENIED,
	    "without being touched", "untouched" },
	{ 1, "", SIGNERS, "requester", "old", ERR_DENIED,
	    "of a type whose signatures are not checked", "old" },
	{ 1, "", SIGNERS, "requester", "old untouched anna-other bert", 0,
	    "", "" },
	{ 1, "", SIGNERS, "requester", "anna-other requester stranger "
	    "anna-other", ERR_DENIED, "; nor do ", "anna" },
	{ 1, "", SIGNERS, "requester", "anna anna anna anna anna anna anna "
	    "anna anna anna anna anna anna anna anna anna", 0, "", "" },
	{ 1, "", SIGNERS, "requester", "anna anna anna anna anna anna anna "
	    "anna anna anna anna anna anna anna anna anna anna", ERR_LIMIT,
	    "17 approvals", "" },
};

/* Everything that approval_check() takes. */
struct scene {
	struct approval_rule rule;
	struct approval_papers papers;
	struct data	 request, signature, approval[WORDS];
	struct span	 approvals[WORDS];
	struct words	 words;
};

static void
scene_make(struct scene *s, const struct story *t)
{
	char asked[80];

	snprintf(asked, sizeof(asked), "asked-%s", t->asked);
	s->rule.needed = t->needed;
	list_make(&s->rule.requesters, t->requesters);
	list_make(&s->rule.approvers, t->approvers);
	s->request = data_file("approval/request");
	s->signature = signature_of(asked);
	split(&s->words, t->approvals);
	for (size_t i = 0; i < s->words.n; i++) {
		s->approval[i] = signature_of(s->words.v[i]);
		s->approvals[i] = data_span(&s->approval[i]);
	}
	s->papers = (struct approval_papers){
	    .request = data_span(&s->request),
	    .signature = data_span(&s->signature),
	    .approvals = s->approvals, .n = s->words.n };
}

static void
scene_free(struct scene *s)
{
	ca_list_clear(&s->rule.requesters);
	ca_list_clear(&s->rule.approvers);
	for (size_t i = 0; i < s->words.n; i++)
		data_free(&s->approval[i]);
	data_free(&s->signature);
	data_free(&s->request);
}

static int
judge(const struct scene *s, const struct certbody *b,
    struct approval_names *who, struct err *e)
{
	struct data d = certbody_bytes(b);
	struct cert c;
	int r;

	*e = (struct err){ 0 };
	assert_int_equal(cert_parse_tbs(data_span(&d), &c, e), 0);
	r = approval_check(&s->rule, &c, &s->papers, who, e);
	data_free(&d);
	return r;
}

static void
assert_named(const struct err *e, const char *names)
{
	struct words w;

	split(&w, names);
	for (size_t i = 0; i < w.n; i++) {
		char *fp = fingerprint_of(w.v[i]);

		if (strstr(e->msg, fp) == NULL)
			fail_msg("no %s in: %s", w.v[i], e->msg);
		free(fp);
	}
}

static void
test_who_may_ask_and_approve_and_why_not(void **state)
{
	struct certbody b;

	(void)state;
	body_make(&b);
	for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++) {
		const struct story *t = &stories[i];
		struct approval_names who;
		struct scene s;
		struct err e;
		int r;

		scene_make(&s, t);
		r = judge(&s, &b, &who, &e);
		if (r != t->rc ||
		    (r != 0 && strstr(e.msg, t->words) == NULL))
			fail_msg("story %zu (%s): %d, %s", i, t->approvals, r,
			    e.msg);
		assert_named(&e, t->names);
		if (r == 0)
			assert_true(who.n >= t->needed);
		scene_free(&s);
	}
	certbody_free(&b);
}

static void
assert_is(const char *got, const char *name)
{
	char *fp = fingerprint_of(name);

	assert_string_equal(got, fp);
	free(fp);
}

static void
test_whose_signatures_counted_is_told(void **state)
{
	const struct story t = { .needed = 2, .requesters = "",
	    .approvers = "bert anna cleo", .asked = "requester",
	    .approvals = "requester cleo dora cleo anna-cert" };
	struct approval_names who;
	struct certbody b;
	struct scene s;
	struct err e;

	(void)state;
	body_make(&b);
	scene_make(&s, &t);
	assert_int_equal(judge(&s, &b, &who, &e), 0);
	assert_is(who.requester, "requester");
	assert_int_equal(who.n, 2);
	assert_is(who.approver[0], "cleo");
	assert_is(who.approver[1], "anna");
	scene_free(&s);
	certbody_free(&b);
}

/* --- the certificate --- */

static void
other_type(struct certbody *b)
{
	b->kind = CERT_HOST;
}

static void
other_subject(struct certbody *b)
{
	certbody_set_subject(b, "u_ed25519");
}

static void
other_algorithm(struct certbody *b)
{
	certbody_set_subject(b, "u_ecdsa");
}

static void
other_nonce(struct certbody *b)
{
	b->nonce = span_cstr("0123456789abcdef0123456789ABCDEf");
}

static void
other_key_id(struct certbody *b)
{
	b->key_id = span_cstr("alice 8");
}

static void
more_principals(struct certbody *b)
{
	b->principals = span_cstr("alice|ops|root");
}

static void
sooner(struct certbody *b)
{
	b->after--;
}

static void
longer(struct certbody *b)
{
	b->before++;
}

static void
no_critical(struct certbody *b)
{
	b->critical = (struct span){ 0 };
}

static void
more_extensions(struct certbody *b)
{
	b->extensions = span_cstr("permit-X11-forwarding;"
	    "permit-agent-forwarding;permit-pty");
}

static void
other_ca(struct certbody *b)
{
	struct data d = data_pub("p384");

	certbody_set_ca(b, data_span(&d));
	data_free(&d);
}

static void
other_serial(struct certbody *b)
{
	b->serial = UINT64_MAX;
}

static const struct {
	void		(*change)(struct certbody *);
	const char	*words;		/* NULL: it is the same */
} changes[] = {
	{ other_serial, NULL },
	{ other_type, "its type is different" },
	{ other_subject, "its subject's key is different" },
	{ other_algorithm, "its type of key is different" },
	{ other_nonce, "its nonce is different" },
	{ other_key_id, "its key id is different" },
	{ more_principals, "its principals are different" },
	{ sooner, "its begin is different" },
	{ longer, "its end is different" },
	{ no_critical, "its critical options are different" },
	{ more_extensions, "its extensions are different" },
	{ other_ca, "its CA is different" },
};

static void
test_a_certificate_other_than_was_asked_for_is_refused(void **state)
{
	const struct story t = { .needed = 1, .requesters = "",
	    .approvers = "anna", .asked = "requester", .approvals = "anna" };

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct approval_names who;
		struct certbody b;
		struct scene s;
		struct err e;
		int r;

		body_make(&b);
		changes[i].change(&b);
		scene_make(&s, &t);
		r = judge(&s, &b, &who, &e);
		if (changes[i].words == NULL)
			assert_int_equal(r, 0);
		else if (r != ERR_DENIED ||
		    strstr(e.msg, changes[i].words) == NULL)
			fail_msg("%zu: %s", i, e.msg);
		scene_free(&s);
		certbody_free(&b);
	}
}

/* --- what cannot be read --- */

static void
test_papers_that_cannot_be_read_are_told_apart(void **state)
{
	const struct story t = { .needed = 1, .requesters = "",
	    .approvers = "anna", .asked = "requester", .approvals = "anna" };
	struct approval_names who;
	struct certbody b;
	struct scene s;
	struct err e;

	(void)state;
	body_make(&b);
	scene_make(&s, &t);
	s.approvals[0].n /= 2;
	assert_int_equal(judge(&s, &b, &who, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "approval 1 does not count: signature "
	    "that does not end"));
	s.papers.signature.n /= 2;
	assert_int_equal(judge(&s, &b, &who, &e), ERR_FORMAT);
	assert_non_null(strstr(e.msg, "the request's signature: "));
	s.papers.signature = (struct span){ 0 };
	assert_int_equal(judge(&s, &b, &who, &e), ERR_FORMAT);
	s.papers.request.n--;
	assert_int_equal(judge(&s, &b, &who, &e), ERR_FORMAT);
	assert_non_null(strstr(e.msg, "the draft of a certificate request"));
	scene_free(&s);
	certbody_free(&b);
}

/* A request that reads otherwise is none, whoever signed it. */
static void
test_a_request_whose_lines_lie_is_refused_whoever_signed(void **state)
{
	const struct story t = { .needed = 1, .requesters = "",
	    .approvers = "anna", .asked = "requester", .approvals = "anna" };
	struct approval_names who;
	struct certbody b;
	struct scene s;
	struct err e;
	char *at;

	(void)state;
	body_make(&b);
	scene_make(&s, &t);
	at = memmem(s.request.p, s.request.n, "\"ops\"", 5);
	assert_non_null(at);
	at[1] = 'x';
	assert_int_equal(judge(&s, &b, &who, &e), ERR_DENIED);
	assert_non_null(strstr(e.msg, "line 7 "));
	scene_free(&s);
	certbody_free(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_may_ask_and_approve_and_why_not),
		cmocka_unit_test(test_whose_signatures_counted_is_told),
		cmocka_unit_test(
		    test_a_certificate_other_than_was_asked_for_is_refused),
		cmocka_unit_test(
		    test_papers_that_cannot_be_read_are_told_apart),
		cmocka_unit_test(
		    test_a_request_whose_lines_lie_is_refused_whoever_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
