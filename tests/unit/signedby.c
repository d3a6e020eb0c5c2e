/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ssh/agentmsg.h"
#include "ssh/keytext.h"
#include "ssh/sshsig.h"
#include "tests/unit/signedby.h"

struct data
signedby_request(const struct certbody *b)
{
	struct certbody draft = *b;
	struct data body, text;
	struct err e;
	char *s;

	draft.serial = 0;
	body = certbody_bytes(&draft);
	if (approval_request_put(data_span(&body), &s, &e) != 0)
		fail_msg("%s", e.msg);
	text = data_copy(span_cstr(s));
	free(s);
	data_free(&body);
	return text;
}

struct data
signedby(const struct hostkey *k, const char *ns, struct span request)
{
	struct sshsig s = { .key = data_span(&k->blob), .ns = span_cstr(ns),
	    .hash = SSHSIG_SHA512 };
	struct data sig, d;
	struct wire_w w;
	struct err e;

	assert_true(wire_write(&w, SSHSIG_MAX));
	assert_int_equal(sshsig_put_tbs(&s, request, &w, &e), 0);
	sig = hostkey_sign(k, wire_bytes(&w));
	wire_free(&w);
	s.signature = data_span(&sig);
	assert_true(wire_write(&w, SSHSIG_MAX));
	sshsig_put(&s, &w);
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	data_free(&sig);
	return d;
}

struct data
signedby_papers(struct span request, struct span signature,
    const struct data *approvals, size_t n)
{
	struct wire_w w;
	struct data d;

	assert_true(wire_write(&w, AGENT_MAX_MSG));
	wire_put_string(&w, request);
	wire_put_string(&w, signature);
	wire_put_u32(&w, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		wire_put_string(&w, data_span(&approvals[i]));
	assert_false(w.bad);
	d = data_copy(wire_bytes(&w));
	wire_free(&w);
	return d;
}

struct signedby_name
signedby_name(const struct hostkey *k)
{
	char *fp = keytext_fingerprint(data_span(&k->blob));
	struct signedby_name name;

	assert_non_null(fp);
	snprintf(name.s, sizeof(name.s), "%s", fp);
	free(fp);
	return name;
}
